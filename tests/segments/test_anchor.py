"""The 48 anchor segments as rules count exactly what the SQL written by hand counts."""

from zoneinfo import ZoneInfo

import duckdb
import pytest

from segments.anchor import handwritten
from segments.anchor.rules import FEATURES, anchor_rules
from segments.rules.compiler import compile_rule, sql
from segments.rules.moments import Moment
from segments.rules.reading import Known, read_rule


@pytest.fixture(scope="module")
def engine():
    connection = duckdb.connect()
    for statement, parameters in handwritten.data_statements(20_000, 200_000):
        connection.execute(statement, parameters)
    yield connection
    connection.close()


def size(engine, statement: str) -> int:
    return engine.execute(f"select count(*) from ({statement}) q").fetchone()[0]


@pytest.mark.parametrize("name", handwritten.definitions())
def test_anchor_rule_counts_what_the_sql_by_hand_counts(engine, name):
    rule = read_rule(anchor_rules()[name], Known(FEATURES))
    members = compile_rule(rule, FEATURES, Moment(handwritten.AS_OF, ZoneInfo("UTC")))
    assert size(engine, sql(members)) == size(engine, handwritten.definitions()[name]) > 0


def test_there_are_48_anchor_rules_with_the_names_of_the_sql():
    assert list(anchor_rules()) == list(handwritten.definitions())
    assert len(anchor_rules()) == 48


def test_all_members_of_a_few_anchor_segments_are_the_same(engine):
    for name in ("average_basket_2", "cart_abandoned_2", "new_without_order_2", "single_channel_1"):
        rule = read_rule(anchor_rules()[name], Known(FEATURES))
        mine = sql(compile_rule(rule, FEATURES, Moment(handwritten.AS_OF, ZoneInfo("UTC"))))
        theirs = handwritten.definitions()[name]
        assert set(engine.execute(mine).fetchall()) == set(engine.execute(theirs).fetchall())
