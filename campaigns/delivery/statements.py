"""Updates that are compiled once and run for every message, since building such SQL costs more than running it."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection, models
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
        sql, parameters = compiled(self, connection.vendor)
        with connection.cursor() as cursor:
            cursor.execute(sql, [one.filled(given) if isinstance(one, Given) else one for one in parameters])
            return cursor.rowcount


@cache
def compiled(statement: Statement, vendor: str) -> tuple[str, tuple[Any, ...]]:
    """The statement in the SQL of the engine in use."""
    query: Any = statement.rows.query.chain(UpdateQuery)
    query.add_update_values(statement.values)
    sql, parameters = query.get_compiler(connection=connection).as_sql()
    return sql, parameters
