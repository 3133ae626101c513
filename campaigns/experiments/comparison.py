"""Two arms compared once: rates and spending by the score method, other means by Welch, each with its lift."""

import math

from scipy import stats

from campaigns.experiments.answers import CannotTell, Comparison, Interval, Lift
from campaigns.experiments.scores import Spending, crossing, difference_score, ratio_score
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
    """Where the true mean may lie: Student (1908). Nobody differing says nothing of how much others would."""
    if mean.n < 2:
        return CannotTell("too_few_people", {"people": mean.n, "needed": 2})
    if not mean.squared_error:
        return CannotTell("no_variation")
    half = stats.t.isf((1 - level) / 2, mean.n - 1) * math.sqrt(mean.squared_error)
    return Interval(mean.mean - half, mean.mean + half, level)


def own_interval(sample: Sample, *, level: float = 0.95) -> Interval | CannotTell:
    """The interval of one arm's own rate or mean."""
    if isinstance(sample, Proportion):
        return rate_interval(sample, level=level)
    return mean_interval(sample, level=level)


def compare(variant: Sample, reference: Sample, *, level: float = 0.95) -> Comparison | CannotTell:
    """Variant minus reference: rates by `compare_rates`, means by `compare_spend`; never one with the other."""
    if isinstance(variant, Proportion) and isinstance(reference, Proportion):
        return compare_rates(variant, reference, level=level)
    if isinstance(variant, Mean) and isinstance(reference, Mean):
        return compare_spend(variant, reference, level=level)
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
    low = crossing(lambda d: difference_score(variant, reference, d) - z, -1.0, estimate)
    high = crossing(lambda d: difference_score(variant, reference, d) + z, estimate, 1.0)
    return Comparison(
        difference=estimate,
        interval=Interval(low, high, level),
        p_value=float(2 * stats.norm.sf(abs(difference_score(variant, reference, 0.0)))),
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
    low = crossing(lambda r: ratio_score(variant, reference, r) - z, 0.0, ratio)
    high = crossing(lambda r: ratio_score(variant, reference, r) + z, ratio, furthest)
    if high >= furthest:
        return CannotTell("reference_near_zero")
    return Lift(ratio - 1, Interval(low - 1, high - 1, level))


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


def compare_spend(variant: Mean, reference: Mean, *, level: float = 0.95) -> Comparison | CannotTell:
    """Difference of two means of values that are never negative and mostly zero: revenue, counts of orders.

    Quasi-score interval with a variance that grows with the mean (McCullagh 1983), each arm with its own dispersion.
    Welch's interval claims too much here: a small hold-out that by chance bought little also seems to vary little. With
    9,000 against 1,000 people of whom 2 % buy, Welch claims an effect too high in 6 % of tests instead of 2.5 %.
    Falls back to Welch when an arm's mean is negative (more returns than sales).
    """
    if min(variant.n, reference.n) < 2 or min(variant.mean, reference.mean) < 0:
        return compare_means(variant, reference, level=level)
    if variant.squared_error + reference.squared_error == 0:
        return CannotTell("no_variation")
    spending = Spending.of(variant, reference)
    estimate = variant.mean - reference.mean
    z = float(stats.norm.isf((1 - level) / 2))
    reach = 100 * (variant.mean + reference.mean)
    low = crossing(lambda d: spending.difference_score(d) - z, -reach, estimate)
    high = crossing(lambda d: spending.difference_score(d) + z, estimate, reach)
    return Comparison(
        difference=estimate,
        interval=Interval(low, high, level),
        p_value=float(2 * stats.norm.sf(abs(spending.difference_score(0.0)))),
        standard_error=(high - low) / (2 * z),
        lift=_spend_lift(spending, z, level),
        method="quasi_score",
    )


def _spend_lift(spending: Spending, z: float, level: float) -> Lift | CannotTell:
    if spending.reference.mean <= 0:
        return CannotTell("reference_is_zero")
    ratio = spending.variant.mean / spending.reference.mean
    furthest = 1e6 * max(ratio, 1.0)
    low = crossing(lambda r: spending.ratio_score(r) - z, 0.0, ratio)
    high = crossing(lambda r: spending.ratio_score(r) + z, ratio, furthest)
    if high >= furthest:
        return CannotTell("reference_near_zero")
    return Lift(ratio - 1, Interval(low - 1, high - 1, level))
