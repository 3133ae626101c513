"""Building a snapshot: the first from every row, the next from a copy of the last and the rows that changed."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import replace as replace_fields
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa
from django.conf import settings
from django.db import connection
from django.db.models import Max, Model
from django.utils.crypto import salted_hmac

from crm.models import AuditLine, ConsentEntry, ConsentState, Customer, Event, FieldDefinition, Order
from profiles import computed
from profiles.fields import definitions
from profiles.moments import Moment
from profiles.warehouse import extraction, files, profile, tables, watching
from profiles.warehouse.readers import engine_limits
from profiles.warehouse.sources import Column, Since, Source, all_sources, contributed, table_of, watched_tables

Db = duckdb.DuckDBPyConnection

OVERLAP = timedelta(minutes=5)  # a row's time is taken before its transaction ends: look so far back again
REWRITE_SHARE = 0.1  # rules over unsorted events take about four times as long
BLOCK = 64
CHANGE_TIMES: dict[str, tuple[type[Model], str]] = {
    "customer_row": (Customer, "updated_at"),
    "order_row": (Order, "updated_at"),
    "consent_row": (ConsentState, "updated_at"),
    "event_row": (Event, "received_at"),
    **{"change": (AuditLine, "at"), "consent_entry": (ConsentEntry, "recorded_at")},
}
ONLY_GROW = ("change", "consent_entry")  # what is new in them is known by its id
# Code and libraries that decide what a snapshot holds; read with the code itself, before anybody can replace the files.
HERE = Path(__file__).parent
MODULES = [*sorted(HERE.glob("*.py")), *(HERE.parent / f"{name}.py" for name in ("computed", "fields", "given"))]
VERSIONS = [f"{name} {version(name)} " for name in ("duckdb", "ibis-framework")]
RECIPE = b"".join([module.read_bytes() for module in MODULES] + [one.encode() for one in VERSIONS])


class Rows(Protocol):
    """A stream of Arrow batches, or a table: what the engine reads and names its columns."""

    @property
    def schema(self) -> pa.Schema: ...


class NeedsFullBuild(Exception):
    """The last snapshot cannot be brought up to date; build from every row."""


@dataclass(frozen=True)
class Seen:
    """The database before any row was read: the newest times and ids, the tables' numbers and their writers."""

    horizon: datetime
    ids: dict[str, int]
    numbers: dict[str, int]
    unsettled: frozenset[str]


@dataclass(frozen=True)
class Arrived:
    """The few rows that changed, per source (None where it need not be asked), and the counts that were taken.

    `is_timely` says that the time since the last snapshot changed nothing.
    """

    is_timely: bool
    moved: frozenset[str]
    rows: tuple[tuple[Source, list[pa.Table] | None], ...]
    counted: dict[str, int]


@dataclass(frozen=True)
class Built:
    """How far each table was read and until when it holds, and how many rows the snapshot has."""

    watermarks: dict[str, Any]
    counts: dict[str, int]


def holds(marks: dict[str, Any], moment: Moment) -> bool:
    """Whether a snapshot with these watermarks is still what would be built at the moment: nobody changed a row since,
    and the time that passed changed nothing either."""
    return (
        is_timely(marks, moment)
        and marks["shape"] == shape()
        and not marks["unsettled"]
        and marks["numbers"] == watching.numbers(watched_tables())
    )


def is_timely(marks: dict[str, Any], moment: Moment) -> bool:
    """Whether the moment lies in the span for which a snapshot's features were computed."""
    since, until = (marks.get(end) for end in ("from", "until"))
    if not since or not until:
        return False
    return datetime.fromisoformat(since) <= moment.as_of < datetime.fromisoformat(until)


def look(moment: Moment) -> Seen:
    """In this order: whoever is missing from one of these shows in the next, or is found by the next refresh."""
    watching.watch(watched_tables())
    newest = {name: newest_row(model, column) for name, (model, column) in CHANGE_TIMES.items()}
    ids = {name: row["id"] or 0 for name, row in newest.items()}
    numbers = watching.numbers(watched_tables())
    return Seen(horizon(newest, moment), ids, numbers, watching.being_changed(watched_tables()))


def newest_row(model: type[Model], column: str) -> dict[str, Any]:
    return model._default_manager.aggregate(id=Max("id"), time=Max(column))


