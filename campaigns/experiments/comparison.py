"""Two arms compared once: rates by the score method, means by Welch, each with its interval and relative lift."""

import math
from collections.abc import Callable

from scipy import stats
from scipy.optimize import brentq

from campaigns.experiments.answers import CannotTell, Comparison, Interval, Lift
from campaigns.experiments.sufficient import Mean, Proportion, Sample


def rate_interval(rate: Proportion, *, level: float = 0.95) -> Interval | CannotTell:
    """Where the true rate may lie: Wilson (1927), equation 4 in Newcombe (1998a)."""
    if not rate.n:
        return CannotTell("nobody")
    z = stats.norm.isf((1 - level) / 2)
    spread = z * math.sqrt(rate.n * rate.variance + z * z / 4)
    low, high = ((rate.successes + z * z / 2 + sign * spread) / (rate.n + z * z) for sign in (-1, 1))
    return Interval(max(0.0, low), min(1.0, high), level)


def mean_interval(mean: Mean, *, level: float = 0.95) -> Interval | CannotTell:
    """Where the true mean may lie: Student (1908)."""
    if mean.n < 2:
        return CannotTell("too_few_people", {"people": mean.n, "needed": 2})
    half = stats.t.isf((1 - level) / 2, mean.n - 1) * math.sqrt(mean.squared_error)
    return Interval(mean.mean - half, mean.mean + half, level)


def own_interval(sample: Sample, *, level: float = 0.95) -> Interval | CannotTell:
    """The interval of one arm's own rate or mean."""
    if isinstance(sample, Proportion):
        return rate_interval(sample, level=level)
    return mean_interval(sample, level=level)


def compare(variant: Sample, reference: Sample, *, level: float = 0.95) -> Comparison | CannotTell:
    """Variant minus reference, whichever kind of goal; both must be of the same kind."""
    if isinstance(variant, Proportion) and isinstance(reference, Proportion):
        return compare_rates(variant, reference, level=level)
    if isinstance(variant, Mean) and isinstance(reference, Mean):
        return compare_means(variant, reference, level=level)
    raise TypeError(f"cannot compare {type(variant).__name__} with {type(reference).__name__}")


def compare_rates(variant: Proportion, reference: Proportion, *, level: float = 0.95) -> Comparison | CannotTell:
    """Difference of two rates with the score interval of Miettinen and Nurminen (1985), equations 8–10.

    The p-value is of the same statistic at zero, the "N − 1" chi-square test (Campbell 2007), so that p < 1 − level
    exactly when the interval leaves zero out.
    """
    if not (variant.n and reference.n):
        return CannotTell("nobody")
    estimate = variant.mean - reference.mean
    z = stats.norm.isf((1 - level) / 2)
    low = _crossing(lambda d: _difference_score(variant, reference, d) - z, -1.0, estimate)
    high = _crossing(lambda d: _difference_score(variant, reference, d) + z, estimate, 1.0)
    return Comparison(
        difference=estimate,
        interval=Interval(low, high, level),
        p_value=float(2 * stats.norm.sf(abs(_difference_score(variant, reference, 0.0)))),
        standard_error=math.sqrt(variant.squared_error + reference.squared_error),
        lift=rate_lift(variant, reference, level=level),
        method="miettinen_nurminen",
    )


def rate_lift(variant: Proportion, reference: Proportion, *, level: float = 0.95) -> Lift | CannotTell:
    """Ratio of two rates minus one, with the score interval (Koopman 1984; Miettinen and Nurminen 1985, eq. 16)."""
    if not reference.successes:
        return CannotTell("reference_is_zero")
    ratio = variant.mean / reference.mean
    z = stats.norm.isf((1 - level) / 2)
    furthest = 1e6 * max(ratio, 1.0)
    low = _crossing(lambda r: _ratio_score(variant, reference, r) - z, 0.0, ratio)
    high = _crossing(lambda r: _ratio_score(variant, reference, r) + z, ratio, furthest)
    return Lift(ratio - 1, Interval(low - 1, high - 1, level))


def _crossing(score: Callable[[float], float], left: float, right: float) -> float:
    """Where a falling score crosses zero; the edge on its side of the range when it never does."""
    at_left, at_right = score(left), score(right)
    if at_left <= 0:
        return left
    if at_right >= 0:
        return right
    return float(brentq(score, left, right, xtol=1e-10))


