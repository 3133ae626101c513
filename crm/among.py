"""Thousands of values in a condition as one parameter: writing down an IN of thousands takes longer than its answer."""

import json
from typing import Any

from django.db.models import Lookup

KINDS = {
    "BigAutoField": "bigint",
    "BigIntegerField": "bigint",
    "ForeignKey": "bigint",
}  # on PostgreSQL; others are text


class Among(Lookup):
    """Whether the value, a number or a text, is one of a list."""

    lookup_name = "among"  # used as a condition of its own: filter(Among(F("number"), numbers))
    prepare_rhs = False

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, values = self.process_lhs(compiler, connection)
        return f"{left} IN (SELECT value FROM json_each(%s))", (*values, json.dumps(list(self.rhs)))

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, values = self.process_lhs(compiler, connection)
        kind = KINDS.get(self.lhs.output_field.get_internal_type(), "text")
        return f"{left} = ANY(%s::{kind}[])", (*values, list(self.rhs))
