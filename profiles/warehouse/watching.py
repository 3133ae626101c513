"""Which tables changed: the database moves a number per table with every change, whoever makes it.

Times and ids say which rows changed, but only to those who read them; these numbers say at once that none did. A second
number moves with updates and deletions alone: while it stands, whatever is new has a new id. Triggers move them, so no
writer can forget to. The reasons stand in docs/decisions/warehouse-snapshots.md.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.db import OperationalError, connection, transaction

OPERATIONS = ("insert", "update", "delete")
PATIENCE = "3s"  # for the one lock that PostgreSQL needs to begin; who cannot have it now tries at the next refresh
WRITERS = ("RowExclusiveLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock")


def numbers(tables: Iterable[str]) -> dict[str, int]:
    """The number of each of the tables that is watched, and that of its rewriting; one not watched is left out."""
    with connection.cursor() as cursor:
        found = NUMBERS[connection.vendor](cursor)
    names = (name for table in tables for name in (table, rewriting(table)))
    return {name: found[name] for name in names if name in found}


def rewriting(table: str) -> str:
    """The name of the number that updates and deletions move."""
    return f"{table}_rewritten"


def watch(tables: Iterable[str]) -> None:
    """Begin to watch those tables that are not watched yet; their numbers move, since nobody knows what was missed."""
    tables = set(tables)
    unwatched = sorted(tables - numbers(tables).keys())
    if not unwatched:
        return
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            for table in unwatched:
                for statement in BEGIN[connection.vendor](table):
                    cursor.execute(statement)
    except OperationalError:
        if connection.in_atomic_block:
            raise


def being_changed(tables: Iterable[str]) -> frozenset[str]:
    """The tables in which somebody is in the middle of a change that this connection cannot see yet.

    SQLite lets one writer in at a time, so ids become visible in their order and there is no such middle.
    """
    if connection.vendor != "postgresql":
        return frozenset()
    with connection.cursor() as cursor:
        cursor.execute(POSTGRESQL_WRITERS, [list(WRITERS), list(tables)])
        return frozenset(row[0] for row in cursor.fetchall())


# --- SQLite: a row per number, moved by a trigger per operation; moving one costs about a millionth of a second -------


def sqlite_numbers(cursor: Any) -> dict[str, int]:
    cursor.execute(
        "select tbl_name, count(*) from sqlite_master where type = 'trigger' and name like 'watch_%' group by 1"
    )
    whole = {table for table, triggers in cursor.fetchall() if triggers == len(OPERATIONS)}
    if not whole:
        return {}
    cursor.execute("select name, moved from warehouse_mark")
    return {name: moved for name, moved in cursor.fetchall() if name.removesuffix(rewriting("")) in whole}


def sqlite_begin(table: str) -> list[str]:
    names = {"insert": [table], "update": [table, rewriting(table)], "delete": [table, rewriting(table)]}
    listed = {operation: ", ".join(f"'{name}'" for name in moved) for operation, moved in names.items()}
    return [
        "create table if not exists warehouse_mark (name text primary key, moved integer not null) without rowid",
        *(f'drop trigger if exists "warehouse_{table}_{operation}"' for operation in OPERATIONS),  # of one number only
        *(
            f'create trigger if not exists "watch_{table}_{operation}" after {operation} on "{table}" '
            f"begin update warehouse_mark set moved = moved + 1 where name in ({listed[operation]}); end"
            for operation in OPERATIONS
        ),
        *(
            f"insert into warehouse_mark values ('{name}', 1) on conflict (name) do update set moved = moved + 1"
            for name in names["update"]
        ),
    ]


# --- PostgreSQL: two sequences per table, moved by each statement; writers do not wait for each other -----------------

POSTGRESQL_NUMBERS = """
select substr(s.sequencename, 11), coalesce(s.last_value, 0) from pg_trigger t join pg_class c on c.oid = t.tgrelid
join pg_sequences s on s.sequencename in ('warehouse_' || c.relname, 'warehouse_' || c.relname || '_rewritten')
    and s.schemaname = current_schema()
where t.tgname = 'warehouse_watch' and t.tgenabled <> 'D' and c.relnamespace = current_schema()::regnamespace
"""
POSTGRESQL_WRITERS = """
select distinct c.relname from pg_locks l join pg_class c on c.oid = l.relation
where l.database = (select oid from pg_database where datname = current_database())
    and l.pid <> pg_backend_pid() and l.granted and l.mode = any(%s) and c.relname = any(%s)
    and not exists (select from pg_stat_activity a where a.pid = l.pid and a.backend_type = 'autovacuum worker')
"""
# Whoever writes may move the number, also one to whom the sequence does not belong.
POSTGRESQL_WATCH = """
create or replace function warehouse_watch() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
    perform nextval(format('%I.%I', tg_table_schema, 'warehouse_' || tg_table_name)::regclass);
    if tg_op <> 'INSERT' then
        perform nextval(format('%I.%I', tg_table_schema, 'warehouse_' || tg_table_name || '_rewritten')::regclass);
    end if;
    return null;
end $$
"""


def postgresql_numbers(cursor: Any) -> dict[str, int]:
    cursor.execute(POSTGRESQL_NUMBERS)
    return dict(cursor.fetchall())


def postgresql_begin(table: str) -> list[str]:
    names = [table, rewriting(table)]
    return [
        f"set local lock_timeout = '{PATIENCE}'",
        POSTGRESQL_WATCH,
        *(f'create sequence if not exists "warehouse_{name}"' for name in names),
        f'drop trigger if exists warehouse_moved on "{table}"',  # of one number only
        f'create or replace trigger warehouse_watch after insert or update or delete or truncate on "{table}" '
        "for each statement execute function warehouse_watch()",
        *(f"select nextval('\"warehouse_{name}\"')" for name in names),
    ]


NUMBERS: dict[str, Callable[[Any], dict[str, int]]] = {"sqlite": sqlite_numbers, "postgresql": postgresql_numbers}
BEGIN: dict[str, Callable[[str], list[str]]] = {"sqlite": sqlite_begin, "postgresql": postgresql_begin}
