"""Sharper means from what was known before: past spend as covariate, outliers capped, bootstrap over buckets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from campaigns.experiments.answers import CannotTell, Interval
from campaigns.experiments.sufficient import Mean, Paired

WORTH_IT = 0.05  # share of variance that must go before the adjustment is called a help
FEWEST_BUCKETS = 20


@dataclass(frozen=True)
class Adjustment:
    """Arms with the covariate's part taken out, and how much variance that removed (0–1)."""

    arms: tuple[Mean, ...]
    slope: float
    variance_removed: float
    is_helpful: bool

    @property
    def deviation_left(self) -> float:
        """Standard deviation that remains, as a share of the raw one."""
        return float(np.sqrt(1 - self.variance_removed))


def adjust(arms: Sequence[Paired]) -> Adjustment | CannotTell:
    """CUPED: y − θ(x − x̄), θ = cov(y, x) ÷ var(x) within arms (Deng, Xu, Kohavi and Walker 2013, equations 4–5).

    `x` must be from before the send. θ and x̄ are shared by all arms, so differences stay unbiased. The adjusted arms
    are ordinary `Mean`s: every other function takes them.
    """
    people = [arm for arm in arms if arm.n > 1]
    if not people:
        return CannotTell("too_few_people", {"people": 0, "needed": 2})
    spread = sum((arm.n - 1) * arm.covariate.variance for arm in people)
    if spread <= 0:
        return CannotTell("covariate_is_constant")
    slope = sum((arm.n - 1) * arm.covariance for arm in people) / spread
    centre = sum(float(arm.x) for arm in arms) / sum(arm.n for arm in arms)
    adjusted = tuple(_adjusted(arm, slope, centre) for arm in arms)
    before = sum((arm.n - 1) * arm.outcome.variance for arm in people)
    after = sum((arm.n - 1) * mean.variance for arm, mean in zip(arms, adjusted, strict=True) if arm.n > 1)
    removed = max(0.0, 1 - after / before) if before > 0 else 0.0
    return Adjustment(adjusted, slope, removed, removed >= WORTH_IT)


def _adjusted(arm: Paired, slope: float, centre: float) -> Mean:
    """The sums of z = y − slope·(x − centre)."""
    y, yy, x, xx, xy = arm.sums()
    shifted = arm.n * slope * centre
    total = y - slope * x + shifted
    squares = yy + slope**2 * xx - 2 * slope * xy + 2 * slope * centre * (y - slope * x) + arm.n * (slope * centre) ** 2
    return Mean(arm.n, total, max(0.0, squares))


def ratio(pair: Paired, *, level: float = 0.95) -> tuple[float, Interval] | CannotTell:
    """Σy ÷ Σx, for instance revenue per order, with its interval by the delta method over people.

    Deng, Knoblich and Lu (2018), "Applying the delta method in metric analytics", equation 5.
    """
    if pair.n < 2 or float(pair.x) <= 0:
        return CannotTell("reference_is_zero")
    estimate = float(pair.y) / float(pair.x)
    varied = pair.outcome.variance - 2 * estimate * pair.covariance + estimate**2 * pair.covariate.variance
    error = np.sqrt(max(0.0, varied) / pair.n) / pair.covariate.mean
    half = float(stats.norm.isf((1 - level) / 2) * error)
    return estimate, Interval(estimate - half, estimate + half, level)


def winsorised(values: Sequence[float], cap: float) -> Mean:
    """The sums of values cut off at `cap` (Tukey 1962).

    An engine adds up `least(value, cap)` instead. The cap comes from before the launch, for instance the 99.9th
    percentile of past spend, and stands in the report: a cap chosen from the results would choose the winner.
    """
    return Mean.of(min(float(value), cap) for value in values)


def bootstrap_difference(
    variant: Sequence[Mean], reference: Sequence[Mean], *, seed: int, level: float = 0.95, rounds: int = 2000
) -> Interval | CannotTell:
    """Interval of the difference of means by drawing buckets of people with replacement (Efron 1979), percentiles.

    One person's value cannot be drawn from sums, so the engine sums per bucket: people hashed into equal buckets,
    each a `Mean`. The bucket is then the unit (Chamandy et al. 2012, "Estimating uncertainty for massive data
    streams"); twenty are the fewest that make sense.
    """
    if min(len(variant), len(reference)) < FEWEST_BUCKETS:
        return CannotTell("too_few_buckets", {"needed": FEWEST_BUCKETS})
    random = np.random.default_rng(seed)
    drawn = _drawn_means(variant, random, rounds) - _drawn_means(reference, random, rounds)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level)


def _drawn_means(buckets: Sequence[Mean], random: np.random.Generator, rounds: int) -> np.ndarray:
    chosen = random.integers(0, len(buckets), (rounds, len(buckets)))
    totals = np.array([float(bucket.total) for bucket in buckets])
    people = np.array([bucket.n for bucket in buckets])
    return totals[chosen].sum(axis=1) / np.maximum(people[chosen].sum(axis=1), 1)
