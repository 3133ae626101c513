"""Score statistics: how many standard errors the evidence is away from a supposed difference or ratio."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy.optimize import brentq

from campaigns.experiments.sufficient import Mean, Proportion


def crossing(score: Callable[[float], float], left: float, right: float) -> float:
    """Where a falling score crosses zero; the edge on its side of the range when it never does."""
    at_left, at_right = score(left), score(right)
    if at_left <= 0:
        return left
    if at_right >= 0:
        return right
    return float(brentq(score, left, right, xtol=1e-10))


def difference_score(a: Proportion, b: Proportion, difference: float) -> float:
    """Score statistic for a.rate − b.rate = difference."""
    rate_a, rate_b = _rates_apart(a, b, difference)
    variance = rate_a * (1 - rate_a) / a.n + rate_b * (1 - rate_b) / b.n
    return _standardised(a.mean - b.mean - difference, variance, a.n + b.n)


def ratio_score(a: Proportion, b: Proportion, ratio: float) -> float:
    """Score statistic for a.rate = ratio · b.rate."""
    rate_b = _rate_in_ratio(a, b, ratio)
    rate_a = min(1.0, ratio * rate_b)
    variance = rate_a * (1 - rate_a) / a.n + ratio**2 * rate_b * (1 - rate_b) / b.n
    return _standardised(a.mean - ratio * b.mean, variance, a.n + b.n)


def _standardised(distance: float, variance: float, people: int) -> float:
    return per_error(distance, variance * people / max(people - 1, 1))


def per_error(distance: float, variance: float) -> float:
    """Distance in standard errors; infinite when there is no error at all."""
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


@dataclass(frozen=True)
class Spending:
    """Two arms whose variance of one person's value is dispersion × mean."""

    variant: Mean
    reference: Mean
    dispersions: tuple[float, float]

    @classmethod
    def of(cls, variant: Mean, reference: Mean) -> "Spending":
        """Each arm's own dispersion; an arm that bought nothing takes that of both together."""
        both = variant + reference
        arms = (arm if arm.mean > 0 and arm.variance > 0 else both for arm in (variant, reference))
        first, second = (arm.variance / arm.mean for arm in arms)
        return cls(variant, reference, (first, second))

    def squared_error(self, variant_mean: float, reference_mean: float) -> float:
        """Variance of the difference were these the true means."""
        first, second = self.dispersions
        return first * variant_mean / self.variant.n + second * reference_mean / self.reference.n

    def difference_score(self, difference: float) -> float:
        """Score statistic for means that differ by `difference`; the most likely such means solve a quadratic."""
        n1, n0 = self.variant.n, self.reference.n
        linear = n1 * self.variant.mean + n0 * self.reference.mean - (n1 + n0) * difference
        constant = n0 * self.reference.mean * difference
        root = math.sqrt(max(0.0, linear**2 + 4 * (n1 + n0) * constant))
        mean = max((linear + root) / (2 * (n1 + n0)), 0.0, -difference)
        distance = self.variant.mean - self.reference.mean - difference
        return per_error(distance, self.squared_error(mean + difference, mean))

    def ratio_score(self, ratio: float) -> float:
        """Score statistic for variant.mean = ratio · reference.mean."""
        n1, n0 = self.variant.n, self.reference.n
        mean = (n1 * self.variant.mean + n0 * self.reference.mean) / (n1 * ratio + n0)
        first, second = self.dispersions
        squared = first * ratio * mean / n1 + ratio**2 * second * mean / n0
        return per_error(self.variant.mean - ratio * self.reference.mean, squared)
