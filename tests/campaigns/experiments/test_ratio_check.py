"""A broken split is noticed, an honest one left alone."""

import numpy as np
import pytest
from scipy import stats

from campaigns.experiments.allocation import Weights
from campaigns.experiments.ratio_check import ratio_check

HALVES = Weights.of({"a": 1, "b": 1})


def test_the_p_value_is_pearsons():
    answer = ratio_check({"a": 821_588, "b": 815_482}, HALVES)
    # The example of Kohavi, Tang and Xu (2020), chapter 3: 821,588 against 815,482 users, p = 1.8e-6.
    assert answer.p_value == pytest.approx(1.8e-6, rel=0.05)
    assert answer.is_suspect
    assert answer.p_value == pytest.approx(stats.binomtest(821_588, 1_637_070).pvalue, rel=0.01)


def test_honest_splits_are_suspected_about_once_in_a_thousand():
    random = np.random.default_rng(51)
    weights = Weights.of({"a": 45, "b": 45, "h": 10})
    splits = random.multinomial(5000, weights.shares, 4000)
    suspects = sum(ratio_check(dict(zip("abh", map(int, split), strict=True)), weights).is_suspect for split in splits)
    assert suspects <= 12


def test_an_arm_that_nobody_reached_is_suspect():
    assert ratio_check({"a": 300}, HALVES).is_suspect


def test_a_handful_of_people_cannot_be_judged():
    assert ratio_check({"a": 3, "b": 5}, HALVES).code == "too_few_people"
    assert ratio_check({"a": 300}, Weights.of({"a": 1})).code == "too_few_people"
