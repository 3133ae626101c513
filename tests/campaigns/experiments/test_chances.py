"""Chances to be best agree with closed forms and with sampling."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaln

from campaigns.experiments.chances import chances
from campaigns.experiments.sufficient import Mean, Proportion

rates = st.integers(1, 3000).flatmap(lambda n: st.builds(Proportion, st.just(n), st.integers(0, n)))


def closed_form(first, second):
    """P(second > first) for two Betas by the sum of Miller (2014), "Formulas for Bayesian A/B testing", equation 6."""
    a1, b1 = first.successes + 1, first.n - first.successes + 1
    a2, b2 = second.successes + 1, second.n - second.successes + 1
    terms = (betaln(a1 + i, b1 + b2) - np.log(b2 + i) - betaln(1 + i, b2) - betaln(a1, b1) for i in range(a2))
    return float(sum(np.exp(term) for term in terms))


@pytest.mark.parametrize(
    "x1, n1, x2, n2", [(20, 100, 30, 100), (3, 500, 9, 480), (0, 12, 1, 9), (500, 9000, 540, 9000)]
)
def test_two_rates_agree_with_the_closed_form(x1, n1, x2, n2):
    answer = chances({"a": Proportion(n1, x1), "b": Proportion(n2, x2)})
    assert answer["b"].best == pytest.approx(closed_form(Proportion(n1, x1), Proportion(n2, x2)), abs=1e-5)


def test_four_rates_agree_with_sampling():
    arms = {"a": Proportion(900, 40), "b": Proportion(800, 45), "c": Proportion(100, 7), "d": Proportion(2000, 90)}
    random = np.random.default_rng(1)
    drawn = np.array([random.beta(r.successes + 1, r.n - r.successes + 1, 400_000) for r in arms.values()])
    answer = chances(arms)
    for number, chance in enumerate(answer.values()):
        assert chance.best == pytest.approx(np.mean(drawn.argmax(axis=0) == number), abs=0.003)
        assert chance.expected_loss == pytest.approx(np.mean(drawn.max(axis=0) - drawn[number]), abs=1e-4)


def test_means_agree_with_the_normal_closed_form():
    first, second = Mean.of([10, 12, 9, 30, 4, 8]), Mean.of([11, 15, 22, 9, 14])
    gap = (second.mean - first.mean) / np.sqrt(first.squared_error + second.squared_error)
    from scipy.stats import norm

    answer = chances({"a": first, "b": second})
    assert answer["b"].best == pytest.approx(norm.cdf(gap), abs=1e-5)
    loss = np.sqrt(first.squared_error + second.squared_error) * (norm.pdf(gap) - gap * norm.sf(gap))
    assert answer["b"].expected_loss == pytest.approx(loss, abs=1e-4)


@settings(max_examples=80, deadline=None)
@given(st.lists(rates, min_size=2, max_size=5))
def test_chances_sum_to_one_and_losses_are_not_negative(arms):
    answer = chances({str(number): arm for number, arm in enumerate(arms)})
    assert sum(chance.best for chance in answer.values()) == pytest.approx(1, abs=2e-4)
    assert all(0 <= chance.expected_loss <= 1 for chance in answer.values())


@settings(max_examples=80, deadline=None)
@given(rates, rates)
def test_one_more_success_never_lowers_the_chance(first, second):
    if second.successes == second.n:
        return
    before = chances({"a": first, "b": second})["b"]
    after = chances({"a": first, "b": Proportion(second.n, second.successes + 1)})["b"]
    assert after.best >= before.best - 1e-6


def test_equal_arms_have_equal_chances():
    answer = chances({str(number): Proportion(100, 10) for number in range(4)})
    assert [chance.best for chance in answer.values()] == pytest.approx([0.25] * 4, abs=1e-4)


def test_one_arm_has_nothing_to_beat():
    assert chances({"a": Proportion(10, 1)}).code == "nothing_to_compare"
    assert chances({"a": Proportion(10, 1), "b": Proportion()}).code == "nobody"
