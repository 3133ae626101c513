"""Allocation is balanced, blind, repeatable and for ever."""

from collections import Counter
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from campaigns.experiments.allocation import AllocationError, Weights, allocate, arm_of, draw, draws

HALVES = Weights.of({"a": 1, "b": 1})
WITH_HOLD_OUT = Weights.of({"a": 45, "b": 45, "hold_out": 10})


def people(count, prefix="p"):
    return [f"{prefix}{number}" for number in range(count)]


@settings(max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=6),
    weights=st.lists(st.integers(1, 9), min_size=2, max_size=5),
    seed=st.text(min_size=1, max_size=8),
)
def test_every_arm_is_within_one_of_its_share_in_every_stratum(sizes, weights, seed):
    plan = Weights.of({f"arm{number}": weight for number, weight in enumerate(weights)})
    strata = [f"s{number}" for number, size in enumerate(sizes) for _ in range(size)]
    arms = allocate(people(len(strata)), strata, plan, seed=seed)
    counts = Counter(zip(strata, arms, strict=True))
    for number, size in enumerate(sizes):
        for arm, share in zip(plan.arms, plan.shares, strict=True):
            assert abs(counts[f"s{number}", arm] - share * size) < 1 + 1e-6


@given(st.permutations(people(40)))
def test_the_order_of_the_list_does_not_matter(shuffled):
    strata = {person: str(int(person[1:]) % 3) for person in people(40)}
    arms = allocate(shuffled, [strata[p] for p in shuffled], WITH_HOLD_OUT, seed="s")
    again = allocate(people(40), [strata[p] for p in people(40)], WITH_HOLD_OUT, seed="s")
    assert dict(zip(shuffled, arms, strict=True)) == dict(zip(people(40), again, strict=True))


def test_a_stored_person_keeps_the_arm_when_the_audience_grows():
    first = people(500)
    stored = dict(zip(first, allocate(first, ["x"] * 500, HALVES, seed="s"), strict=True))
    arms = allocate(people(900), ["x"] * 900, HALVES, seed="s", stored=stored)
    assert arms[:500] == list(stored.values())
    assert Counter(arms[500:]) == {"a": 200, "b": 200}


def test_each_person_gets_an_arm_by_its_share_even_alone_in_a_stratum():
    lone = people(20_000)
    counts = Counter(allocate(lone, lone, WITH_HOLD_OUT, seed="lonely"))
    assert stats.chisquare([counts[arm] for arm in WITH_HOLD_OUT.arms], [9000, 9000, 2000]).pvalue > 0.001


def test_another_seed_is_another_independent_test():
    everybody = people(10_000)
    first = allocate(everybody, ["x"] * 10_000, HALVES, seed="one")
    second = allocate(everybody, ["x"] * 10_000, HALVES, seed="two")
    table = Counter(zip(first, second, strict=True))
    assert stats.chi2_contingency([[table[i, j] for j in "ab"] for i in "ab"]).pvalue > 0.001


def test_arms_do_not_follow_anything_known_about_the_person():
    everybody = people(20_000)
    arms = np.array(allocate(everybody, ["x"] * 20_000, HALVES, seed="s"))
    age = np.arange(20_000) // 200
    assert stats.ttest_ind(age[arms == "a"], age[arms == "b"]).pvalue > 0.001


def test_the_lot_is_the_head_of_the_published_hash():
    assert draw("seed", "42") == int(sha256(b"seed|42").hexdigest()[:16], 16)
    assert draws("seed", ["42", "43"]).tolist() == [draw("seed", "42"), draw("seed", "43")]


def test_a_person_who_arrives_alone_gets_the_same_arm_each_time_and_shares_hold():
    arms = [arm_of("s", person, WITH_HOLD_OUT) for person in people(10_000)]
    assert arms[:50] == [arm_of("s", person, WITH_HOLD_OUT) for person in people(50)]
    counts = Counter(arms)
    assert stats.chisquare([counts[arm] for arm in WITH_HOLD_OUT.arms], [4500, 4500, 1000]).pvalue > 0.001


def test_an_arm_of_weight_zero_gets_nobody():
    plan = Weights.of({"a": 1, "none": 0, "b": 1})
    assert set(allocate(people(1000), ["x"] * 1000, plan, seed="s")) == {"a", "b"}


@pytest.mark.parametrize(
    "listed, strata, stored, said",
    [
        (["1", "1"], ["x", "x"], {}, "twice"),
        (["1"], ["x", "x"], {}, "strata"),
        (["1"], ["x"], {"1": "z"}, "z"),
    ],
)
def test_bad_input_is_refused_with_its_place(listed, strata, stored, said):
    with pytest.raises(AllocationError, match=said):
        allocate(listed, strata, HALVES, seed="s", stored=stored)


@pytest.mark.parametrize("weights", [{}, {"a": 0}, {"a": -1, "b": 2}])
def test_weights_without_a_positive_sum_are_refused(weights):
    with pytest.raises(AllocationError):
        Weights.of(weights)
