"""Results as charts and rows of the report page: values for crm.charts, nothing drawn here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from babel.dates import format_skeleton
from django.db.models import Count
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.channels import CHANNELS
from campaigns.experiments.answers import CannotTell
from campaigns.experiments.chances import Chance
from campaigns.experiments.power import Detectable
from campaigns.experiments.report import ArmReading, GroupReading, PairReading
from campaigns.models import Response, ResponseClass, ResponseKind, Run
from campaigns.results import words
from campaigns.results.answer import DealtWave, Results
from campaigns.results.evidence import HOLD_OUT
from crm import answers, figures
from crm.charts import Interval, Series, Step

LONGEST_DAYS = 60
SHOWN_RATES = {"script": ("reached", "agreed", "declined", "complaint")}
USUAL_RATES = ("open", "click", "unsubscribe", "complaint")


@dataclass(frozen=True)
class ArmRow:
    """One version in the table: everything written, ready to read."""

    name: str
    colour: int | str
    people: int
    value: str
    interval: str
    chance: str
    revenue: str
    rates: tuple[str, ...]


@dataclass(frozen=True)
class SegmentRow:
    """One segment's decision in words, with what it could have shown."""

    name: str
    people: int
    verdict: str
    tone: str
    sentence: str
    detectable: str


@dataclass(frozen=True)
class GuardrailRow:
    name: str
    variant: str
    rate: str
    limit: str
    is_broken: bool


@dataclass(frozen=True)
class WaveRow:
    """One wave in the table: when it was dealt, and each version's people with their share."""

    number: int
    when: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Forest:
    title: str
    intervals: tuple[Interval, ...]


def shown_rates(results: Results) -> tuple[str, ...]:
    """What people do with messages of this channel."""
    return SHOWN_RATES.get(CHANNELS[results.campaign.channel].form, USUAL_RATES)


def kind_of(results: Results) -> str:
    return "money" if results.report.plan.goal.kind == "mean" else "share"


def unit_of_difference(results: Results) -> str:
    """What a difference of the goal is written in: shares differ by percentage points."""
    return "points" if kind_of(results) == "share" else kind_of(results)


def arm_rows(results: Results) -> list[ArmRow]:
    """The versions and the hold-out, overall."""
    return [arm_row(results, arm, place) for place, arm in enumerate(results.report.overall.arms, 1)]


def arm_row(results: Results, arm: ArmReading, place: int) -> ArmRow:
    kind = kind_of(results)
    rates = tuple(
        figures.share(arm.rates[key].rate) if key in arm.rates else figures.MISSING for key in shown_rates(results)
    )
    return ArmRow(
        name=arm.name,
        colour="hold-out" if arm.role == "hold_out" else place,
        people=arm.people,
        value=figures.MISSING if isinstance(arm.value, CannotTell) else written(results, arm.value, kind),
        interval=between(results, arm.interval, kind),
        chance=chance_words(results, arm),
        revenue=figures.money(arm.revenue_per_person, results.campaign.currency),
        rates=rates,
    )


def chance_words(results: Results, arm: ArmReading) -> str:
    """The chance to be best; none where the split is broken, for nothing there may be trusted."""
    if not isinstance(arm.chance, Chance) or words.is_void(results.report.overall):
        return figures.MISSING
    return figures.share(arm.chance.best, 0)


def written(results: Results, value: float, kind: str) -> str:
    return figures.money(value, results.campaign.currency) if kind == "money" else figures.figure(value, kind)


def between(results: Results, interval: Any, kind: str) -> str:
    """An interval written as low – high."""
    if interval is None or isinstance(interval, CannotTell):
        return figures.MISSING
    return f"{written(results, interval.low, kind)} – {written(results, interval.high, kind)}"


def forests(results: Results) -> list[Forest]:
    """One plot per pair of arms: versions among themselves first, the leader's before the others'.

    Each row is a segment, everybody on top.
    """
    contest = results.report.overall.contest
    leader = "" if isinstance(contest, CannotTell) else contest.leader
    pairs = sorted(results.report.plan.pairs, key=lambda pair: (pair[1] == HOLD_OUT, leader not in pair))
    return [forest(results, pair) for pair in pairs]


def forest(results: Results, pair: tuple[str, str]) -> Forest:
    names = results.names
    title = _("%(variant)s compared with %(other)s") % {"variant": names[pair[0]], "other": names[pair[1]]}
    return Forest(title, tuple(row for group in results.groups if (row := forest_row(results, group, pair))))


def forest_row(results: Results, group: GroupReading, pair: tuple[str, str]) -> Interval | None:
    reading = next(one for one in group.pairs if (one.variant, one.against) == pair)
    label = group.name or _("Everybody")
    note = people_words(group.people)
    told = reading.always if not words.is_void(group) else CannotTell(words.VOID)
    alone = group.q_value is not None and group.decision.kind == "no_decision"
    verdict, tone = words.verdict(told if isinstance(told, CannotTell) else told.interval, alone=alone)
    if isinstance(told, CannotTell):
        return Interval(label, None, None, None, verdict, tone, note)
    low, high = limits(results, reading)
    return Interval(label, told.difference, low, high, verdict, tone, note)


def limits(results: Results, reading: PairReading) -> tuple[float, float]:
    """The interval valid at every look; rates differ by at most the whole."""
    assert not isinstance(reading.always, CannotTell)
    low, high = reading.always.interval.low, reading.always.interval.high
    return (max(low, -1.0), min(high, 1.0)) if kind_of(results) == "share" else (low, high)


def people_words(count: int) -> str:
    text = ngettext("%(count)s person", "%(count)s people", count)
    return text % {"count": figures.number(count)}


