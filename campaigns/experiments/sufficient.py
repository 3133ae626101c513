"""Sufficient statistics: the few sums a database can add up, from which every other figure follows."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

Sum = float | Decimal


class StatisticsError(ValueError):
    """Sums that no group of people can have."""


@dataclass(frozen=True)
class Proportion:
    """`successes` people of `n` did it; a weighted rate has the people it is worth, and so parts of a success.

    >>> Proportion(50, 10) + Proportion(50, 20)
    Proportion(n=100, successes=30)
    >>> Proportion(50, 10).mean
    0.2
    """

    n: int = 0
    successes: float = 0

    def __post_init__(self) -> None:
        if not 0 <= self.successes <= self.n:
            raise StatisticsError(f"successes must lie between 0 and n={self.n}, not at {self.successes}")

    def __add__(self, other: Self) -> "Proportion":
        return Proportion(self.n + other.n, self.successes + other.successes)

    @property
    def mean(self) -> float:
        """The rate, 0–1; not a number when there is nobody."""
        return self.successes / self.n if self.n else math.nan

    @property
    def variance(self) -> float:
        """Variance of one person's answer, p(1−p)."""
        return self.mean * (1 - self.mean)

    @property
    def squared_error(self) -> float:
        """Variance of the rate after Agresti and Caffo (2000): one success and one failure are added.

        So an arm where nobody (or everybody) did it is not mistaken for a certain one.
        """
        rate = (self.successes + 1) / (self.n + 2)
        return rate * (1 - rate) / (self.n + 2)


@dataclass(frozen=True)
class Mean:
    """`n` people with values (money, counts) that add up to `total`, their squares to `total_of_squares`.

    >>> Mean.of([1, 2, 3]).variance
    1.0
    """

    n: int = 0
    total: Sum = 0.0
    total_of_squares: Sum = 0.0

    def __post_init__(self) -> None:
        if self.n < 0 or self.total_of_squares < 0:
            raise StatisticsError(f"n={self.n} and the sum of squares {self.total_of_squares} must not be negative")
        if self.n == 0 and (self.total or self.total_of_squares):
            raise StatisticsError(f"nobody cannot have spent {self.total}")

    @classmethod
    def of(cls, values: Iterable[float]) -> "Mean":
        """The sums of a handful of values; a database does this for many."""
        listed = [float(value) for value in values]
        return cls(len(listed), math.fsum(listed), math.fsum(value * value for value in listed))

    def __add__(self, other: Self) -> "Mean":
        return Mean(
            self.n + other.n,
            float(self.total) + float(other.total),
            float(self.total_of_squares) + float(other.total_of_squares),
        )

    @property
    def mean(self) -> float:
        """Mean per person; not a number when there is nobody."""
        return float(self.total) / self.n if self.n else math.nan

    @property
    def variance(self) -> float:
        """Unbiased variance of one person's value; not a number below two people."""
        if self.n < 2:
            return math.nan
        return max(0.0, (float(self.total_of_squares) - self.n * self.mean**2) / (self.n - 1))

    @property
    def squared_error(self) -> float:
        """Variance of the mean."""
        return self.variance / self.n if self.n > 1 else math.nan


@dataclass(frozen=True)
class Paired:
    """Two values per person, `y` and `x`: revenue and past spend (CUPED), or revenue and orders (a ratio)."""

    n: int = 0
    y: Sum = 0.0
    yy: Sum = 0.0
    x: Sum = 0.0
    xx: Sum = 0.0
    xy: Sum = 0.0

    @classmethod
    def of(cls, ys: Iterable[float], xs: Iterable[float]) -> "Paired":
        """The sums of two equally long lists."""
        pairs = [(float(y), float(x)) for y, x in zip(ys, xs, strict=True)]
        sums = (math.fsum(row) for row in zip(*((y, y * y, x, x * x, x * y) for y, x in pairs), strict=True))
        return cls(len(pairs), *sums)

    def __add__(self, other: Self) -> "Paired":
        mine, theirs = self.sums(), other.sums()
        return Paired(self.n + other.n, *(a + b for a, b in zip(mine, theirs, strict=True)))

    def sums(self) -> tuple[float, ...]:
        """The five sums as plain numbers."""
        return tuple(float(value) for value in (self.y, self.yy, self.x, self.xx, self.xy))

    @property
    def outcome(self) -> Mean:
        """`y` alone."""
        return Mean(self.n, self.y, self.yy)

    @property
    def covariate(self) -> Mean:
        """`x` alone."""
        return Mean(self.n, self.x, self.xx)

    @property
    def covariance(self) -> float:
        """Unbiased covariance of `y` and `x` over people; not a number below two people."""
        if self.n < 2:
            return math.nan
        return (float(self.xy) - float(self.x) * float(self.y) / self.n) / (self.n - 1)


Sample = Proportion | Mean
