"""Past spend sharpens and never bends."""

import numpy as np
import pytest
import statsmodels.api as sm

from campaigns.experiments.comparison import compare_means
from campaigns.experiments.covariate import adjust
from campaigns.experiments.sufficient import Mean, Paired


def spend(random, people, lift=0.0, correlation=0.8):
    past = random.normal(50, 20, people)
    noise = random.normal(0, 20, people)
    return lift + correlation * past + np.sqrt(1 - correlation**2) * noise, past


def test_the_variance_falls_by_the_squared_correlation():
    """Deng et al. (2013), equation 5: Var(adjusted) = Var(raw) · (1 − ρ²)."""
    random = np.random.default_rng(41)
    y, x = spend(random, 20_000)
    half = 10_000
    answer = adjust([Paired.of(y[:half], x[:half]), Paired.of(y[half:], x[half:])])
    assert answer.variance_removed == pytest.approx(np.corrcoef(y, x)[0, 1] ** 2, abs=0.002)
    assert answer.is_helpful


def test_the_difference_agrees_with_a_regression_on_the_covariate():
    random = np.random.default_rng(42)
    (y1, x1), (y0, x0) = spend(random, 900, lift=3), spend(random, 700)
    answer = adjust([Paired.of(y1, x1), Paired.of(y0, x0)])
    design = sm.add_constant(np.column_stack([np.r_[np.ones(900), np.zeros(700)], np.r_[x1, x0]]))
    oracle = sm.OLS(np.r_[y1, y0], design).fit()
    reading = compare_means(*answer.arms)
    assert answer.slope == pytest.approx(oracle.params[2])
    assert reading.difference == pytest.approx(oracle.params[1])
    assert reading.standard_error == pytest.approx(oracle.bse[1], rel=0.02)


def test_adjusted_sums_equal_adjusting_every_person():
    random = np.random.default_rng(43)
    y, x = spend(random, 60)
    answer = adjust([Paired.of(y[:20], x[:20]), Paired.of(y[20:], x[20:])])
    direct = Mean.of(y[:20] - answer.slope * (x[:20] - x.mean()))
    assert answer.arms[0].mean == pytest.approx(direct.mean)
    assert answer.arms[0].variance == pytest.approx(direct.variance)


def test_intervals_still_cover_the_truth():
    random = np.random.default_rng(44)
    covered = 0
    for _ in range(1500):
        (y1, x1), (y0, x0) = spend(random, 80, lift=5), spend(random, 80)
        covered += 5 in compare_means(*adjust([Paired.of(y1, x1), Paired.of(y0, x0)]).arms).interval
    assert covered / 1500 == pytest.approx(0.95, abs=0.015)


def test_a_covariate_that_explains_nothing_is_said_not_to_help():
    random = np.random.default_rng(45)
    y, x = spend(random, 4000, correlation=0.0)
    assert not adjust([Paired.of(y[:2000], x[:2000]), Paired.of(y[2000:], x[2000:])]).is_helpful
    assert adjust([Paired.of([1, 2, 3], [5, 5, 5])] * 2).code == "covariate_is_constant"
