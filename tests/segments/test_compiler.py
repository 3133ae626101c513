"""The compiled rule agrees with a plain-Python reading of it, over generated rules, customers, events and zones."""

import pytest
from hypothesis import HealthCheck, given, settings

from segments.rules.compiler import compile_rule, sql
from segments.rules.moments import Moment
from segments.rules.reading import Known, read_rule
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


def members(engine, rule, as_of, zone):
    expression = compile_rule(read_rule(rule, KNOWN), worlds.CATALOGUE, Moment(as_of, zone))
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


@pytest.mark.slow
@settings(max_examples=3000, **HURRY)
@given(situation=worlds.situations())
def test_many_compiled_rules_let_in_whom_a_plain_reading_lets_in(loaded, situation):
    agrees(loaded, situation)


@settings(max_examples=8, **HURRY)
@given(situation=worlds.situations())
def test_not_is_a_true_complement(loaded, situation):
    rule, (seed, as_of, zone) = situation
    engine, world = loaded[seed, as_of, zone]
    inside = members(engine, rule, as_of, zone)
    outside = members(engine, {"version": 1, "where": {"not": rule["where"]}}, as_of, zone)
    assert inside.isdisjoint(outside)
    assert inside | outside == {row["customer_id"] for row in world["profile"]}
