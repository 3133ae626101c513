"""Rules from JSON: what is accepted reads back the same, what is not is refused at its place with the valid choices."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from segments.rules import operators
from segments.rules.errors import RuleError
from segments.rules.reading import MOST_BYTES, Known, read_rule, read_text
from segments.rules.schema import rule_schema
from segments.rules.writing import rule_json
from tests.segments import worlds
from tests.segments.test_compiler import HURRY

KNOWN = Known(worlds.CATALOGUE, event_types=["cart", "page"], segments=["vip"], channels=["email"])
CITY = {"feature": "city", "op": "is", "value": "Helsinki"}


def refused(where, known=KNOWN):
    with pytest.raises(RuleError) as fault:
        read_rule({"version": 1, "where": where}, known)
    return fault.value


FAULTS = [
    ({"feature": "cty", "op": "is", "value": "x"}, "where.feature", "city"),
    ({"all": [CITY, CITY, {**CITY, "op": "equals"}]}, "where.all[2].op", "starts_with"),
    ({"any": [{"not": {**CITY, "colour": 1}}]}, "where.any[0].not.colour", "missing"),
    ({"feature": "age", "op": "contains", "value": "1"}, "where.op", "at_least"),
    ({"feature": "age", "op": "is", "value": "1"}, "where.value", None),
    ({"feature": "age", "op": "is", "value": True}, "where.value", None),
    ({"feature": "age", "op": "is", "value": float("inf")}, "where.value", None),
    ({"feature": "age", "op": "between", "value": [3, 1]}, "where.value", None),
    ({"feature": "age", "op": "is_missing", "value": 3}, "where.value", None),
    ({"feature": "income", "op": "at_least", "value": "12.34567"}, "where.value", None),
    ({"feature": "income", "op": "at_least", "value": "NaN"}, "where.value", None),
    ({"feature": "income", "op": "at_least", "value": 10**12}, "where.value", None),
    ({"feature": "income", "op": "at_least", "value": "1e999999999"}, "where.value", None),
    ({"feature": "age", "op": "at_least", "value": 10**400}, "where.value", None),
    ({"feature": "income", "op": "top_percent", "value": 0}, "where.value", None),
    ({"feature": "born_on", "op": "before", "value": "2026-02-30"}, "where.value", None),
    ({"feature": "born_on", "op": "before", "value": "1.2.2026"}, "where.value", None),
    ({"feature": "born_on", "op": "hour", "value": [3]}, "where.op", "weekday"),
    ({"feature": "joined_at", "op": "weekday", "value": [0]}, "where.value[0]", None),
    ({"feature": "stage", "op": "one_of", "value": ["family", "famly"]}, "where.value[1]", "family"),
    ({"feature": "city", "op": "one_of", "value": []}, "where.value", None),
    ({"feature": "city", "op": "matches", "value": "(a+)\\1"}, "where.value", None),
    ({"feature": "city", "op": "matches", "value": "a(?=b)"}, "where.value", None),
    ({"feature": "city", "op": "matches", "value": "a" * 201}, "where.value", None),
    ({**CITY, "missing": "maybe"}, "where.missing", "yes"),
    ({**CITY, "missing": True}, "where.missing", "yes"),
    ({"feature": "city", "op": ["is"], "value": "x"}, "where.op", "is"),
    ({"feature": "city", "op": "is", "value": "a\x00b"}, "where.value", None),
    ({"all": []}, "where.all", None),
    ({"all": [CITY], "any": [CITY]}, "where", "all"),
    ({"sql": "1 = 1"}, "where", "feature"),
    ("city", "where", None),
    ({"everyone": False}, "where.everyone", None),
    ({"event": "carts"}, "where.event", "cart"),
    ({"event": ["cart", "any"]}, "where.event", None),
    ({"event": "cart", "where": [{"property": "chanel", "op": "is", "value": "x"}]},
     "where.where[0].property", "channel"),
    ({"event": "cart", "where": [{"property": "value", "op": "top", "value": 1}]}, "where.where[0].op", "at_least"),
    ({"event": "cart", "where": [{"property": "channel", "kind": "number", "op": "is", "value": 1}]},
     "where.where[0].kind", "text"),
    ({"event": "order_line", "where": [{"property": "properties.x", "op": "is", "value": "x"}]},
     "where.where[0].property", "sku"),
    ({"event": "cart", "measure": "median", "op": "is", "value": 1}, "where.measure", "average"),
    ({"event": "cart", "measure": "sum", "op": "is", "value": 1}, "where.of", "value"),
    ({"event": "cart", "measure": "sum", "of": "channel", "op": "is", "value": 1}, "where.of", "value"),
    ({"event": "cart", "measure": "count", "of": "value", "op": "is", "value": 1}, "where.of", None),
    ({"event": "cart", "measure": "share", "of": [], "op": "is", "value": 1}, "where.of", None),
    ({"event": "cart", "measure": "share", "of": [{"property": "channel", "op": "is_missing"}],
      "op": "is", "value": 60}, "where.value", None),
    ({"event": "cart", "measure": "days_since", "op": "at_least", "value": 1.5}, "where.value", None),
    ({"event": "cart", "measure": "last", "op": "at_least", "value": 1}, "where.op", "in_last_days"),
    ({"event": "cart", "window": {"last_days": -1}}, "where.window.last_days", None),
    ({"event": "cart", "window": {"last_weeks": 1}}, "where.window.last_weeks", "last_days"),
    ({"event": "cart", "window": {"last_days": 1, "from": "2026-01-01"}}, "where.window.from", "last_days"),
    ({"event": "cart", "window": {"from": "2026-02-01", "to": "2026-01-01"}}, "where.window.to", None),
    ({"event": "cart", "window": {"before": {"event": "cart", "which": "second"}}},
     "where.window.before.which", "last"),
    ({"event": "cart", "window": {"before": {"event": "x"}}}, "where.window.before.event", "cart"),
    ({"sequence": [{"event": "cart"}]}, "where.sequence", None),
    ({"sequence": [{"event": "cart", "happens": False}, {"event": "page"}]}, "where.sequence[0].happens", "window"),
    ({"sequence": [{"event": "cart"}, {"event": "page", "window": {"last_days": 1}}]},
     "where.sequence[1].window", "within_days"),
    ({"sequence": [{"event": "cart"}, {"event": "page", "within_days": 0}]}, "where.sequence[1].within_days", None),
    ({"trend": "order", "op": "fell", "value": 1}, "where.op", "fell_by"),
    ({"trend": "order", "op": "fell_by", "value": 101}, "where.value", None),
    ({"trend": "order", "op": "stopped", "value": 1}, "where.value", None),
    ({"trend": "order", "op": "stopped", "days": 365, "against": "year_before"}, "where.days", None),
    ({"segment": "vop"}, "where.segment", "vip"),
    ({"segment": "vip", "op": "entered"}, "where.last_days", None),
    ({"segment": "vip", "op": "in", "last_days": 3}, "where.last_days", "on"),
    ({"consent": "marketing"}, "where.channel", None),
    ({"consent": "marketing", "channel": "fax"}, "where.channel", "email"),
    ({"response": "smile"}, "where.response", "click"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("where", "path", "choice"), FAULTS, ids=[f"{i} {path}" for i, (_, path, _) in enumerate(FAULTS)]
)
def test_fault_is_refused_at_its_place_with_the_valid_choices(where, path, choice):
    fault = refused(where)
    assert fault.path == path
    assert choice is None or choice in fault.choices
    assert str(fault).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "given", [None, [], "x", {}, {"version": 1}, {"version": 2, "where": CITY}, {"version": True, "where": CITY}]
)
def test_what_is_not_a_rule_is_refused(given):
    with pytest.raises(RuleError):
        read_rule(given, KNOWN)


def deep(depth, leaf=CITY):
    node = leaf
    for _ in range(depth):
        node = {"not": node}
    return node


def test_groups_may_stand_eight_deep_and_no_deeper():
    read_rule({"version": 1, "where": deep(7)}, KNOWN)
    assert "8 deep" in refused(deep(8)).message


def test_a_nesting_of_100_000_is_refused_without_recursion():
    node = {}
    for _ in range(100_000):
        node = {"not": node}
    assert "deep" in refused(node).message
    with pytest.raises(RuleError):
        read_text('{"version":1,"where":' + '{"not":' * 9000 + "1" + "}" * 9000 + "}", KNOWN)


def test_too_many_nodes_and_too_many_bytes_are_refused():
    assert "500 nodes" in refused({"all": [CITY] * 600}).message
    assert str(MOST_BYTES) in refused({"feature": "city", "op": "one_of", "value": ["x" * 900] * 100}).message
    with pytest.raises(RuleError):
        read_text("[" * 70_000, KNOWN)
    with pytest.raises(RuleError):
        read_text("{", KNOWN)


WORDS = ["all", "not", "feature", "event", "op", "value", "window", "where", "of"]


@settings(max_examples=40, **HURRY)
@given(st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    ),
    max_leaves=12,
))  # fmt: skip
def test_any_json_is_read_or_refused_cleanly(where):
    try:
        read_rule({"version": 1, "where": where}, KNOWN)
    except RuleError as fault:
        assert fault.path


FREE = Known(worlds.CATALOGUE)
VALIDATOR = Draft202012Validator(rule_schema(worlds.CATALOGUE))


@settings(max_examples=20, **HURRY)
@given(worlds.situations())
def test_rule_written_as_json_reads_back_the_same_and_fits_the_schema(situation):
    rule = read_rule(situation[0], FREE)
    written = rule_json(rule)
    assert read_rule(json.loads(json.dumps(written)), FREE) == rule
    assert list(VALIDATOR.iter_errors(situation[0])) == []
    assert list(VALIDATOR.iter_errors(written)) == []


def test_schema_refuses_what_the_reader_refuses_by_form():
    for where in (
        {**CITY, "op": "equals"},
        {**CITY, "colour": 1},
        {"all": []},
        {"feature": "age", "op": "is", "value": "1"},
    ):
        assert list(VALIDATOR.iter_errors({"version": 1, "where": where}))


def test_schema_without_a_catalogue_is_itself_valid():
    Draft202012Validator.check_schema(rule_schema())
    assert Draft202012Validator(rule_schema()).is_valid({"version": 1, "where": CITY})


def test_every_operator_fits_some_kind_and_is_named_once():
    keys = [row.key for row in operators.OPERATORS]
    assert len(keys) == len(set(keys))
    for row in operators.OPERATORS:
        ways = [row.compare, row.days, row.rank, row.clock]
        assert row.kinds and sum(way is not None for way in ways) == 1


def test_what_is_left_out_is_said_to_be_missing() -> None:
    with pytest.raises(RuleError) as fault:
        read_rule({"version": 1, "where": {"event": "order", "value": 3}}, KNOWN)
    assert fault.value.path == "where.op" and "missing" in str(fault.value) and "None" not in str(fault.value)
