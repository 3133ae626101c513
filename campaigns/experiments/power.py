"""Before launch: the smallest effect an audience can show, the people an effect needs, and how long it takes."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from campaigns.experiments.answers import CannotTell
from campaigns.experiments.sequential import multiplier

Look = Literal["once", "always"]  # read at the end only, or at any time by a confidence sequence
LOOKS = 28  # daily for four weeks; more looks change the chance by less than a point
GRID_CELLS = 400


@dataclass(frozen=True)
class Detectable:
    """The smallest true difference that is found with chance `power`; `lift` is its share of the expected value."""

    difference: float
    lift: float
    people_in_variant: float
    people_in_reference: float
    power: float


def power_of_rates(
    rate: float, difference: float, n_variant: float, n_reference: float, *, look: Look = "once", level: float = 0.95
) -> float:
    """Chance to find `difference` over a reference `rate` (Fleiss, Levin and Paik 2003, section 4.3, no correction)."""
    raised = rate + difference
    true_error = math.sqrt(raised * (1 - raised) / n_variant + rate * (1 - rate) / n_reference)
    if true_error == 0:
        return 1.0
    if look == "always":
        return chance_to_cross(abs(difference) / true_error, level)
    overall = (n_variant * raised + n_reference * rate) / (n_variant + n_reference)
    error_under_null = math.sqrt(overall * (1 - overall) * (1 / n_variant + 1 / n_reference))
    critical = float(stats.norm.isf((1 - level) / 2))
    return float(stats.norm.sf((critical * error_under_null - abs(difference)) / true_error))


def steps_needed(power: float, *, look: Look = "once", level: float = 0.95) -> float:
    """Standard errors the true difference must measure to be found with chance `power`."""
    if look == "once":
        return float(stats.norm.isf((1 - level) / 2) + stats.norm.ppf(power))
    return float(brentq(lambda steps: chance_to_cross(steps, level) - power, 0.0, 40.0))


def chance_to_cross(steps: float, level: float = 0.95) -> float:
    """Chance that the confidence sequence leaves zero out at one of `LOOKS` looks up to the planned end.

    `steps` is the true difference in standard errors at that end. Recursive integration (Armitage, McPherson and Rowe
    1969) of the drift-free path, turned to any drift by its likelihood ratio (Girsanov 1960).
    """
    points, densities = _never_crossed(level)
    staying = densities * np.exp(steps * points - steps**2 / 2)
    return float(1 - np.sum(staying) * (points[1] - points[0]))


@lru_cache
def _never_crossed(level: float) -> tuple[np.ndarray, np.ndarray]:
    """Where a path without drift stands at the planned end (time 1) if it never left the bounds, as a density."""
    step = 1 / LOOKS
    points = _inside(step, level)
    densities = stats.norm.pdf(points, scale=math.sqrt(step))
    for look in range(2, LOOKS + 1):
        ahead = _inside(look * step, level)
        moves = stats.norm.pdf(ahead[:, None] - points[None, :], scale=math.sqrt(step))
        densities = moves @ densities * (points[1] - points[0])
        points = ahead
    return points, densities


def _inside(time: float, level: float) -> np.ndarray:
    """Midpoints of a fine grid between the bounds of the path at `time`."""
    bound = multiplier(time, level=level) * math.sqrt(time)
    edges = np.linspace(-bound, bound, GRID_CELLS + 1)
    return (edges[1:] + edges[:-1]) / 2


def detectable_rate(
    rate: float,
    n_variant: float,
    n_reference: float,
    *,
    power: float = 0.8,
    look: Look = "once",
    level: float = 0.95,
) -> Detectable | CannotTell:
    """Smallest rise over `rate` found with chance `power`, for people per arm as given."""
    if not 0 < rate < 1:
        return CannotTell("no_expected_value")
    if min(n_variant, n_reference) < 1:
        return CannotTell("nobody")

    def missing(difference: float) -> float:
        return power_of_rates(rate, difference, n_variant, n_reference, look=look, level=level) - power

    if missing(1 - rate) < 0:
        return CannotTell("audience_too_small", {"people": int(n_variant + n_reference)})
    difference = float(brentq(missing, 0.0, 1 - rate, xtol=1e-9))
    return Detectable(difference, difference / rate, n_variant, n_reference, power)


def detectable_mean(
    mean: float,
    deviation: float,
    n_variant: float,
    n_reference: float,
    *,
    power: float = 0.8,
    look: Look = "once",
    level: float = 0.95,
) -> Detectable | CannotTell:
    """Smallest rise over `mean` found with chance `power`.

    With CUPED, multiply `deviation` by `Adjustment.deviation_left` first.
    """
    if min(n_variant, n_reference) < 1:
        return CannotTell("nobody")
    if mean <= 0 or deviation <= 0:
        return CannotTell("no_expected_value")
    error = deviation * math.sqrt(1 / n_variant + 1 / n_reference)
    difference = error * steps_needed(power, look=look, level=level)
    return Detectable(difference, difference / mean, n_variant, n_reference, power)


def people_for_rate(
    rate: float,
    difference: float,
    *,
    ratio: float = 1.0,
    power: float = 0.8,
    look: Look = "once",
    level: float = 0.95,
) -> int | CannotTell:
    """People in the variant (and `ratio` times as many in the reference) that `difference` over `rate` needs."""
    if not (0 < rate < 1 and 0 < rate + difference < 1 and difference):
        return CannotTell("no_expected_value")

    def missing(log_people: float) -> float:
        people = math.exp(log_people)
        return power_of_rates(rate, difference, people, ratio * people, look=look, level=level) - power

    if missing(0.0) >= 0:
        return 1
    return math.ceil(round(math.exp(brentq(missing, 0.0, 60.0, xtol=1e-12)), 6))


def people_for_mean(
    deviation: float,
    difference: float,
    *,
    ratio: float = 1.0,
    power: float = 0.8,
    look: Look = "once",
    level: float = 0.95,
) -> int | CannotTell:
    """People in the variant (and `ratio` times as many in the reference) that a difference of means needs."""
    if not (deviation > 0 and difference):
        return CannotTell("no_expected_value")
    steps = steps_needed(power, look=look, level=level)
    return math.ceil(round((1 + 1 / ratio) * (steps * deviation / difference) ** 2, 6))


def days_needed(people_needed: int, arrivals_per_day: float, response_days: float = 0.0) -> int | CannotTell:
    """Days until `people_needed` have arrived and each had `response_days` to answer; whole weeks are wiser."""
    if arrivals_per_day <= 0:
        return CannotTell("nobody_arrives")
    return math.ceil(people_needed / arrivals_per_day + response_days)
