"""The profile table: one row per live customer, a typed column per feature, for one moment."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import duckdb

from crm.models import FieldDefinition
from profiles import computed
from profiles.fields import column_of
from profiles.given import GIVEN, Given
from profiles.moments import Moment
from profiles.recorded import DERIVED
from profiles.warehouse import tables

ENGINE_TYPES: Final = {
    "text": "VARCHAR",
    "choice": "VARCHAR",
    "number": "DOUBLE",
    "money": "DECIMAL(16,4)",
    "date": "DATE",
    "datetime": "TIMESTAMP",
    "truth": "BOOLEAN",
    "list": "VARCHAR[]",
}
READ_AS: Final = {"list": ["VARCHAR"]}
FROM: Final = """
from (select *, date '{today}' as today, {own} from {customers}) c
left join (select *, {firms} from company_row) k on k.id = c.company_id
"""
CUSTOMER_THEN: Final = """
with known as (
    select customer_id, map_from_entries(list((field, value))) as past,
        json_group_object(field, case when value like '[%' then value::json else to_json(value) end) as fields
    from field_history where (from_at is null or from_at <= $now) and to_at > $now and field in $names
    group by customer_id
)
select c.* exclude (fields, past) replace ({columns})
from (customer_row left join known on known.customer_id = customer_row.id) c
"""
# Custom fields are merged as JSON; a list keeps its brackets, everything else is read from its text.
ATTRIBUTES_THEN: Final = "json_merge_patch(attributes, coalesce(fields, '{}')) as attributes"
PLACES: Final = """
update profile set {values} from ({places}) place where place.customer_id = profile.customer_id and ({others})
"""
LIVE: Final = "where c.merged_into_id is null and c.erased_at is null and c.created_at <= ?"


def create(
    db: duckdb.DuckDBPyConnection,
    moment: Moment,
    fields: Sequence[FieldDefinition],
    *,
    customers: str = "customer_row",
    into: str = "table profile",
    only: frozenset[str] | None = None,
) -> None:
    """Write the profile from the rows of `customers` and every event up to the moment; the `only` features, if said."""
    given = given_sql(fields, customers, moment, only)
    with parts_of(db, given, moment, only) as parts:
        db.execute(f"create or replace {into} as {joined_sql(parts, only)}")


def renew(db: duckdb.DuckDBPyConnection, moment: Moment, fields: Sequence[FieldDefinition]) -> None:
    """Write the rows of the `touched` customers anew, and everybody's place among the buyers: all that can change while
    the profile's moment and this one lie in one span of time."""
    whose = "in (select customer_id from touched)"
    db.execute(f"create temp table event as from event where customer_id {whose}")  # hides all the others
    with parts_of(db, f"{given_sql(fields, 'customer_row', moment)} and c.id {whose}", moment) as parts:
        db.execute("drop table temp.event")
        db.execute(f"delete from profile where customer_id {whose}")
        db.execute(f"insert into profile {joined_sql(parts)}")
    db.execute(
        PLACES.format(
            places=computed.places_statement(moment.zone.key),
            values=", ".join(f"{key} = place.{key}" for key in sorted(computed.RELATIVE)),
            others=" or ".join(f"profile.{key} is distinct from place.{key}" for key in sorted(computed.RELATIVE)),
        )
    )


@contextmanager
def parts_of(
    db: duckdb.DuckDBPyConnection, given: str, moment: Moment, only: frozenset[str] | None = None
) -> Iterator[list[str]]:
    """Temporary tables that a profile is joined from, as long as the block: `given` and the named parts."""
    statements = computed.statements(moment.zone.key)
    names = list(statements) if only is None else computed.parts_behind(only)
    for name, value in computed.variables(moment).items():
        db.execute(f"set variable {name} = $1", [value])
    db.execute(f"create or replace temp table given as {given}", [moment.now])
    for name in names:
        db.execute(f"create or replace temp table part_{name} as {statements[name]}")
    parts = [f"part_{name}" for name in names]
    yield parts
    for written in ("given", *parts):
        db.execute(f"drop table temp.{written}")


