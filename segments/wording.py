"""What pages say about segments: movement, distinctions and sizes in words of the visitor's language."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from math import isfinite
from typing import Any

from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from crm import figures
from crm.rights import Actor
from profiles import queries as profile_queries
from profiles.catalogue import Feature
from profiles.queries import Association, Score
from segments import earlier
from segments.clusters import Distinction, Group
from segments.earlier import SizeBefore
from segments.history import DaySize
from segments.models import Segment, SegmentPurpose
from segments.personas import Drift
from segments.worth import Mean, Period, Quarter

MEASURES = ("days", "years", "persons")  # units that profiles has words for
DIMENSIONS = {
    "demographic": gettext_lazy("Demographic"),
    "geographic": gettext_lazy("Geographic"),
    "psychographic": gettext_lazy("Psychographic"),
    "behavioural": gettext_lazy("Behavioural"),
    "technographic": gettext_lazy("Technographic"),
    "economic": gettext_lazy("Economic"),
    "social": gettext_lazy("Social"),
    "life_situation": gettext_lazy("Life situation"),
    "market_position": gettext_lazy("Market position"),
    "cultural": gettext_lazy("Cultural"),
}
WEEK = 7
NAMED_BY = 2  # things that set a group apart


@dataclass(frozen=True)
class Compared:
    """One distinction ready to draw: members against everyone, widths in per cent of the larger."""

    label: str
    inside: str
    everyone: str
    inside_width: float
    everyone_width: float
    sentence: str
    interval: str = ""
    lift: str = ""


def is_finnish() -> bool:
    return (get_language() or "en").startswith("fi")


def said(row: Any) -> str:
    """The label of a feature, operator, measure or starter in the visitor's language."""
    return str((is_finnish() and row.label_fi) or row.label)


def answer(size: int, curve: tuple[DaySize, ...]) -> str:
    """Size and movement of the last seven days in one sentence."""
    told = ngettext("%(n)s customer is in it", "%(n)s customers are in it", size) % {"n": figures.number(size)}
    change = since_last_week(curve)
    if change is None:
        return f"{told}."
    if change == 0:
        return _("%(size)s, as many as a week ago.") % {"size": told}
    more = ngettext("%(n)s more than a week ago", "%(n)s more than a week ago", change)
    fewer = ngettext("%(n)s fewer than a week ago", "%(n)s fewer than a week ago", -change)
    return f"{told}, {(more if change > 0 else fewer) % {'n': figures.number(abs(change))}}."


def since_last_week(curve: tuple[DaySize, ...]) -> int | None:
    """Change of size over seven days; None while there is no week to compare with."""
    return curve[-1].size - curve[-1 - WEEK].size if len(curve) > WEEK else None


def moved(rows: Sequence[tuple[bool, str, int]], reasons: Mapping[str, Any]) -> str:
    """Those who came, or went, in one sentence: 4 came in: matched the rule (3), added by hand (1)."""
    count = sum(n for _is_entry, _reason, n in rows)
    came = ngettext("%(n)s came in", "%(n)s came in", count)
    went = ngettext("%(n)s went out", "%(n)s went out", count)
    told = (came if rows[0][0] else went) % {"n": figures.number(count)}
    said_of = [(str(reasons.get(reason, reason)), n) for _is_entry, reason, n in rows]
    why = ", ".join(
        f"{words[:1].lower()}{words[1:]}" + (f" ({figures.number(n)})" if len(rows) > 1 else "") for words, n in said_of
    )
    return f"{told}: {why}."


def compared(row: Distinction, features: Mapping[str, Feature]) -> Compared:
    """A distinction in figures a person knows: shares of a value, or means of a number."""
    feature = features[row.feature]
    label = said(feature) if row.value is None else f"{said(feature)}: {value_words(row.value, feature)}"
    most = max(abs(row.inside), abs(row.everyone)) or 1
    inside, everyone = written(row.inside, row.value, feature), written(row.everyone, row.value, feature)
    told = _("%(label)s: %(inside)s here, %(everyone)s of everyone.")
    return Compared(
        label,
        inside,
        everyone,
        round(abs(row.inside) / most * 100, 1),
        round(abs(row.everyone) / most * 100, 1),
        told % {"label": label, "inside": inside, "everyone": everyone},
        interval(row, feature),
        figures.number(row.lift, 1) if row.lift is not None and row.value is not None else "",
    )


