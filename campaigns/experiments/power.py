"""Before launch: the smallest effect an audience can show, the people an effect needs, and how long it takes."""

import math
from dataclasses import dataclass
from typing import Literal

from scipy import stats
from scipy.optimize import brentq

from campaigns.experiments.answers import CannotTell
from campaigns.experiments.sequential import multiplier

Look = Literal["once", "always"]


@dataclass(frozen=True)
class Detectable:
    """The smallest true difference that is found with chance `power`; `lift` is its share of the expected value."""

    difference: float
    lift: float
    people_in_variant: float
    people_in_reference: float
    power: float


def critical_value(look: Look, level: float = 0.95) -> float:
    """Standard errors an estimate must be away from zero: at one look, or at any of many (see `sequential`)."""
    return multiplier(1.0, level=level) if look == "always" else float(stats.norm.isf((1 - level) / 2))


def power_of_rates(
    rate: float, difference: float, n_variant: float, n_reference: float, *, look: Look = "once", level: float = 0.95
) -> float:
    """Chance to find `difference` over a reference `rate` (Fleiss, Levin and Paik 2003, section 4.3, no correction).

    For `look="always"` it is the chance to have found it at the planned end, peeking allowed: a slight understatement.
    """
    raised = rate + difference
    overall = (n_variant * raised + n_reference * rate) / (n_variant + n_reference)
    share = 1 / n_variant + 1 / n_reference
    if look == "once":
        under_null = overall * (1 - overall) * share
    else:
        under_null = raised * (1 - raised) / n_variant + rate * (1 - rate) / n_reference
    truly = raised * (1 - raised) / n_variant + rate * (1 - rate) / n_reference
    return _power(abs(difference), math.sqrt(under_null), math.sqrt(truly), critical_value(look, level))


def power_of_means(
    deviation: float,
    difference: float,
    n_variant: float,
    n_reference: float,
    *,
    look: Look = "once",
    level: float = 0.95,
) -> float:
    """Chance to find `difference` when one person's value varies by `deviation` (normal approximation)."""
    error = deviation * math.sqrt(1 / n_variant + 1 / n_reference)
    return _power(abs(difference), error, error, critical_value(look, level))


def _power(difference: float, error_under_null: float, true_error: float, critical: float) -> float:
    if true_error == 0:
        return 1.0
    return float(stats.norm.sf((critical * error_under_null - difference) / true_error))


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
    difference = error * (critical_value(look, level) + float(stats.norm.ppf(power)))
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
    steps = critical_value(look, level) + float(stats.norm.ppf(power))
    return math.ceil(round((1 + 1 / ratio) * (steps * deviation / difference) ** 2, 6))


def days_needed(people_needed: int, arrivals_per_day: float, response_days: float = 0.0) -> int | CannotTell:
    """Days until `people_needed` have arrived and each had `response_days` to answer; whole weeks are wiser."""
    if arrivals_per_day <= 0:
        return CannotTell("nobody_arrives")
    return math.ceil(people_needed / arrivals_per_day + response_days)
