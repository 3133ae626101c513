"""What segments are worth: spend, margin and satisfaction beside the same weeks a year before, and means of scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
import pyarrow as pa
from ibis.expr.types import Table

from profiles import queries as profile_queries
from segments import intervals, ledger
from segments.evaluation import Engine
from segments.history import day_of
from segments.rules import tables

WEEKS = 4  # of one period
PERIODS = 13  # of a year of 364 days, so that weekdays fall on weekdays
QUARTERS = 4  # of thirteen weeks: answers to surveys are too few for four
YEAR = timedelta(days=7 * WEEKS * PERIODS)
MEASURES = (
    "spend_365d_amount", "margin_365d_amount", "orders_365d", "average_basket_amount", "days_between_orders",
    "recency_days",
)  # fmt: skip
CHOSEN = ibis.table({"segment_id": "int64", "customer_id": "int64"}, name="chosen")
EVENTS = ibis.table({**tables.EVENT, "sale_amount": tables.MONEY}, name="event")
SCORED = ibis.table({"survey": "string", "question": "string", "kind": "string"}, name="scored")


@dataclass(frozen=True)
class Period:
    """Four weeks ending on `last`: spend, margin and orders of today's members, and those of the same weeks a year
    before; None where the firm's sales are not known from the first day of the weeks on. The margin is that of the
    orders of which it is known, None where that is none."""

    first: date
    last: date
    spend: float | None
    orders: int | None
    spend_before: float | None
    orders_before: int | None
    margin: float | None = None
    margin_before: float | None = None


@dataclass(frozen=True)
class Quarter:
    """Thirteen weeks ending on `last`: what today's members said in surveys, by the kind of question, and what they
    said in the same weeks a year before; None where too few answered."""

    first: date
    last: date
    scores: Mapping[str, profile_queries.Score | None]
    scores_before: Mapping[str, profile_queries.Score | None]


@dataclass(frozen=True)
class Mean:
    """The mean of a feature over the members who have it, with its 95 % interval; None when nobody has."""

    feature: str
    people: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None


def chosen(segment_ids: Sequence[int]) -> dict[str, pa.Table]:
    """The members of the segments as a table beside the snapshot's."""
    found = [(pk, ledger.members(pk)) for pk in segment_ids]
    customers = pa.concat_arrays([pa.array(ids, pa.int64()) for _, ids in found] or [pa.array([], pa.int64())])
    segments = pa.concat_arrays([pa.repeat(pa.scalar(pk), len(ids)) for pk, ids in found] or [pa.array([], pa.int64())])
    return {"chosen": pa.table({"segment_id": segments.cast(pa.int64()), "customer_id": customers})}


def periods(segment_ids: Sequence[int], engine: Engine) -> dict[int, tuple[Period, ...]]:
    """Thirteen periods of four whole weeks up to yesterday, oldest first, by segment: one pass over the orders."""
    borders = borders_of(engine, PERIODS)
    sales = dated(EVENTS.filter((EVENTS.type == "order") & EVENTS.sale_amount.notnull()), borders, engine)
    owned = sales.join(CHOSEN, "customer_id")
    counted = owned.group_by("segment_id", "period").aggregate(
        spend=owned.sale_amount.sum().cast("float64"),
        margin=owned.margin_amount.sum().cast("float64"),
        orders=owned.count(),
    )
    rows = engine.select(counted, chosen(segment_ids)).to_pylist()
    seen = {(row["segment_id"], row["period"]): row for row in rows}
    began = profile_queries.recorded_since().events.get("order")
    known = sum(began is not None and day_of(began) <= border for border in borders[1:])
    return {pk: tuple(_period(seen, pk, n, borders, known) for n in reversed(range(PERIODS))) for pk in segment_ids}


def borders_of(engine: Engine, parts: int) -> list[date]:
    """The first days of so many equal parts of a year of 364 days and of the year before, the newest first; today,
    which they lead up to, before them."""
    return [engine.moment.today - n * YEAR / parts for n in range(2 * parts + 1)]


def dated(events: Table, borders: Sequence[date], engine: Engine) -> Table:
    """The events between the borders with their `period`: 0 is the newest."""
    times = [ibis.literal(engine.moment.begins(day), type="timestamp") for day in borders]
    inside = events.filter((events.ts < times[0]) & (events.ts >= times[-1]))
    return inside.mutate(period=ibis.cases(*((inside.ts >= border, n) for n, border in enumerate(times[1:]))))


