"""The whole reading of a test in one frozen answer: overall and per segment, figures, doubts, decisions and money."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from math import ceil
from operator import add
from typing import Any

from campaigns.experiments.allocation import Weights
from campaigns.experiments.answers import CannotTell, Comparison, Interval
from campaigns.experiments.chances import Chance, chances
from campaigns.experiments.comparison import compare, compare_spend, own_interval, rate_interval
from campaigns.experiments.covariate import Adjustment, adjust
from campaigns.experiments.decision import Contest, Decision, contest, decide
from campaigns.experiments.earnings import Caused, NextEuro, caused_over_strata, caused_revenue, next_euro
from campaigns.experiments.guardrails import Veto, vetoes
from campaigns.experiments.plan import Plan
from campaigns.experiments.pooling import Estimate, Pooled, Pooling, discoveries, pool
from campaigns.experiments.power import Detectable, detectable_mean, detectable_rate, people_for_mean, people_for_rate
from campaigns.experiments.ratio_check import RatioCheck, ratio_check
from campaigns.experiments.sequential import AlwaysValid, always_valid
from campaigns.experiments.sufficient import Mean, Paired, Proportion, Sample


@dataclass(frozen=True)
class ArmEvidence:
    """What happened to one arm's people, as sums.

    `goal` is the goal metric of everybody allocated (the hold-out too); `paired` the same with past spend as `x`
    (means only, for CUPED); `revenue` per person; `rates` further rates by key (open, click, unsubscribe …), from
    which the guardrails are read; `cost` what was spent on the arm beyond the plan's cost per person.
    """

    goal: Sample
    paired: Paired | None = None
    revenue: Mean | None = None
    rates: Mapping[str, Proportion] = field(default_factory=dict)
    counted: int | None = None

    @property
    def people(self) -> int:
        """Everybody allocated; `goal` may stand for fewer where waves were weighted (see `waves.stratified`)."""
        return self.goal.n if self.counted is None else self.counted


@dataclass(frozen=True)
class Evidence:
    """One group (a segment as of the send, or everybody): its arms by key, and its planned size if not yet all sent.

    `dealt` are the shares by which its people were dealt where they are not the plan's: after waves.
    """

    key: str
    name: str
    arms: Mapping[str, ArmEvidence]
    people: int | None = None
    dealt: Weights | None = None

    @property
    def size(self) -> int:
        """Planned people, or those allocated."""
        return self.people or sum(arm.people for arm in self.arms.values())


@dataclass(frozen=True)
class RateReading:
    """One rate of one arm with its interval."""

    n: int
    successes: int
    rate: float
    interval: Interval | CannotTell


@dataclass(frozen=True)
class ArmReading:
    """One arm by itself; `chance` is its chance to be the best of the variants."""

    key: str
    name: str
    role: str
    people: int
    value: float | CannotTell
    interval: Interval | CannotTell
    chance: Chance | CannotTell
    rates: Mapping[str, RateReading]
    revenue_per_person: float | None
    revenue_interval: Interval | CannotTell | None


@dataclass(frozen=True)
class PairReading:
    """Variant minus the other arm: at one look, valid at every look, and after borrowing from the other segments."""

    variant: str
    against: str
    once: Comparison | CannotTell
    always: AlwaysValid | CannotTell
    pooled: Pooled | CannotTell


@dataclass(frozen=True)
class GroupReading:
    """Everything about one group; `q_value` is the contest's p-value after control of false discoveries."""

    key: str
    name: str
    people: int
    arms: tuple[ArmReading, ...]
    pairs: tuple[PairReading, ...]
    ratio: RatioCheck | CannotTell
    detectable: Detectable | CannotTell
    adjustment: Adjustment | CannotTell
    vetoes: tuple[Veto, ...]
    contest: Contest | CannotTell
    q_value: float | None
    decision: Decision
    caused: Mapping[str, Caused | CannotTell]


@dataclass(frozen=True)
class PairPooling:
    """How much the effect of one pair differs between segments."""

    variant: str
    against: str
    pooling: Pooling | CannotTell


@dataclass(frozen=True)
class Report:
    """The answer the page, the API and the command all show; `dataclasses.asdict` makes it JSON."""

    plan: Plan
    overall: GroupReading
    segments: tuple[GroupReading, ...]
    poolings: tuple[PairPooling, ...]
    segmentation: Caused | CannotTell
    next_euro: tuple[NextEuro, ...] | CannotTell