def arrived(marks: dict[str, Any], since: Since, moment: Moment) -> Arrived | None:
    """The rows that changed since, all of one moment, by Django's own connection; None when they are many.

    Rows are counted where a table moved; once a day, and whenever time itself changed something, everywhere.
    """
    timely = is_timely(marks, moment)
    with extraction.one_moment():
        since = replace_fields(since, moved=moved(marks))
        asked = [(source, source.since(since)) for source in all_sources()]
        tables = extraction.few([queryset for _, querysets in asked for queryset in querysets])
        if tables is None:
            return None
        counted = (one for one in all_sources() if one.is_counted and (not timely or since.has_moved(*one.tables)))
        counts = {source.table: extraction.number(source.whole()) for source in counted}
    left = iter(tables)
    rows = tuple((source, list(islice(left, len(querysets))) if querysets else None) for source, querysets in asked)
    return Arrived(timely, since.moved or frozenset(), rows, counts)


def moved(marks: dict[str, Any]) -> frozenset[str]:
    """The tables whose numbers are not those of the watermarks, and those in which somebody was at work then."""
    now, then = watching.numbers(watched_tables()), marks["numbers"]
    return frozenset(marks["unsettled"]) | {
        table for table in watched_tables() if table not in now or now[table] != then.get(table)
    }


def is_nothing(found: Arrived, marks: dict[str, Any]) -> bool:
    """Whether tables moved without a row of the snapshot: a line of audit of something else, a visitor nobody knows."""
    return (
        found.is_timely
        and table_of(FieldDefinition) not in found.moved
        and not any(table.num_rows for _, tables in found.rows for table in tables or ())
        and all(source.changed for source, tables in found.rows if tables is not None)
        and all(marks["rows"][table] == count for table, count in found.counted.items())
    )


def renewed(marks: dict[str, Any], seen: Seen) -> dict[str, Any]:
    """The watermarks of a snapshot that is found to hold still."""
    return {**marks, "numbers": seen.numbers, "unsettled": sorted(seen.unsettled)}


def build(
    name: str, *, moment: Moment, seen: Seen, last: str | None = None, since: Since | None = None,
    few: Arrived | None = None,
) -> Built:  # fmt: skip
    """Write the snapshot `name`, from the snapshot `last` and the `few` rows or all that changed `since`, or from every
    row."""
    fields = definitions()
    with files.appearing(name, copy_of=last) as path, opened(path) as db:
        came = take_few(db, few) if few else take(db, all_sources(), since)
        kept = untouched_parts(db, came) if few and few.is_timely else frozenset()
        finish(db, moment, fields, came=came if since else None, kept=kept)
        built = Built(watermarks(db, seen, moment), counts(db))
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


def horizon(newest: dict[str, dict[str, Any]], moment: Moment) -> datetime:
    """The time up to which nothing can be missed, taken before any row is read; UTC."""
    times = (row["time"] for name, row in newest.items() if name not in ONLY_GROW)
    seen = max(filter(None, times), default=moment.as_of)
    return min(filter(None, (seen, moment.as_of, oldest_open_transaction())))


def oldest_open_transaction() -> datetime | None:
    """PostgreSQL: when the oldest transaction still open began; its rows may show up later with older times."""
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("select min(xact_start) from pg_stat_activity where backend_type = 'client backend'")
        return cursor.fetchone()[0]


# --- taking rows in ------------------------------------------------------------------------------


def take_few(db: Db, few: Arrived) -> frozenset[str]:
    """The rows that Django's connection has read; returns the tables that came."""
    came = put_all(db, few.rows, is_first=False)
    for table, expected in few.counted.items():
        check_count(db, table, expected)
    return came


def take(db: Db, sources: Sequence[Source], since: Since | None) -> frozenset[str]:
    """Every source in order; all of them are read at one moment of the database, and their rows counted last."""
    wanted = [(source, source.since(since)) for source in sources]
    counted = [source for source in sources if source.is_counted]
    asked = [queryset for _, querysets in wanted for queryset in querysets]
    with extraction.reading(asked, counted=[source.whole() for source in counted]) as streams:
        came = put_all(db, ((s, islice(streams, len(querysets))) for s, querysets in wanted), is_first=since is None)
        for source, stream in zip(counted, streams, strict=True):
            check_count(db, source.table, int(stream.read_all()[0][0].as_py()))
    return came


def put_all(db: Db, arrived: Iterable[tuple[Source, Iterable[Rows] | None]], *, is_first: bool) -> frozenset[str]:
    """Every source in order; those that were not asked (None) have nothing new. Returns the tables that came."""
    came = set()
    if not is_first:
        db.execute("create temp table renamed as select id from product_row limit 0")
    for source, streams in arrived:
        if streams is not None:
            came.add(source.table)
        if is_first:
            FIRST.get(source.table, replace)(db, source, streams or ())
        elif streams is not None or source.table in FOLLOWING:
            NEXT.get(source.table, keep_newer if source.changed else replace)(db, source, streams or ())
        else:
            staged(db, source, ())
    return frozenset(came)