def proposed(group: Group, features: Mapping[str, Feature]) -> str:
    """A name for a group that was found: the two things that set it apart most, its number where nothing does."""
    leading = [row for row in group.distinctions if row.feature in features and (row.value is None or row.strength > 0)]
    told = ", ".join(_leading(row, features[row.feature]) for row in leading[:NAMED_BY])
    return told[:120] or _("Group %(number)s") % {"number": group.position + 1}


def _leading(row: Distinction, feature: Feature) -> str:
    if row.value is not None:
        return f"{said(feature)}: {value_words(row.value, feature)}"
    if feature.kind == "truth":
        return f"{said(feature)}: {value_words(row.inside > row.everyone, feature)}"
    return f"{said(feature)}\u00a0{'↑' if row.inside > row.everyone else '↓'}"


def drifted(row: Drift, features: Mapping[str, Feature]) -> str:
    """What moved since the persona was written, in one sentence."""
    feature = features[row.feature]
    label = said(feature) if row.value is None else f"{said(feature)}: {value_words(row.value, feature)}"
    then, now = (None if figure is None else written(figure, row.value, feature) for figure in (row.then, row.now))
    if now is None:
        return _("%(label)s no longer sets them apart (%(then)s when it was written).") % {"label": label, "then": then}
    if then is None:
        return _("%(label)s: %(now)s; it did not set them apart when it was written.") % {"label": label, "now": now}
    return _("%(label)s: %(now)s, %(then)s when it was written.") % {"label": label, "now": now, "then": then}


def interval(row: Distinction, feature: Feature) -> str:
    """The 95 % interval of the members' figure; empty where it was not reckoned or reaches too far to say anything."""
    if row.low is None or row.high is None or not isfinite(row.low) or not isfinite(row.high):
        return ""
    return f"{written(row.low, row.value, bare(feature))} – {written(row.high, row.value, bare(feature))}"


def bare(feature: Feature) -> Feature:
    """The feature without its word of unit, where that was said just before."""
    return feature if feature.kind == "money" else replace(feature, unit="")


def mean(row: Mean, feature: Feature) -> str:
    """A mean with its interval; a dash where nobody has a value."""
    if row.mean is None or row.low is None or row.high is None:
        return figures.MISSING
    told = written(row.mean, None, feature)
    if not isfinite(row.low):
        return told
    return f"{told} ({written(row.low, None, bare(feature))} – {written(row.high, None, bare(feature))})"


def season(spent: Sequence[Period]) -> str:
    """The last four weeks and the whole year against the same weeks before, in one sentence."""
    last = spent[-1]
    if last.spend is None:
        return _("Sales are not known for four whole weeks yet.")
    words = {"now": figures.money(last.spend, None, 0)}
    if last.spend_before is None:
        told = _("Members spent %(now)s in the last four weeks; of the same weeks a year before no sales are known.")
        return told % words
    told = _("Members spent %(now)s in the last four weeks, %(change)s than in the same weeks a year before")
    first = told % {**words, "change": against(last.spend, last.spend_before)}
    return f"{first}{_season_of_year(spent)}"


def _season_of_year(spent: Sequence[Period]) -> str:
    now, before = [row.spend for row in spent], [row.spend_before for row in spent]
    if None in now or None in before:
        return "."
    sums = [sum(filter(None, year)) for year in (now, before)]
    told = _("in 52 weeks %(now)s, %(change)s.")
    return f"; {told % {'now': figures.money(sums[0], None, 0), 'change': against(*sums)}}"


def season_of_margin(spent: Sequence[Period]) -> str:
    """The margin of the last four weeks against the same weeks before; empty where it is not known."""
    last = spent[-1]
    if last.margin is None or last.margin_before is None:
        return ""
    told = _(
        "Members brought a margin of %(now)s in the last four weeks, %(change)s than in the same weeks a year before."
    )
    change = against(last.margin, last.margin_before)
    return told % {"now": figures.money(last.margin, None, 0), "change": change}


SCORES = {
    "nps": (gettext_lazy("Net promoter score"), "number"),
    "rating": (gettext_lazy("Satisfied"), "share"),
}


def scores(kind: str, told: Sequence[Quarter]) -> tuple[list[Score | None], list[Score | None]]:
    """The scores of one kind of questions, quarter by quarter: this year's and those of the year before."""
    return [row.scores[kind] for row in told], [row.scores_before[kind] for row in told]


def untold(found: Iterable[SizeBefore]) -> list[tuple[str, str, str]]:
    """Stretches of days whose sizes cannot be told: first and last day, and why."""
    return [(figures.day(row.first), figures.day(row.last), row.reason) for row in earlier.untold(found)]


