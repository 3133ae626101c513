"""A large house made of a small one: every row that hangs on a customer stands there many times, under keys of its own.

For measuring: as many statements as tables, so a hundred thousand customers take minutes, not hours. A benchmark that
compares the two houses compares numbers of rows and nothing else. Run as `python -m config.demo.multiplied TIMES`.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

COPIES = "WITH RECURSIVE copies(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM copies WHERE k < {most})"
# Of each index: the statement that takes it away, and the one that makes it again. Keys that others refer to stay.
INDEXES = """
SELECT CASE WHEN held.oid IS NULL THEN format('DROP INDEX %%I', kept.relname)
            ELSE format('ALTER TABLE %%I DROP CONSTRAINT %%I', owner.relname, held.conname) END,
       CASE WHEN held.oid IS NULL THEN pg_get_indexdef(kept.oid)
            ELSE format('ALTER TABLE %%I ADD CONSTRAINT %%I ', owner.relname, held.conname)
                 || pg_get_constraintdef(held.oid) END
FROM pg_index JOIN pg_class kept ON kept.oid = indexrelid JOIN pg_class owner ON owner.oid = indrelid
LEFT JOIN pg_constraint held ON held.conindid = indexrelid AND held.contype IN ('u', 'p', 'x')
WHERE owner.relname = ANY(%s) AND NOT indisprimary
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype = 'f')
"""
MAILBOX = "CASE source.email WHEN '' THEN '' ELSE k || '.' || source.email END"  # of one mailbox two are one reader


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("times", type=int, help="how many times the customers there are")
    asked = parser.parse_args()
    import django

    django.setup()
    from django.utils import timezone

    multiply(asked.times, at=timezone.now())


def multiply(times: int, *, at: datetime) -> None:
    """Have every customer `times` times, with orders, events, consents, memberships and messages."""
    from django.db import connection, transaction

    from profiles import actions as profile_actions
    from segments import actions as segment_actions

    with transaction.atomic(), connection.cursor() as cursor, bare_tables(cursor):
        for statement in statements(times):
            cursor.execute(statement)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    profile_actions.refresh(at=at, full=True)
    segment_actions.refresh_segments(at=at)


@contextmanager
def bare_tables(cursor: Any) -> Iterator[None]:
    """On PostgreSQL tables take the copies without indexes and checks of foreign keys; the indexes are made after."""
    from django.db import connection

    if connection.vendor != "postgresql":
        yield
        return
    cursor.execute("SET LOCAL session_replication_role = replica")
    cursor.execute("SET LOCAL maintenance_work_mem = '1GB'")
    cursor.execute(INDEXES, [[model._meta.db_table for model in hanging_on_customers()]])
    indexes = cursor.fetchall()
    for away, _again in indexes:
        cursor.execute(away)
    yield
    for _away, again in indexes:
        cursor.execute(again)


def statements(times: int) -> Iterator[str]:
    """One INSERT per table, parents first, then what keeps count of the rows."""
    tables = hanging_on_customers()
    strides = {model._meta.db_table: largest(model) for model in tables}
    for model in tables:
        yield copied(model, strides, times)
    yield f"UPDATE campaigns_run SET expected = expected * {times}"
    yield f"UPDATE segments_segment SET size = size * {times}, ledger_version = ledger_version + 1"
    yield from sequences_reset(tables)


def hanging_on_customers() -> list[Any]:
    """Customers, every model with a foreign key to what is here already, and the audit lines of customers."""
    from django.apps import apps

    found: list[Any] = [apps.get_model("crm", "Customer")]
    waiting = [model for model in apps.get_models() if model is not found[0]]
    while more := [model for model in waiting if any(parent(field) in found for field in model._meta.concrete_fields)]:
        found += more
        waiting = [model for model in waiting if model not in more]
    return [*found, apps.get_model("crm", "AuditLine")]


def parent(field: Any) -> Any:
    return field.related_model if field.many_to_one or field.one_to_one else None


def largest(model: Any) -> int:
    from django.db.models import Max

    return model._default_manager.aggregate(most=Max("pk"))["most"] or 0


def copied(model: Any, strides: dict[str, int], times: int) -> str:
    """INSERT … SELECT of every row under its shifted key, the first copy of all, then the second."""
    table = model._meta.db_table
    columns = {field.column: shifted(field, strides) for field in model._meta.concrete_fields}
    columns |= {name: told_apart(model._meta.get_field(name)) for name in unique_texts(model, strides)}
    columns |= {"email": MAILBOX} if table == "crm_customer" else {}
    only = ""
    if table == "crm_auditline":
        columns["object_id"] = f"source.object_id + k * {strides['crm_customer']}"
        only = "WHERE source.kind = 'customer'"
    names, values = ", ".join(f'"{name}"' for name in columns), ", ".join(columns.values())
    return (
        f'INSERT INTO "{table}" ({names}) {COPIES.format(most=times - 1)}'
        f' SELECT {values} FROM copies CROSS JOIN "{table}" source {only}'
    )


def shifted(field: Any, strides: dict[str, int]) -> str:
    """A key moved past those of the copy before; anything else as it is."""
    model = field.model if field.primary_key else parent(field)
    stride = model and strides.get(model._meta.db_table)
    return f'source."{field.column}" + k * {stride}' if stride else f'source."{field.column}"'


def unique_texts(model: Any, strides: dict[str, int]) -> list[str]:
    """Columns that must differ between copies because no shifted key beside them does."""
    from django.db.models import CharField, UniqueConstraint

    alone = [[field.name] for field in model._meta.concrete_fields if field.unique and not field.primary_key]
    together = [one.fields for one in model._meta.constraints if isinstance(one, UniqueConstraint)]
    groups = [[model._meta.get_field(name) for name in names] for names in [*alone, *together]]
    held = [group for group in groups if not any(shifts(field, strides) for field in group)]
    texts = [[field.name for field in group if isinstance(field, CharField) and not field.choices] for group in held]
    return [names[-1] for names in texts if names]


def shifts(field: Any, strides: dict[str, int]) -> bool:
    return parent(field) is not None and parent(field)._meta.db_table in strides


def told_apart(field: Any) -> str:
    """The text with the number of its copy behind it; what becomes too long loses its beginning."""
    from django.db import connection

    text = f"source.\"{field.column}\" || '.' || k"
    last = (
        f"substr({text}, -{field.max_length})"
        if connection.vendor == "sqlite"
        else f"right({text}, {field.max_length})"
    )
    return f"CASE source.\"{field.column}\" WHEN '' THEN '' ELSE {last} END"


def sequences_reset(tables: list[Any]) -> list[str]:
    """Counters of keys that the copies were written past."""
    from django.core.management.color import no_style
    from django.db import connection

    return connection.ops.sequence_reset_sql(no_style(), tables)


if __name__ == "__main__":
    main()
