"""Comparisons agree with published tables, scipy and statsmodels."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import minimize_scalar
from scipy.special import xlogy
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.proportion import test_proportions_2indep as score_test

from campaigns.experiments.answers import CannotTell
from campaigns.experiments.comparison import (
    compare,
    compare_means,
    compare_rates,
    compare_spend,
    mean_interval,
    rate_interval,
)
from campaigns.experiments.sufficient import Mean, Proportion

rates = st.integers(1, 400).flatmap(lambda n: st.builds(Proportion, st.just(n), st.integers(0, n)))


@pytest.mark.parametrize(
    "variant, reference, low, high",
    [
        (Proportion(70, 56), Proportion(80, 48), 0.0528, 0.3382),
        (Proportion(10, 9), Proportion(10, 3), 0.1700, 0.8406),
    ],
)
def test_intervals_equal_newcombe_1998_table_ii_method_6(variant, reference, low, high):
    interval = compare_rates(variant, reference).interval
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=6e-5)


def score_by_search(x1, n1, x0, n0, link):
    """Score statistic with the constrained likelihood maximised by search, not by formula; link: other rate → rate."""

    def surprise(rate):
        raised = link(rate)
        if not 0 <= raised <= 1:
            return np.inf
        return -(xlogy(x1, raised) + xlogy(n1 - x1, 1 - raised) + xlogy(x0, rate) + xlogy(n0 - x0, 1 - rate))

    inside = [rate for rate in np.linspace(1e-6, 1 - 1e-6, 4001) if 0 <= link(rate) <= 1]
    best = min(inside, key=surprise)
    bounds = (max(inside[0], best - 3e-4), min(inside[-1], best + 3e-4))
    rate = minimize_scalar(surprise, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
    slope = link(1.0) - link(0.0)
    raised = link(rate)
    variance = raised * (1 - raised) / n1 + slope**2 * rate * (1 - rate) / n0
    return (x1 / n1 - link(x0 / n0)) / np.sqrt(variance * (n1 + n0) / (n1 + n0 - 1))


@pytest.mark.parametrize("x1, n1, x0, n0", [(56, 70, 48, 80), (120, 5000, 90, 5000), (7, 900, 2, 100), (30, 31, 1, 40)])
def test_interval_ends_are_where_the_score_is_exactly_significant(x1, n1, x0, n0):
    answer = compare_rates(Proportion(n1, x1), Proportion(n0, x0))
    for end, sign in ((answer.interval.low, 1), (answer.interval.high, -1)):
        assert score_by_search(x1, n1, x0, n0, lambda q, d=end: q + d) == pytest.approx(sign * 1.959964, abs=2e-4)
    for end, sign in ((answer.lift.interval.low, 1), (answer.lift.interval.high, -1)):
        assert score_by_search(x1, n1, x0, n0, lambda q, r=end + 1: q * r) == pytest.approx(sign * 1.959964, abs=2e-4)


@pytest.mark.parametrize("x1, n1, x0, n0", [(56, 70, 48, 80), (120, 5000, 90, 5000), (7, 900, 2, 100), (30, 31, 1, 40)])
def test_p_values_agree_with_statsmodels(x1, n1, x0, n0):
    oracle = score_test(x1, n1, x0, n0, method="score", compare="diff", correction=True).pvalue
    assert compare_rates(Proportion(n1, x1), Proportion(n0, x0)).p_value == pytest.approx(oracle, abs=1e-9)


@settings(max_examples=150, deadline=None)
@given(rates, rates)
def test_swapping_the_arms_turns_the_interval_round(first, second):
    there, back = compare_rates(first, second), compare_rates(second, first)
    assert there.difference == pytest.approx(-back.difference)
    assert there.p_value == pytest.approx(back.p_value, abs=1e-9)
    assert there.interval.low == pytest.approx(-back.interval.high, abs=1e-7)
    assert -1 <= there.interval.low <= there.difference <= there.interval.high <= 1


@settings(max_examples=150, deadline=None)
@given(rates, rates)
def test_p_value_interval_and_lift_never_contradict_each_other(first, second):
    answer = compare_rates(first, second)
    assume(abs(answer.p_value - 0.05) > 1e-6)
    assert (answer.p_value < 0.05) == (0 not in answer.interval)
    if not isinstance(answer.lift, CannotTell):
        assert (answer.p_value < 0.05) == (0 not in answer.lift.interval)


def test_score_intervals_cover_the_truth_at_their_level():
    """Exact coverage: every outcome of two binomials, weighted by its chance."""
    n1, n0, p1, p0 = 40, 30, 0.12, 0.08
    covered = sum(
        stats.binom.pmf(x1, n1, p1) * stats.binom.pmf(x0, n0, p0)
        for x1 in range(16)
        for x0 in range(14)
        if p1 - p0 in compare_rates(Proportion(n1, x1), Proportion(n0, x0)).interval
    )
    assert 0.94 <= covered <= 0.975


@pytest.mark.parametrize("x, n", [(0, 10), (3, 10), (81, 263), (10, 10)])
def test_wilson_agrees_with_statsmodels(x, n):
    interval = rate_interval(Proportion(n, x))
    assert (interval.low, interval.high) == pytest.approx(proportion_confint(x, n, method="wilson"), abs=1e-9)


def test_means_agree_with_scipy():
    random = np.random.default_rng(3)
    first, second = random.gamma(2, 10, 80), random.gamma(2, 8, 55)
    answer = compare_means(Mean.of(first), Mean.of(second))
    oracle = stats.ttest_ind(first, second, equal_var=False)
    interval = oracle.confidence_interval(0.95)
    assert answer.p_value == pytest.approx(oracle.pvalue)
    assert (answer.interval.low, answer.interval.high) == pytest.approx((interval.low, interval.high))
    own = stats.t.interval(0.95, 79, first.mean(), stats.sem(first))
    assert (mean_interval(Mean.of(first)).low, mean_interval(Mean.of(first)).high) == pytest.approx(own)


def test_fieller_interval_of_the_lift_covers_the_truth():
    random = np.random.default_rng(5)
    covered = 0
    for _ in range(1500):
        lift = compare_means(Mean.of(random.normal(12, 9, 40)), Mean.of(random.normal(10, 9, 40))).lift
        covered += isinstance(lift, CannotTell) or 0.2 in lift.interval
    assert covered / 1500 == pytest.approx(0.95, abs=0.015)


@settings(max_examples=60)
@given(st.floats(0.1, 1000))
def test_a_change_of_currency_changes_no_verdict(factor):
    first, second = Mean.of([1.0, 5, 7, 3]), Mean.of([2.0, 1, 1, 4])
    plain = compare_means(first, second)
    scaled = compare_means(
        Mean(4, first.total * factor, first.total_of_squares * factor**2),
        Mean(4, second.total * factor, second.total_of_squares * factor**2),
    )
    assert scaled.p_value == pytest.approx(plain.p_value, rel=1e-6)
    assert scaled.difference == pytest.approx(plain.difference * factor)


@pytest.mark.parametrize(
    "variant, reference, code",
    [
        (Proportion(0, 0), Proportion(10, 1), "nobody"),
        (Mean.of([1.0]), Mean.of([1.0, 2.0]), "too_few_people"),
        (Mean.of([1.0, 1.0]), Mean.of([2.0, 2.0]), "no_variation"),
    ],
)
def test_what_cannot_be_told_is_said_with_its_reason(variant, reference, code):
    assert compare(variant, reference).code == code


def test_a_lift_over_nothing_cannot_be_told():
    assert compare_rates(Proportion(50, 3), Proportion(50, 0)).lift.code == "reference_is_zero"
    assert compare_means(Mean.of([9, 9, 8]), Mean.of([0, 0, 1])).lift.code == "reference_near_zero"


def test_a_rate_is_not_compared_with_a_mean():
    with pytest.raises(TypeError, match="Proportion"):
        compare(Proportion(5, 1), Mean.of([1, 2]))


def baskets(random, people, share, size):
    """Sums of revenue where few buy."""
    buyers = random.binomial(people, share)
    amounts = random.gamma(2, size / 2, buyers)
    return Mean(people, float(amounts.sum()), float((amounts**2).sum()))


@pytest.mark.parametrize(
    "sizes, shares, amounts",
    [
        ((2000, 400), (0.05, 0.05), (50, 50)),
        ((2000, 400), (0.08, 0.05), (50, 50)),
        ((9000, 1000), (0.02, 0.02), (70, 50)),
        ((1000, 1000), (0.05, 0.05), (50, 50)),
    ],
)
def test_spending_intervals_miss_as_often_above_as_below(sizes, shares, amounts):
    random = np.random.default_rng(6)
    truth = shares[0] * amounts[0] - shares[1] * amounts[1]
    arms = list(zip(sizes, shares, amounts, strict=True))
    intervals = [compare_spend(*(baskets(random, *arm) for arm in arms)).interval for _ in range(1500)]
    assert np.mean([interval.low > truth for interval in intervals]) == pytest.approx(0.025, abs=0.014)
    assert np.mean([interval.high < truth for interval in intervals]) == pytest.approx(0.025, abs=0.014)


def test_welch_would_claim_too_much_from_a_small_hold_out():
    random = np.random.default_rng(6)
    tests = [(baskets(random, 9000, 0.02, 50), baskets(random, 1000, 0.02, 50)) for _ in range(1500)]
    assert np.mean([compare_means(*test).interval.low > 0 for test in tests]) > 0.045


def test_spending_agrees_with_welch_when_there_is_plenty():
    random = np.random.default_rng(7)
    first, second = baskets(random, 200_000, 0.11, 50), baskets(random, 200_000, 0.1, 50)
    score, welch = compare_spend(first, second), compare_means(first, second)
    assert (score.interval.low, score.interval.high) == pytest.approx(
        (welch.interval.low, welch.interval.high), rel=0.02
    )
    lifts = [(answer.lift.interval.low, answer.lift.interval.high) for answer in (score, welch)]
    assert lifts[0] == pytest.approx(lifts[1], rel=0.03)


@settings(max_examples=150, deadline=None)
@given(*[st.tuples(st.integers(30, 3000), st.floats(0.05, 60), st.floats(0.5, 20))] * 2)
def test_spending_verdicts_never_contradict_each_other(first, second):
    arms = [Mean(n, n * mean, n * (mean**2 + (mean * spread) ** 2)) for n, mean, spread in (first, second)]
    there, back = compare_spend(*arms), compare_spend(*reversed(arms))
    assert there.interval.low <= there.difference <= there.interval.high
    assert there.interval.low == pytest.approx(-back.interval.high, rel=1e-6, abs=1e-6)
    if abs(there.p_value - 0.05) > 1e-6:
        assert (there.p_value < 0.05) == (0 not in there.interval)
        if not isinstance(there.lift, CannotTell):
            assert (there.p_value < 0.05) == (0 not in there.lift.interval)


def test_a_hold_out_that_bought_nothing_still_has_an_interval():
    answer = compare_spend(Mean(900, 900.0, 45_000.0), Mean(100, 0.0, 0.0))
    assert answer.interval.low < 1.0 < answer.interval.high
    assert answer.lift.code == "reference_is_zero"
