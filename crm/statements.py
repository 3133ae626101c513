"""Statements that are compiled once and run for every message, since building such SQL costs more than running it.

PostgreSQL plans them once per connection, too: of a guarded hand-over the planning is nine tenths of the work.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection, models, transaction
from django.db.models import Expression, QuerySet
from django.db.models.sql import UpdateQuery


class Given(Expression):
    """A value filled in when the statement is run."""

    def __init__(self, name: str, kind: type[models.Field] = models.TextField) -> None:
        super().__init__(output_field=kind())
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]

    def filled(self, given: dict[str, Any]) -> Any:
        """Our value, as the engine wants it."""
        return self.output_field.get_db_prep_value(given[self.name], connection)


@dataclass(frozen=True)
class Call:
    """One statement in the SQL of the engine in use, with its values."""

    sql: str
    values: Sequence[Any]


@dataclass(frozen=True, eq=False)
class Statement:
    """UPDATE the rows of `rows` with `values`; both may contain `Given` values."""

    rows: QuerySet
    values: dict[str, Any]

    def run(self, **given: Any) -> int:
        """Run it and return the number of rows changed: a guarded change happened only when that is 1."""
        return together([self.call(**given)])[0]

    def call(self, **given: Any) -> Call:
        """The statement with its values, to be run together with others."""
        sql, parameters = compiled(self, connection.vendor)
        return Call(sql, filled(parameters, given))


@dataclass(frozen=True, eq=False)
class Question:
    """The values of the rows of a `values_list`, whose conditions may contain `Given` values."""

    rows: QuerySet

    def ask(self, **given: Any) -> list[tuple[Any, ...]]:
        """The rows, as Python reads them."""
        sql, parameters, compiler, converters = compiled_question(self, connection.vendor)
        found = fetched(Call(sql, filled(parameters, given)))
        return list(map(tuple, compiler.apply_converters(found, converters))) if converters else found


@cache
def compiled_question(question: Question, vendor: str) -> tuple[str, tuple[Any, ...], Any, Any]:
    """The question in the SQL of the engine in use, and how its answers are read."""
    compiler: Any = question.rows.query.get_compiler(connection=connection)
    sql, parameters = compiler.as_sql()
    return sql, parameters, compiler, compiler.get_converters([one[0] for one in compiler.select])


def fetched(call: Call) -> list[tuple[Any, ...]]:
    with cursor() as asked:
        asked.execute(call.sql, call.values)
        return [tuple(row) for row in asked.fetchall()]


def filled(parameters: Sequence[Any], given: dict[str, Any]) -> list[Any]:
    return [one.filled(given) if isinstance(one, Given) else one for one in parameters]


def insertion(model: type[models.Model], **values: Any) -> Call:
    """INSERT of one row, every column named; a row that is there already is left alone."""
    sql, fields = compiled_insertion(model, tuple(values), connection.vendor)
    ready = [field.get_db_prep_save(value, connection) for field, value in zip(fields, values.values(), strict=True)]
    return Call(sql, ready)


@cache
def compiled_insertion(model: type[models.Model], names: tuple[str, ...], vendor: str) -> tuple[str, tuple[Any, ...]]:
    fields: Any = tuple(model._meta.get_field(name) for name in names)
    quoted = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    table = connection.ops.quote_name(model._meta.db_table)
    return f"INSERT INTO {table} ({quoted}) VALUES ({marks}) ON CONFLICT DO NOTHING", fields


@cache
def compiled(statement: Statement, vendor: str) -> tuple[str, tuple[Any, ...]]:
    """The statement in the SQL of the engine in use."""
    query: Any = statement.rows.query.chain(UpdateQuery)
    query.add_update_values(statement.values)
    sql, parameters = query.get_compiler(connection=connection).as_sql()
    return sql, parameters


HASTE = Call("SELECT set_config('synchronous_commit', 'off', true)", ())
"""First of the calls: this transaction may be forgotten when the database server dies within the next second."""


def together(calls: Sequence[Call]) -> list[int]:
    """Run the calls in one transaction; how many rows each changed."""
    run = in_one_go if connection.vendor == "postgresql" else one_by_one
    return run(calls)


def one_by_one(calls: Sequence[Call]) -> list[int]:
    with transaction.atomic(), connection.cursor() as asked:
        return [changed(asked, one) if one is not HASTE else 0 for one in calls]


def changed(asked: Any, call: Call) -> int:
    asked.execute(call.sql, call.values)
    return int(asked.rowcount)


def in_one_go(calls: Sequence[Call]) -> list[int]:
    """The same on PostgreSQL: one round trip, whose end is the commit."""
    import psycopg

    own = planning()
    with connection.wrap_database_errors, own.pipeline():
        done = [psycopg.Cursor(own).execute(one.sql, one.values) for one in calls]
    return [one.rowcount for one in done]


def answer_to_much(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The answer to a question over millions of rows, which PostgreSQL may add up in memory instead of on the disk."""
    with in_much_memory(), connection.cursor() as asked:
        asked.execute(sql, values)
        return list(asked.fetchall())


def once() -> str:
    """Ends a part of a question whose columns are worked out once per row.

    PostgreSQL writes an expression out again wherever its column is named, and sums of money are slow to work out.
    """
    return "OFFSET 0" if connection.vendor == "postgresql" else ""


def keep_statistics(model: type[models.Model], brought: int = 0) -> None:
    """Have PostgreSQL count again once the table has grown by a tenth since it did: in size, by the rows it knows of,
    or by those `brought`.

    Without, it believes for minutes after a large writing that there is next to nothing to read, and reads it all; for
    ever where nobody vacuums.
    """
    if connection.vendor != "postgresql":
        return
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as asked:
        asked.execute(GROWN, [brought, table])
        if asked.fetchone()[0]:
            asked.execute(f"ANALYZE {table}")


GROWN = """
SELECT relpages * 1.1 < pg_relation_size(oid) / current_setting('block_size')::int OR reltuples < 10 * %s
 OR pg_stat_get_live_tuples(oid) > greatest(reltuples, 0) * 1.1 + 100
FROM pg_class WHERE oid = %s::regclass
"""


@contextmanager
def in_much_memory() -> Iterator[None]:
    if connection.vendor != "postgresql":
        yield
        return
    own = planning()
    with own.transaction():
        own.execute("SELECT set_config('work_mem', '256MB', true), set_config('jit', 'off', true)")
        yield


@contextmanager
def cursor() -> Iterator[Any]:
    """A cursor whose statements are planned once per connection where the engine can."""
    if connection.vendor != "postgresql":
        with connection.cursor() as ours:
            yield ours
        return
    import psycopg

    with connection.wrap_database_errors, psycopg.Cursor(planning()) as ours:
        yield ours


def planning() -> Any:
    """The driver's own connection, told to keep plans. Django's cursors bind in the client and keep none."""
    connection.ensure_connection()
    own: Any = connection.connection
    own.prepare_threshold = 0
    return own


def only_this_connection_sees() -> bool:
    """Rows of an open transaction, and of a database in memory, are out of the sight of other processes and threads."""
    is_in_memory = connection.vendor == "sqlite" and "memory" in str(connection.settings_dict["NAME"])
    return connection.in_atomic_block or is_in_memory
