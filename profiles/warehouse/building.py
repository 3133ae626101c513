"""Building a snapshot: the first from every row, the next from a copy of the last and the rows that changed."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from dataclasses import replace as replace_fields
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import duckdb
import numpy as np
import pyarrow as pa
from django.conf import settings
from django.db import connection
from django.db.models import Model, Q
from django.utils.crypto import salted_hmac

from crm.models import (
    AuditLine,
    Company,
    ConsentEntry,
    ConsentState,
    Customer,
    Event,
    FieldDefinition,
    Order,
    OrderLine,
)
from profiles.fields import definitions
from profiles.moments import Moment
from profiles.warehouse import extraction, files, profile, readers, tables, watching
from profiles.warehouse.readers import engine_limits
from profiles.warehouse.sources import (
    Column,
    Since,
    Source,
    all_sources,
    changed_customers,
    contributed,
    table_of,
    watched_tables,
    with_merged,
)

Db = duckdb.DuckDBPyConnection
log = logging.getLogger(__name__)

OVERLAP = timedelta(minutes=5)  # a row's time is taken before its transaction ends: look so far back again
WRITES_ONCE: dict[str, str | bool | int | float | list[str]] = {
    "preserve_insertion_order": "false", "fsync_mode": "NONE", "checkpoint_threshold": "1TB", "max_vacuum_tasks": 0,
}  # fmt: skip
MOST_WORN = 1.5  # places for each row that is left
VACUUM_TASKS = 100  # the engine's own default
REWRITE_SHARE = 0.1  # rules over unsorted events take about four times as long
BLOCK = 64
CHANGE_TIMES: dict[str, tuple[type[Model], str]] = {
    "customer_row": (Customer, "updated_at"),
    "order_row": (Order, "updated_at"),
    "consent_row": (ConsentState, "updated_at"),
    "event_row": (Event, "received_at"),
}
ONLY_GROW: dict[str, type[Model]] = {"change": AuditLine, "consent_entry": ConsentEntry, "line_row": OrderLine}
MOST_REGROUPED = 10_000  # customers; of more, every table is asked as if it was rewritten
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
    """The few rows that changed, per source (None where it need not be asked), and the counts that were taken."""

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
    ids = {name: found[0] for name, found in newest.items()}
    ids |= {name: newest_row(model, "pk")[0] for name, model in ONLY_GROW.items()}
    numbers = watching.numbers(watched_tables())
    times = [time for _, time in newest.values() if time]
    return Seen(horizon(times, moment), ids, numbers, watching.being_changed(watched_tables()))


def newest_row(model: type[Model], column: str) -> tuple[int, Any]:
    """The highest id, and the row's time: no later than the newest time of the table, and found without reading it."""
    return model._default_manager.order_by("-pk").values_list("pk", column).first() or (0, None)


def narrowed(since: Since, marks: dict[str, Any], last: str, moment: Moment) -> Since:
    """`since` with what the tables' numbers say of the changes. Ask it after `look`: what comes later is seen by the
    next refresh."""
    now, then = watching.numbers(watched_tables()), marks["numbers"]

    def changed(name: Callable[[str], str]) -> frozenset[str]:
        return frozenset(
            one for one in watched_tables() if name(one) not in now or now[name(one)] != then.get(name(one))
        )

    unsettled = frozenset(marks["unsettled"])
    since = replace_fields(since, moved=unsettled | changed(str), is_timely=is_timely(marks, moment))
    regrouped = regrouped_customers(since, last)
    if regrouped is None:
        return since
    return replace_fields(since, rewritten=unsettled | changed(watching.rewriting), regrouped=regrouped)


def regrouped_customers(since: Since, last: str) -> frozenset[int] | None:
    """Of the customers that changed those that are or were merged or erased, and all who were merged with them; None
    when they are too many to name."""
    gone = Customer.objects.filter(Q(merged_into__isnull=False) | Q(erased_at__isnull=False))
    found, changed = set[int](), list[np.ndarray]()
    for ids in changed_customers(since):
        changed.append(np.fromiter(ids.iterator(), np.int64))
        found.update(gone.filter(pk__in=ids).values_list("pk", flat=True)[: MOST_REGROUPED + 1])
    if any(map(len, changed)):
        with readers.reading(last) as db:
            before = db.execute("select id from moved").fetchnumpy()["id"]
        found.update(np.intersect1d(np.concatenate(changed), before).tolist())
    if len(found) > MOST_REGROUPED:
        return None
    return with_merged(found)


def arrived(since: Since, seen: Seen) -> Arrived | None:
    """The rows that changed since, all of one moment, by Django's own connection; None when they are many.

    Ids tell at once that many came, except in a table that was empty: its numbers may begin anywhere.
    """
    if any(last and seen.ids[name] - last > extraction.FEW for name, last in since.ids.items() if name in seen.ids):
        return None
    with extraction.one_moment():
        asked = [(source, source.since(since)) for source in all_sources()]
        tables = extraction.few([queryset for _, querysets in asked for queryset in querysets])
        if tables is None:
            return None
        counts = {source.table: extraction.number(source.whole()) for source in counted(since)}
    left = iter(tables)
    rows = tuple((source, list(islice(left, len(querysets))) if querysets else None) for source, querysets in asked)
    return Arrived(rows, counts)