def report(plan: Plan, segments: Sequence[Evidence], overall: Evidence | None = None) -> Report:
    """Read a whole test.

    `segments` are read as given; when they are strata without overlap `overall` may be left out and is their sum.
    Arms missing from a group count as empty.
    """
    whole = _complete(plan, overall or together(segments))
    groups = [_complete(plan, group) for group in segments]
    poolings = _poolings(plan, groups)
    outcomes = [_outcome(plan, group) for group in groups]
    q_values = _q_values(outcomes)
    readings = tuple(
        _group(plan, group, outcome, q_values.get(number), _pooled_of(poolings, number), len(groups))
        for number, (group, outcome) in enumerate(zip(groups, outcomes, strict=True))
    )
    return Report(
        plan=plan,
        overall=_overall(plan, whole, groups if overall is None else []),
        segments=readings,
        poolings=poolings,
        segmentation=_segmentation(plan, whole),
        next_euro=_next_euro(plan, groups),
    )


def _overall(plan: Plan, whole: Evidence, strata: Sequence[Evidence]) -> GroupReading:
    """Everybody; caused revenue is added up over strata when they make up the whole."""
    reading = _group(plan, whole, _outcome(plan, whole), None, {})
    if not (strata and plan.hold_out):
        return reading
    return replace(reading, caused={key: _caused_together(plan, strata, key) for key in plan.variants})


def together(groups: Sequence[Evidence], *, key: str = "all", name: str = "") -> Evidence:
    """Everybody: the sum of groups that do not overlap."""
    arms = list(dict.fromkeys(arm for group in groups for arm in group.arms))
    planned = [group.people for group in groups]
    people = sum(size for size in planned if size) if planned and all(planned) else None
    summed = {arm: reduce(_add_arms, [group.arms[arm] for group in groups if arm in group.arms]) for arm in arms}
    return Evidence(key, name, summed, people)


def _add_arms(a: ArmEvidence, b: ArmEvidence) -> ArmEvidence:
    return ArmEvidence(
        goal=_added(a.goal, b.goal),
        paired=_added(a.paired, b.paired),
        revenue=_added(a.revenue, b.revenue),
        rates={key: _added(a.rates.get(key), b.rates.get(key)) for key in {**a.rates, **b.rates}},
        counted=_added(a.counted, b.counted),
    )


def _added(a: Any, b: Any) -> Any:
    return add(a, b) if a is not None and b is not None else a if b is None else b


def _complete(plan: Plan, group: Evidence) -> Evidence:
    """The group with every planned arm, in the order of the plan."""
    empty = Proportion() if plan.goal.kind == "rate" else Mean()
    arms = {arm.key: group.arms.get(arm.key, ArmEvidence(empty)) for arm in plan.arms}
    return replace(group, arms=arms)


# --- one group ----------------------------------------------------------------------------------


def _group(
    plan: Plan,
    group: Evidence,
    outcome: Contest | CannotTell,
    q_value: float | None,
    pooled: Mapping[tuple[str, str], Pooled],
    segments: int = 1,
) -> GroupReading:
    goals = _goals(plan, group)
    return GroupReading(
        key=group.key,
        name=group.name,
        people=sum(arm.people for arm in group.arms.values()),
        arms=_arms(plan, group),
        pairs=tuple(_pair(plan, group, goals, pair, pooled) for pair in plan.pairs),
        ratio=_ratio(plan, group),
        detectable=detectable(plan, group.size, segments=segments),
        adjustment=_adjustment(plan, group),
        vetoes=_vetoes(plan, group),
        contest=outcome,
        q_value=q_value,
        decision=decide(plan, outcome, q_value=q_value),
        caused={key: _caused(plan, group, key) for key in plan.variants},
    )


def _outcome(plan: Plan, group: Evidence) -> Contest | CannotTell:
    """The contest of one group, unless its arms did not get the people they were meant to get."""
    ratio = _ratio(plan, group)
    if isinstance(ratio, RatioCheck) and ratio.is_suspect:
        return CannotTell("sample_ratio_mismatch", {"p_value": ratio.p_value})
    vetoed = frozenset(veto.variant for veto in _vetoes(plan, group))
    return contest(plan, _goals(plan, group), vetoed=vetoed, people=group.size)


def _ratio(plan: Plan, group: Evidence) -> RatioCheck | CannotTell:
    return ratio_check({key: arm.people for key, arm in group.arms.items()}, group.dealt or plan.weights)


def _vetoes(plan: Plan, group: Evidence) -> tuple[Veto, ...]:
    counted = {
        guardrail.key: {key: arm.rates[guardrail.key] for key, arm in group.arms.items() if guardrail.key in arm.rates}
        for guardrail in plan.guardrails
    }
    return vetoes(plan, counted)


