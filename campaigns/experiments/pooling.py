"""Many segments read together: partial pooling, a test of whether they differ, and control of false discoveries."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from campaigns.experiments.answers import CannotTell, Interval


@dataclass(frozen=True)
class Estimate:
    """One segment's difference with its standard error."""

    difference: float
    standard_error: float


@dataclass(frozen=True)
class Pooled:
    """One segment's difference after borrowing from the others; `borrowed` is the share (0–1) that came from them."""

    difference: float
    standard_error: float
    interval: Interval
    borrowed: float


@dataclass(frozen=True)
class Pooling:
    """All segments together.

    `common` is the mean effect, `between_deviation` how much true effects differ between segments (same unit),
    `q` and `p_value` Cochran's test that they do not differ at all, `inconsistency` I² (0–1).
    """

    segments: tuple[Pooled, ...]
    common: Estimate
    between_deviation: float
    q: float
    p_value: float
    inconsistency: float


def pool(estimates: Sequence[Estimate], *, level: float = 0.95) -> Pooling | CannotTell:
    """Empirical Bayes, normal–normal.

    Between-segment variance by DerSimonian and Laird (1986), equation 8; shrinkage and its uncertainty by Morris
    (1983), section 5, which for equal errors is James and Stein's; heterogeneity by Cochran (1954) and I² by Higgins
    and Thompson (2002). Two or three segments say too little about how much segments differ: there Morris' factor is
    zero, nothing is borrowed, and the raw figures stand. Had they been shrunk, 95 % intervals would hold in 87 %.
    """
    known = [e for e in estimates if e.standard_error > 0 and math.isfinite(e.standard_error)]
    if len(known) < 2 or len(known) < len(estimates):
        return CannotTell("too_few_segments", {"segments": len(known), "needed": 2})
    effects = np.array([e.difference for e in known])
    variances = np.array([e.standard_error**2 for e in known])
    q, between = _heterogeneity(effects, variances)
    weights = 1 / (variances + between)
    common = Estimate(float(np.average(effects, weights=weights)), float(weights.sum() ** -0.5))
    return Pooling(
        segments=_shrunk(effects, variances, between, common, level),
        common=common,
        between_deviation=math.sqrt(between),
        q=q,
        p_value=float(stats.chi2.sf(q, len(known) - 1)),
        inconsistency=max(0.0, 1 - (len(known) - 1) / q) if q > 0 else 0.0,
    )


def _heterogeneity(effects: np.ndarray, variances: np.ndarray) -> tuple[float, float]:
    """Cochran's Q and the variance of true effects between segments."""
    weights = 1 / variances
    q = float(np.sum(weights * (effects - np.average(effects, weights=weights)) ** 2))
    scale = weights.sum() - (weights**2).sum() / weights.sum()
    return q, max(0.0, float((q - (len(effects) - 1)) / scale))


def _shrunk(
    effects: np.ndarray, variances: np.ndarray, between: float, common: Estimate, level: float
) -> tuple[Pooled, ...]:
    """Morris' estimates; `own` is each segment's part in the common mean, `usual` the mean variance weighted so."""
    count = len(effects)
    borrowed = max(0.0, (count - 3) / (count - 1)) * variances / (variances + between)
    means = borrowed * common.difference + (1 - borrowed) * effects
    own = common.standard_error**2 / (variances + between)
    squared = variances * (1 - borrowed * (1 - own))
    if count > 3:
        usual = np.average(variances, weights=own)
        unsure = 2 / (count - 3) * borrowed**2 * (usual + between) / (variances + between)
        squared = squared + unsure * (effects - common.difference) ** 2
    z = float(stats.norm.isf((1 - level) / 2))
    return tuple(
        Pooled(float(m), float(e), Interval(float(m - z * e), float(m + z * e), level), float(b))
        for m, e, b in zip(means, np.sqrt(squared), borrowed, strict=True)
    )


def discoveries(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: calling all those ≤ q a discovery keeps the expected false share ≤ q.

    Benjamini and Hochberg (1995), step-up procedure.
    """
    return [float(p) for p in stats.false_discovery_control(list(p_values))] if p_values else []
