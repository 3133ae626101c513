"""Before launch: the smallest effect an audience can show, the people an effect needs, and how long it takes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from campaigns.experiments.answers import CannotTell
from campaigns.experiments.sequential import multiplier

Look = Literal["once", "always"]  # read at the end only, or at any time by a confidence sequence
LOOKS = 28  # daily for four weeks; more looks change the chance by less than a point
GRID_CELLS = 400
PATHS = 10_000  # simulated where several rivals share a variant: half a point of power


@dataclass(frozen=True)
class Detectable:
    """The smallest true difference that is found with chance `power`; `lift` is its share of the expected value."""

    difference: float
    lift: float
    people_in_variant: float
    people_in_reference: float
    power: float


def power_of_rates(
    rate: float,
    difference: float,
    n_variant: float,
    n_reference: float,
    *,
    level: float = 0.95,
    alarm: float | None = None,
) -> float:
    """Chance to find `difference` over a reference `rate` in one look (Fleiss, Levin and Paik 2003, section 4.3)."""
    raised = rate + difference
    true_error = _error_of_rates(rate, difference, n_variant, n_reference)
    if true_error == 0:
        return 1.0
    overall = (n_variant * raised + n_reference * rate) / (n_variant + n_reference)
    error_under_null = math.sqrt(overall * (1 - overall) * (1 / n_variant + 1 / n_reference))
    return float(stats.norm.sf((_critical(level, alarm) * error_under_null - abs(difference)) / true_error))


def _error_of_rates(rate: float, difference: float, n_variant: float, n_reference: float) -> float:
    raised = rate + difference
    return math.sqrt(raised * (1 - raised) / n_variant + rate * (1 - rate) / n_reference)


def _critical(level: float, alarm: float | None) -> float:
    return float(stats.norm.isf((1 - level if alarm is None else alarm) / 2))


def steps_needed(
    power: float,
    *,
    look: Look = "once",
    level: float = 0.95,
    alarm: float | None = None,
    people: Sequence[float] = (1.0, 1.0),
) -> float:
    """How far ahead of all its rivals a variant must truly be to be found with chance `power`.

    In standard errors of its difference from the smallest rival. `people` are the variant's and each rival's, in any
    unit; `alarm` is the two-sided p-value that it needs against each (default: 1 − level).
    """
    if len(people) > 2:
        shares = tuple(float(f"{one / people[0]:.3g}") for one in people)
        return _steps_ahead_of_all(power, look, level, 1 - level if alarm is None else alarm, shares)
    if look == "once":
        return _critical(level, alarm) + float(stats.norm.ppf(power))
    return float(brentq(lambda steps: chance_to_cross(steps, level, alarm) - power, 0.0, 40.0))


def chance_to_cross(steps: float, level: float = 0.95, alarm: float | None = None) -> float:
    """Chance that the confidence sequence leaves zero out at one of `LOOKS` looks up to the planned end.

    `steps` is the true difference in standard errors at that end. Recursive integration (Armitage, McPherson and Rowe
    1969) of the drift-free path, turned to any drift by its likelihood ratio (Girsanov 1960).
    """
    points, densities = _never_crossed(level, alarm)
    staying = densities * np.exp(steps * points - steps**2 / 2)
    return float(1 - np.sum(staying) * (points[1] - points[0]))


@lru_cache
def _never_crossed(level: float, alarm: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Where a path without drift stands at the planned end (time 1) if it never left the bounds, as a density."""
    step = 1 / LOOKS
    points = _inside(step, level, alarm)
    densities = stats.norm.pdf(points, scale=math.sqrt(step))
    for look in range(2, LOOKS + 1):
        ahead = _inside(look * step, level, alarm)
        moves = stats.norm.pdf(ahead[:, None] - points[None, :], scale=math.sqrt(step))
        densities = moves @ densities * (points[1] - points[0])
        points = ahead
    return points, densities


def _inside(time: float, level: float, alarm: float | None) -> np.ndarray:
    """Midpoints of a fine grid between the bounds of the path at `time`."""
    bound = multiplier(time, level=level, alarm=alarm) * math.sqrt(time)
    edges = np.linspace(-bound, bound, GRID_CELLS + 1)
    return (edges[1:] + edges[:-1]) / 2


