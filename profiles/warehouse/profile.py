"""The profile table: one row per live customer, a typed column per feature, for one moment."""

from collections.abc import Iterable, Sequence
from typing import Final

import duckdb
import ibis

from crm.models import FieldDefinition
from profiles import computed
from profiles.fields import column_of
from profiles.given import GIVEN
from profiles.moments import Moment

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
FROM: Final = "from {customers} c left join company_row k on k.id = c.company_id"
LIVE: Final = "where c.merged_into_id is null and c.erased_at is null and c.created_at <= ?"


def create(
    db: duckdb.DuckDBPyConnection,
    moment: Moment,
    fields: Sequence[FieldDefinition],
    *,
    customers: str = "customer_row",
    into: str = "profile",
) -> None:
    """Write the table `into` from the rows of `customers` and every event up to the moment."""
    db.execute(f"create or replace temp table given as {given_sql(fields, customers, moment)}", [moment.now])
    parts = [f"part_{name}" for name in computed.relations(moment)]
    for part, relation in zip(parts, computed.relations(moment).values(), strict=True):
        db.execute(f"create or replace temp table {part} as {ibis.to_sql(relation, dialect='duckdb')}")
    db.execute(f"create or replace table {into} as {joined_sql(parts)}")
    for written in ("given", *parts):
        db.execute(f"drop table temp.{written}")


def given_sql(fields: Sequence[FieldDefinition], customers: str, moment: Moment) -> str:
    given = [f"({row.value})::{ENGINE_TYPES[row.feature.kind]} as {row.feature.key}" for row in GIVEN]
    custom = [f'{typed(field)} as "{column_of(field)}"' for field in fields]
    source = (
        f"""(select *, date '{moment.today}' as today, {parsed(fields, "customer")} as given_fields from {customers})"""
    )
    firms = f"(select *, {parsed(fields, 'company')} as given_fields from company_row)"
    tables = FROM.format(customers=source).replace("company_row", firms)
    return f"select c.id as customer_id, {', '.join(given + custom)} {tables} {LIVE}"


def parsed(fields: Iterable[FieldDefinition], entity: str) -> str:
    """All custom fields of a row read from its JSON in one go, as texts."""
    kinds = {
        field.key: '["VARCHAR"]' if field.type == "list" else '"VARCHAR"' for field in fields if field.entity == entity
    }
    shape = ", ".join(f'"{key}": {kind}' for key, kind in kinds.items())
    return f"from_json(attributes, '{{{shape}}}')" if kinds else "null"


def typed(field: FieldDefinition) -> str:
    """The text as the field's type; what does not fit is missing."""
    whose = "c" if field.entity == "customer" else "k"
    value = f'{whose}.given_fields."{field.key}"'
    return value if field.type == "list" else f"try_cast(nullif({value}, '') as {ENGINE_TYPES[field.type]})"


def joined_sql(parts: Sequence[str]) -> str:
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
