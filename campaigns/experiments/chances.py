"""The Bayesian reading: each arm's chance to be the best, and what is lost on average by choosing it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, ndtr

from campaigns.experiments.answers import CannotTell
from campaigns.experiments.sufficient import Mean, Proportion, Sample

GRID_POINTS = 1601
REACH = 9.0  # standard deviations to each side of a posterior mean that the grid covers


@dataclass(frozen=True)
class Chance:
    """Of one arm: the chance that its true value is the highest, and the loss expected if it is chosen and is not.

    The loss is in the unit of the goal. Over all arms the chances sum to one.
    """

    best: float
    expected_loss: float


@dataclass(frozen=True)
class Posterior:
    """Belief about one arm's true value: mean, spread, and the parameters of a Beta when it is a rate."""

    mean: float
    deviation: float
    beta: tuple[float, float] | None = None

    @classmethod
    def of(cls, sample: Sample) -> "Posterior":
        """Rates: a uniform prior updated, Beta(1 + successes, 1 + failures). Means: normal (central limit)."""
        if isinstance(sample, Mean):
            return cls(sample.mean, float(np.sqrt(sample.squared_error)))
        a, b = sample.successes + 1, sample.n - sample.successes + 1
        return cls(a / (a + b), float(np.sqrt(a * b / (a + b) ** 2 / (a + b + 1))), (a, b))

    def grid(self) -> NDArray[np.float64]:
        """Points dense where this posterior lives."""
        points = self.mean + self.deviation * np.linspace(-REACH, REACH, GRID_POINTS)
        return np.clip(points, 0, 1) if self.beta else points

    def below(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Chance that the true value is below each point."""
        if self.beta:
            return np.asarray(betainc(*self.beta, points))
        return np.asarray(ndtr((points - self.mean) / self.deviation))


def chances(arms: Mapping[str, Sample]) -> dict[str, Chance] | CannotTell:
    """Chance to be best and expected loss of every arm, by quadrature of the posteriors' distribution functions.

    P(i best) = ∫ ∏_{j≠i} F_j dF_i and E[max] = ∫ x d∏F; loss = E[max] − E[i]
    (Stucchio 2015, "Bayesian A/B testing at VWO", sections 5 and 7, for any number of arms). Error below 1e-4.
    """
    if reason := _cannot(arms):
        return reason
    beliefs = {arm: Posterior.of(sample) for arm, sample in arms.items()}
    points = np.unique(np.concatenate([belief.grid() for belief in beliefs.values()]))
    below = np.array([belief.below(points) for belief in beliefs.values()])
    highest = _mean_of(points, below.prod(axis=0))
    return {
        arm: Chance(_wins(below, number), max(0.0, highest - belief.mean))
        for number, (arm, belief) in enumerate(beliefs.items())
    }


def _cannot(arms: Mapping[str, Sample]) -> CannotTell | None:
    if len(arms) < 2:
        return CannotTell("nothing_to_compare")
    for sample in arms.values():
        if isinstance(sample, Proportion) and not sample.n:
            return CannotTell("nobody")
        if isinstance(sample, Mean) and sample.n < 2:
            return CannotTell("too_few_people", {"people": sample.n, "needed": 2})
        if isinstance(sample, Mean) and not sample.squared_error:
            return CannotTell("no_variation")
    return None


def _wins(below: NDArray[np.float64], number: int) -> float:
    others = np.delete(below, number, axis=0).prod(axis=0)
    return float(np.sum((others[1:] + others[:-1]) / 2 * np.diff(below[number])))


def _mean_of(points: NDArray[np.float64], below: NDArray[np.float64]) -> float:
    return float(np.sum((points[1:] + points[:-1]) / 2 * np.diff(below)))