@lru_cache
def _steps_ahead_of_all(power: float, look: Look, level: float, alarm: float, shares: tuple[float, ...]) -> float:
    """The same with several rivals, whose differences share the variant's luck: by simulated paths, always the same.

    Of each path one can tell the lead it would have needed, so the share of paths that are won needs no search.
    """
    times = np.arange(1, LOOKS + 1) / LOOKS if look == "always" else np.ones(1)
    bounds = (
        [multiplier(time, level=level, alarm=alarm) for time in times]
        if look == "always"
        else [_critical(level, alarm)]
    )
    walks = np.random.default_rng(1).normal(0, times[0] ** 0.5, (len(shares), PATHS, len(times))).cumsum(axis=2)
    walks /= np.sqrt(np.array(shares))[:, None, None]
    errors = np.sqrt(1 / shares[0] + 1 / np.array(shares[1:]))
    needed = (errors[:, None] * bounds / np.sqrt(times))[:, None, :] - (walks[0] - walks[1:]) / times
    return float(np.quantile(needed.max(axis=0).min(axis=1), power) / errors.max())


def detectable_rate(
    rate: float,
    n_variant: float,
    n_reference: float,
    *,
    others: Sequence[float] = (),
    power: float = 0.8,
    look: Look = "once",
    level: float = 0.95,
    alarm: float | None = None,
) -> Detectable | CannotTell:
    """Smallest rise over `rate` found with chance `power`, for people per arm as given.

    `others` are the people in further rivals, none smaller than the reference, over all of which it must rise.
    """
    if not 0 < rate < 1:
        return CannotTell("no_expected_value")
    if min(n_variant, n_reference) < 1:
        return CannotTell("nobody")
    how: dict[str, Any] = {"level": level, "alarm": alarm}
    is_simple = look == "once" and not others
    people = (n_variant, n_reference, *others)
    steps = 0.0 if is_simple else steps_needed(power, look=look, people=people, **how)

    def missing(difference: float) -> float:
        if is_simple:
            return power_of_rates(rate, difference, n_variant, n_reference, **how) - power
        return difference - steps * _error_of_rates(rate, difference, n_variant, n_reference)

    if missing(1 - rate) < 0:
        return CannotTell("audience_too_small", {"people": int(sum(people))})
    difference = float(brentq(missing, 0.0, 1 - rate, xtol=1e-9))
    return Detectable(difference, difference / rate, n_variant, n_reference, power)


def detectable_mean(
    mean: float,
    deviation: float,
    n_variant: float,
    n_reference: float,
    *,
    others: Sequence[float] = (),
    power: float = 0.8,
    look: Look = "once",
    level: float = 0.95,
    alarm: float | None = None,
) -> Detectable | CannotTell:
    """Smallest rise over `mean` found with chance `power`; `others` as in `detectable_rate`."""
    if min(n_variant, n_reference) < 1:
        return CannotTell("nobody")
    if mean <= 0 or deviation <= 0:
        return CannotTell("no_expected_value")
    error = deviation * math.sqrt(1 / n_variant + 1 / n_reference)
    people = (n_variant, n_reference, *others)
    difference = error * steps_needed(power, look=look, level=level, alarm=alarm, people=people)
    return Detectable(difference, difference / mean, n_variant, n_reference, power)


def people_for_rate(
    rate: float,
    difference: float,
    *,
    ratio: float = 1.0,
    others: Sequence[float] = (),
    power: float = 0.8,
    look: Look = "once",
    level: float = 0.95,
    alarm: float | None = None,
) -> int | CannotTell:
    """People in the variant that `difference` over `rate` needs.

    The reference has `ratio` times as many, each further rival its number of `others` times as many.
    """
    if not (0 < rate < 1 and 0 < rate + difference < 1 and difference):
        return CannotTell("no_expected_value")
    if look == "always" or others:
        steps = steps_needed(power, look=look, level=level, alarm=alarm, people=(1.0, ratio, *others))
        return math.ceil(round((steps * _error_of_rates(rate, difference, 1.0, ratio) / difference) ** 2, 6))

    def missing(log_people: float) -> float:
        people = math.exp(log_people)
        return power_of_rates(rate, difference, people, ratio * people, level=level, alarm=alarm) - power

    if missing(0.0) >= 0:
        return 1
    return math.ceil(round(math.exp(brentq(missing, 0.0, 60.0, xtol=1e-12)), 6))


def people_for_mean(
    deviation: float,
    difference: float,
    *,
    ratio: float = 1.0,
    others: Sequence[float] = (),
    power: float = 0.8,
    look: Look = "once",
    level: float = 0.95,
    alarm: float | None = None,
) -> int | CannotTell:
    """People in the variant that a difference of means needs; `ratio` and `others` as in `people_for_rate`."""
    if not (deviation > 0 and difference):
        return CannotTell("no_expected_value")
    steps = steps_needed(power, look=look, level=level, alarm=alarm, people=(1.0, ratio, *others))
    return math.ceil(round((1 + 1 / ratio) * (steps * deviation / difference) ** 2, 6))
