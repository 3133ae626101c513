"""The profile table: one row per live customer, a typed column per feature, for one moment."""

import json
from collections.abc import Iterable, Sequence
from typing import Final

import duckdb

from crm.models import FieldDefinition
from profiles import computed
from profiles.fields import column_of
from profiles.given import GIVEN, Given
from profiles.moments import Moment
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
# Custom fields are merged as JSON; a list keeps its brackets, everything else is read from its text.
CUSTOMER_THEN: Final = """
with known as (
    select customer_id, map_from_entries(list((field, value))) as past,
        json_group_object(field, case when value like '[%' then value::json else to_json(value) end) as fields
    from field_history where (from_at is null or from_at <= ?) and to_at > ? group by customer_id
)
select c.* exclude (fields, past)
    replace ({columns}, json_merge_patch(attributes, coalesce(fields, '{{}}')) as attributes)
from (customer_row left join known on known.customer_id = customer_row.id) c
"""
LIVE: Final = "where c.merged_into_id is null and c.erased_at is null and c.created_at <= ?"


def create(
    db: duckdb.DuckDBPyConnection,
    moment: Moment,
    fields: Sequence[FieldDefinition],
    *,
    customers: str = "customer_row",
    into: str = "table profile",
    kept: frozenset[str] = frozenset(),
) -> None:
    """Write the profile from the rows of `customers` and every event up to the moment.

    The `kept` parts are those of the profile that stands there: nothing that they follow from has changed.
    """
    statements = {**computed.statements(moment.zone.key), **{name: kept_sql(name) for name in kept}}
    parts = {f"part_{name}": statement for name, statement in statements.items()}
    for name, value in computed.variables(moment).items():
        db.execute(f"set variable {name} = $1", [value])
    db.execute(f"create or replace temp table given as {given_sql(fields, customers, moment)}", [moment.now])
    for part, statement in parts.items():
        db.execute(f"create or replace temp table {part} as {statement}")
    db.execute(f"create or replace {into} as {joined_sql(parts)}")
    for written in ("given", *parts):
        db.execute(f"drop table temp.{written}")


def create_past(db: duckdb.DuckDBPyConnection, moment: Moment, fields: Sequence[FieldDefinition]) -> None:
    """The profile as of a past moment, beside the snapshot's own and hiding it: a temporary table of this cursor.

    Given features are those of the recorded history, computed ones follow from the events until then; consent is what
    had been said by then.
    """
    columns = ", ".join(then(row) for row in GIVEN if row.field)
    db.execute(
        f"create or replace temp table customer_then as {CUSTOMER_THEN.format(columns=columns)}", [moment.now] * 2
    )
    db.execute(tables.CONSENT_THEN, [moment.now])
    create(db, moment, fields, customers="customer_then", into="temp table profile")


def kept_sql(part: str) -> str:
    """The columns of a part as they stand in the profile; what is missing there stands as it was filled."""
    return f"select customer_id, {', '.join(one.key for one in computed.features_of(part))} from profile"


def then(row: Given) -> str:
    """A column of the customer with its past value where one is recorded."""
    past = f"try_cast(nullif(past['{row.field}'], '') as {ENGINE_TYPES[row.feature.kind]})"
    return f"case when map_contains(past, '{row.field}') then {past} else c.{row.field} end as {row.field}"


def given_sql(fields: Sequence[FieldDefinition], customers: str, moment: Moment) -> str:
    given = [f"({row.value})::{ENGINE_TYPES[row.feature.kind]} as {row.feature.key}" for row in GIVEN]
    custom = [f'{typed(field)} as "{column_of(field)}"' for field in fields]
    own, firms = (f"{parsed(fields, entity)} as given_fields" for entity in ("customer", "company"))
    tables = FROM.format(customers=customers, today=moment.today, own=own, firms=firms)
    return f"select c.id as customer_id, {', '.join(given + custom)} {tables} {LIVE}"


def parsed(fields: Iterable[FieldDefinition], entity: str) -> str:
    """All custom fields of a row read from its JSON in one go, as texts."""
    shape = {field.key: READ_AS.get(field.type, "VARCHAR") for field in fields if field.entity == entity}
    return f"from_json(attributes, '{json.dumps(shape)}')" if shape else "null"


def typed(field: FieldDefinition) -> str:
    """The text as the field's type; what does not fit is missing."""
    whose = "c" if field.entity == "customer" else "k"
    value = f'{whose}.given_fields."{field.key}"'
    return value if field.type == "list" else f"try_cast(nullif({value}, '') as {ENGINE_TYPES[field.type]})"


def joined_sql(parts: Iterable[str]) -> str:
    """Given and computed parts side by side, in the order of the catalogue."""
    joins = " ".join(f"left join {part} using (customer_id)" for part in parts)
    return f"select given.*, {', '.join(map(filled, computed.COMPUTED))} from given {joins}"


def filled(row: computed.Computed) -> str:
    """The column as its type; a customer without such events has the row's `empty`."""
    key, kind = row.feature.key, ENGINE_TYPES[row.feature.kind]
    if row.empty is None:
        return f"{key}::{kind} as {key}"
    empty = f"'{row.empty}'" if isinstance(row.empty, str) else row.empty
    return f"coalesce({key}, {empty})::{kind} as {key}"