def counted(since: Since | None) -> list[Source]:
    """Rows are counted where a table moved; once a day, and whenever time itself changed something, everywhere."""
    everywhere = since is None or not since.is_timely
    return [one for one in all_sources() if one.is_counted and (everywhere or (since and since.has_moved(*one.tables)))]


def is_nothing(found: Arrived, since: Since, marks: dict[str, Any]) -> bool:
    """Whether tables moved without a row of the snapshot: a line of audit of something else, a visitor nobody knows."""
    return (
        since.is_timely
        and not since.has_moved(table_of(FieldDefinition))
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
    row. What does not fit into the engine's memory with a thread per core is written once more by one thread, which
    holds less at a time; an engine without memory for its checkpoint calls that a fault of writing."""
    try:
        return write_from_rows(name, moment=moment, seen=seen, last=last, since=since, few=few)
    except (duckdb.OutOfMemoryException, duckdb.IOException) as fault:
        log.warning("The snapshot did not fit into %s; one thread builds it: %s", settings.WAREHOUSE_MEMORY, fault)
        return write_from_rows(name, moment=moment, seen=seen, last=last, since=since, few=few, threads=1)


def write_from_rows(
    name: str, *, moment: Moment, seen: Seen, last: str | None, since: Since | None, few: Arrived | None,
    threads: int | None = None,
) -> Built:  # fmt: skip
    fields = definitions()
    with asked(few, since) as take, files.appearing(name, copy_of=last) as path, opened(path, threads) as db:
        with take(db) as came:
            finish(db, moment, fields, came=came, since=since)
        built = Built(watermarks(db, seen, moment), counts(db))
        put_down(db)
    return built


def write(name: str, statements: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Write the snapshot `name` by statements of the engine, each with its parameters."""
    with files.appearing(name) as path, opened(path) as db:
        db.execute("set preserve_insertion_order = true")
        for statement, parameters in statements:
            db.execute(statement, parameters)
        put_down(db)


@contextmanager
def opened(path: Path, threads: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """The file to be written. Nobody reads it before it is whole, and a build that dies begins anew: so the engine
    keeps no log, waits for no disk and writes at the end, not in between."""
    config = engine_limits() | WRITES_ONCE | ({"threads": threads} if threads else {})
    db = duckdb.connect(config=config)
    try:
        db.execute(f"attach {quoted(path)} as snapshot (recovery_mode no_wal_writes)")
        db.execute("use snapshot")
        db.execute("set TimeZone = 'UTC'")
        yield db
    finally:
        db.close()


def quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def put_down(db: Db) -> None:
    """Write what the engine holds. Rows that were deleted keep their places until too many of them are read past: to
    close the gaps costs as much as all the rest."""
    if is_worn(db):
        db.execute(f"set max_vacuum_tasks = {VACUUM_TASKS}")
    db.execute("checkpoint")


def is_worn(db: Db) -> bool:
    sizes = "from duckdb_tables() where database_name = current_database() and not temporary and estimated_size > 0"
    found = db.execute(f"select table_name, estimated_size {sizes}").fetchall()
    return any(places > MOST_WORN * number(db, f"count(*) from {table}") for table, places in found)


def horizon(times: Sequence[datetime], moment: Moment) -> datetime:
    """The time up to which nothing can be missed, taken before any row is read; UTC."""
    seen = max(times, default=moment.as_of)
    return min(filter(None, (seen, moment.as_of, oldest_open_transaction())))


def oldest_open_transaction() -> datetime | None:
    """PostgreSQL: when the oldest transaction still open began; its rows may show up later with older times."""
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("select min(xact_start) from pg_stat_activity where backend_type = 'client backend'")
        return cursor.fetchone()[0]


# --- taking rows in ------------------------------------------------------------------------------


Taking = Callable[[Db], AbstractContextManager[frozenset[str]]]
"""Takes the rows in and gives the tables that came; at the end of its block their rows are counted."""


@contextmanager
def asked(few: Arrived | None, since: Since | None) -> Iterator[Taking]:
    """The rows that Django's connection has read, or every source in order, all of one moment of the database: a child
    process begins to read it while the engine's file is made ready, and counts its rows while the engine works."""
    if few and since:
        yield partial(taking_few, few=few, since=since)
        return
    wanted = [(source, source.since(since)) for source in all_sources()]
    to_count = counted(since)
    querysets = [queryset for _, some in wanted for queryset in some]
    with extraction.reading(querysets, counted=[source.whole() for source in to_count]) as streams:
        yield partial(taking, streams=streams, wanted=wanted, to_count=to_count, since=since)


@contextmanager
def taking_few(db: Db, *, few: Arrived, since: Since) -> Iterator[frozenset[str]]:
    came = put_all(db, few.rows, since)
    for table, expected in few.counted.items():
        check_count(db, table, expected)
    yield came


@contextmanager
def taking(
    db: Db,
    *,
    streams: extraction.Streams,
    wanted: Sequence[tuple[Source, Sequence[Any]]],
    to_count: Sequence[Source],
    since: Since | None,
) -> Iterator[frozenset[str]]:
    rows = ((source, islice(streams, len(querysets)) if querysets else None) for source, querysets in wanted)
    yield put_all(db, rows, since)
    for source, stream in zip(to_count, streams, strict=True):
        check_count(db, source.table, int(stream.read_all()[0][0].as_py()))


def put_all(db: Db, arrived: Iterable[tuple[Source, Iterable[Rows] | None]], since: Since | None) -> frozenset[str]:
    """Every source in order; those that were not asked (None) have nothing new. Returns the tables that came."""
    came = set()
    if since:
        db.execute("create temp table renamed as select id from product_row limit 0")
        db.execute("create temp table rewritten as select $1 as events", [since.is_rewritten(table_of(Event))])
        name_regrouped(db, since)
    for source, streams in arrived:
        if streams is not None:
            came.add(source.table)
        if since is None:
            FIRST.get(source.table, replace)(db, source, streams or ())
        elif streams is not None or source.table in FOLLOWING:
            NEXT.get(source.table, keep_newer if source.changed else replace)(db, source, streams or ())
        else:
            staged(db, source, ())
    return frozenset(came)


def name_regrouped(db: Db, since: Since) -> None:
    """The customers whose rows are asked for because they may count as somebody else's: all, or those named."""
    if since.rewritten is None:
        db.execute("create temp view regrouped as select id from customer_row")
        return
    db.register("named", pa.table({"id": pa.array(sorted(since.regrouped), pa.int64())}))
    db.execute("create temp table regrouped as from named")


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
    put_newer(db, source, staged(db, source, streams))


def put_newer(db: Db, source: Source, new: str) -> None:
    db.execute(f"delete from {source.table} where {source.key} in (select {source.key} from {new})")
    db.execute(f"insert into {source.table} from {new}")


def first_customers(db: Db, source: Source, streams: Iterable[Rows]) -> None:
    replace(db, source, streams)
    db.execute(tables.MOVED)


def next_customers(db: Db, source: Source, streams: Iterable[Rows]) -> None:
    """Raises NeedsFullBuild when somebody was merged or erased after it was asked who was."""
    new = staged(db, source, streams)
    if number(db, tables.REGROUPED_UNASKED.format(new=new)):
        raise NeedsFullBuild("customers were merged or erased while the rows were read")
    put_newer(db, source, new)
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
    """What came replaces what was known of these events and these orders, and of customers that were read whole."""
    new = staged(db, source, streams)
    came = f"id in (select id from {new} union all select -id from new_order_row)"
    if number(db, "count(*) from rewritten where events"):
        came += f" or {tables.READ_WHOLE}"
    db.execute(f"create temp table touched as select distinct customer_id from event where {came}")
    db.execute(f"delete from event where {came}")
    db.execute(f"delete from fallen where id in (select id from {new})")
    events, orders = tables.EVENTS.format(events=new), tables.ORDER_EVENTS.format(orders="new_order_row")
    db.execute(f"create or replace temp table late as from ({events} union all {orders}) {tables.IN_ORDER}")
    db.execute("insert into event from late")
    db.execute(tables.TOUCHED)
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
FOLLOWING = ("line_row", "event_row")  # change with the orders, products and customers too
COUNTED = {"event_row": "(select count(*) from event where id > 0) + (select count(*) from fallen)"}


# --- what follows from the rows ------------------------------------------------------------------


def finish(
    db: Db,
    moment: Moment,
    fields: Sequence[FieldDefinition],
    *,
    came: frozenset[str],
    since: Since | None,
) -> None:
    """What follows from the tables that came; from all of them without `since`."""
    db.execute(tables.CONSENT)
    if since is None or "suppression_row" in came:
        write_reach(db)
    elif "customer_row" in came:
        next_reach(db)
    if since is None:
        first_history(db)
    elif "change" in came:
        next_history(db)
    if since and since.is_timely and not since.has_moved(table_of(FieldDefinition), table_of(Company)):
        profile.renew(db, moment, fields)
    else:
        profile.create(db, moment, fields)


def write_reach(db: Db) -> None:
    put_reach(db, "create or replace table reach as", "customer_row")


def next_reach(db: Db) -> None:
    """The addresses of customers that changed."""
    db.execute("delete from reach where customer_id in (select id from new_customer_row)")
    put_reach(db, "insert into reach", "new_customer_row")


def put_reach(db: Db, into: str, customers: str) -> None:
    is_anybody = number(db, "count(*) from suppression_row")
    suppressed = tables.SUPPRESSED if is_anybody else tables.NOBODY_SUPPRESSED
    rows = tables.REACH.format(suppressed=suppressed, customers=customers, **tables.POSTAL_FORMS)
    db.execute(f"{into} {rows}", padded_keys(settings.ADDRESS_HASH_KEY) if is_anybody else None)


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
