"""Updates that are compiled once and run for every message, since building such SQL costs more than running it.

PostgreSQL plans them once per connection, too: of a guarded hand-over the planning is nine tenths of the work.
"""

from collections.abc import Sequence
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


@dataclass(frozen=True, eq=False)
class Statement:
    """UPDATE the rows of `rows` with `values`; both may contain `Given` values."""

    rows: QuerySet
    values: dict[str, Any]

    def run(self, **given: Any) -> int:
        """Run it and return the number of rows changed: a guarded change happened only when that is 1."""
        return together([self.call(**given)])[0]

    def call(self, **given: Any) -> "Call":
        """The statement with its values, to be run together with others."""
        sql, parameters = compiled(self, connection.vendor)
        return Call(sql, [one.filled(given) if isinstance(one, Given) else one for one in parameters])


@dataclass(frozen=True)
class Call:
    """One statement in the SQL of the engine in use, with its values."""

    sql: str
    values: Sequence[Any]


@cache
def compiled(statement: Statement, vendor: str) -> tuple[str, tuple[Any, ...]]:
    """The statement in the SQL of the engine in use."""
    query: Any = statement.rows.query.chain(UpdateQuery)
    query.add_update_values(statement.values)
    sql, parameters = query.get_compiler(connection=connection).as_sql()
    return sql, parameters


def together(calls: Sequence[Call]) -> list[int]:
    """Run the calls in one transaction; how many rows each changed."""
    run = prepared if connection.vendor == "postgresql" else one_by_one
    return run(calls)


def one_by_one(calls: Sequence[Call]) -> list[int]:
    with transaction.atomic(), connection.cursor() as cursor:
        return [changed(cursor, one) for one in calls]


def changed(cursor: Any, call: Call) -> int:
    cursor.execute(call.sql, call.values)
    return int(cursor.rowcount)


def prepared(calls: Sequence[Call]) -> list[int]:
    """The same on PostgreSQL: planned once per connection, sent in one go, which is one commit as well."""
    import psycopg

    connection.ensure_connection()
    own: Any = connection.connection
    own.prepare_threshold = 0  # holds for cursors that bind on the server: Django's do not
    with connection.wrap_database_errors, own.pipeline():
        cursors = [psycopg.Cursor(own).execute(one.sql, one.values) for one in calls]
    return [cursor.rowcount for cursor in cursors]
