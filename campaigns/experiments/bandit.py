"""The bandit option: send more to what seems to work, and say what that costs in certainty."""

from collections.abc import Mapping
from dataclasses import dataclass

from campaigns.experiments.allocation import Weights
from campaigns.experiments.answers import CannotTell
from campaigns.experiments.chances import chances
from campaigns.experiments.sufficient import Sample


@dataclass(frozen=True)
class Shares:
    """Shares for the next people, and their price.

    `certainty_kept` (0–1) is what one person teaches, compared with an even split; `times_longer` its inverse: how
    many times as many people the same certainty now takes.
    """

    weights: Weights
    certainty_kept: float
    times_longer: float


def thompson_shares(arms: Mapping[str, Sample], *, floor: float = 0.1) -> Shares | CannotTell:
    """Each arm's share is its chance to be best (Thompson 1933), but at least `floor` ÷ number of arms.

    The chance is computed, not drawn, so the same evidence gives the same shares. The floor keeps every arm measured;
    judge the test on people allocated evenly (the floor's part), because means of adaptively chosen people are biased
    downwards (Nie, Tian, Taylor and Zou 2018).
    """
    won = chances(arms)
    if isinstance(won, CannotTell):
        return won
    if not 0 < floor <= 1:
        return CannotTell("floor_out_of_range", {"floor": floor})
    total = sum(chance.best for chance in won.values())
    shares = {arm: floor / len(won) + (1 - floor) * chance.best / total for arm, chance in won.items()}
    weights = Weights.of(shares)
    kept = certainty_kept(weights)
    return Shares(weights, kept, 1 / kept)


def certainty_kept(weights: Weights) -> float:
    """Precision of the largest arm against the smallest, relative to an even split (0–1).

    The variance of a difference is proportional to 1/w₁ + 1/w₂ (Neyman 1934); an even split of k arms has 2k.
    """
    used = [share for share in weights.shares if share]
    if len(used) < 2:
        return 0.0
    largest, smallest = max(used), min(used)
    return min(1.0, 2 * len(used) / (1 / largest + 1 / smallest))
