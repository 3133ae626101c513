"""Guardrails: exact evidence, few false alarms however often one looks, and real harm is caught."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from campaigns.experiments.guardrails import false_alarm, log_evidence_above, vetoes
from campaigns.experiments.plan import ArmPlan, Goal, Guardrail, Plan
from campaigns.experiments.sufficient import Proportion

RAILS = (Guardrail("unsubscribe", "", 0.02, 0.005), Guardrail("complaint", "", 0.003, 0.001))
GOAL = Goal("conversion", "", "rate", 0.05)


def plan(*arms, rails=RAILS):
    return Plan(GOAL, tuple(ArmPlan(key, key, 1) for key in arms or "ab"), 10_000, guardrails=rails)


def test_a_version_that_reached_nobody_of_a_segment_is_ruled_out_by_nothing():
    counted = {"unsubscribe": {"b": Proportion(400, 8)}, "complaint": {}}
    assert vetoes(plan("a", "b"), counted) == ()


@pytest.mark.parametrize(("x", "n", "limit"), [(0, 50, 0.02), (3, 400, 0.003), (30, 1000, 0.02), (9, 20, 0.3)])
def test_the_evidence_equals_the_integral_it_stands_for(x, n, limit):
    prior = stats.beta(1, 1 / limit)

    def ratio(rate):
        log = x * math.log(rate / limit) + (n - x) * (math.log1p(-rate) - math.log1p(-limit))
        return math.exp(log) * prior.pdf(rate) / prior.sf(limit)

    integral = sum(integrate.quad(ratio, limit + (1 - limit) * a, limit + (1 - limit) * b, limit=200)[0]
                   for a, b in [(0, 0.01), (0.01, 0.05), (0.05, 0.2), (0.2, 1)])  # fmt: skip
    assert log_evidence_above(Proportion(n, x), limit) == pytest.approx(math.log(integral), abs=1e-6)


def test_on_its_limit_the_evidence_is_one_on_average():
    n, limit = 300, 0.02
    logs = stats.binom.logpmf(range(n + 1), n, limit)
    mean = sum(math.exp(log + log_evidence_above(Proportion(n, x), limit)) for x, log in enumerate(logs))
    assert mean == pytest.approx(1, abs=1e-6)


def test_one_complaint_among_few_is_no_veto_and_many_are():
    assert vetoes(plan(), {"complaint": {"a": Proportion(40, 1), "b": Proportion(40, 0)}}) == ()
    told = vetoes(plan(), {"complaint": {"a": Proportion(1000, 30), "b": Proportion(1000, 1)}})
    assert {one.variant for one in told} == {"a"}


def test_looking_daily_never_finds_what_is_not_there_more_often_than_stated():
    random, vetoed, tests = np.random.default_rng(4), 0, 300
    rule = plan(rails=RAILS[:1])
    for _ in range(tests):
        hits = random.binomial(200, [0.02, 0.016], (28, 2)).cumsum(axis=0)
        vetoed += any(
            vetoes(rule, {"unsubscribe": {k: Proportion(200 * day, int(x)) for k, x in zip("ab", pair, strict=True)}})
            for day, pair in enumerate(hits, start=1)
        )
    assert vetoed / tests <= 0.05


def test_a_version_far_above_its_limit_is_nearly_always_caught():
    random = np.random.default_rng(5)
    counts = random.binomial(4000, [0.035, 0.01], (200, 2))
    caught = [vetoes(plan(), {"unsubscribe": {"a": Proportion(4000, int(a)), "b": Proportion(4000, int(b))}})
              for a, b in counts]  # fmt: skip
    assert sum("a" in {one.variant for one in told} for told in caught) / 200 >= 0.95


def test_the_error_is_shared_out_over_every_test_made():
    assert false_alarm(plan()) == pytest.approx(0.05 / 8)  # two versions, two limits each for two guardrails
    assert false_alarm(plan("a", "b", "c", rails=(Guardrail("x", "", 0.1, None),))) == pytest.approx(0.05 / 3)


def test_a_limit_of_nothing_is_broken_by_the_first_and_one_of_all_never():
    assert log_evidence_above(Proportion(10, 1), 0.0) == math.inf
    assert log_evidence_above(Proportion(10, 10), 1.0) == -math.inf
