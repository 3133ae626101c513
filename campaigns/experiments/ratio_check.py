"""Did the arms get the people they were meant to get? A sample-ratio mismatch makes every other figure void."""

from collections.abc import Mapping
from dataclasses import dataclass

from scipy import stats

from campaigns.experiments.allocation import Weights
from campaigns.experiments.answers import CannotTell

SUSPECT_BELOW = 0.001
FEWEST_EXPECTED = 5


@dataclass(frozen=True)
class RatioCheck:
    """Counted against expected people per arm; `is_suspect` when chance would do this less than once in a thousand."""

    counted: Mapping[str, int]
    expected: Mapping[str, float]
    p_value: float
    is_suspect: bool


def ratio_check(counted: Mapping[str, int], weights: Weights) -> RatioCheck | CannotTell:
    """Chi-square goodness of fit (Pearson 1900) with the threshold of Fabijan et al. (2019).

    Cannot tell below five expected people in an arm, or with a single arm.
    """
    people = sum(counted.get(arm, 0) for arm in weights.arms)
    expected = {arm: share * people for arm, share in zip(weights.arms, weights.shares, strict=True) if share}
    if len(expected) < 2 or min(expected.values()) < FEWEST_EXPECTED:
        return CannotTell("too_few_people", {"people": people, "needed": FEWEST_EXPECTED * len(weights.arms)})
    found = {arm: counted.get(arm, 0) for arm in expected}
    p_value = float(stats.chisquare(list(found.values()), list(expected.values())).pvalue)
    return RatioCheck(found, expected, p_value, p_value < SUSPECT_BELOW)
