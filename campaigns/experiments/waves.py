"""Reading a test whose shares changed from wave to wave: versions are compared inside each wave, then averaged."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from campaigns.experiments.sufficient import Mean, Paired, Proportion

FEWEST = 2  # people of an arm in a wave below which its spread there is unknown

S = TypeVar("S", bound=Any)  # proportions, means or pairs


def stratified(waves: Sequence[Mapping[str, S]]) -> dict[str, S]:
    """Each arm as it would read had everybody been dealt evenly: the mean of its waves, weighted by all their people.

    Summing an arm over waves is wrong when shares follow results: an arm that was favoured on good days looks good
    (Simpson's paradox), and one that was dropped after bad luck stays unlucky (Nie et al. 2018). Inside a wave shares
    were fixed beforehand, so every wave's mean is unbiased given the past; weights that owe nothing to the outcome
    keep that true of their sum: the stratified, or inverse-propensity, estimate (Horvitz and Thompson 1952; Hadad et
    al. 2021) over batches (Zhang, Janson and Murphy 2020). Waves in which an arm is missing are left out for all.

    Rates come back with the people they are worth (Kish 1965; Korn and Graubard 1998), so that every method for rates
    holds; means and pairs with their real people and (co)variances that give the error of the weighted mean, so that
    what past spend explains is taken out by the slope that does best for it (CUPED on the stratified estimate).
    """
    used = [wave for wave in waves if wave and min(sample.n for sample in wave.values()) >= FEWEST]
    if len(used) < 2:
        return dict(used[0]) if used else _first(waves)
    sizes = [sum(sample.n for sample in wave.values()) for wave in used]
    shares = [size / sum(sizes) for size in sizes]
    return {arm: _weighted([wave[arm] for wave in used], shares) for arm in used[0]}


def _first(waves: Sequence[Mapping[str, S]]) -> dict[str, S]:
    """Too few people for strata: only the wave that was dealt evenly is read."""
    return dict(waves[0]) if waves else {}


def _weighted(samples: Sequence[Any], shares: Sequence[float]) -> Any:
    return WEIGHTED[type(samples[0])](samples, shares)


def _weighted_rate(rates: Sequence[Proportion], shares: Sequence[float]) -> Proportion:
    mean = sum(share * rate.mean for share, rate in zip(shares, rates, strict=True))
    worth = 1 / sum(share**2 / rate.n for share, rate in zip(shares, rates, strict=True))
    people = sum(rate.n for rate in rates)
    spread = [_smoothed(rate) for rate in rates]
    error = sum(share**2 * one / rate.n for share, one, rate in zip(shares, spread, rates, strict=True))
    smooth = (mean * people + 1) / (people + 2)
    worth = max(1, math.floor(min(worth, smooth * (1 - smooth) / error)))
    return Proportion(worth, min(worth * mean, worth))


def _smoothed(rate: Proportion) -> float:
    """Variance of one person's answer, never zero (Agresti and Caffo 2000)."""
    smooth = (rate.successes + 1) / (rate.n + 2)
    return smooth * (1 - smooth)


def _weighted_mean(means: Sequence[Mean], shares: Sequence[float]) -> Mean:
    people = sum(one.n for one in means)
    mean = sum(share * one.mean for share, one in zip(shares, means, strict=True))
    error = sum(share**2 * one.squared_error for share, one in zip(shares, means, strict=True))
    variance = error * people
    return Mean(people, mean * people, variance * (people - 1) + people * mean**2)


def _weighted_pair(pairs: Sequence[Paired], shares: Sequence[float]) -> Paired:
    """Sums of as many people with the weighted means, and the variances and covariance of these means times people."""
    people = sum(one.n for one in pairs)
    y, x = (_weighted_mean([getattr(one, name) for one in pairs], shares) for name in ("outcome", "covariate"))
    shared = sum(share**2 * one.covariance / one.n for share, one in zip(shares, pairs, strict=True)) * people
    products = shared * (people - 1) + float(y.total) * float(x.total) / people
    return Paired(people, y.total, y.total_of_squares, x.total, x.total_of_squares, products)


WEIGHTED: dict[type, Callable[..., Any]] = {Proportion: _weighted_rate, Mean: _weighted_mean, Paired: _weighted_pair}


def certainty_kept(waves: Sequence[Mapping[str, float]]) -> float:
    """What one person taught, compared with an even split of the same people (0–1), for the largest arm against the
    smallest: the variance of their difference within waves against 2k ÷ people (Neyman 1934)."""
    used = [wave for wave in waves if wave and min(wave.values()) > 0]
    arms = {arm: sum(wave[arm] for wave in used) for arm in (used[0] if used else {})}
    if len(arms) < 2:
        return 0.0
    largest, smallest = max(arms, key=lambda arm: arms[arm]), min(arms, key=lambda arm: arms[arm])
    people = [sum(wave.values()) for wave in used]
    total = sum(people)
    variance = sum(
        (n / total) ** 2 * (1 / wave[largest] + 1 / wave[smallest]) for n, wave in zip(people, used, strict=True)
    )
    return min(1.0, 2 * len(arms) / total / variance) if largest != smallest else 1.0


def worst_case(arms: int, waves: int, floor: float) -> float:
    """Certainty kept when one arm falls back to the floor after the first wave and another takes the rest."""
    even = dict.fromkeys(map(str, range(arms)), 1 / arms)
    low = floor / arms
    uneven = dict.fromkeys(even, low) | {"0": 1 - low * (arms - 1)}
    return certainty_kept([even, *([uneven] * (waves - 1))])
