"""Sharper means from what was known before: past spend as covariate."""

from collections.abc import Sequence
from dataclasses import dataclass

from campaigns.experiments.answers import CannotTell
from campaigns.experiments.sufficient import Mean, Paired

WORTH_IT = 0.05  # share of variance that must go before the adjustment is called a help


@dataclass(frozen=True)
class Adjustment:
    """Arms with the covariate's part taken out, and how much variance that removed (0–1)."""

    arms: tuple[Mean, ...]
    slope: float
    variance_removed: float
    is_helpful: bool


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
