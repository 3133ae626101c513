"""Peeking every day must not make winners out of nothing."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.experiments.answers import CannotTell
from campaigns.experiments.comparison import compare_rates
from campaigns.experiments.sequential import always_valid, multiplier, planned_information, tuning
from campaigns.experiments.sufficient import Mean, Proportion

TESTS = 1500


def share_ever_significant(tests):
    """Share of tests in which any look said p < 5 %; each test is a list of (variant, reference, planned)."""
    found = 0
    for looks in tests:
        readings = (always_valid(a, b, planned=planned) for a, b, planned in looks)
        found += any(not isinstance(reading, CannotTell) and reading.p_value < 0.05 for reading in readings)
    return found / TESTS


def people_arriving(random, days, per_day, shares, rates):
    """A/B test where every day brings new people who answer at once."""
    n = [per_day * share for share in shares]
    planned = planned_information(n[0] * days, n[1] * days, variance=rates[1] * (1 - rates[1]))
    hits = np.cumsum(random.binomial(np.array(n, int)[:, None], np.array(rates)[:, None], (2, days)), axis=1)
    for day in range(days):
        sizes = [int(n[0]) * (day + 1), int(n[1]) * (day + 1)]
        yield Proportion(sizes[0], int(hits[0, day])), Proportion(sizes[1], int(hits[1, day])), planned


def responses_arriving(random, days, sizes, rate):
    """A campaign sent to everybody at once, whose conversions drop in over the days."""
    planned = planned_information(*sizes, variance=rate * (1 - rate))
    arrived = 1 - np.exp(-np.arange(1, days + 1) / 4)
    chances = np.diff(np.concatenate([[0], rate * arrived, [1]]))
    hits = [np.cumsum(random.multinomial(size, chances)[:days]) for size in sizes]
    for day in range(days):
        yield Proportion(sizes[0], int(hits[0][day])), Proportion(sizes[1], int(hits[1][day])), planned


@pytest.mark.parametrize("shares, rate", [((0.5, 0.5), 0.05), ((0.9, 0.1), 0.03)])
def test_daily_peeking_while_people_arrive_finds_nothing_where_nothing_is(shares, rate):
    random = np.random.default_rng(11)
    tests = (people_arriving(random, 30, 1000, shares, (rate, rate)) for _ in range(TESTS))
    assert share_ever_significant(tests) <= 0.05


@pytest.mark.parametrize("sizes", [(5000, 5000), (18_000, 2000)])
def test_daily_peeking_while_responses_arrive_finds_nothing_where_nothing_is(sizes):
    random = np.random.default_rng(12)
    tests = (responses_arriving(random, 28, sizes, 0.04) for _ in range(TESTS))
    assert share_ever_significant(tests) <= 0.05


def test_daily_peeking_with_an_ordinary_test_would_have_found_much():
    """The reason for all this: the same A/A tests read daily by a one-look test."""
    random = np.random.default_rng(11)
    found = 0
    for _ in range(200):
        looks = people_arriving(random, 30, 1000, (0.5, 0.5), (0.05, 0.05))
        found += any(compare_rates(a, b).p_value < 0.05 for a, b, _ in looks)
    assert found / 200 > 0.15


def test_peeking_at_skewed_revenue_finds_nothing_where_nothing_is():
    random = np.random.default_rng(13)
    days, per_day = 20, 400
    spent = random.lognormal(3, 1, (TESTS, 2, days, per_day)) * (random.random((TESTS, 2, days, per_day)) < 0.1)
    totals, squares = spent.sum(axis=3).cumsum(axis=2), (spent**2).sum(axis=3).cumsum(axis=2)
    planned = planned_information(days * per_day, days * per_day, variance=float(spent.var()))
    found = 0
    for test in range(TESTS):
        found += any(
            always_valid(
                *(Mean((day + 1) * per_day, totals[test, arm, day], squares[test, arm, day]) for arm in (0, 1)),
                planned=planned,
            ).p_value
            < 0.05
            for day in range(days)
        )
    assert found / TESTS <= 0.05


def test_a_planted_effect_is_found_and_its_interval_holds_the_truth_at_all_looks():
    random = np.random.default_rng(14)
    found = held = 0
    for _ in range(300):
        looks = list(people_arriving(random, 30, 1000, (0.5, 0.5), (0.065, 0.05)))
        readings = [always_valid(a, b, planned=planned) for a, b, planned in looks]
        readings = [reading for reading in readings if not isinstance(reading, CannotTell)]
        found += any(reading.p_value < 0.05 and reading.difference > 0 for reading in readings)
        held += all(0.015 in reading.interval for reading in readings)
    assert found / 300 > 0.95
    assert held / 300 >= 0.95


def test_the_multiplier_equals_the_published_form():
    """Waudby-Smith et al. (2024), theorem 2.2: √(2(tρ²+1)/(t²ρ²) · log(√(tρ²+1)/α)), here times √t."""
    t, rho, alpha = 700.0, math.sqrt(tuning(0.95) / 1000), 0.05
    published = math.sqrt(2 * (t * rho**2 + 1) / (t**2 * rho**2) * math.log(math.sqrt(t * rho**2 + 1) / alpha))
    assert multiplier(0.7) == pytest.approx(published * math.sqrt(t))


def test_the_interval_is_narrowest_per_root_information_at_the_planned_end():
    widths = {clock: multiplier(1.0) if clock == 1 else _with_tuning(clock) for clock in (0.5, 0.8, 1, 1.25, 2)}
    assert min(widths, key=widths.get) == 1


def _with_tuning(factor):
    """Multiplier at the planned end had the mixture been tuned for another end."""
    spread = tuning(0.95) * factor
    return math.sqrt((1 + spread) / spread * (2 * math.log(20) + math.log1p(spread)))


@settings(max_examples=100)
@given(st.integers(200, 5000), st.integers(200, 5000), st.floats(0.05, 0.6), st.floats(0.05, 0.6), st.floats(1, 1e4))
def test_p_value_and_interval_agree_and_are_wider_than_one_look(n1, n0, p1, p0, planned):
    first, second = Proportion(n1, int(n1 * p1)), Proportion(n0, int(n0 * p0))
    reading = always_valid(first, second, planned=planned)
    if abs(reading.p_value - 0.05) > 1e-9:
        assert (reading.p_value < 0.05) == (0 not in reading.interval)
    once = compare_rates(first, second).interval
    assert reading.interval.high - reading.interval.low > once.high - once.low
    mirrored = always_valid(second, first, planned=planned)
    assert mirrored.p_value == pytest.approx(reading.p_value)
    assert mirrored.interval.low == pytest.approx(-reading.interval.high)


@pytest.mark.parametrize(
    "first, second, code",
    [
        (Proportion(10, 5), Proportion(10, 1), "too_few_people"),
        (Proportion(1000, 1), Proportion(1000, 4), "too_few_responses"),
        (Mean(100, 0.0, 0.0), Mean(100, 0.0, 0.0), "no_variation"),
    ],
)
def test_too_early_is_said_with_its_reason(first, second, code):
    assert always_valid(first, second, planned=10.0).code == code
