"""Past spend sharpens, never bends; caps and bootstraps do what they say."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from campaigns.experiments.comparison import compare_means
from campaigns.experiments.covariate import adjust, bootstrap_difference, ratio, winsorised
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
    assert answer.deviation_left == pytest.approx(0.6, abs=0.01)
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


def test_a_ratio_of_totals_agrees_with_the_bootstrap_of_people():
    random = np.random.default_rng(46)
    orders = random.poisson(3, 500) + 1
    revenue = orders * random.gamma(4, 5, 500)
    estimate, interval = ratio(Paired.of(revenue, orders))
    oracle = stats.bootstrap(
        (revenue, orders),
        lambda y, x, axis: y.sum(axis=axis) / x.sum(axis=axis),
        paired=True,
        n_resamples=3000,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert estimate == pytest.approx(revenue.sum() / orders.sum())
    assert (interval.low, interval.high) == pytest.approx((oracle.low, oracle.high), rel=0.01)


def test_one_whale_cannot_buy_the_test_when_revenue_is_capped():
    ordinary = [10.0] * 50 + [0.0] * 50
    with_whale = [*ordinary[:-1], 50_000.0]
    assert winsorised(with_whale, 100).mean == pytest.approx(winsorised(ordinary, 100).mean, abs=1.01)
    assert winsorised(with_whale, 100).total == sum(min(value, 100) for value in with_whale)


def test_the_bucket_bootstrap_agrees_with_welch_and_repeats_itself():
    random = np.random.default_rng(47)
    first, second = random.gamma(1, 30, (100, 80)), random.gamma(1, 27, (100, 80))
    buckets = [[Mean.of(bucket) for bucket in arm] for arm in (first, second)]
    interval = bootstrap_difference(*buckets, seed=7)
    oracle = stats.ttest_ind(first.ravel(), second.ravel(), equal_var=False).confidence_interval()
    assert interval == bootstrap_difference(*buckets, seed=7)
    width = oracle.high - oracle.low
    assert interval.low == pytest.approx(oracle.low, abs=0.2 * width)
    assert interval.high == pytest.approx(oracle.high, abs=0.2 * width)
    assert bootstrap_difference(buckets[0][:5], buckets[1], seed=7).code == "too_few_buckets"
