"""Money of the report, ready to read: what was caused, per version and segment, and where the next euro should go."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.conversions import ORDERS
from campaigns.experiments.answers import CannotTell, Interval
from campaigns.experiments.earnings import Caused
from campaigns.results import words
from campaigns.results.answer import Results
from crm import figures

ADVICE = {
    "spend": (gettext_lazy("Spend here"), "good"),
    "test_more": (gettext_lazy("The return is not known yet"), "neutral"),
    "stop": (gettext_lazy("Stop here"), "bad"),
}


@dataclass(frozen=True)
class MoneyRow:
    """Caused revenue of one version in one group, or why it cannot be told."""

    group: str
    name: str
    total: str = ""
    interval: str = ""
    cost: str = ""
    net: str = ""
    returned: str = ""
    reason: str = ""


@dataclass(frozen=True)
class PlaceRow:
    """One segment as a place for more budget."""

    name: str
    returned: str
    interval: str
    chance: str
    advice: str
    tone: str


def rows(results: Results) -> list[MoneyRow]:
    """Revenue that the hold-out shows would not have come anyway, per version, everybody together."""
    overall = results.report.overall
    return [row(results, _("Everybody"), results.names[key], told) for key, told in overall.caused.items()]


def rows_per_segment(results: Results) -> list[MoneyRow]:
    return [
        row(results, group.name, results.names[key], told)
        for group in results.report.segments
        for key, told in group.caused.items()
    ]


def of_segmenting(results: Results) -> MoneyRow | None:
    """What the versions made per segment brought beyond the one text for all; None without such a text."""
    if not results.report.plan.mass:
        return None
    return row(results, _("Everybody"), _("Segmenting"), results.report.segmentation)


def segmenting_words(results: Results) -> str:
    """What segmenting itself earned in one sentence; empty without a text for all."""
    if not results.report.plan.mass:
        return ""
    told = results.report.segmentation
    if isinstance(told, CannotTell):
        return words.said(results, told)
    currency = results.campaign.currency
    said = {
        "earned": figures.money(told.total, currency, 0),
        "interval": money_between(told.total_interval, currency),
    }
    if told.total_interval.low > 0:
        return _("Segmenting itself earned %(earned)s (%(interval)s) beyond one text for all.") % said
    if told.total_interval.high < 0:
        return _("Segmenting itself lost %(earned)s (%(interval)s) against one text for all.") % said
    return _("Nobody can tell yet whether segmenting earned anything: %(earned)s (%(interval)s).") % said


def row(results: Results, group: str, name: str, told: Caused | CannotTell) -> MoneyRow:
    if isinstance(told, CannotTell):
        return MoneyRow(group, name, reason=words.said(results, told))
    currency = results.campaign.currency
    total, cost, net = (figures.money(value, currency, 0) for value in (told.total, told.cost, told.net))
    interval = money_between(told.total_interval, currency)
    return MoneyRow(group, name, total, interval, cost, net, returned(told))


def money_between(interval: Interval, currency: str) -> str:
    return f"{figures.money(interval.low, currency, 0)} – {figures.money(interval.high, currency, 0)}"


def returned(told: Caused) -> str:
    """Return on spend with its interval: 3.2 × (1.1 … 5.3)."""
    if isinstance(told.return_on_spend, CannotTell) or isinstance(told.return_interval, CannotTell):
        return figures.MISSING
    low, high = figures.number(told.return_interval.low, 1), figures.number(told.return_interval.high, 1)
    return f"{figures.number(told.return_on_spend, 1)} × ({low} … {high})"


def places(results: Results) -> list[PlaceRow]:
    """Segments by what one more euro there is expected to bring, best first; none where that cannot be told."""
    found = results.report.next_euro
    if isinstance(found, CannotTell):
        return []
    names = {one.key: one.name for one in results.report.segments}
    currency = results.campaign.currency
    return [
        PlaceRow(
            name=names[one.segment],
            returned=figures.money(one.return_per_euro, currency),
            interval=f"{figures.money(one.interval.low, currency)} – {figures.money(one.interval.high, currency)}",
            chance=figures.share(one.chance_it_pays, 0),
            advice=str(ADVICE[one.advice][0]),
            tone=ADVICE[one.advice][1],
        )
        for one in found
    ]


def notes(results: Results) -> Iterator[str]:
    """How revenue was read: capped in the decision, in full here; sharpened by past spend or not."""
    cap, currency = results.report.plan.goal.cap, results.campaign.currency
    if cap:
        said = {"cap": figures.money(cap, currency)}
        yield (
            _("In the decision revenue above %(cap)s per person counts as %(cap)s; one in a thousand had more.") % said
        )
        yield _("So no single order wins the test. Caused revenue counts in full.")
    if results.report.plan.goal.kind == "mean" and not words.is_silent(results):
        yield past_spend(results)


FEWEST_BUYERS = 50  # with fewer in an arm its interval of revenue holds the truth less often than is promised


def few_buyers(results: Results) -> str:
    """That caused revenue rests on few buyers, and what its interval is worth then; empty with enough of them."""
    told = any(isinstance(one, Caused) for one in results.report.overall.caused.values())
    bought = {arm.key: rate.successes for arm in results.report.overall.arms if (rate := arm.rates.get("conversion"))}
    fewest = min(bought, key=lambda key: bought[key], default="")
    if not told or results.run.plan["goal_event"] != ORDERS or bought[fewest] >= FEWEST_BUYERS:
        return ""
    text = ngettext(
        "Only %(count)s person of “%(arm)s” bought: too few for an interval of revenue to be trusted. It holds the "
        "truth in 90 to 94 of 100 tests instead of 95, until %(needed)s have bought.",
        "Only %(count)s people of “%(arm)s” bought: too few for an interval of revenue to be trusted. It holds the "
        "truth in 90 to 94 of 100 tests instead of 95, until %(needed)s have bought.",
        bought[fewest],
    )
    said = {"count": figures.number(bought[fewest]), "needed": figures.number(FEWEST_BUYERS)}
    return text % {**said, "arm": results.names[fewest]}


def past_spend(results: Results) -> str:
    """Whether what people spent the year before made the figures sharper (CUPED)."""
    found = results.report.overall.adjustment
    if isinstance(found, CannotTell):
        return words.said(results, found)
    said = {"share": figures.share(found.variance_removed, 0)}
    if found.is_helpful:
        return _("Past spend explains %(share)s of the differences between people; that was taken out (CUPED).") % said
    return _("Past spend explains only %(share)s of the differences between people, so it was left alone.") % said


def why_no_places(results: Results) -> str:
    """Why nobody can say where the next euro should go; empty when it can be said."""
    found = results.report.next_euro
    return words.said(results, found) if isinstance(found, CannotTell) else ""
