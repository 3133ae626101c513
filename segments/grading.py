"""The health of a segment: a table of checks over what is known of it, and the letter they add up to. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import NormalDist
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm import figures

BROAD_SHARE: Final = 0.6  # of everyone: whoever says this to all says nothing to anyone
ALIKE: Final = 0.7  # Jaccard index from which two segments are much the same people
USED_REVIEW_DAYS: Final = 91
REVIEW_DAYS: Final = 365
FEW: Final = (3, 5)  # how many segments to begin with
MANY: Final = 10  # more are rarely told apart in daily work


@dataclass(frozen=True)
class Facts:
    """What the checks look at. Shares are 0–1; names are those people read; None is not known yet."""

    size: int
    everyone: int | None = None
    least: int = 0
    is_usable: bool = True
    trouble: str = ""
    has_owner: bool = True
    is_used: bool = False
    days_overdue: int = 0
    like: str = ""
    likeness: float = 0.0
    is_demographic: bool = False
    thin: tuple[str, ...] = ()
    old: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        return self.size / self.everyone if self.everyone else 0.0


@dataclass(frozen=True)
class Check:
    """One thing that can be wrong: how much it weighs, when it holds, and the sentence that says so."""

    key: str
    weight: int
    holds: Callable[[Facts], object]
    told: Callable[[Facts], str]
    advice: Any


@dataclass(frozen=True)
class Finding:
    key: str
    weight: int
    words: str
    advice: str


@dataclass(frozen=True)
class Health:
    """A letter from A (nothing to mend) to E, and what was found, the worst first."""

    grade: str
    findings: tuple[Finding, ...]

    @property
    def reasons(self) -> list[str]:
        return [one.words for one in self.findings]


def _named(words: tuple[str, ...]) -> str:
    return ", ".join(words[:3]) + (" …" if len(words) > 3 else "")


def _too_small(facts: Facts) -> str:
    told = ngettext("%(n)s member; a test needs %(least)s", "%(n)s members; a test needs %(least)s", facts.size)
    return told % {"n": figures.number(facts.size), "least": figures.number(facts.least)}


def _overdue(facts: Facts) -> str:
    told = ngettext("Review overdue by %(n)s day", "Review overdue by %(n)s days", facts.days_overdue)
    return told % {"n": figures.number(facts.days_overdue)}


CHECKS: Final = (
    Check("stale", 4, lambda f: f.trouble, lambda f: f.trouble,
          gettext_lazy("See the history of its refreshes; it is not used for sending until one succeeds.")),
    Check("too_small", 2, lambda f: f.is_usable and f.size < f.least, _too_small,
          gettext_lazy("Widen the rule, or speak to these people without a test.")),
    Check("too_broad", 2, lambda f: f.share > BROAD_SHARE,
          lambda f: _("Holds %(share)s of all customers") % {"share": figures.share(f.share, 0)},
          gettext_lazy("Narrow the rule until its members have a need in common.")),
    Check("overlap", 2, lambda f: f.likeness >= ALIKE,
          lambda f: _("%(share)s the same people as “%(name)s”") % {"share": figures.share(f.likeness, 0),
                                                                      "name": f.like},
          gettext_lazy("Keep one of the two, or say in the rule what tells them apart.")),
    Check("sensitive", 2, lambda f: f.sensitive,
          lambda f: _("Uses special-category data: %(names)s") % {"names": _named(f.sensitive)},
          gettext_lazy("Make sure that the purpose needs it and that every member consented.")),
    Check("proxy", 1, lambda f: f.proxies,
          lambda f: _("May stand for data not to be used for marketing: %(names)s") % {"names": _named(f.proxies)},
          gettext_lazy("Look at who is left out; choose another field if you can.")),
    Check("thin_data", 2, lambda f: f.thin,
          lambda f: _("Known for fewer than half of the customers: %(names)s") % {"names": _named(f.thin)},
          gettext_lazy("Those of whom it is not known are left out; collect it, or choose another field.")),
    Check("old_data", 1, lambda f: f.old,
          lambda f: _("Not updated in a year: %(names)s") % {"names": _named(f.old)},
          gettext_lazy("Bring the field up to date before you rely on it.")),
    Check("no_owner", 1, lambda f: not f.has_owner, lambda f: _("No owner"),
          gettext_lazy("Name somebody who answers for it.")),
    Check("review_overdue", 1, lambda f: f.days_overdue > 0, _overdue,
          gettext_lazy("Look at the rule, its size and who belongs; then mark it as reviewed.")),
    Check("demographics_only", 1, lambda f: f.is_demographic, lambda f: _("Looks at demographics only"),
          gettext_lazy("Add what people do: those of one age rarely behave alike.")),
)  # fmt: skip
# Sum of the weights up to which each letter is given; more is E.
LETTERS: Final = (("A", 0), ("B", 1), ("C", 3), ("D", 5))


def findings(facts: Facts) -> tuple[Finding, ...]:
    """Every check that holds, the heaviest first."""
    found = [Finding(row.key, row.weight, row.told(facts), str(row.advice)) for row in CHECKS if row.holds(facts)]
    return tuple(sorted(found, key=lambda one: -one.weight))


def health(facts: Facts) -> Health:
    """The letter and its reasons.

    >>> health(Facts(size=1_000)).grade, health(Facts(size=1_000, has_owner=False)).grade
    ('A', 'B')
    """
    found = findings(facts)
    weight = sum(one.weight for one in found)
    return Health(next((letter for letter, most in LETTERS if weight <= most), "E"), found)


def least_testable(rate: float, effect: float, *, arms: int = 2, alpha: float = 0.05, power: float = 0.8) -> int:
    """People needed in all so that a test of `arms` finds `rate` → `rate + effect` (shares, 0–1).

    Two proportions, two-sided, unpooled variance (Fleiss, Statistical Methods for Rates and Proportions, 1981).
    """
    other, normal = rate + effect, NormalDist()
    reach = normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)
    return arms * ceil(reach**2 * (rate * (1 - rate) + other * (1 - other)) / effect**2)


def advice(count: int, unused: Sequence[str] = ()) -> str:
    """What to say of the number of segments; empty when there is nothing to say."""
    if count < FEW[0]:
        return _("Three to five clear segments are a good beginning; ten are enough for most firms.")
    if count > MANY and unused:
        told = _("%(n)s segments are many to keep apart; begin with those that nobody uses: %(names)s.")
        return told % {"n": figures.number(count), "names": _named(tuple(unused))}
    if count > MANY:
        return _("%(n)s segments are many to keep apart; five to ten serve most firms.") % {"n": figures.number(count)}
    return ""