def _period(seen: Mapping[tuple[int, int], Any], pk: int, n: int, borders: Sequence[date], known: int) -> Period:
    """The newest `known` periods are those of which sales are known."""

    def told(place: int) -> tuple[Any, Any, Any]:
        nothing = {"spend": 0.0, "orders": 0, "margin": None}
        row = seen.get((pk, place), nothing)
        return (row["spend"], row["orders"], row["margin"]) if place < known else (None, None, None)

    (spend, orders, margin), (spend_before, orders_before, margin_before) = told(n), told(n + PERIODS)
    last = borders[n] - timedelta(days=1)
    return Period(borders[n + 1], last, spend, orders, spend_before, orders_before, margin, margin_before)


def quarters(segment_ids: Sequence[int], engine: Engine) -> dict[int, tuple[Quarter, ...]]:
    """Four quarters of thirteen whole weeks up to yesterday, oldest first, by segment; none where nobody was asked.

    Whoever answered a question again in a quarter counts once, by the last answer.
    """
    asked = profile_queries.scored_questions()
    if not asked:
        return dict.fromkeys(segment_ids, ())
    borders = borders_of(engine, QUARTERS)
    given = dated(EVENTS.filter((EVENTS.type == "answer") & EVENTS.value.notnull()), borders, engine)
    told = given.properties.cast("json")
    answers = given.mutate(survey=told["survey"].str, question=told["question"].str).join(
        SCORED, ["survey", "question"]
    )
    last = answers.group_by("customer_id", "survey", "question", "kind", "period").aggregate(
        answer=answers.value.argmax(answers.ts).cast("int64")
    )
    owned = last.join(CHOSEN, "customer_id")
    counted = owned.group_by("segment_id", "kind", "period", "answer").aggregate(people=owned.count())
    scored = pa.Table.from_pylist(asked, pa.schema([(name, pa.string()) for name in SCORED.columns]))
    seen: dict[tuple[int, int, str], dict[int, int]] = {}
    for row in engine.select(counted, {**chosen(segment_ids), "scored": scored}).to_pylist():
        seen.setdefault((row["segment_id"], row["period"], row["kind"]), {})[row["answer"]] = row["people"]
    kinds = sorted({one["kind"] for one in asked})
    return {pk: tuple(_quarter(seen, pk, n, borders, kinds) for n in reversed(range(QUARTERS))) for pk in segment_ids}


def _quarter(
    seen: Mapping[tuple[int, int, str], Mapping[int, int]], pk: int, n: int, borders: Sequence[date], kinds: list[str]
) -> Quarter:
    now, before = (
        {kind: profile_queries.score(kind, seen.get((pk, place, kind), {})) for kind in kinds}
        for place in (n, n + QUARTERS)
    )
    return Quarter(borders[n + 1], borders[n] - timedelta(days=1), now, before)


def means(segment_ids: Sequence[int], engine: Engine) -> dict[int, tuple[Mean, ...]]:
    """The means of those measures there are, by segment: one pass over the profiles."""
    keys = [key for key in MEASURES if key in engine.catalogue]
    profile = tables.profile_table(engine.catalogue)
    owned = profile.select("customer_id", *keys).join(CHOSEN, "customer_id")
    columns: dict[str, Any] = {}
    for i, key in enumerate(keys):
        value = owned[key].cast("float64")
        columns |= {f"mean{i}": value.mean(), f"spread{i}": value.std(), f"n{i}": value.count()}
    rows = engine.select(owned.group_by("segment_id").aggregate(**columns), chosen(segment_ids)).to_pylist()
    seen = {row["segment_id"]: row for row in rows}
    return {pk: tuple(_mean(key, i, seen.get(pk)) for i, key in enumerate(keys)) for pk in segment_ids}


def _mean(key: str, i: int, row: Mapping[str, Any] | None) -> Mean:
    if not row or not row[f"n{i}"]:
        return Mean(key, 0)
    mean, people = row[f"mean{i}"], row[f"n{i}"]
    return Mean(key, people, mean, *intervals.of_mean(mean, row[f"spread{i}"] or 0.0, people))
