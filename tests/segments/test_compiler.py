"""The compiled rule agrees with a plain-Python reading of it, over generated rules, customers, events and zones."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from segments.rules.compiler import compile_counts, compile_rule, sql
from segments.rules.moments import Moment
from segments.rules.operators import OPERATORS
from segments.rules.reading import Known, read_rule
from segments.rules.sharing import prepare
from segments.rules.tree import walk
from segments.rules.writing import node_json
from tests.segments import worlds
from tests.segments.oracle import reads

KNOWN = Known(worlds.CATALOGUE)
HURRY = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@pytest.fixture(scope="module")
def loaded():
    """Place → (engine with a generated world, that world)."""
    engines = {}
    for place in worlds.PLACES:
        world, connection = worlds.world(*place), worlds.engine()
        worlds.load(connection, world)
        engines[place] = connection, world
    yield engines
    for connection, _ in engines.values():
        connection.close()


def members(engine, rule, as_of, zone, prepared=()):
    expression = compile_rule(read_rule(rule, KNOWN), worlds.CATALOGUE, Moment(as_of, zone), prepared)
    rows = [row[0] for row in engine.execute(sql(expression)).fetchall()]
    assert len(rows) == len(set(rows)), "a customer came out twice"
    return set(rows)


def agrees(loaded, situation):
    rule, (seed, as_of, zone) = situation
    engine, world = loaded[seed, as_of, zone]
    assert members(engine, rule, as_of, zone) == reads(rule, world, worlds.KINDS, as_of, zone)


@settings(max_examples=40, **HURRY)
@given(situation=worlds.situations())
def test_compiled_rule_lets_in_whom_a_plain_reading_lets_in(loaded, situation):
    agrees(loaded, situation)


@pytest.mark.slow(150)
@settings(max_examples=3000, **HURRY)
@given(situation=worlds.situations())
def test_many_compiled_rules_let_in_whom_a_plain_reading_lets_in(loaded, situation):
    agrees(loaded, situation)


@settings(max_examples=8, **HURRY)
@given(situation=worlds.situations())
def test_every_node_is_counted_in_one_pass(loaded, situation):
    rule, (seed, as_of, zone) = situation
    engine, world = loaded[seed, as_of, zone]
    tree_of = read_rule(rule, KNOWN)
    *counts, members = engine.execute(sql(compile_counts(tree_of, worlds.CATALOGUE, Moment(as_of, zone)))).fetchone()
    nodes = [{"where": node_json(node)} for _, node in walk(tree_of.where)]
    assert counts == [len(reads(node, world, worlds.KINDS, as_of, zone)) for node in nodes]
    assert sorted(members or ()) == sorted(reads(nodes[0], world, worlds.KINDS, as_of, zone))


@settings(max_examples=20, **HURRY)
@given(data=st.data(), place=st.sampled_from(worlds.PLACES))
def test_rules_that_share_a_pass_over_events_let_in_whom_each_lets_in_alone(loaded, data, place):
    engine, world = loaded[place]
    _, as_of, zone = place
    alike, other = data.draw(worlds.siblings(as_of)), data.draw(worlds.rules(as_of))["where"]
    windows = data.draw(st.lists(worlds.windows(OPERATORS, as_of), min_size=1, max_size=2))
    parts = next(iter(alike.values()))
    moved = [{**parts[0], "window": window} for window in windows]
    rules = [{"version": 1, "where": where} for where in (alike, other, {"not": parts[0]}, {"all": [*moved, other]})]
    tables = prepare([read_rule(rule, KNOWN) for rule in rules], Moment(as_of, zone))
    assume(tables)  # windows that other events open are never shared
    for table, rows in tables:
        engine.execute(f"create or replace temp table {table.name} as {rows}")
    prepared = tuple(table for table, _ in tables)
    for rule in rules:
        assert members(engine, rule, as_of, zone, prepared) == reads(rule, world, worlds.KINDS, as_of, zone)


def test_event_types_the_snapshot_has_never_seen_match_nobody(loaded):
    engine, _ = loaded[worlds.PLACES[0]]
    _, as_of, zone = worlds.PLACES[0]
    assert members(engine, {"version": 1, "where": {"event": "never"}}, as_of, zone) == set()
    some = members(engine, {"version": 1, "where": {"event": ["never", "order"]}}, as_of, zone)
    assert some == members(engine, {"version": 1, "where": {"event": "order"}}, as_of, zone) != set()


@settings(max_examples=8, **HURRY)
@given(situation=worlds.situations())
def test_not_is_a_true_complement(loaded, situation):
    rule, (seed, as_of, zone) = situation
    engine, world = loaded[seed, as_of, zone]
    inside = members(engine, rule, as_of, zone)
    outside = members(engine, {"version": 1, "where": {"not": rule["where"]}}, as_of, zone)
    assert inside.isdisjoint(outside)
    assert inside | outside == {row["customer_id"] for row in world["profile"]}


@st.composite
def returning(draw, as_of):
    """Sequences of few types, in which one comes back after another, over events of which many share their times."""
    steps = [draw(st.sampled_from(["order", "page", ["order", "cart"], "any"])) for _ in range(draw(st.integers(3, 5)))]
    found = [{"event": one} | draw(st.sampled_from([{}, {}, {"within_days": 1}])) for one in steps]
    found[0].pop("within_days", None)
    return {
        "version": 1,
        "where": {"sequence": [*found[:-1], found[-1] | draw(st.sampled_from([{}, {"happens": False}]))]},
    }


@pytest.fixture(scope="module")
def tied():
    """A world whose events happen at four times only."""
    seed, as_of, zone = worlds.PLACES[0]
    world, engine = worlds.world(seed, as_of, zone), worlds.engine()
    now = as_of.replace(tzinfo=None)
    for i, event in enumerate(world["event"]):
        event["ts"] = now - timedelta(hours=(5, 4, 30, 50)[(i * i + i // 7) % 4])
    world["event"] = [event for event in world["event"] if event["customer_id"] % 3]
    worlds.load(engine, world)
    yield engine, world, as_of, zone
    engine.close()


@settings(max_examples=60, **HURRY)
@given(data=st.data())
def test_an_event_follows_itself_by_no_way_round(tied, data):
    engine, world, as_of, zone = tied
    rule = data.draw(returning(as_of))
    assert members(engine, rule, as_of, zone) == reads(rule, world, worlds.KINDS, as_of, zone)


def test_one_order_and_one_visit_at_the_same_time_are_no_order_visit_order(tied):
    engine, _, as_of, zone = tied
    rule = {"version": 1, "where": {"sequence": [{"event": "seen"}, {"event": "click"}, {"event": "seen"}]}}
    at = as_of.replace(tzinfo=None)
    rows = [(900, "seen", at), (900, "click", at), (901, "seen", at), (901, "click", at),
            (901, "seen", at - timedelta(days=1))]  # fmt: skip
    engine.execute("insert into profile (customer_id) values (900), (901)")
    engine.executemany("insert into event (customer_id, type, ts) values (?, ?, ?)", rows)
    found = members(engine, rule, as_of, zone)
    engine.execute("delete from profile where customer_id >= 900")
    engine.execute("delete from event where customer_id >= 900")
    assert found == {901}


@pytest.mark.parametrize("word", ["İstanbul", "ΟΔΟΣ", "STRASSE", "ǅ"])
@pytest.mark.parametrize("op", ["contains", "starts_with", "ends_with"])
def test_every_word_contains_itself(tied, word: str, op: str):
    engine, _, as_of, zone = tied
    engine.execute("insert into profile (customer_id, city) values (902, ?)", [word])
    found = members(engine, {"version": 1, "where": {"feature": "city", "op": op, "value": word}}, as_of, zone)
    engine.execute("delete from profile where customer_id = 902")
    assert 902 in found
