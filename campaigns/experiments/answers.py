"""The shapes every answer shares: an interval, a comparison, and "cannot tell" with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class CannotTell:
    """An answer that cannot be given: a code of `words.SENTENCES` and the figures its sentence needs."""

    code: str
    figures: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Interval:
    """What is compatible with the evidence, from `low` to `high`, at confidence `level` (0–1)."""

    low: float
    high: float
    level: float = 0.95

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def times(self, factor: float) -> "Interval":
        """The interval of the quantity multiplied by a known number."""
        ends = sorted((self.low * factor, self.high * factor))
        return Interval(ends[0], ends[1], self.level)

    def plus(self, shift: float) -> "Interval":
        """The interval of the quantity moved by a known number."""
        return Interval(self.low + shift, self.high + shift, self.level)


@dataclass(frozen=True)
class Lift:
    """How much more than the reference, as a share of the reference: 0.2 is 20 % more."""

    estimate: float
    interval: Interval


@dataclass(frozen=True)
class Comparison:
    """One arm minus a reference arm, in the unit of the goal (share of people, or money per person).

    `method` is a code that names the procedure; `p_value` is two-sided and agrees with `interval` about zero.
    """

    difference: float
    interval: Interval
    p_value: float
    standard_error: float
    lift: Lift | CannotTell
    method: str
