"""Waves whose shares follow results are read without being fooled by the day or by the shares."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.experiments.comparison import compare
from campaigns.experiments.covariate import adjust
from campaigns.experiments.simulation import TREND, _in_waves
from campaigns.experiments.sufficient import Mean, Paired, Proportion
from campaigns.experiments.waves import certainty_kept, stratified, worst_case


def test_summing_over_waves_sees_an_effect_where_there_is_none_and_strata_do_not():
    """Simpson: version b got most of the people on the good day, and is no better on either."""
    waves = [
        {"a": Proportion(5000, 250), "b": Proportion(500, 25)},
        {"a": Proportion(500, 100), "b": Proportion(5000, 1000)},
    ]
    crude = {key: sum(wave[key].successes for wave in waves) / 5500 for key in "ab"}
    assert crude["b"] - crude["a"] > 0.12
    read = stratified(waves)
    assert read["a"].mean == pytest.approx(read["b"].mean) == pytest.approx(0.125)
    assert 0 in compare(read["b"], read["a"]).interval


def test_one_wave_dealt_at_once_is_read_as_it_is():
    wave = {"a": Proportion(1000, 40), "b": Proportion(900, 50)}
    assert stratified([wave]) == wave


def test_rates_are_worth_the_people_that_give_the_error_of_the_weighted_mean():
    """Against the textbook variance of a stratified mean (Cochran 1977, equation 5.7)."""
    waves = [
        {"a": Proportion(400, 40), "b": Proportion(400, 44)},
        {"a": Proportion(100, 30), "b": Proportion(700, 200)},
    ]
    read = stratified(waves)["a"]
    textbook = (0.5**2 * 0.1 * 0.9 / 400 + 0.5**2 * 0.3 * 0.7 / 100) / (0.5 + 0.5) ** 2
    assert read.mean == pytest.approx(0.2)
    assert read.variance / read.n >= textbook
    assert read.variance / read.n == pytest.approx(textbook, rel=0.25)


def test_money_keeps_its_people_and_gets_the_error_of_the_weighted_mean():
    random = np.random.default_rng(4)
    values = [
        {key: random.gamma(1, 20, n) for key, n in sizes.items()}
        for sizes in ({"a": 300, "b": 300}, {"a": 60, "b": 540})
    ]
    read = stratified([{key: Mean.of(own) for key, own in wave.items()} for wave in values])["a"]
    expected = sum(0.5 * wave["a"].mean() for wave in values)
    error = sum(0.25 * wave["a"].var(ddof=1) / len(wave["a"]) for wave in values)
    assert (read.n, read.mean) == (360, pytest.approx(expected))
    assert read.squared_error == pytest.approx(error)


def test_past_spend_is_taken_out_of_waves_as_out_of_every_wave_with_one_slope():
    """Against the same adjustment of people by hand: each wave's means less the slope times theirs of past spend."""
    random = np.random.default_rng(5)
    waves, plain = [], []
    for sizes, day in (({"a": 400, "b": 400}, 10), ({"a": 90, "b": 710}, 25)):
        past = {key: random.gamma(2, 20, n) for key, n in sizes.items()}
        spent = {key: day + 0.8 * past[key] + random.normal(0, 5, n) for key, n in sizes.items()}
        waves.append({key: Paired.of(spent[key], past[key]) for key in sizes})
        plain.append({key: Mean.of(spent[key]) for key in sizes})
    read = stratified(waves)
    assert {key: one.outcome.squared_error for key, one in read.items()} == pytest.approx(
        {key: one.squared_error for key, one in stratified(plain).items()}
    )
    told = adjust(list(read.values()))
    by_hand = [
        0.5 * sum((wave[key].y - told.slope * wave[key].x) / wave[key].n for wave in waves) for key in ("a", "b")
    ]
    assert told.variance_removed > 0.8
    assert told.arms[1].mean - told.arms[0].mean == pytest.approx(by_hand[1] - by_hand[0])
    assert (
        compare(*reversed(told.arms)).standard_error
        < 0.5 * compare(read["b"].outcome, read["a"].outcome).standard_error
    )


def test_the_estimate_is_unbiased_where_the_sum_over_waves_is_not():
    """The same simulated tests, read both ways: later waves follow the luck of earlier ones, and days differ."""
    random = np.random.default_rng(20)
    fair, crude = [], []
    for _ in range(250):
        waves = _in_waves(random, 0.02)
        read = stratified(waves)
        fair.append(read["b"].mean - read["a"].mean)
        sums = {key: sum(w[key].successes for w in waves) / sum(w[key].n for w in waves) for key in "ab"}
        crude.append(sums["b"] - sums["a"])
    noise = np.std(fair) / math.sqrt(len(fair))
    assert abs(np.mean(fair) - 0.02) < 4 * noise
    assert abs(np.mean(crude) - 0.02) > 4 * noise
    assert len(set(TREND)) > 1


def test_certainty_is_the_ratio_of_variances_within_waves():
    even, uneven = {"a": 500, "b": 500}, {"a": 900, "b": 100}
    assert certainty_kept([even, even]) == pytest.approx(1)
    variance = 0.25 * (1 / 500 + 1 / 500) + 0.25 * (1 / 900 + 1 / 100)
    assert certainty_kept([even, uneven]) == pytest.approx(2 * 2 / 2000 / variance)
    assert worst_case(2, 2, 0.2) == pytest.approx(certainty_kept([even, uneven]))


def test_a_wave_in_which_an_arm_is_missing_counts_for_none():
    whole = {"a": Proportion(50, 5), "b": Proportion(50, 6)}
    assert stratified([whole, {"a": Proportion(90, 80), "b": Proportion()}]) == whole


COUNTS = st.tuples(st.integers(0, 10**6), st.floats(0, 1)).map(lambda pair: Proportion(pair[0], int(pair[0] * pair[1])))
MONEY = st.lists(st.floats(-1e6, 1e9), max_size=6).map(Mean.of)


@given(st.one_of(*(st.lists(st.fixed_dictionaries({"a": kind, "b": kind}), max_size=5) for kind in (COUNTS, MONEY))))
def test_whatever_the_waves_held_the_reading_lies_between_them_and_claims_no_more_people(waves):
    for arm, read in stratified(waves).items():
        used = [wave[arm] for wave in waves if wave[arm].n]
        assert 0 <= read.n <= sum(sample.n for sample in used)
        if read.n:
            low, high = min(one.mean for one in used), max(one.mean for one in used)
            slack = 1e-9 * max(1.0, abs(low), abs(high))
            assert low - slack <= read.mean <= high + slack