def against(now: float, before: float) -> str:
    """How much more or less; when nothing was there before, or a loss, only more can be said."""
    if before <= 0:
        return _("more") if now > before else _("no more")
    share = now / before - 1
    words = {"share": figures.share(abs(share), 0)}
    return (_("%(share)s more") if share >= 0 else _("%(share)s less")) % words


def written(amount: float, value: str | None, feature: Feature) -> str:
    """A share for values and truths, otherwise the mean in the feature's own unit."""
    if value is not None or feature.kind == "truth":
        return figures.share(amount, 0)
    if feature.kind == "money":
        return figures.money(amount, feature.unit or None, 0 if abs(amount) >= 100 else 2)
    unit = _(feature.unit) if feature.unit in MEASURES else ""  # what is counted stands in the label
    return f"{figures.number(amount, 0 if abs(amount) >= 100 else 1)} {unit}".strip()


def value_words(value: Any, feature: Feature) -> str:
    """A stored value as people read it: yes or no for a truth, a choice by its words, no underscores of a key."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return feature.named(str(value), is_finnish=is_finnish()).replace("_", " ")


def proxies(found: Sequence[Association], actor: Actor) -> list[str]:
    """What each feature may stand for; the guarded field is named to those who may see it."""
    features = profile_queries.catalogue()
    return [_proxy(one, features[one.feature], features[one.other], actor) for one in found if one.other in features]


def _proxy(one: Association, feature: Feature, other: Feature, actor: Actor) -> str:
    if not profile_queries.is_open_to(actor, other):
        return _("“%(feature)s” may stand for data not to be used for marketing.") % {"feature": said(feature)}
    told = _("“%(feature)s” may stand for “%(other)s” (Cramér’s V %(strength)s over %(people)s customers).")
    return told % {
        "feature": said(feature),
        "other": said(other),
        "strength": figures.number(one.strength, 2),
        "people": figures.number(one.people),
    }


def late(seconds: int) -> str:
    """How late a run began; empty when it was on time within a minute."""
    return figures.span(timedelta(seconds=seconds)) if seconds >= 60 else ""


# --- segments from files -------------------------------------------------------------------------

VERBS = {
    "new": (gettext_lazy("new"), "good"),
    "changed": (gettext_lazy("changed"), "info"),
    "restored": (gettext_lazy("brought back"), "info"),
    "same": (gettext_lazy("as it is"), "neutral"),
}


def planned(plan: Any) -> str:
    """What a file would do, counted."""
    if plan.is_empty:
        return _("The file says what stands here already.")
    new, changed = plan.count("new") + plan.count("restored"), plan.count("changed")
    told = [
        ngettext("%(n)s segment is new", "%(n)s segments are new", new) % {"n": new} if new else "",
        ngettext("%(n)s segment changes", "%(n)s segments change", changed) % {"n": changed} if changed else "",
    ]
    return f"{', '.join(filter(None, told))}."


def imported(row: Any) -> str:
    """What a file did: how many segments it made and changed."""
    new, changed = len(row.made), len(row.definitions) - len(row.made)
    told = [
        ngettext("%(n)s new segment", "%(n)s new segments", new) % {"n": new} if new else "",
        ngettext("%(n)s changed segment", "%(n)s changed segments", changed) % {"n": changed} if changed else "",
    ]
    return ", ".join(filter(None, told)) or _("nothing changed")


def people_moving(entering: int, leaving: int) -> str:
    """37 enter, 112 leave."""
    come = ngettext("%(n)s enters", "%(n)s enter", entering) % {"n": figures.number(entering)}
    go = ngettext("%(n)s leaves", "%(n)s leave", leaving) % {"n": figures.number(leaving)}
    return f"{come}, {go}"


def step(one: Any) -> dict[str, Any]:
    """One segment of a file: what it becomes, in words and in people."""
    word, tone = VERBS[one.verb]
    people = "" if one.size is None else people_moving(one.entering, one.leaving)
    return {
        "step": one,
        "verb": word,
        "tone": tone,
        "people": people,
        "settings": [
            (setting_name(row.name), setting_value(row.name, row.before), setting_value(row.name, row.after))
            for row in one.settings
        ],
    }


def setting_name(name: str) -> str:
    field: Any = Segment._meta.get_field(name)
    return str(field.verbose_name).capitalize()


def setting_value(name: str, value: Any) -> str:
    """A setting as people read it; a dash for an empty one."""
    if name.endswith("_minutes"):
        return figures.span(timedelta(minutes=value)) if value else _("the firm's usual time")
    if name == "purpose":
        return str(SegmentPurpose(value).label)
    return str(value or figures.MISSING)
