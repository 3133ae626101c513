"""What is fixed before launch: the goal, the arms, the guardrails and the rule that will decide."""

from dataclasses import dataclass
from typing import Literal

from campaigns.experiments.allocation import Weights
from campaigns.experiments.power import Look
from campaigns.experiments.sequential import planned_information

Role = Literal["variant", "hold_out", "mass"]


class PlanError(ValueError):
    """A plan that could not decide anything."""


@dataclass(frozen=True)
class ArmPlan:
    """One arm. `cost_per_person` is in the currency of the report; `mass` gets one message for all segments alike."""

    key: str
    name: str
    weight: float
    role: Role = "variant"
    cost_per_person: float = 0.0


@dataclass(frozen=True)
class Goal:
    """What more of is better. `expected` is the rate (0–1) or mean per person without the campaign's improvement.

    `deviation` is one person's standard deviation (means only); `cap` the amount above which a value counts as the
    cap. Both come from before the launch. `can_happen_uncontacted` is false for clicks and opens: nobody in the
    hold-out can do them, so the hold-out is no rival there.
    """

    key: str
    name: str
    kind: Literal["rate", "mean"]
    expected: float
    deviation: float | None = None
    cap: float | None = None
    can_happen_uncontacted: bool = True

    def __post_init__(self) -> None:
        if self.kind == "rate" and not 0 < self.expected < 1:
            raise PlanError(f"the expected rate of {self.key} must lie between 0 and 1, not at {self.expected}")
        if self.kind == "mean" and not (self.deviation or 0) > 0:
            raise PlanError(f"the goal {self.key} needs the standard deviation of one person's value, above 0")

    @property
    def variance(self) -> float:
        """Expected variance of one person's value."""
        return self.expected * (1 - self.expected) if self.kind == "rate" else (self.deviation or 0.0) ** 2


@dataclass(frozen=True)
class Guardrail:
    """A rate of something bad (unsubscribes, complaints) that vetoes a winner.

    `ceiling` is the highest rate allowed, `allowed_rise` how much higher than in another arm it may be; both 0–1.
    """

    key: str
    name: str
    ceiling: float | None = None
    allowed_rise: float | None = 0.0

    @property
    def usual(self) -> float:
        """The rate at which its test is sharpest: half the ceiling. A wrong guess only makes the test slower."""
        return self.ceiling / 2 if self.ceiling else 0.01


@dataclass(frozen=True)
class Plan:
    """The whole rule. `people` is the planned audience; `worthwhile` the smallest difference one would act upon.

    `look="always"` reads by confidence sequences and may be peeked at; `"once"` is read at the end only.
    """

    goal: Goal
    arms: tuple[ArmPlan, ...]
    people: int
    guardrails: tuple[Guardrail, ...] = ()
    worthwhile: float = 0.0
    level: float = 0.95
    power: float = 0.8
    look: Look = "always"

    def __post_init__(self) -> None:
        keys = [arm.key for arm in self.arms]
        if len(set(keys)) != len(keys):
            raise PlanError(f"arm keys must differ: {keys}")
        if not self.variants:
            raise PlanError("at least one arm must be a variant")
        if sum(arm.role == "hold_out" for arm in self.arms) > 1 or sum(arm.role == "mass" for arm in self.arms) > 1:
            raise PlanError("at most one hold-out and one mass arm")

    @property
    def weights(self) -> Weights:
        """Shares for `allocation.allocate`."""
        return Weights.of({arm.key: arm.weight for arm in self.arms})

    @property
    def variants(self) -> tuple[str, ...]:
        """Keys of the tested versions."""
        return tuple(arm.key for arm in self.arms if arm.role == "variant")

    @property
    def hold_out(self) -> str | None:
        """Key of the arm that is not contacted."""
        return next((arm.key for arm in self.arms if arm.role == "hold_out"), None)

    @property
    def control(self) -> str | None:
        """The hold-out where it can be compared with: when the goal can happen to people who were not contacted."""
        return self.hold_out if self.goal.can_happen_uncontacted else None

    @property
    def mass(self) -> str | None:
        """Key of the arm that gets the message made for everybody."""
        return next((arm.key for arm in self.arms if arm.role == "mass"), None)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Which arm is read against which: every variant against the hold-out, later variants against earlier ones."""
        against_nobody = [(variant, self.control) for variant in self.variants if self.control]
        among = [(late, early) for n, early in enumerate(self.variants) for late in self.variants[n + 1 :]]
        return tuple(against_nobody + among)

    def arm(self, key: str) -> ArmPlan:
        """The arm of that key; `KeyError` names it."""
        return {arm.key: arm for arm in self.arms}[key]

    def share(self, key: str) -> float:
        """The arm's share of the audience, 0–1."""
        return dict(zip(self.weights.arms, self.weights.shares, strict=True))[key]

    @property
    def leader_penalty(self) -> float:
        """By how much the p-value of a leader is multiplied because it was picked by its looks.

        Every variant may be picked, each side of a two-sided test errs half as often (Bonferroni): number ÷ 2.
        """
        return max(1.0, len(self.variants) / 2)

    def alarm(self, segments: int = 1) -> float:
        """Two-sided p-value against each rival that surely makes a winner, even if no other of `segments` has one."""
        return (1 - self.level) / (self.leader_penalty * max(1, segments))

    def information(self, variant: str, reference: str, people: int | None = None) -> float:
        """Variance clock at the planned end for these two arms and an audience of `people` (default: the whole)."""
        return self.clock(variant, reference, variance=self.goal.variance, people=people)

    def clock(self, variant: str, reference: str, *, variance: float, people: int | None = None) -> float:
        """The same for anything else that is measured, by the variance of one person's value."""
        size = self.people if people is None else people
        return planned_information(
            max(1.0, size * self.share(variant)), max(1.0, size * self.share(reference)), variance=variance
        )