def arriving(db: Db, source: Source, stream: Rows) -> str:
    """The stream as a relation with the snapshot's names and types; it can be read once."""
    db.register("incoming", stream)
    names = ", ".join(column.name for column in source.columns)
    typed = ", ".join(cast(column, kind) for column, kind in zip(source.columns, stream.schema.types, strict=True))
    return f"(select {typed} from incoming as incoming({names}))"


def cast(column: Column, kind: pa.DataType) -> str:
    value = f"nullif({column.name}, '')" if pa.types.is_string(kind) else column.name
    return f"{value}::{column.type} as {column.name}"


def staged(db: Db, source: Source, streams: Iterable[Rows]) -> str:
    """The streams in one temporary table, each key once."""
    new = f"new_{source.table}"
    columns = ", ".join(f"{column.name} {column.type}" for column in source.columns)
    db.execute(f"create or replace temp table {new} ({columns})")
    for stream in streams:
        db.execute(f"insert into {new} from {arriving(db, source, stream)}")
    db.execute(f"create or replace temp table {new} as select distinct on ({source.key}) * from {new}")
    return new


def replace(db: Db, source: Source, streams: Iterable[Rows]) -> None:
    for stream in streams:
        db.execute(f"create or replace table {source.table} as from {arriving(db, source, stream)}")


def keep_newer(db: Db, source: Source, streams: Iterable[Rows]) -> None:
    """Rows that came take the place of those with their key."""
    new = staged(db, source, streams)
    db.execute(f"delete from {source.table} where {source.key} in (select {source.key} from {new})")
    db.execute(f"insert into {source.table} from {new}")


def first_customers(db: Db, source: Source, streams: Iterable[Rows]) -> None:
    replace(db, source, streams)
    db.execute(tables.MOVED)


def next_customers(db: Db, source: Source, streams: Iterable[Rows]) -> None:
    keep_newer(db, source, streams)
    db.execute(tables.MOVED)


def next_products(db: Db, source: Source, streams: Iterable[Rows]) -> None:
    """Products carry no time of change: the whole table is compared with the last one."""
    new = staged(db, source, streams)
    db.execute(f"create or replace temp table renamed as select id from (from {new} except from {source.table})")
    db.execute(f"create or replace table {source.table} as from {new}")


def first_lines(db: Db, source: Source, streams: Iterable[Rows]) -> None:
    replace(db, source, streams)
    db.execute(f"create table order_line as {tables.LINES.format(lines=source.table)}")
    db.execute(f"drop table {source.table}")


def next_lines(db: Db, source: Source, streams: Iterable[Rows]) -> None:
    """Lines are known by their orders: those of an order that came are all replaced."""
    new = staged(db, source, streams)
    db.execute("delete from order_line where order_id in (select id from new_order_row)")
    db.execute(f"insert into order_line {tables.LINES.format(lines=new)}")
    if number(db, "count(*) from renamed"):
        db.execute(tables.RENAME_LINES)
        db.execute(tables.RETELL_ORDERS)


def first_events(db: Db, source: Source, streams: Iterable[Rows]) -> None:
    for stream in streams:
        events = tables.EVENTS.format(events=arriving(db, source, stream))
        orders = tables.ORDER_EVENTS.format(orders="order_row")
        db.execute(f"create table event as from ({events} union all {orders}) {tables.IN_ORDER}")
    drop_nobodys(db)


def next_events(db: Db, source: Source, streams: Iterable[Rows]) -> None:
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
    if number(db, "count(*) from new_customer_row"):
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


def check_count(db: Db, table: str, expected: int) -> None:
    """Raises NeedsFullBuild when rows were deleted, or came in a way no watermark can see."""
    found = number(db, COUNTED.get(table, f"count(*) from {table}"))
    if found != expected:
        raise NeedsFullBuild(f"{table} has {found} rows, the database {expected}")


Put = Callable[[Db, Source, Iterable[Rows]], None]
FIRST: dict[str, Put] = {"customer_row": first_customers, "line_row": first_lines, "event_row": first_events}
NEXT: dict[str, Put] = {
    "customer_row": next_customers,
    "product_row": next_products,
    "line_row": next_lines,
    "event_row": next_events,
}
BEHIND_SALES = {"customer_row", "product_row", "order_row", "line_row"}
FOLLOWING = ("line_row", "event_row")  # change with the orders, products and customers too
COUNTED = {"event_row": "(select count(*) from event where id > 0) + (select count(*) from fallen)"}


