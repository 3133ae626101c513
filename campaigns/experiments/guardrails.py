"""Guardrails: which versions clearly broke a limit. Valid at every look, with the chance of a false alarm fixed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy.special import betaincc, betaln

from campaigns.experiments.answers import CannotTell
from campaigns.experiments.plan import Guardrail, Plan
from campaigns.experiments.sequential import always_valid
from campaigns.experiments.sufficient import Proportion

Rates = Mapping[str, Proportion]


@dataclass(frozen=True)
class Veto:
    """A variant that may not win, and the guardrail it broke."""

    variant: str
    guardrail: str
    rate: float
    limit: float


def vetoes(plan: Plan, counted: Mapping[str, Rates]) -> tuple[Veto, ...]:
    """Variants that clearly broke a guardrail; `counted` is guardrail key → arm key → rate.

    The chance that any version which keeps its limits is ever vetoed, however often one looks, is at most
    1 − `plan.level`: every test gets an equal part of it (Bonferroni).
    """
    alarm = false_alarm(plan)
    found = (
        veto(plan, guardrail, variant, counted.get(guardrail.key, {}), alarm)
        for guardrail in plan.guardrails
        for variant in plan.variants
    )
    return tuple(one for one in found if one)


def false_alarm(plan: Plan) -> float:
    """The part of the error that one test of one version against one limit may use up."""
    others = len(plan.variants) - 1
    per_variant = sum((one.ceiling is not None) + others * (one.allowed_rise is not None) for one in plan.guardrails)
    return (1 - plan.level) / max(1, per_variant * len(plan.variants))


def veto(plan: Plan, guardrail: Guardrail, variant: str, rates: Rates, alarm: float) -> Veto | None:
    if variant not in rates:  # nobody of a small segment got it
        return None
    rate = rates[variant]
    rise = guardrail.allowed_rise
    limits = [guardrail.ceiling] if is_above(rate, guardrail.ceiling, alarm) else []
    limits += [
        other.mean + (rise or 0.0)
        for key, other in rates.items()
        if key in plan.variants and key != variant and rises(plan, guardrail, (variant, key), rates, alarm)
    ]
    known = [limit for limit in limits if limit is not None]
    return Veto(variant, guardrail.key, rate.mean, min(known)) if known else None


def is_above(rate: Proportion, ceiling: float | None, alarm: float) -> bool:
    """Whether the true rate is above the ceiling, wrongly said with chance `alarm` at most, over all looks."""
    return ceiling is not None and log_evidence_above(rate, ceiling) >= -math.log(alarm)


def log_evidence_above(rate: Proportion, limit: float) -> float:
    """Log of how many times likelier the counts are above the limit than at it.

    A mixture of likelihood ratios over rates above the limit, weighted by a beta distribution whose tail has the
    limit's own scale (Robbins 1970). For any rate up to the limit it is a non-negative supermartingale of mean one, so
    it ever reaches 1/α with chance α at most (Ville 1939). Exact however rare the answer; those who have not answered
    yet count as not having done it, which can only lower it.
    """
    n, x = rate.n, rate.successes
    if not 0 < limit < 1:
        return math.inf if limit <= 0 and x else -math.inf
    a, b = 1.0, 1 / limit
    above = betaincc(x + a, n - x + b, limit)
    if above <= 0:
        return -math.inf
    weighted = betaln(x + a, n - x + b) + math.log(above) - betaln(a, b) - math.log(betaincc(a, b, limit))
    return float(weighted - x * math.log(limit) - (n - x) * math.log1p(-limit))


def rises(plan: Plan, guardrail: Guardrail, pair: tuple[str, str], rates: Rates, alarm: float) -> bool:
    """Whether the first version's rate is above the second's by more than is allowed: a test of non-inferiority.

    Read by the confidence sequence of the goal; too few answers to trust it are no alarm, the ceiling stands guard.
    """
    if guardrail.allowed_rise is None:
        return False
    usual = guardrail.usual
    clock = plan.clock(*pair, variance=usual * (1 - usual))
    reading = always_valid(rates[pair[0]], rates[pair[1]], planned=clock, level=1 - alarm)
    return not isinstance(reading, CannotTell) and reading.interval.low > guardrail.allowed_rise
