"""The whole report: planted truth comes out where it was planted, and nowhere else."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from campaigns.experiments.answers import CannotTell
from campaigns.experiments.plan import ArmPlan, Goal, Guardrail, Plan
from campaigns.experiments.report import ArmEvidence, Evidence, detectable, people_needed, report, together
from campaigns.experiments.sufficient import Mean, Paired, Proportion

A, B = ArmPlan("a", "A", 45, cost_per_person=0.05), ArmPlan("b", "B", 45, cost_per_person=0.05)
HOLD_OUT = ArmPlan("h", "Hold-out", 10, "hold_out")
CONVERSION = Goal("conversion", "Conversion", "rate", 0.05)
PLAN = Plan(CONVERSION, (A, B, HOLD_OUT), 60_000, guardrails=(Guardrail("unsubscribe", "Unsubscribes", ceiling=0.02),))


def arm(random, people, rate, unsubscribes=0.003):
    hits = int(random.binomial(people, rate))
    revenue = Mean.of([*random.gamma(3, 15, hits), *np.zeros(people - hits)])
    rates = {"unsubscribe": Proportion(people, int(random.binomial(people, unsubscribes)))}
    return ArmEvidence(Proportion(people, hits), revenue=revenue, rates=rates)


def segment(random, key, rates, people=10_000, **changes):
    sizes = {"a": int(0.45 * people), "b": int(0.45 * people), "h": int(0.1 * people)}
    return Evidence(key, key.title(), {k: arm(random, sizes[k], rate, **changes) for k, rate in rates.items()})


@pytest.fixture(scope="module")
def planted():
    """Six segments; B helps in `young` only, both variants lift everybody over the hold-out."""
    random = np.random.default_rng(91)
    rates = {"a": 0.05, "b": 0.05, "h": 0.02}
    groups = [segment(random, key, rates) for key in ("old", "new", "rich", "poor", "far")]
    return report(PLAN, [segment(random, "young", {**rates, "b": 0.09}), *groups])


def test_the_planted_segment_gets_its_variant_and_no_other_does(planted):
    decided = {group.key: group.decision.variant for group in planted.segments}
    assert decided == {"young": "b", "old": None, "new": None, "rich": None, "poor": None, "far": None}


def test_intervals_hold_the_planted_difference_raw_and_pooled(planted):
    pair = next(p for p in planted.segments[0].pairs if (p.variant, p.against) == ("b", "a"))
    assert 0.04 in pair.once.interval
    assert 0.04 in pair.always.interval
    assert abs(pair.pooled.difference) < abs(pair.once.difference)
    assert pair.pooled.borrowed < 0.5


def test_segments_are_said_to_differ_only_for_the_pair_where_they_do(planted):
    by_pair = {(p.variant, p.against): p.pooling.p_value for p in planted.poolings}
    assert by_pair["b", "a"] < 0.001
    assert by_pair["a", "h"] > 0.01


def test_caused_revenue_is_told_per_segment_and_covers_the_truth(planted):
    caused = planted.segments[0].caused["b"]
    assert (0.09 - 0.02) * 45 * 4500 in caused.total_interval
    assert caused.cost == pytest.approx(0.05 * 4500)
    assert planted.next_euro[0].segment == "young"


def test_the_report_is_plain_json(planted):
    data = json.loads(json.dumps(asdict(planted), allow_nan=False))
    assert data["segments"][0]["decision"]["kind"] == "variant"
    assert data["segmentation"]["code"] == "no_mass_arm"


def test_overall_is_the_sum_of_the_segments(planted):
    assert planted.overall.people == sum(group.people for group in planted.segments)
    assert sum(a.people for a in planted.overall.arms) == planted.overall.people


def test_a_broken_split_silences_every_decision_of_that_group():
    random = np.random.default_rng(92)
    group = segment(random, "young", {"a": 0.05, "b": 0.12, "h": 0.02})
    lost = replace(group, arms={**group.arms, "a": arm(random, 3000, 0.05)})
    answer = report(PLAN, [lost])
    assert answer.segments[0].ratio.is_suspect
    assert answer.segments[0].decision.code == "sample_ratio_mismatch"


def test_a_guardrail_takes_the_win_away():
    random = np.random.default_rng(93)
    group = segment(random, "young", {"a": 0.05, "b": 0.12, "h": 0.02})
    annoying = replace(group, arms={**group.arms, "b": arm(random, 4500, 0.12, unsubscribes=0.05)})
    answer = report(PLAN, [annoying]).segments[0]
    assert [veto.variant for veto in answer.vetoes] == ["b"]
    assert answer.decision.variant != "b"


def test_an_empty_campaign_is_reported_without_a_crash():
    answer = report(PLAN, [Evidence("young", "Young", {})])
    assert answer.overall.decision.kind == "no_decision"
    assert answer.overall.arms[0].value == CannotTell("nobody")
    json.dumps(asdict(answer), allow_nan=False)


def test_no_segments_at_all_still_make_a_report():
    answer = report(PLAN, [], Evidence("all", "Everybody", {"a": ArmEvidence(Proportion(900, 40))}))
    assert answer.segments == ()
    assert answer.overall.people == 900
    assert report(PLAN, []).overall.people == 0


def test_past_spend_sharpens_a_revenue_goal_and_is_said():
    random = np.random.default_rng(94)
    goal = Goal("revenue", "Revenue", "mean", 50, deviation=25, cap=500)
    arms = {}
    for key, lift in (("a", 0.0), ("b", 1.5)):
        past = random.normal(50, 20, 4000)
        paired = Paired.of(past * 0.95 + random.normal(lift, 6, 4000), past)
        arms[key] = ArmEvidence(paired.outcome, paired=paired, revenue=paired.outcome)
    plan = Plan(goal, (ArmPlan("a", "A", 1), ArmPlan("b", "B", 1)), 8000)
    sharp = report(plan, [Evidence("all", "All", arms)])
    blunt = report(plan, [Evidence("all", "All", {k: replace(v, paired=None) for k, v in arms.items()})])
    assert sharp.overall.adjustment.variance_removed > 0.8
    assert blunt.overall.adjustment.code == "no_covariate"
    assert sharp.overall.decision.variant == "b"
    assert blunt.overall.decision.variant is None


def test_the_mass_arm_tells_what_segmenting_earned():
    random = np.random.default_rng(95)
    mass = ArmPlan("m", "Everybody's", 10, "mass", cost_per_person=0.05)
    plan = Plan(CONVERSION, (A, B, HOLD_OUT, mass), 11_000)
    group = segment(random, "young", {"a": 0.08, "b": 0.08, "h": 0.02})
    evidence = replace(group, arms={**group.arms, "m": arm(random, 1000, 0.05)})
    answer = report(plan, [evidence])
    assert (0.08 - 0.05) * 45 * 9000 in answer.segmentation.total_interval
    assert answer.segmentation.cost == pytest.approx(0)


@pytest.mark.parametrize("goal", [PLAN.goal, Goal("revenue", "Revenue", "mean", 5.0, 40.0)])
def test_the_people_needed_show_exactly_the_effect_worth_acting_on(goal):
    plan = replace(PLAN, goal=goal, worthwhile=goal.expected / 10)
    found = detectable(plan, people_needed(plan))
    assert found.difference == pytest.approx(plan.worthwhile, rel=1e-3)


def test_summing_groups_keeps_every_rate():
    random = np.random.default_rng(96)
    groups = [segment(random, key, {"a": 0.05, "h": 0.02}, people=1000) for key in ("x", "y")]
    whole = together(groups)
    assert whole.arms["a"].rates["unsubscribe"].n == 900
    assert whole.arms["a"].revenue.total == pytest.approx(sum(g.arms["a"].revenue.total for g in groups))
