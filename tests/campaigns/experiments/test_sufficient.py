"""Sums that pool like the people they stand for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.experiments.sufficient import Mean, Paired, Proportion, StatisticsError

values = st.lists(st.floats(-1000, 1000), min_size=2, max_size=30)


@given(values, values)
def test_pooled_sums_equal_the_sums_of_everybody(first, second):
    pooled = Mean.of(first) + Mean.of(second)
    assert pooled.n == len(first) + len(second)
    assert pooled.mean == pytest.approx(np.mean(first + second), abs=1e-6)
    assert pooled.variance == pytest.approx(np.var(first + second, ddof=1), rel=1e-6, abs=1e-4)


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), min_size=2, max_size=30))
def test_pairs_know_their_covariance(pairs):
    ys, xs = zip(*pairs, strict=True)
    half = len(pairs) // 2
    pooled = Paired.of(ys[:half], xs[:half]) + Paired.of(ys[half:], xs[half:]) if half else Paired.of(ys, xs)
    assert pooled.covariance == pytest.approx(np.cov(ys, xs)[0, 1], rel=1e-6, abs=1e-5)


@pytest.mark.parametrize("n, successes", [(1, 2), (5, -1), (-1, 0)])
def test_a_proportion_refuses_impossible_counts(n, successes):
    with pytest.raises(StatisticsError):
        Proportion(n, successes)


def test_nobody_has_no_mean():
    assert np.isnan(Proportion().mean)
    assert np.isnan(Mean().mean)
    with pytest.raises(StatisticsError):
        Mean(0, 5.0, 25.0)
