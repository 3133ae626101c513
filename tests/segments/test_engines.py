"""Rules asked of an engine elsewhere: the same members, or a reason; never another answer."""

from datetime import UTC, datetime, timedelta

import pytest

from crm.models import Customer, Event
from crm.rights import machine
from profiles import actions as profile_actions
from profiles import queries as profile_queries
from segments import actions, evaluation
from segments.models import Membership, Segment
from segments.rules import dialects
from segments.rules.compiler import compile_rule, rule_sql, sql
from segments.rules.moments import Moment
from segments.rules.reading import Known, read_rule
from tests.profiles import parquet_engine
from tests.segments import worlds
from tests.segments.test_dialects import MOMENT
from tests.segments.test_sentences import TABLE

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
BY = machine("test")
PAGES = {"version": 1, "where": {"event": "page", "op": "at_least", "value": 2}}
AMONG = {"version": 1, "where": {"segment": "pages"}}


@pytest.fixture
def ada(db) -> Customer:
    """She saw two pages, Bo one."""
    ada, bo = (Customer.objects.create(number=n, created_at=AT, updated_at=AT) for n in ("ada", "bo"))
    for n, who in enumerate((ada, ada, bo)):
        Event.objects.create(source="web", source_id=str(n), type="page", customer=who, received_at=AT,
                             occurred_at=AT - timedelta(days=1))  # fmt: skip
    actions.create_segment(name="Pages", rule=PAGES, by=BY, at=AT)
    actions.create_segment(name="Among", rule=AMONG, by=BY, at=AT)
    profile_actions.refresh(at=AT)
    return ada


def test_a_refresh_asks_the_engine_of_the_setting_and_it_knows_the_ledger(ada, settings, monkeypatch, tmp_path) -> None:
    parquet_engine.use(settings, monkeypatch, tmp_path)
    monkeypatch.setattr(profile_queries, "select", lambda *_, **__: pytest.fail("the snapshot was asked"))
    done = actions.refresh_segments(at=AT)
    assert {row.slug: (row.size, row.error) for row in done} == {"pages": (1, ""), "among": (1, "")}
    assert set(Membership.objects.values_list("customer_id", flat=True)) == {ada.pk}
    engine = evaluation.engine(at=AT)
    rule = read_rule(PAGES, evaluation.known())
    assert (engine.size(rule), engine.look(rule)[0].tolist()) == (1, [ada.pk])
    assert not list((tmp_path / "passing").iterdir())


def test_the_past_and_single_customers_stay_with_the_snapshot(ada, settings, monkeypatch, tmp_path) -> None:
    parquet_engine.use(settings, monkeypatch, tmp_path, host="absent")
    rule = read_rule(PAGES, evaluation.known())
    assert evaluation.engine(at=AT - timedelta(days=30)).size(rule) == 0
    assert evaluation.engine(at=AT).why(rule, ada.pk).answer is True


def test_an_engine_that_does_not_answer_puts_every_segment_off_and_says_why(ada, settings, monkeypatch, tmp_path):
    parquet_engine.use(settings, monkeypatch, tmp_path, host="absent")
    assert {row.error for row in actions.refresh_segments(at=AT)} == {"nobody answers"}
    assert set(Segment.objects.values_list("failures", "error")) == {(1, "nobody answers")}
    with pytest.raises(evaluation.NotEvaluable, match="nobody answers"):
        evaluation.engine(at=AT).size(read_rule(PAGES, evaluation.known()))


@pytest.mark.parametrize("dialect", ["clickhouse", "pyspark"])
def test_every_kind_of_condition_compiles_for_engines_elsewhere(dialect) -> None:
    for where, _, _ in TABLE:
        rule = read_rule({"version": 1, "where": where}, Known(worlds.CATALOGUE))
        anew = sql(compile_rule(rule, worlds.CATALOGUE, MOMENT), dialect)
        assert rule_sql(rule, worlds.CATALOGUE, MOMENT, dialect) == anew


def refused(where, dialect) -> bool:
    try:
        rule_sql(read_rule({"version": 1, "where": where}, Known(worlds.CATALOGUE)), worlds.CATALOGUE, MOMENT, dialect)
    except dialects.NotThere as fault:
        return "KOHDE_ENGINE" in str(fault)
    return False


def test_what_an_engine_would_answer_otherwise_is_refused_before_it_is_asked() -> None:
    lists = {"feature": "interests", "op": "is_missing"}, {"feature": "interests", "op": "includes", "value": "bike"}
    assert refused(lists[0], "clickhouse") and refused({"not": {**lists[1], "missing": "yes"}}, "clickhouse")
    assert refused({"feature": "interests", "op": "excludes", "value": "bike"}, "clickhouse")
    assert not refused(lists[1], "clickhouse") and not refused(lists[0], "pyspark")
    pattern = {"feature": "city", "op": "matches", "value": "[[:alpha:]]"}
    assert refused(pattern, "pyspark") and not refused(pattern, "clickhouse")


def test_times_keep_their_microseconds_and_days_their_century_on_clickhouse() -> None:
    moment = Moment(datetime(2026, 11, 1, 5, 59, 7, 250, tzinfo=UTC), MOMENT.zone)
    where = {"all": [{"event": "page"}, {"feature": "born_on", "op": "before", "value": "1931-05-01"}]}
    written = sql(compile_rule(read_rule({"version": 1, "where": where}, Known(worlds.CATALOGUE)), worlds.CATALOGUE,
                               moment), "clickhouse")  # fmt: skip
    assert "05:59:07.000250', 6" in written and "toDate32('1931-05-01')" in written


def test_different_values_are_counted_exactly_and_equals_share_a_place_on_clickhouse() -> None:
    distinct = {"event": "page", "measure": "distinct", "of": "category", "op": "at_least", "value": 2}
    rank = {"feature": "income", "op": "top", "value": 3}
    one, other = (
        sql(compile_rule(read_rule({"version": 1, "where": where}, Known(worlds.CATALOGUE)), worlds.CATALOGUE, MOMENT),
            "clickhouse") for where in (distinct, rank)
    )  # fmt: skip
    assert "uniqExact(" in one
    assert 'RANK() OVER (ORDER BY "t1"."income" DESC)' in other