def _adjustment(plan: Plan, group: Evidence) -> Adjustment | CannotTell:
    pairs = [arm.paired for arm in group.arms.values()]
    if plan.goal.kind == "rate" or any(pair is None for pair in pairs):
        return CannotTell("no_covariate")
    return adjust([pair for pair in pairs if pair is not None])


def _goals(plan: Plan, group: Evidence) -> dict[str, Sample]:
    """The goal of each arm, sharpened by past spend when that helps."""
    adjustment = _adjustment(plan, group)
    if isinstance(adjustment, Adjustment) and adjustment.is_helpful:
        return dict(zip(group.arms, adjustment.arms, strict=True))
    return {key: arm.goal for key, arm in group.arms.items()}


def detectable(plan: Plan, people: int, *, segments: int = 1) -> Detectable | CannotTell:
    """By how much a variant must truly be ahead of every rival to be chosen, in a group of `people`.

    With `segments` read together the group is chosen by its own p-value, even if no other has a winner.
    """
    if not plan.pairs:
        return CannotTell("nothing_to_compare")
    variant, reference, *others = (people * share for share in _race(plan))
    how: dict[str, Any] = {"others": others, "power": plan.power, "level": plan.level, "alarm": plan.alarm(segments)}
    if plan.goal.kind == "rate":
        return detectable_rate(plan.goal.expected, variant, reference, look=plan.look, **how)
    return detectable_mean(plan.goal.expected, plan.goal.deviation or 0.0, variant, reference, look=plan.look, **how)


def _race(plan: Plan) -> list[float]:
    """The share of the smallest variant, and those of all it must beat, the smallest first."""
    leader = min(plan.variants, key=plan.share)
    rivals = [key for key in plan.variants if key != leader] + ([plan.control] if plan.control else [])
    return [plan.share(leader), *sorted(map(plan.share, rivals))]


def people_needed(plan: Plan, *, segments: int = 1) -> int | CannotTell:
    """The group in which a variant that is `plan.worthwhile` ahead is chosen, with the power of the plan."""
    if not plan.pairs:
        return CannotTell("nothing_to_compare")
    variant, *rivals = _race(plan)
    if not (variant and min(rivals)):
        return CannotTell("nobody")
    ratio, *others = (share / variant for share in rivals)
    how: dict[str, Any] = {
        "ratio": ratio,
        "others": others,
        "power": plan.power,
        "level": plan.level,
        "alarm": plan.alarm(segments),
    }
    if plan.goal.kind == "rate":
        needed = people_for_rate(plan.goal.expected, plan.worthwhile, look=plan.look, **how)
    else:
        needed = people_for_mean(plan.goal.deviation or 0.0, plan.worthwhile, look=plan.look, **how)
    return needed if isinstance(needed, CannotTell) else ceil(needed / variant)


def _arms(plan: Plan, group: Evidence) -> tuple[ArmReading, ...]:
    won = chances({key: group.arms[key].goal for key in plan.variants})
    readings = []
    for planned in plan.arms:
        evidence = group.arms[planned.key]
        told = won if isinstance(won, CannotTell) else won.get(planned.key, CannotTell("not_a_variant"))
        readings.append(_arm(plan, planned.key, evidence, told))
    return tuple(readings)


def _arm(plan: Plan, key: str, evidence: ArmEvidence, chance: Chance | CannotTell) -> ArmReading:
    planned, goal, revenue = plan.arm(key), evidence.goal, evidence.revenue
    return ArmReading(
        key=key,
        name=planned.name,
        role=planned.role,
        people=evidence.people,
        value=goal.mean if goal.n else CannotTell("nobody"),
        interval=own_interval(goal, level=plan.level),
        chance=chance,
        rates={name: _rate(rate, plan.level) for name, rate in evidence.rates.items()},
        revenue_per_person=revenue.mean if revenue and revenue.n else None,
        revenue_interval=own_interval(revenue, level=plan.level) if revenue else None,
    )


def _rate(rate: Proportion, level: float) -> RateReading:
    return RateReading(rate.n, int(rate.successes), rate.mean if rate.n else 0.0, rate_interval(rate, level=level))


def _pair(
    plan: Plan,
    group: Evidence,
    goals: Mapping[str, Sample],
    pair: tuple[str, str],
    pooled: Mapping[tuple[str, str], Pooled],
) -> PairReading:
    variant, against = pair
    planned = plan.information(variant, against, group.size)
    return PairReading(
        variant=variant,
        against=against,
        once=compare(goals[variant], goals[against], level=plan.level),
        always=always_valid(goals[variant], goals[against], planned=planned, level=plan.level),
        pooled=pooled.get(pair, CannotTell("not_pooled")),
    )


