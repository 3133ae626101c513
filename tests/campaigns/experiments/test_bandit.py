"""The bandit earns more and says what it costs."""

import numpy as np
import pytest

from campaigns.experiments.allocation import Weights
from campaigns.experiments.bandit import certainty_kept, thompson_shares
from campaigns.experiments.sufficient import Proportion


def test_shares_follow_the_chance_to_be_best_and_keep_a_floor():
    answer = thompson_shares({"a": Proportion(2000, 100), "b": Proportion(2000, 160), "c": Proportion(2000, 90)})
    shares = dict(zip(answer.weights.arms, answer.weights.shares, strict=True))
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["b"] > 0.9
    assert min(shares.values()) >= 0.1 / 3 - 1e-9


def test_without_evidence_everybody_is_treated_evenly_and_nothing_is_lost():
    answer = thompson_shares({"a": Proportion(100, 5), "b": Proportion(100, 5)})
    assert answer.weights.shares == pytest.approx((0.5, 0.5), abs=1e-4)
    assert answer.certainty_kept == pytest.approx(1, abs=1e-3)


def test_certainty_kept_is_the_ratio_of_variances_of_a_difference():
    even, uneven = 1 / 0.5 + 1 / 0.5, 1 / 0.9 + 1 / 0.1
    assert certainty_kept(Weights.of({"a": 9, "b": 1})) == pytest.approx(even / uneven)
    assert certainty_kept(Weights.of({"a": 1, "b": 1, "c": 1})) == pytest.approx(1)


def test_the_bandit_sends_most_people_to_the_better_arm():
    random = np.random.default_rng(81)
    rates, sent = {"a": 0.05, "b": 0.08}, {"a": 0, "b": 0}
    seen = {key: Proportion() for key in rates}
    shares = {"a": 0.5, "b": 0.5}
    for _ in range(20):
        for key, rate in rates.items():
            people = int(500 * shares[key])
            sent[key] += people
            seen[key] = seen[key] + Proportion(people, int(random.binomial(people, rate)))
        answer = thompson_shares(seen)
        shares = dict(zip(answer.weights.arms, answer.weights.shares, strict=True))
    assert sent["b"] > 0.8 * sum(sent.values())


def test_a_floor_out_of_range_and_a_lone_arm_are_refused_with_a_reason():
    arms = {"a": Proportion(100, 5), "b": Proportion(100, 5)}
    assert thompson_shares(arms, floor=0).code == "floor_out_of_range"
    assert thompson_shares({"a": Proportion(100, 5)}).code == "nothing_to_compare"
