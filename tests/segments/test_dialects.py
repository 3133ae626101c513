"""The same rule for other engines: it compiles, and the SQL for DuckDB is what we expect to read."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from segments.anchor.rules import FEATURES, anchor_rules
from segments.rules.compiler import compile_rule, rule_sql, sql
from segments.rules.moments import Moment
from segments.rules.reading import Known, read_rule
from tests.segments import worlds
from tests.segments.test_sentences import TABLE

MOMENT = Moment(datetime(2026, 11, 1, tzinfo=UTC), ZoneInfo("Europe/Helsinki"))
HELSINKI_MIDNIGHT = "MAKE_TIMESTAMP(2026, 10, 1, 21, 0, 0.0)"


def compiled(where, dialect="duckdb", catalogue=worlds.CATALOGUE):
    rule = read_rule({"version": 1, "where": where}, Known(catalogue))
    return sql(compile_rule(rule, catalogue, MOMENT), dialect)


@pytest.mark.parametrize("dialect", ["postgres", "clickhouse", "trino", "snowflake", "bigquery"])
def test_anchor_rules_compile_for_other_engines(dialect):
    for name in [name for name in anchor_rules() if name.endswith("_1")]:
        assert "customer_id" in compiled(anchor_rules()[name]["where"], dialect, FEATURES)


@pytest.mark.parametrize("dialect", ["postgres", "trino"])
def test_every_kind_of_condition_compiles_for_other_engines(dialect):
    for where, _, _ in TABLE:
        assert compiled(where, dialect)


def test_feature_rule_is_one_plain_filter():
    where = {
        "all": [{"feature": "city", "op": "is", "value": "Espoo"}, {"feature": "age", "op": "at_least", "value": 18}]
    }
    assert compiled(where) == (
        'SELECT "t0"."customer_id" FROM "profile" AS "t0" WHERE "t0"."city" = \'Espoo\' AND "t0"."age" >= 18'
    )


def test_event_rule_is_one_semi_join_with_type_and_time_pushed_down():
    where = {"event": "order", "op": "at_least", "value": 2, "window": {"last_days": 30}}
    assert compiled(where) == (
        'SELECT "t5"."customer_id" FROM (SELECT * FROM "profile" AS "t0" WHERE "t0"."customer_id" IN (SELECT '
        '"t3"."customer_id" FROM (SELECT "t2"."customer_id", COUNT(*) AS "total0" FROM (SELECT * FROM "event" AS "t1" '
        f'WHERE "t1"."type" = \'order\' AND "t1"."ts" >= {HELSINKI_MIDNIGHT} AND '
        '"t1"."ts" <= MAKE_TIMESTAMP(2026, 11, 1, 0, 0, 0.0)) AS "t2" GROUP BY 1) AS "t3" WHERE "t3"."total0" >= 2)) '
        'AS "t5"'
    )


def test_conditions_on_the_same_events_share_one_aggregation():
    order = {"event": "order", "window": {"last_days": 30}}
    two = {
        "all": [
            {**order, "op": "at_least", "value": 2},
            {**order, "measure": "sum", "of": "value", "op": "more_than", "value": 60},
        ]
    }
    assert compiled(two).count('FROM "event"') == 1


def test_remembered_sql_follows_rule_moment_and_catalogue():
    def said(where, moment, catalogue):
        return rule_sql(read_rule({"version": 1, "where": where}, Known(catalogue)), catalogue, moment)

    recent = {"event": "order", "window": {"last_days": 30}}
    later = Moment(datetime(2026, 11, 2, tzinfo=UTC), ZoneInfo("Europe/Helsinki"))
    assert said(recent, MOMENT, worlds.CATALOGUE) == compiled(recent)
    assert said(recent, MOMENT, worlds.CATALOGUE) != said(recent, later, worlds.CATALOGUE)
    weekday = {"feature": "joined_at", "op": "weekday", "value": [1]}
    as_date = {**worlds.CATALOGUE, "joined_at": replace(worlds.CATALOGUE["joined_at"], kind="date")}
    assert said(weekday, MOMENT, worlds.CATALOGUE) != said(weekday, MOMENT, as_date)


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
def test_every_kind_of_condition_is_remembered_as_it_would_be_compiled_anew(dialect):
    zone = ZoneInfo("Europe/Helsinki")
    day = [datetime(2026, 11, 1, 5, 59, 7, 250, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)]
    for where, _, _ in TABLE:
        rule = read_rule({"version": 1, "where": where}, Known(worlds.CATALOGUE))
        for moment in (Moment(at, zone) for at in day):
            anew = sql(compile_rule(rule, worlds.CATALOGUE, moment), dialect)
            assert rule_sql(rule, worlds.CATALOGUE, moment, dialect) == anew


def test_text_of_a_rule_never_leaves_its_quotes():
    evil = "x' OR 1=1; --"
    assert compiled({"feature": "city", "op": "is", "value": evil}).count("x'' OR 1=1") == 1
