"""Caused revenue recovers what was planted and does not claim what came anyway."""

import numpy as np
import pytest

from campaigns.experiments.answers import CannotTell, Interval
from campaigns.experiments.earnings import caused_over_strata, caused_revenue, next_euro
from campaigns.experiments.pooling import Pooled
from campaigns.experiments.sufficient import Mean


def revenue(random, people, share, size=50.0):
    return Mean.of(random.gamma(2, size / 2, people) * (random.random(people) < share))


def test_caused_revenue_is_the_difference_times_the_people_minus_the_cost():
    answer = caused_revenue(Mean.of([10, 20, 30, 40]), Mean.of([5, 15, 10]), cost=20)
    assert answer.per_person == 15
    assert (answer.total, answer.net, answer.return_on_spend) == (60, 40, 3)
    assert answer.net_interval.low == pytest.approx(answer.total_interval.low - 20)
    assert answer.return_interval.high == pytest.approx(answer.total_interval.high / 20)


def test_the_interval_covers_what_the_campaign_really_caused():
    random = np.random.default_rng(71)
    truth = 50 * (0.08 - 0.05) * 3000
    answers = [caused_revenue(revenue(random, 3000, 0.08), revenue(random, 600, 0.05), cost=1) for _ in range(600)]
    assert np.mean([truth in answer.total_interval for answer in answers]) == pytest.approx(0.95, abs=0.025)
    assert np.mean([answer.total for answer in answers]) == pytest.approx(truth, rel=0.06)


def test_a_campaign_that_does_nothing_is_not_credited_with_what_came_anyway():
    random = np.random.default_rng(72)
    answers = [caused_revenue(revenue(random, 2000, 0.05), revenue(random, 400, 0.05), cost=1) for _ in range(500)]
    assert np.mean([answer.total_interval.low > 0 for answer in answers]) <= 0.04


def test_strata_correct_a_hold_out_with_another_mix():
    random = np.random.default_rng(73)
    rich, poor = revenue(random, 4000, 0.5), revenue(random, 4000, 0.05)
    held_rich, held_poor = revenue(random, 200, 0.5), revenue(random, 1800, 0.05)
    crude = caused_revenue(rich + poor, held_rich + held_poor, cost=1)
    stratified = caused_over_strata([(rich, held_rich), (poor, held_poor)], cost=1)
    assert crude.total_interval.low > 0
    assert 0 in stratified.total_interval


def test_one_stratum_equals_the_plain_difference():
    random = np.random.default_rng(74)
    contacted, hold_out = revenue(random, 3000, 0.1), revenue(random, 1000, 0.1)
    plain = caused_revenue(contacted, hold_out, cost=100)
    stratified = caused_over_strata([(contacted, hold_out)], cost=100)
    assert stratified.total == pytest.approx(plain.total)
    assert stratified.total_interval.low == pytest.approx(plain.total_interval.low)


def test_the_sum_over_strata_covers_what_was_really_caused():
    random = np.random.default_rng(76)
    truth, covered = 50 * 0.02 * 3000, []
    for _ in range(500):
        strata = [(revenue(random, 1500, share + 0.02), revenue(random, 400, share)) for share in (0.04, 0.12)]
        covered.append(truth in caused_over_strata(strata, cost=1).total_interval)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.025)


def test_a_free_campaign_has_no_return_on_spend():
    answer = caused_revenue(Mean.of([1, 2, 3]), Mean.of([1, 2, 2]), cost=0)
    assert answer.return_on_spend == CannotTell("no_cost")
    assert caused_revenue(Mean.of([1.0]), Mean.of([1, 2]), cost=1).code == "too_few_people"


def test_the_next_euro_goes_where_a_euro_brings_most():
    effects = {
        "sure": Pooled(3.0, 0.3, Interval(2.4, 3.6), 0.1),
        "costly": Pooled(4.0, 0.3, Interval(3.4, 4.6), 0.1),
        "unsure": Pooled(1.2, 0.8, Interval(-0.4, 2.8), 0.5),
        "free": Pooled(9.0, 1.0, Interval(7, 11), 0.5),
    }
    ranked = next_euro(effects, {"sure": 1.0, "costly": 8.0, "unsure": 1.0, "free": 0.0})
    assert [(place.segment, place.advice) for place in ranked] == [
        ("sure", "spend"),
        ("unsure", "test_more"),
        ("costly", "stop"),
    ]
    assert ranked[1].chance_it_pays == pytest.approx(0.5987, abs=1e-3)  # Φ((1.2 − 1) ÷ 0.8)