def segment_rows(results: Results) -> list[SegmentRow]:
    return [segment_row(results, group) for group in results.groups]


DECISIONS = {"variant": "good", "hold_out_is_as_good": "info", "no_decision": "neutral"}


def segment_row(results: Results, group: GroupReading) -> SegmentRow:
    told = group.decision
    labels = {
        "variant": _("Send %(key)s") % {"key": told.variant},
        "hold_out_is_as_good": _("No message needed"),
        "no_decision": _("No decision yet"),
    }
    return SegmentRow(
        name=group.name or _("Everybody"),
        people=group.people,
        verdict=labels[told.kind],
        tone=DECISIONS[told.kind],
        sentence=words.said(results, told),
        detectable=detectable_words(results, group.detectable),
    )


def detectable_words(results: Results, told: Detectable | CannotTell) -> str:
    if isinstance(told, CannotTell):
        return words.said(results, told)
    size = written(results, told.difference, unit_of_difference(results))
    return _("%(size)s or more would be found four times in five") % {"size": size}


def guardrail_rows(results: Results) -> list[GuardrailRow]:
    """Each limit for each version: what was measured, and whether it was broken."""
    broken = {(veto.variant, veto.guardrail) for veto in results.report.overall.vetoes}
    return [
        GuardrailRow(
            name=str(words.RATE_NAMES.get(guardrail.key, guardrail.name)),
            variant=arm.name,
            rate=figures.share(arm.rates[guardrail.key].rate, 2),
            limit=figures.share(guardrail.ceiling, 2),
            is_broken=(arm.key, guardrail.key) in broken,
        )
        for guardrail in results.report.plan.guardrails
        for arm in results.report.overall.arms
        if guardrail.key in arm.rates
    ]


def wave_rows(results: Results) -> list[WaveRow]:
    """Who was dealt what in each wave."""
    keys = [arm.key for arm in results.report.plan.arms if arm.role != "hold_out"]
    return [
        WaveRow(
            one.number,
            figures.moment(one.opened_at)
            if one.opened_at
            else _("due %(time)s") % {"time": figures.moment(one.due_at)},
            tuple(wave_cell(one, key) for key in keys),
        )
        for one in results.waves
    ]


def wave_cell(one: DealtWave, key: str) -> str:
    if key not in one.shares:
        return figures.MISSING
    return f"{figures.number(one.people.get(key, 0))} ({figures.share(one.shares[key], 0)})"


def wave_price(results: Results) -> str:
    """What following the results cost in certainty; empty without waves."""
    kept = results.certainty_kept
    if kept is None:
        return ""
    said = {"kept": figures.share(kept, 0), "times": figures.number(1 / kept, 1)}
    return (
        _(
            "Following the results kept %(kept)s of the certainty an even split would have given: "
            "the same answer took %(times)s times as many people."
        )
        % said
        if kept
        else _("Nothing can be compared within a wave yet.")
    )


def funnel(results: Results) -> list[Step]:
    """From those who matched to those who converted."""
    reach = results.run.reach
    arms = [arm for arm in results.report.overall.arms if arm.role != "hold_out"]
    held = sum(arm.people for arm in results.report.overall.arms if arm.role == "hold_out")
    first, second, *_others = shown_rates(results)
    sent = sum(arm.rates[first].n for arm in arms if first in arm.rates)
    steps = [
        Step(_("In the segments"), reach.get("matches", results.run.expected or 0)),
        Step(_("May be written to"), sum(arm.people for arm in arms) + held, _("no address, no consent or suppressed")),
        Step(_("Sent"), sent, _("hold-out and failures")),
    ]
    return steps + [
        Step(str(words.RATE_NAMES[key]), sum(arm.rates[key].successes for arm in arms if key in arm.rates))
        for key in (first, second, "conversion")
    ]


TIMED = {"script": ((ResponseKind.REACHED, 1), (ResponseKind.AGREED, 2), (ResponseKind.CONVERSION, 3))}
USUALLY_TIMED = ((ResponseKind.OPEN, 1), (ResponseKind.CLICK, 2), (ResponseKind.CONVERSION, 3))


def timed(run: Run) -> tuple[tuple[ResponseKind, int], ...]:
    return TIMED.get(CHANNELS[run.campaign.channel].form, USUALLY_TIMED)


def timeline(results: Results) -> tuple[list[str], list[Series]]:
    """What people did per day since the send: opens, clicks, conversions."""
    run, zone = results.run, timezone.get_current_timezone_name()
    counts = answers.kept(f"timeline:{run.pk}:{zone}", results.marks, lambda: counted_by_day(run))
    days = days_of(counts.values())
    return [format_skeleton("MMMd", day, locale=figures.locale()) for day in days], [
        Series(str(kind.label), [counts.get(kind, {}).get(day, 0) for day in days], colour)
        for kind, colour in timed(run)
    ]


def counted_by_day(run: Run) -> dict[str, dict[date, int]]:
    """What people did, by kind and by the visitor's day."""
    kinds = [kind for kind, _colour in timed(run)]
    rows = Response.objects.filter(message__run=run, by_class=ResponseClass.HUMAN, kind__in=kinds).order_by()
    counts: dict[str, dict[date, int]] = {}
    for kind, day, count in rows.values_list("kind", TruncDate("at")).annotate(Count("pk")):
        counts.setdefault(kind, {})[day] = count
    return counts


def days_of(counts: Any) -> Sequence[date]:
    """Every day from the first to the last response."""
    seen = sorted({day for per_day in counts for day in per_day})
    if not seen:
        return []
    length = min((seen[-1] - seen[0]).days + 1, LONGEST_DAYS)
    return [seen[0] + timedelta(days=n) for n in range(length)]
