"""What is promised before launch is what a simulated launch delivers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.power import NormalIndPower, normal_sample_size_one_tail

from campaigns.experiments.answers import CannotTell
from campaigns.experiments.comparison import compare_rates
from campaigns.experiments.decision import contest, decide
from campaigns.experiments.plan import ArmPlan, Goal, Plan
from campaigns.experiments.power import (
    LOOKS,
    chance_to_cross,
    detectable_mean,
    detectable_rate,
    people_for_mean,
    people_for_rate,
    power_of_rates,
    steps_needed,
)
from campaigns.experiments.report import detectable
from campaigns.experiments.sequential import _mixture_p, always_valid, multiplier, planned_information, tuning
from campaigns.experiments.sufficient import Proportion


@pytest.mark.parametrize("rate, difference, power, people", [(0.5, 0.25, 0.9, 77), (0.5, 0.25, 0.8, 58)])
def test_people_needed_equal_the_example_of_r_power_prop_test(rate, difference, power, people):
    """help(power.prop.test): p1 = .50, p2 = .75, power = .90 gives n = 76.7."""
    assert people_for_rate(rate, difference, power=power) == people


@pytest.mark.parametrize("rate, difference, ratio", [(0.02, 0.004, 1.0), (0.05, 0.01, 0.25), (0.3, -0.05, 2.0)])
def test_people_needed_agree_with_statsmodels(rate, difference, ratio):
    other = rate + difference
    overall = (other + ratio * rate) / (1 + ratio)
    oracle = normal_sample_size_one_tail(
        difference,
        0.8,
        0.025,
        std_null=np.sqrt(overall * (1 - overall) * (1 + 1 / ratio)),
        std_alternative=np.sqrt(other * (1 - other) + rate * (1 - rate) / ratio),
    )
    assert people_for_rate(rate, difference, ratio=ratio) == pytest.approx(oracle, abs=1)


@pytest.mark.parametrize("deviation, difference, ratio", [(30.0, 2.0, 1.0), (30.0, 2.0, 0.2)])
def test_people_for_means_agree_with_statsmodels(deviation, difference, ratio):
    oracle = NormalIndPower().solve_power(difference / deviation, None, 0.05, 0.8, ratio)
    assert people_for_mean(deviation, difference, ratio=ratio) == pytest.approx(oracle, abs=1)


@given(st.floats(0.005, 0.4), st.integers(500, 50_000), st.floats(0.1, 1))
def test_the_detectable_effect_needs_the_people_it_was_computed_for(rate, people, ratio):
    found = detectable_rate(rate, people, people * ratio)
    if isinstance(found, CannotTell) or found.difference + rate > 0.99:
        return
    assert people_for_rate(rate, found.difference, ratio=ratio) == pytest.approx(people, rel=1e-3, abs=2)


@given(st.floats(0.01, 0.4), st.integers(200, 20_000))
def test_more_people_show_smaller_effects_and_peeking_costs_some(rate, people):
    few, many = detectable_rate(rate, people, people), detectable_rate(rate, people * 4, people * 4)
    peeking = detectable_rate(rate, people * 4, people * 4, look="always")
    if isinstance(few, CannotTell):
        return
    assert many.difference < few.difference
    assert many.difference < peeking.difference < 2 * many.difference


def test_a_planted_effect_is_found_as_often_as_promised():
    random = np.random.default_rng(21)
    promised = detectable_rate(0.04, 4000, 4000, power=0.8)
    hits = zip(random.binomial(4000, 0.04 + promised.difference, 4000), random.binomial(4000, 0.04, 4000), strict=True)
    found = np.mean([compare_rates(Proportion(4000, int(a)), Proportion(4000, int(b))).p_value < 0.05 for a, b in hits])
    assert found == pytest.approx(0.8, abs=0.03)
    assert power_of_rates(0.04, promised.difference, 4000, 4000) == pytest.approx(0.8)


def test_the_chance_to_cross_agrees_with_simulated_paths():
    random = np.random.default_rng(22)
    time = np.arange(1, LOOKS + 1) / LOOKS
    bound = np.array([multiplier(moment) for moment in time]) * np.sqrt(time)
    paths = np.cumsum(random.normal(0, LOOKS**-0.5, (20_000, LOOKS)), axis=1)
    for steps in (0.0, 2.0, 3.5):
        crossed = np.mean(np.any(np.abs(paths + steps * time) > bound, axis=1))
        assert chance_to_cross(steps) == pytest.approx(crossed, abs=0.012)


def test_an_effect_promised_under_peeking_is_found_as_often_when_peeked_at_daily():
    random = np.random.default_rng(23)
    days, per_day = 28, 400
    promised = detectable_rate(0.05, days * per_day, days * per_day, look="always")
    planned = planned_information(days * per_day, days * per_day, variance=0.05 * 0.95)
    found = 0
    for _ in range(1200):
        rates = [[0.05 + promised.difference], [0.05]]
        hits = np.cumsum(random.binomial(per_day, rates, (2, days)), axis=1)
        arms = ([Proportion(per_day * (d + 1), int(hits[arm, d])) for arm in (0, 1)] for d in range(days))
        found += any(_is_found(always_valid(*pair, planned=planned)) for pair in arms)
    assert found / 1200 == pytest.approx(0.8, abs=0.03)


def _is_found(reading):
    return not isinstance(reading, CannotTell) and reading.p_value < 0.05


def test_a_detectable_mean_shrinks_with_the_root_of_the_people():
    assert detectable_mean(5, 30, 400, 400).difference == pytest.approx(
        2 * detectable_mean(5, 30, 1600, 1600).difference
    )


def test_one_rival_needs_what_integration_says_and_more_rivals_need_more():
    alone = steps_needed(0.8, look="always")
    assert chance_to_cross(alone) == pytest.approx(0.8)
    unlike = steps_needed(0.8, look="always", people=(1, 1, 1e6))  # the third is measured exactly, so only chance adds
    assert steps_needed(0.8, look="always", people=(1, 1, 1)) > unlike > alone


def test_a_lead_over_several_rivals_is_found_as_often_as_promised():
    """Against the rule itself, in one look: three versions of which one is ahead of both others."""
    random = np.random.default_rng(24)
    rule = Plan(Goal("c", "", "rate", 0.05), tuple(ArmPlan(key, key, 1) for key in "abc"), 15_000, look="once")
    lead = detectable(rule, 15_000).difference
    hits = random.binomial(5000, [0.05 + lead, 0.05, 0.05], (3000, 3))
    arms = ({key: Proportion(5000, int(n)) for key, n in zip("abc", row, strict=True)} for row in hits)
    found = np.mean([decide(rule, contest(rule, one)).variant == "a" for one in arms])
    assert found == pytest.approx(0.8, abs=0.03)


@given(st.floats(0.01, 1.5), st.floats(1e-6, 0.05))
def test_the_bound_of_an_alarm_is_where_the_p_value_is_as_low(clock, alarm):
    assert _mixture_p(multiplier(clock, alarm=alarm) ** 2, tuning(0.95) * clock) == pytest.approx(alarm)


@pytest.mark.parametrize(
    "answer, code",
    [
        (detectable_rate(0.0, 100, 100), "no_expected_value"),
        (detectable_rate(0.9, 10, 10), "audience_too_small"),
        (detectable_rate(0.1, 0, 10), "nobody"),
        (detectable_mean(0, 1, 10, 10), "no_expected_value"),
        (people_for_rate(0.5, 0.6), "no_expected_value"),
    ],
)
def test_what_cannot_be_promised_is_said(answer, code):
    assert answer.code == code