def _difference_score(a: Proportion, b: Proportion, difference: float) -> float:
    """Score statistic for a.rate − b.rate = difference."""
    rate_a, rate_b = _rates_apart(a, b, difference)
    variance = rate_a * (1 - rate_a) / a.n + rate_b * (1 - rate_b) / b.n
    return _standardised(a.mean - b.mean - difference, variance, a.n + b.n)


def _ratio_score(a: Proportion, b: Proportion, ratio: float) -> float:
    """Score statistic for a.rate = ratio · b.rate."""
    rate_b = _rate_in_ratio(a, b, ratio)
    rate_a = min(1.0, ratio * rate_b)
    variance = rate_a * (1 - rate_a) / a.n + ratio**2 * rate_b * (1 - rate_b) / b.n
    return _standardised(a.mean - ratio * b.mean, variance, a.n + b.n)


def _standardised(distance: float, variance: float, people: int) -> float:
    variance *= people / max(people - 1, 1)
    if variance <= 1e-18:
        return 0.0 if abs(distance) < 1e-12 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance)


def _rates_apart(a: Proportion, b: Proportion, difference: float) -> tuple[float, float]:
    """Most likely rates that differ by `difference`: the cubic of Farrington and Manning (1990), appendix."""
    theta = b.n / a.n
    p, q = a.mean, b.mean
    cubic = 1 + theta
    square = -(cubic + p + theta * q + difference * (theta + 2))
    linear = difference**2 + difference * (2 * p + cubic) + p + theta * q
    constant = -p * difference * (1 + difference)
    v = (square / (3 * cubic)) ** 3 - square * linear / (6 * cubic**2) + constant / (2 * cubic)
    u = math.copysign(math.sqrt(max(0.0, (square / (3 * cubic)) ** 2 - linear / (3 * cubic))), v)
    angle = (math.pi + math.acos(max(-1.0, min(1.0, v / u**3 if u else 0.0)))) / 3
    rate = 2 * u * math.cos(angle) - square / (3 * cubic)
    rate = min(max(rate, 0.0, difference), 1.0, 1.0 + difference)
    return rate, rate - difference


def _rate_in_ratio(a: Proportion, b: Proportion, ratio: float) -> float:
    """Most likely rate of `b` when a.rate is `ratio` times as high: a quadratic."""
    square = (a.n + b.n) * ratio
    linear = a.n * ratio + a.successes + b.n + b.successes * ratio
    constant = a.successes + b.successes
    root = math.sqrt(max(0.0, linear**2 - 4 * square * constant))
    return 2 * constant / (linear + root)


def compare_means(variant: Mean, reference: Mean, *, level: float = 0.95) -> Comparison | CannotTell:
    """Difference of two means by Welch (1947), degrees of freedom by Satterthwaite (1946)."""
    people = min(variant.n, reference.n)
    if people < 2:
        return CannotTell("too_few_people", {"people": people, "needed": 2})
    squared = variant.squared_error + reference.squared_error
    if squared == 0:
        return CannotTell("no_variation")
    error = math.sqrt(squared)
    freedom = _satterthwaite(variant, reference)
    t = float(stats.t.isf((1 - level) / 2, freedom))
    estimate = variant.mean - reference.mean
    return Comparison(
        difference=estimate,
        interval=Interval(estimate - t * error, estimate + t * error, level),
        p_value=float(2 * stats.t.sf(abs(estimate) / error, freedom)),
        standard_error=error,
        lift=mean_lift(variant, reference, t, level),
        method="welch",
    )


def _satterthwaite(a: Mean, b: Mean) -> float:
    squared = a.squared_error + b.squared_error
    return float(squared**2 / (a.squared_error**2 / (a.n - 1) + b.squared_error**2 / (b.n - 1)))


def mean_lift(variant: Mean, reference: Mean, critical: float, level: float) -> Lift | CannotTell:
    """Ratio of two independent means minus one, with the interval of Fieller (1954).

    When the reference mean is itself not clearly above zero, the ratio has no bounded interval: cannot tell.
    """
    if reference.mean <= 0:
        return CannotTell("reference_is_zero")
    g = critical**2 * reference.squared_error / reference.mean**2
    if g >= 1:
        return CannotTell("reference_near_zero")
    ratio = variant.mean / reference.mean
    inner = (1 - g) * variant.squared_error + ratio**2 * reference.squared_error
    half = critical * math.sqrt(inner) / (reference.mean * (1 - g))
    return Lift(ratio - 1, Interval(ratio / (1 - g) - half - 1, ratio / (1 - g) + half - 1, level))
