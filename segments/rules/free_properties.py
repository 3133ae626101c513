"""What only the source of an event knows: the properties there are beside those that all events have."""

from typing import Final

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import StringValue, Table

from segments.rules import compiler, tables
from segments.rules.reading import LONGEST_NAME

MOST_EVENTS: Final = 20_000
MOST_NAMES: Final = 30
KINDS: Final = {"VARCHAR": "text", "BOOLEAN": "truth", "BIGINT": "number", "UBIGINT": "number", "DOUBLE": "number"}


@ibis.udf.scalar.builtin
def json_keys(value: dt.json) -> dt.Array[dt.string]:
    """The names in an object."""


@ibis.udf.scalar.builtin
def json_type(value: dt.json, path: dt.string) -> dt.string:
    """What stands at a path of an object."""


def of_one_type(event: str) -> Table:
    """All events of a type, also those of later moments."""
    table = tables.event_table((event,))
    return table.filter(tests) if (tests := compiler.of_type(table, (event,))) else table


def newest(event: str) -> Table:
    """The newest events of a type that carry properties of their own."""
    rows = of_one_type(event)
    return rows.filter(rows.properties.notnull()).order_by(rows.ts.desc()).limit(MOST_EVENTS)


def values(event: str, name: str) -> Table:
    """One column, `value`: a property's text in every event that has it; of a free one, in the newest events."""
    rows = newest(event) if name.startswith(tables.FREE_PREFIX) else of_one_type(event)
    found = rows.select(value=compiler.property_column(rows, (event,), name, "text"))
    return found.filter(found.value.notnull() & (found.value != ""))


def names(event: str) -> Table:
    """`name` and `kind` of properties in the newest events, the commonest first; what no rule could name falls away."""
    events = newest(event)
    rows = events.select(value=events.properties.cast("json"))
    rows = rows.select("value", name=json_keys(rows.value).unnest())
    rows = rows.filter(~rows.name.contains('"') & rows.name.length().between(1, LONGEST_NAME))
    typed = rows.select("name", kind=_kind(rows))
    typed = typed.filter(typed.kind.notnull())
    return typed.group_by("name", "kind").aggregate(n=typed.count()).order_by(ibis.desc("n"), "name").limit(MOST_NAMES)


def _kind(rows: Table) -> StringValue:
    told = json_type(rows.value, ibis.literal("/") + rows.name.replace("~", "~0").replace("/", "~1"))
    return told.cases(*KINDS.items(), else_=None)
