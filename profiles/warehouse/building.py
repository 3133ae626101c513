"""Building a snapshot: the first from every row, the next from a copy of the last and the rows that changed."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from django.conf import settings
from django.db import connection
from django.db.models import Max

from crm.models import ConsentState, Customer, Event, FieldDefinition, Order
from profiles.fields import definitions
from profiles.moments import Moment
from profiles.warehouse import extraction, files, profile, tables
from profiles.warehouse.readers import engine_limits
from profiles.warehouse.sources import Column, Since, Source, all_sources, contributed

Db = duckdb.DuckDBPyConnection

OVERLAP = timedelta(minutes=5)  # a row's time is taken before its transaction ends: look so far back again
REWRITE_SHARE = 0.1  # rules over unsorted events take about four times as long
BLOCK = 64
CHANGE_TIMES = ((Customer, "updated_at"), (Order, "updated_at"), (ConsentState, "updated_at"), (Event, "received_at"))
KEYED = {name: name for name in ("customer_row", "order_row", "consent_row", "change")} | {"event_row": "event"}


class NeedsFullBuild(Exception):
    """The last snapshot cannot be brought up to date; build from every row."""


@dataclass(frozen=True)
class Built:
    """How far each table was read (`ids` and `moment`) and how many rows the snapshot has."""

    watermarks: dict[str, Any]
    counts: dict[str, int]


def build(name: str, *, moment: Moment, last: str | None = None, since: Since | None = None) -> Built:
    """Write the snapshot `name`, from the snapshot `last` and what changed `since`, or from every row."""
    fields = definitions()
    horizon = newest_change(moment)
    with files.appearing(name, copy_of=last) as path, opened(path) as db:
        take(db, all_sources(), since)
        finish(db, moment, fields)
        built = Built(watermarks(db, horizon), counts(db))
        db.execute("checkpoint")
    return built


def write(name: str, statements: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Write the snapshot `name` by statements of the engine, each with its parameters."""
    with files.appearing(name) as path, opened(path) as db:
        db.execute("set preserve_insertion_order = true")
        for statement, parameters in statements:
            db.execute(statement, parameters)


