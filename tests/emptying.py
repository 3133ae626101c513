"""How a test that commits leaves the database empty, in a twentieth of the time.

Django empties every table and then names all models and permissions anew. Those two tables are left as they are: no
test changes them. PostgreSQL deletes where there are rows; TRUNCATE would write new files for a hundred tables and
their indexes. Keys between tables are checked when the transaction ends, so that the order of tables does not matter.
"""

from typing import Any

from django.core.management.commands import flush
from django.db import connection
from django.db.backends.base.operations import BaseDatabaseOperations

KEPT = {"django_content_type", "auth_permission"}


def sentences(operations: BaseDatabaseOperations, plain: Any, tables: list[str], *, reset_sequences: bool) -> list[str]:
    """What empties `tables`; `plain` is how Django does it on this database."""
    tables = sorted(set(tables) - KEPT)
    if connection.vendor != "postgresql" or reset_sequences:
        return list(plain(tables))
    names = {table: operations.quote_name(table) for table in tables}
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{t}' WHERE EXISTS (SELECT FROM {n})" for t, n in names.items()))
        return [f"DELETE FROM {names[table]}" for (table,) in cursor.fetchall()]


def use() -> None:
    """From now on in this process."""
    operations = type(connection.ops)
    djangos = operations.sql_flush

    def sql_flush(self: Any, style: Any, tables: list[str], *, reset_sequences: bool = False, **more: Any) -> list[str]:
        def plain(tables: list[str]) -> list[str]:
            return djangos(self, style, tables, reset_sequences=reset_sequences, **more)

        return sentences(self, plain, tables, reset_sequences=reset_sequences)

    operations.sql_flush = sql_flush
    flush.emit_post_migrate_signal = lambda *_: None
