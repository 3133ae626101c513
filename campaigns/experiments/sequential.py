"""Intervals one may look at every day: a confidence sequence that stays valid however often and whenever it is read."""

import math
from dataclasses import dataclass

from scipy.special import lambertw

from campaigns.experiments.answers import CannotTell, Interval
from campaigns.experiments.scores import Spending
from campaigns.experiments.sufficient import Mean, Proportion, Sample

FEWEST_SUCCESSES = 5  # expected in the smaller arm before the normal approximation is trusted
FEWEST_PEOPLE = 30


@dataclass(frozen=True)
class AlwaysValid:
    """A difference with an interval and p-value that hold at every look at once."""

    difference: float
    interval: Interval
    p_value: float
    information: float
    method: str = "asymptotic_confidence_sequence"


def information(variant: Sample, reference: Sample) -> float:
    """How much has been learned so far: the variance clock of the difference.

    It grows with people when they arrive over time, and with responses when all were written to at once.
    """
    return _harmonic(variant.n, reference.n) ** 2 * squared_error(variant, reference)


def squared_error(variant: Sample, reference: Sample) -> float:
    """Variance of the difference, not fooled by a small arm that by chance bought little and so seems certain.

    For means it is the larger of the plain one and the one at a common mean (see `comparison.compare_spend`).
    """
    plain = variant.squared_error + reference.squared_error
    if isinstance(variant, Proportion) or isinstance(reference, Proportion) or min(variant.mean, reference.mean) < 0:
        return plain
    common = (variant + reference).mean
    return max(plain, Spending.of(variant, reference).squared_error(common, common)) if common > 0 else plain


def planned_information(people_in_variant: float, people_in_reference: float, *, variance: float) -> float:
    """The variance clock where the planned test ends; `variance` is one person's, rate·(1 − rate) for rates."""
    return _harmonic(people_in_variant, people_in_reference) * variance


def _harmonic(first: float, second: float) -> float:
    return first * second / (first + second) if first and second else 0.0


def tuning(level: float) -> float:
    """Ratio of clock to mixture variance that makes the interval narrowest at the planned end.

    Howard, Ramdas, McAuliffe and Sekhon (2021), proposition 3: −W₋₁(−α²/e) − 1.
    """
    alpha = 1 - level
    return float(-lambertw(-(alpha**2) / math.e, k=-1).real - 1)


def multiplier(clock: float, *, level: float = 0.95, alarm: float | None = None) -> float:
    """Standard errors to each side of the estimate, for `clock` = information ÷ planned information.

    Two-sided normal mixture: Robbins (1970); equation 14 in Howard et al. (2021); asymptotic validity for any
    distribution: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), theorem 2.2. With `alarm`, how far the
    estimate must be from zero for a p-value as low as that, the mixture still tuned for `level`.
    """
    spread = tuning(level) * clock
    error = 1 - level if alarm is None else alarm
    return math.sqrt((1 + spread) / spread * (2 * math.log(1 / error) + math.log1p(spread)))


def always_valid(
    variant: Sample, reference: Sample, *, planned: float, level: float = 0.95
) -> AlwaysValid | CannotTell:
    """Variant minus reference, valid under continuous peeking.

    `planned` comes from `planned_information` and is fixed before launch; a wrong guess widens the interval and never
    makes it wrong. The p-value is the mixture sequential probability ratio test's (Johari, Koomen, Pekelis and Walsh
    2022) with the same mixture, so it is below 1 − level exactly when the interval leaves zero out.
    """
    if reason := too_early(variant, reference):
        return reason
    squared = squared_error(variant, reference)
    clock = information(variant, reference) / planned
    half = multiplier(clock, level=level) * math.sqrt(squared)
    estimate = variant.mean - reference.mean
    return AlwaysValid(
        difference=estimate,
        interval=Interval(estimate - half, estimate + half, level),
        p_value=_mixture_p(estimate**2 / squared, tuning(level) * clock),
        information=clock,
    )


def _mixture_p(squared_z: float, spread: float) -> float:
    log_ratio = squared_z * spread / (2 * (1 + spread)) - math.log1p(spread) / 2
    return math.exp(min(0.0, -log_ratio))


def too_early(variant: Sample, reference: Sample) -> CannotTell | None:
    """Why a normal approximation cannot be trusted yet, if so."""
    people = min(variant.n, reference.n)
    if people < FEWEST_PEOPLE:
        return CannotTell("too_few_people", {"people": people, "needed": FEWEST_PEOPLE})
    if isinstance(variant, Proportion) and isinstance(reference, Proportion):
        return _too_few_successes(variant, reference)
    if isinstance(variant, Mean) and variant.squared_error + reference.squared_error == 0:
        return CannotTell("no_variation")
    return None


def _too_few_successes(variant: Proportion, reference: Proportion) -> CannotTell | None:
    both = variant + reference
    rarer = min(both.mean, 1 - both.mean)
    expected = rarer * min(variant.n, reference.n)
    if expected >= FEWEST_SUCCESSES:
        return None
    return CannotTell("too_few_responses", {"responses": both.successes, "needed": FEWEST_SUCCESSES})