@contextmanager
def opened(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    db = duckdb.connect(str(path), config={**engine_limits(), "preserve_insertion_order": "false"})
    try:
        db.execute("set TimeZone = 'UTC'")
        yield db
    finally:
        db.close()


def newest_change(moment: Moment) -> datetime:
    """The time up to which nothing can be missed, taken before any row is read; UTC."""
    newest = [model.objects.aggregate(newest=Max(column))["newest"] for model, column in CHANGE_TIMES]
    seen = max((time for time in newest if time), default=moment.as_of)
    return min(filter(None, (seen, moment.as_of, oldest_open_transaction())))


def oldest_open_transaction() -> datetime | None:
    """PostgreSQL: when the oldest transaction still open began; its rows may show up later with older times."""
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("select min(xact_start) from pg_stat_activity where backend_type = 'client backend'")
        return cursor.fetchone()[0]


# --- taking rows in ------------------------------------------------------------------------------


def take(db: Db, sources: Sequence[Source], since: Since | None) -> None:
    """Every source in order; all of them are read at one moment of the database, and their rows counted last."""
    wanted = [(source, source.since(since)) for source in sources]
    counted = [source for source in sources if source.is_counted]
    asked = [queryset for _, querysets in wanted for queryset in querysets]
    with extraction.reading(asked, counted=[source.whole() for source in counted]) as streams:
        for source, querysets in wanted:
            put = (FIRST if since is None else NEXT).get(source.table, replace)
            if since is not None and source.changed:
                put = NEXT.get(source.table, keep_newer)
            put(db, source, islice(streams, len(querysets)))
        for source, stream in zip(counted, streams, strict=True):
            check_count(db, source, int(stream.read_all()[0][0].as_py()))


def arriving(db: Db, source: Source, stream: pa.RecordBatchReader) -> str:
    """The stream as a relation with the snapshot's names and types; it can be read once."""
    db.register("incoming", stream)
    names = ", ".join(column.name for column in source.columns)
    typed = ", ".join(cast(column, kind) for column, kind in zip(source.columns, stream.schema.types, strict=True))
    return f"(select {typed} from incoming as incoming({names}))"


def cast(column: Column, kind: pa.DataType) -> str:
    value = f"nullif({column.name}, '')" if pa.types.is_string(kind) else column.name
    return f"{value}::{column.type} as {column.name}"


def staged(db: Db, source: Source, streams: Iterable[pa.RecordBatchReader]) -> str:
    """The streams in one temporary table, each key once."""
    new = f"new_{source.table}"
    columns = ", ".join(f"{column.name} {column.type}" for column in source.columns)
    db.execute(f"create or replace temp table {new} ({columns})")
    for stream in streams:
        db.execute(f"insert into {new} from {arriving(db, source, stream)}")
    db.execute(f"create or replace temp table {new} as select distinct on ({source.key}) * from {new}")
    return new


def replace(db: Db, source: Source, streams: Iterable[pa.RecordBatchReader]) -> None:
    for stream in streams:
        db.execute(f"create or replace table {source.table} as from {arriving(db, source, stream)}")


def keep_newer(db: Db, source: Source, streams: Iterable[pa.RecordBatchReader]) -> None:
    """Rows that came take the place of those with their key."""
    new = staged(db, source, streams)
    db.execute(f"delete from {source.table} where {source.key} in (select {source.key} from {new})")
    db.execute(f"insert into {source.table} from {new}")


def first_customers(db: Db, source: Source, streams: Iterable[pa.RecordBatchReader]) -> None:
    replace(db, source, streams)
    db.execute(tables.MOVED)


def next_customers(db: Db, source: Source, streams: Iterable[pa.RecordBatchReader]) -> None:
    keep_newer(db, source, streams)
    db.execute(tables.MOVED)


def next_products(db: Db, source: Source, streams: Iterable[pa.RecordBatchReader]) -> None:
    """Products carry no time of change: the whole table is compared with the last one."""
    new = staged(db, source, streams)
    db.execute(f"create or replace temp table renamed as select id from (from {new} except from {source.table})")
    db.execute(f"create or replace table {source.table} as from {new}")


def first_lines(db: Db, source: Source, streams: Iterable[pa.RecordBatchReader]) -> None:
    replace(db, source, streams)
    db.execute(f"create table order_line as {tables.LINES.format(lines=source.table)}")
    db.execute(f"drop table {source.table}")


def next_lines(db: Db, source: Source, streams: Iterable[pa.RecordBatchReader]) -> None:
    """Lines are known by their orders: those of an order that came are all replaced."""
    new = staged(db, source, streams)
    db.execute("delete from order_line where order_id in (select id from new_order_row)")
    db.execute(f"insert into order_line {tables.LINES.format(lines=new)}")
    db.execute(tables.RENAME_LINES)
    db.execute(tables.RETELL_ORDERS)


def first_events(db: Db, source: Source, streams: Iterable[pa.RecordBatchReader]) -> None:
    for stream in streams:
        events = tables.EVENTS.format(events=arriving(db, source, stream))
        orders = tables.ORDER_EVENTS.format(orders="order_row")
        db.execute(f"create table event as from ({events} union all {orders}) {tables.IN_ORDER}")
    drop_nobodys(db)


def next_events(db: Db, source: Source, streams: Iterable[pa.RecordBatchReader]) -> None:
    """What came replaces what was known of these events, these orders and the customers that changed."""
    new = staged(db, source, streams)
    db.execute(
        f"""delete from event where id in (select id from {new} union all select -id from new_order_row)
            or customer_id in (select id from new_customer_row)"""
    )
    db.execute(f"delete from fallen where id in (select id from {new})")
    events, orders = tables.EVENTS.format(events=new), tables.ORDER_EVENTS.format(orders="new_order_row")
    db.execute(f"create or replace temp table late as from ({events} union all {orders}) {tables.IN_ORDER}")
    db.execute("insert into event from late")
    db.execute("update event set customer_id = moved.owner_id from moved where moved.id = event.customer_id")
    drop_nobodys(db)
    keep_sorted(db)


def keep_sorted(db: Db) -> None:
    """Late events stand behind the sorted ones; once they are a tenth, all are sorted anew."""
    db.execute("create table if not exists appended (events bigint)")
    db.execute("insert into appended select count(*) from late")
    if number(db, "coalesce(sum(events), 0) from appended") > REWRITE_SHARE * number(db, "count(*) from event"):
        db.execute(f"create or replace table event as from event {tables.IN_ORDER}")
        db.execute("delete from appended")


def drop_nobodys(db: Db) -> None:
    """Events of erased customers leave; their ids stay, so that the count still agrees with the database's."""
    db.execute("create table if not exists fallen as select id from event where customer_id is null and id > 0 limit 0")
    db.execute("insert into fallen select id from event where customer_id is null and id > 0")
    db.execute("delete from event where customer_id is null")


def check_count(db: Db, source: Source, expected: int) -> None:
    """Raises NeedsFullBuild when rows were deleted, or came in a way no watermark can see."""
    found = number(db, COUNTED.get(source.table, f"count(*) from {source.table}"))
    if found != expected:
        raise NeedsFullBuild(f"{source.table} has {found} rows, the database {expected}")


Put = Callable[[Db, Source, Iterable[pa.RecordBatchReader]], None]
FIRST: dict[str, Put] = {"customer_row": first_customers, "line_row": first_lines, "event_row": first_events}
NEXT: dict[str, Put] = {
    "customer_row": next_customers,
    "product_row": next_products,
    "line_row": next_lines,
    "event_row": next_events,
}
COUNTED = {"event_row": "(select count(*) from event where id > 0) + (select count(*) from fallen)"}


# --- what follows from the rows ------------------------------------------------------------------


def finish(db: Db, moment: Moment, fields: Sequence[FieldDefinition]) -> None:
    db.execute(tables.CONSENT)
    write_reach(db)
    db.execute(tables.FIELD_HISTORY)
    profile.create(db, moment, fields)


def write_reach(db: Db) -> None:
    if number(db, "count(*) from suppression_row"):
        db.execute(tables.REACH.format(suppressed=tables.SUPPRESSED), padded_keys(settings.ADDRESS_HASH_KEY))
    else:
        db.execute(tables.REACH.format(suppressed=tables.NOBODY_SUPPRESSED))


def padded_keys(key: str) -> dict[str, bytes]:
    """The inner and outer key of HMAC-SHA256: the key filled to the hash's block of 64 bytes, with each pad."""
    raw = key.encode()
    block = (hashlib.sha256(raw).digest() if len(raw) > BLOCK else raw).ljust(BLOCK, b"\0")
    return {"inner": bytes(byte ^ 0x36 for byte in block), "outer": bytes(byte ^ 0x5C for byte in block)}


def watermarks(db: Db, horizon: datetime) -> dict[str, Any]:
    """How far the database was read: highest ids, and the time from which changes are looked for next."""
    ids = {name: number(db, f"coalesce(max(id), 0) from {table}") for name, table in KEYED.items()}
    return {"shape": shape(), "moment": (horizon - OVERLAP).isoformat(), "ids": ids}


def shape() -> str:
    """Changes with the columns that are copied: a snapshot of another shape is built anew."""
    known = repr(
        [(source.table, [(column.name, column.type) for column in source.columns]) for source in all_sources()]
    )
    return hashlib.sha256(known.encode()).hexdigest()[:16]


def counts(db: Db) -> dict[str, int]:
    names = ["profile", "event", "order_line", "consent", "reach", "field_history"]
    names += [source.table for source in contributed()]
    return {name: number(db, f"count(*) from {name}") for name in names}


def number(db: Db, asked: str) -> int:
    """The one number that `select {asked}` answers with."""
    row = db.execute(f"select {asked}").fetchone()
    return int(row[0]) if row else 0
