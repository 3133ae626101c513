"""Texts compared letter by letter, whatever the language of the database: so that beginnings are found in an index."""

from typing import Any

from django.db.models import Func, Lookup


class ByLetter(Func):
    """The expression in the order of its letters' numbers."""

    template = '%(expressions)s COLLATE "C"'
    arity = 1

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="%(expressions)s COLLATE BINARY", **context)


class Begins(Lookup):
    """Whether a text begins with another, letter by letter, in the words that each database finds in an index."""

    lookup_name = "begins"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, values = self.process_lhs(compiler, connection)
        return f"{left} LIKE %s", (*values, f"{connection.ops.prep_for_like_query(self.rhs)}%")

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, values = self.process_lhs(compiler, connection)
        return f"({left} >= %s AND {left} < %s)", (*values, self.rhs, *values, f"{self.rhs}\U0010ffff")
