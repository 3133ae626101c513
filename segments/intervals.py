"""95 % intervals of shares and means: from counts and sums to plain numbers. Pure."""

from math import sqrt
from statistics import NormalDist
from typing import Final

Z: Final = NormalDist().inv_cdf(0.975)
Interval = tuple[float, float]


def of_share(share: float, people: int) -> Interval:
    """The interval of a share (0–1) seen in `people` (Wilson 1927).

    >>> low, high = of_share(0.5, 100)
    >>> round(low, 3), round(high, 3)
    (0.404, 0.596)
    """
    if people <= 0:
        return 0.0, 1.0
    centre = share + Z**2 / (2 * people)
    reach = Z * sqrt(share * (1 - share) / people + Z**2 / (4 * people**2))
    whole = 1 + Z**2 / people
    return max(0.0, (centre - reach) / whole), min(1.0, (centre + reach) / whole)


def of_mean(mean: float, spread: float, people: int) -> Interval:
    """The interval of a mean by its standard error; `spread` is the sample's standard deviation."""
    reach = Z * spread / sqrt(people) if people > 1 else float("inf")
    return mean - reach, mean + reach