# --- what follows from the rows ------------------------------------------------------------------


def untouched_parts(db: Db, came: frozenset[str]) -> frozenset[str]:
    """The parts of the profile that stay, within a day: without sales, buyers are who they were."""
    is_sale = number(db, "count(*) from late where type in ('order', 'return')")
    return frozenset() if is_sale or came & BEHIND_SALES else computed.OF_SALES


def finish(
    db: Db,
    moment: Moment,
    fields: Sequence[FieldDefinition],
    *,
    came: frozenset[str] | None,
    kept: frozenset[str],
) -> None:
    """What follows from the tables that came; from all of them when `came` is None. The `kept` parts stay."""
    db.execute(tables.CONSENT)
    if came is None or came & {"customer_row", "suppression_row"}:
        write_reach(db)
    if came is None:
        first_history(db)
    elif "change" in came:
        next_history(db)
    profile.create(db, moment, fields, kept=kept)


def write_reach(db: Db) -> None:
    if number(db, "count(*) from suppression_row"):
        db.execute(tables.REACH.format(suppressed=tables.SUPPRESSED), padded_keys(settings.ADDRESS_HASH_KEY))
    else:
        db.execute(tables.REACH.format(suppressed=tables.NOBODY_SUPPRESSED))


def first_history(db: Db) -> None:
    db.execute(f"create or replace table field_history as {tables.FIELD_HISTORY.format(changes='change')}")


def next_history(db: Db) -> None:
    """The history of a customer is told anew when a change of the customer came."""
    told = "customer_id in (select customer_id from new_change)"
    db.execute(f"delete from field_history where {told}")
    db.execute(
        f"insert into field_history {tables.FIELD_HISTORY.format(changes=f'(select * from change where {told})')}"
    )


def padded_keys(key: str) -> dict[str, bytes]:
    """The inner and outer key of HMAC-SHA256: the key filled to the hash's block of 64 bytes, with each pad."""
    raw = key.encode()
    block = (hashlib.sha256(raw).digest() if len(raw) > BLOCK else raw).ljust(BLOCK, b"\0")
    return {"inner": bytes(byte ^ 0x36 for byte in block), "outer": bytes(byte ^ 0x5C for byte in block)}


def watermarks(db: Db, seen: Seen, moment: Moment) -> dict[str, Any]:
    """How far the database was read, from which time changes are looked for next, and for how long it all holds."""
    rows = {source.table for source in all_sources() if source.is_counted}
    return {
        "shape": shape(),
        "moment": (seen.horizon - OVERLAP).isoformat(),
        "ids": seen.ids,
        "numbers": seen.numbers,
        "unsettled": sorted(seen.unsettled),
        "rows": {table: number(db, COUNTED.get(table, f"count(*) from {table}")) for table in sorted(rows)},
        "from": moment.as_of.isoformat(),
        "until": holds_until(db, moment).isoformat(),
    }


def holds_until(db: Db, moment: Moment) -> datetime:
    """When time alone changes the profile: the firm's day ends, or something dated ahead becomes true. UTC."""
    row = db.execute(
        """select least($tomorrow, (select min(ts) from event where ts > $now),
            (select min(created_at) from customer_row where created_at > $now))""",
        {"tomorrow": moment.days_ago(-1), "now": moment.now},
    ).fetchone()
    return row[0].replace(tzinfo=UTC)  # type: ignore[index]


def shape() -> str:
    """Changes with whatever decides what a snapshot holds besides rows; one of another shape is built anew."""
    columns = repr(
        [(source.table, [(column.name, column.type) for column in source.columns]) for source in all_sources()]
    )
    told = RECIPE + f"{columns} {settings.FIRM_TIME_ZONE}".encode()
    return salted_hmac("warehouse", told, secret=settings.ADDRESS_HASH_KEY, algorithm="sha256").hexdigest()[:16]


def counts(db: Db) -> dict[str, int]:
    names = ["profile", "event", "order_line", "consent", "reach", "field_history"]
    names += [source.table for source in contributed()]
    return {name: number(db, f"count(*) from {name}") for name in names}


def number(db: Db, asked: str) -> int:
    """The one number that `select {asked}` answers with."""
    row = db.execute(f"select {asked}").fetchone()
    return int(row[0]) if row else 0
