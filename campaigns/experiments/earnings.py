"""Money the campaign caused, not money that came anyway: against the hold-out, minus cost, and where to spend next."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy import stats

from campaigns.experiments.answers import CannotTell, Comparison, Interval
from campaigns.experiments.comparison import compare_spend
from campaigns.experiments.pooling import Pooled
from campaigns.experiments.sufficient import Mean


@dataclass(frozen=True)
class Caused:
    """Revenue of the contacted beyond what the hold-out shows would have come anyway; all in the report's currency.

    `net` is `total` minus `cost`; `return_on_spend` is total ÷ cost (1 breaks even).
    """

    people: int
    per_person: float
    per_person_interval: Interval
    total: float
    total_interval: Interval
    cost: float
    net: float
    net_interval: Interval
    return_on_spend: float | CannotTell
    return_interval: Interval | CannotTell


def caused_revenue(
    contacted: Mean, hold_out: Mean, *, cost: float, margin: float = 1.0, level: float = 0.95
) -> Caused | CannotTell:
    """Difference per person (`comparison.compare_spend`) times the people contacted.

    `margin` is the share of revenue that is profit (1 counts revenue). The cost is known, not estimated, so every
    interval is the difference's, scaled and moved.
    """
    reading = compare_spend(contacted, hold_out, level=level)
    if isinstance(reading, CannotTell):
        return reading
    return _caused(contacted.n, reading.difference, reading.interval, cost, margin)


def _caused(people: int, per_person: float, likely: Interval, cost: float, margin: float) -> Caused:
    scale = people * margin
    total, interval = per_person * scale, likely.times(scale)
    free = CannotTell("no_cost")
    return Caused(
        people=people,
        per_person=per_person * margin,
        per_person_interval=likely.times(margin),
        total=total,
        total_interval=interval,
        cost=cost,
        net=total - cost,
        net_interval=interval.plus(-cost),
        return_on_spend=total / cost if cost > 0 else free,
        return_interval=interval.times(1 / cost) if cost > 0 else free,
    )


def caused_over_strata(
    strata: Sequence[tuple[Mean, Mean]], *, cost: float, margin: float = 1.0, level: float = 0.95
) -> Caused | CannotTell:
    """Sum over strata of (contacted, hold-out): the post-stratified estimate (Cochran 1977, section 5A.9).

    Sharper than the crude difference when strata differ in level, and unbiased when their shares differ by arm. The
    strata's intervals, not symmetrical, are added by recovered variances (Zou and Donner 2008).
    """
    readings = [compare_spend(contacted, hold_out, level=level) for contacted, hold_out in strata]
    for reading in readings:
        if isinstance(reading, CannotTell):
            return reading
    known = [reading for reading in readings if isinstance(reading, Comparison)]
    sizes = [contacted.n for contacted, _ in strata]
    people = sum(sizes)
    if not people:
        return CannotTell("nobody")
    shares = [size / people for size in sizes]
    mean = sum(share * reading.difference for share, reading in zip(shares, known, strict=True))
    below = math.hypot(*(w * (r.difference - r.interval.low) for w, r in zip(shares, known, strict=True)))
    above = math.hypot(*(w * (r.interval.high - r.difference) for w, r in zip(shares, known, strict=True)))
    return _caused(people, mean, Interval(mean - below, mean + above, level), cost, margin)


@dataclass(frozen=True)
class NextEuro:
    """One segment as a place for more budget: what a euro is expected to bring back and the chance that it pays."""

    segment: str
    return_per_euro: float
    interval: Interval
    chance_it_pays: float
    advice: str


def next_euro(
    effects: Mapping[str, Pooled], cost_per_person: Mapping[str, float], *, margin: float = 1.0
) -> tuple[NextEuro, ...]:
    """Segments by expected return of one more euro, best first, from partially pooled revenue per person.

    Pooled, because the raw best segment is best partly by luck (Efron and Morris 1977). Advice: `spend` when the
    interval is above cost, `stop` when below, else `test_more`; segments that cost nothing are left out.
    """
    places = [
        _place(segment, effect, cost_per_person[segment], margin)
        for segment, effect in effects.items()
        if cost_per_person.get(segment, 0) > 0
    ]
    return tuple(sorted(places, key=lambda place: -place.return_per_euro))


def _place(segment: str, effect: Pooled, cost: float, margin: float) -> NextEuro:
    interval = effect.interval.times(margin / cost)
    pays = float(stats.norm.sf((cost / margin - effect.difference) / effect.standard_error))
    advice = "spend" if interval.low > 1 else "stop" if interval.high < 1 else "test_more"
    return NextEuro(segment, effect.difference * margin / cost, interval, pays, advice)
