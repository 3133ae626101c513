"""What rules rest on: names used, forbidden features, order of evaluation."""

import pytest

from profiles.catalogue import Feature
from segments.rules.errors import RuleError
from segments.rules.needs import demographics_only, evaluation_order, needs, refuse_forbidden, special_features
from segments.rules.reading import Known, read_rule
from tests.segments import worlds

CATALOGUE = worlds.CATALOGUE | {
    "faith": Feature("faith", "Faith", "Usko", "text", "cultural", sensitivity="special"),
    "salary": Feature("salary", "Salary", "Palkka", "money", "economic", sensitivity="not_for_marketing"),
}
FAITH = {"feature": "faith", "op": "is_present"}
CITY = {"feature": "city", "op": "is_present"}
CONSENT = {"consent": "profiling", "channel": "email"}


def rule(where):
    return read_rule({"version": 1, "where": where}, Known(CATALOGUE))


def test_needs_names_everything_a_rule_looks_at():
    found = needs(rule({"any": [
        CITY, {"not": {"segment": "vip"}}, CONSENT, {"reachable": "sms"}, {"response": "open", "campaign": "spring"},
        {"sequence": [{"event": "cart", "window": {"before": {"event": "page"}}}, {"event": ["order", "call"]}]},
        {"trend": "visit", "op": "stopped"},
    ]}))  # fmt: skip
    assert found.features == {"city"}
    assert found.event_types == {"cart", "page", "order", "call", "visit", "open"}
    assert (found.segments, found.campaigns, found.channels) == ({"vip"}, {"spring"}, {"sms"})
    assert found.consents == {("profiling", "email")}
    assert not found.is_relative
    assert needs(rule({"not": {"feature": "age", "op": "top", "value": 3}})).is_relative


def test_demographics_only_is_told():
    age = {"feature": "age", "op": "at_least", "value": 3}
    assert demographics_only(rule({"not": age}), CATALOGUE)
    assert not demographics_only(rule({"all": [age, CITY]}), CATALOGUE)
    assert not demographics_only(rule({"everyone": True}), CATALOGUE)


def test_feature_not_for_marketing_is_refused_for_marketing_only():
    salary = rule({"any": [CITY, {"feature": "salary", "op": "is_present"}]})
    with pytest.raises(RuleError) as fault:
        refuse_forbidden(salary, CATALOGUE, purpose="marketing", has_grant=True)
    assert fault.value.path == "where.any[1].feature"
    refuse_forbidden(salary, CATALOGUE, purpose="analysis")


@pytest.mark.parametrize(
    ("where", "has_grant", "passes"),
    [
        ({"all": [FAITH, CONSENT]}, True, True),
        ({"all": [FAITH, CONSENT]}, False, False),
        (FAITH, True, False),
        ({"any": [FAITH, CONSENT]}, True, False),
        ({"all": [FAITH, {"not": CONSENT}]}, True, False),
        ({"any": [{"all": [FAITH, CONSENT]}, {"all": [CITY, CONSENT]}]}, True, True),
        ({"any": [{"all": [FAITH, CONSENT]}, CITY]}, True, False),
        ({"all": [FAITH, {"consent": "service", "channel": "email"}]}, True, False),
        (CITY, False, True),
    ],
)
def test_special_category_needs_a_grant_and_consent_of_every_member(where, has_grant, passes):
    if passes:
        return refuse_forbidden(rule(where), CATALOGUE, purpose="marketing", has_grant=has_grant)
    with pytest.raises(RuleError, match="special-category"):
        refuse_forbidden(rule(where), CATALOGUE, purpose="marketing", has_grant=has_grant)
    return None


def test_special_features_are_listed():
    assert special_features(rule({"all": [FAITH, CITY]}), CATALOGUE) == ("faith",)


def test_segments_are_evaluated_after_those_they_use():
    order = evaluation_order({"a": ["b", "static"], "b": ["c"], "c": [], "d": []})
    assert order.index("c") < order.index("b") < order.index("a")
    assert set(order) == {"a", "b", "c", "d"}


def test_circle_of_segments_is_refused_by_its_names():
    with pytest.raises(RuleError, match=r"(a → b → c → a|b → c → a → b|c → a → b → c)"):
        evaluation_order({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]})