# --- the groups together --------------------------------------------------------------------------


def _q_values(outcomes: Sequence[Contest | CannotTell]) -> dict[int, float]:
    """Benjamini–Hochberg over the segments that could be read at all."""
    told = {number: outcome.p_value for number, outcome in enumerate(outcomes) if isinstance(outcome, Contest)}
    return dict(zip(told, discoveries(list(told.values())), strict=True))


def _poolings(plan: Plan, groups: Sequence[Evidence]) -> tuple[PairPooling, ...]:
    return tuple(PairPooling(*pair, pooling=_pooling(plan, groups, pair)) for pair in plan.pairs)


def _pooling(plan: Plan, groups: Sequence[Evidence], pair: tuple[str, str]) -> Pooling | CannotTell:
    estimates = []
    for group in groups:
        goals = _goals(plan, group)
        reading = compare(goals[pair[0]], goals[pair[1]], level=plan.level)
        if isinstance(reading, CannotTell):
            return reading
        estimates.append(Estimate(reading.difference, reading.standard_error))
    return pool(estimates, level=plan.level)


def _pooled_of(poolings: Sequence[PairPooling], number: int) -> dict[tuple[str, str], Pooled]:
    return {
        (pair.variant, pair.against): pair.pooling.segments[number]
        for pair in poolings
        if isinstance(pair.pooling, Pooling)
    }


# --- money ------------------------------------------------------------------------------------------


def _caused(plan: Plan, group: Evidence, variant: str) -> Caused | CannotTell:
    contacted = group.arms[variant].revenue
    hold_out = group.arms[plan.hold_out].revenue if plan.hold_out else None
    if contacted is None or hold_out is None:
        return CannotTell("no_hold_out" if not plan.hold_out else "no_revenue")
    cost = plan.arm(variant).cost_per_person * contacted.n
    return caused_revenue(contacted, hold_out, cost=cost, level=plan.level)


def _caused_together(plan: Plan, strata: Sequence[Evidence], variant: str) -> Caused | CannotTell:
    pairs = [(group.arms[variant].revenue, group.arms[plan.hold_out or ""].revenue) for group in strata]
    known = [(contacted, hold_out) for contacted, hold_out in pairs if contacted is not None and hold_out is not None]
    if len(known) < len(pairs):
        return CannotTell("no_revenue")
    cost = plan.arm(variant).cost_per_person * sum(contacted.n for contacted, _ in known)
    return caused_over_strata(known, cost=cost, level=plan.level)


def _segmentation(plan: Plan, whole: Evidence) -> Caused | CannotTell:
    """What the segmentation itself earned: all variants together against the mass arm."""
    if not plan.mass:
        return CannotTell("no_mass_arm")
    mass = whole.arms[plan.mass].revenue
    segmented = _contacted(plan, whole)
    if mass is None or segmented is None:
        return CannotTell("no_revenue")
    spent = sum(plan.arm(key).cost_per_person * whole.arms[key].people for key in plan.variants)
    extra = spent - plan.arm(plan.mass).cost_per_person * segmented.n
    return caused_revenue(segmented, mass, cost=extra, level=plan.level)


def _contacted(plan: Plan, group: Evidence) -> Mean | None:
    revenues = [group.arms[key].revenue for key in plan.variants]
    known = [revenue for revenue in revenues if revenue is not None]
    return reduce(add, known) if known and len(known) == len(revenues) else None


def _next_euro(plan: Plan, groups: Sequence[Evidence]) -> tuple[NextEuro, ...] | CannotTell:
    """Segments ranked by caused revenue per euro, after partial pooling."""
    if not plan.hold_out:
        return CannotTell("no_hold_out")
    estimates, costs = [], {}
    for group in groups:
        contacted, hold_out = _contacted(plan, group), group.arms[plan.hold_out].revenue
        if contacted is None or hold_out is None:
            return CannotTell("no_revenue")
        reading = compare_spend(contacted, hold_out, level=plan.level)
        if isinstance(reading, CannotTell):
            return reading
        estimates.append(Estimate(reading.difference, reading.standard_error))
        spent = sum(plan.arm(key).cost_per_person * group.arms[key].people for key in plan.variants)
        costs[group.key] = spent / contacted.n
    pooling = pool(estimates, level=plan.level)
    if isinstance(pooling, CannotTell):
        return pooling
    effects = {group.key: pooled for group, pooled in zip(groups, pooling.segments, strict=True)}
    return next_euro(effects, costs) if any(costs.values()) else CannotTell("no_cost")