def create_past(
    db: duckdb.DuckDBPyConnection,
    moment: Moment,
    fields: Sequence[FieldDefinition],
    *,
    only: frozenset[str] | None = None,
) -> None:
    """The profile as of a past moment, beside the snapshot's own and hiding it: a temporary table of this cursor.

    Given features are those of the recorded history, computed ones follow from the events until then; consent is what
    had been said by then. With `only`, the profile has these features and no others.
    """
    own = [row for row in GIVEN if row.field and is_wanted(row.feature.key, only)]
    custom = [field.key for field in fields if field.entity == "customer" and is_wanted(column_of(field), only)]
    columns = [then(row) for row in own] + ([ATTRIBUTES_THEN] if custom else [])
    if columns:
        asked = CUSTOMER_THEN.format(columns=", ".join(columns))
        names = [row.field for row in own] + custom
        db.execute(f"create or replace temp table customer_then as {asked}", {"now": moment.now, "names": names})
    db.execute(tables.CONSENT_THEN, [moment.now])
    customers = "customer_then" if columns else "customer_row"
    create(db, moment, fields, customers=customers, into="temp table profile", only=only)


def is_wanted(key: str, only: frozenset[str] | None) -> bool:
    """Whether the feature, or one that is read from it, is among those asked for."""
    return only is None or key in only or any(DERIVED.get(one) == key for one in only)


def then(row: Given) -> str:
    """A column of the customer with its past value where one is recorded."""
    past = f"try_cast(nullif(past['{row.field}'], '') as {ENGINE_TYPES[row.feature.kind]})"
    return f"case when map_contains(past, '{row.field}') then {past} else c.{row.field} end as {row.field}"


def given_sql(
    fields: Sequence[FieldDefinition], customers: str, moment: Moment, only: frozenset[str] | None = None
) -> str:
    rows = [row for row in GIVEN if is_wanted(row.feature.key, only)]
    fields = [field for field in fields if is_wanted(column_of(field), only)]
    given = [f"({row.value})::{ENGINE_TYPES[row.feature.kind]} as {row.feature.key}" for row in rows]
    custom = [f'{typed(field)} as "{column_of(field)}"' for field in fields]
    own, firms = (f"{parsed(fields, entity)} as given_fields" for entity in ("customer", "company"))
    tables = FROM.format(customers=customers, today=moment.today, own=own, firms=firms)
    return f"select {', '.join(['c.id as customer_id', *given, *custom])} {tables} {LIVE}"


def parsed(fields: Iterable[FieldDefinition], entity: str) -> str:
    """All custom fields of a row read from its JSON in one go, as texts."""
    shape = {field.key: READ_AS.get(field.type, "VARCHAR") for field in fields if field.entity == entity}
    return f"from_json(attributes, '{json.dumps(shape)}')" if shape else "null"


def typed(field: FieldDefinition) -> str:
    """The text as the field's type; what does not fit is missing."""
    whose = "c" if field.entity == "customer" else "k"
    value = f'{whose}.given_fields."{field.key}"'
    return value if field.type == "list" else f"try_cast(nullif({value}, '') as {ENGINE_TYPES[field.type]})"


def joined_sql(parts: Iterable[str], only: frozenset[str] | None = None) -> str:
    """Given and computed parts side by side, in the order of the catalogue."""
    joins = " ".join(f"left join {part} using (customer_id)" for part in parts)
    columns = [filled(row) for row in computed.COMPUTED if only is None or row.feature.key in only]
    return f"select {', '.join(['given.*', *columns])} from given {joins}"


def filled(row: computed.Computed) -> str:
    """The column as its type; a customer without such events has the row's `empty`."""
    key, kind = row.feature.key, ENGINE_TYPES[row.feature.kind]
    if row.empty is None:
        return f"{key}::{kind} as {key}"
    empty = f"'{row.empty}'" if isinstance(row.empty, str) else row.empty
    return f"coalesce({key}, {empty})::{kind} as {key}"
