"""What segments are worth: what their members spend, beside the same weeks a year before, and means of scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
import pyarrow as pa

from segments import intervals, ledger
from segments.evaluation import Engine
from segments.rules import tables

WEEKS = 4  # of one period
PERIODS = 13  # of a year of 364 days, so that weekdays fall on weekdays
YEAR = timedelta(days=7 * WEEKS * PERIODS)
MEASURES = (
    "spend_365d_amount", "orders_365d", "average_basket_amount", "recency_days",
    "margin_amount", "margin_365d_amount", "lifetime_value_amount", "churn_probability", "nps", "csat", "satisfaction",
)  # fmt: skip
CHOSEN = ibis.table({"segment_id": "int64", "customer_id": "int64"}, name="chosen")
SALES = ibis.table({**tables.EVENT, "sale_amount": tables.MONEY}, name="event")


@dataclass(frozen=True)
class Period:
    """Four weeks ending on `last`: spend and orders of today's members, and those of the same weeks a year before."""

    first: date
    last: date
    spend: float
    orders: int
    spend_before: float
    orders_before: int


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
    borders = [engine.moment.today - n * timedelta(weeks=WEEKS) for n in range(2 * PERIODS + 1)]
    times = [ibis.literal(engine.moment.begins(day), type="timestamp") for day in borders]
    sales = SALES.filter((SALES.type == "order") & SALES.sale_amount.notnull())
    sales = sales.filter((sales.ts < times[0]) & (sales.ts >= times[-1]))
    place = ibis.cases(*((sales.ts >= border, n) for n, border in enumerate(times[1:])))
    owned = sales.mutate(period=place).join(CHOSEN, "customer_id")
    counted = owned.group_by("segment_id", "period").aggregate(
        spend=owned.sale_amount.sum().cast("float64"), orders=owned.count()
    )
    rows = engine.select(counted, chosen(segment_ids)).to_pylist()
    seen = {(row["segment_id"], row["period"]): row for row in rows}
    return {pk: tuple(_period(seen, pk, n, borders) for n in reversed(range(PERIODS))) for pk in segment_ids}


def _period(seen: Mapping[tuple[int, int], Any], pk: int, n: int, borders: Sequence[date]) -> Period:
    now, before = (seen.get((pk, place), {"spend": 0.0, "orders": 0}) for place in (n, n + PERIODS))
    last = borders[n] - timedelta(days=1)
    return Period(borders[n + 1], last, now["spend"], now["orders"], before["spend"], before["orders"])


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
