"""The anchor's rows in the database of a house, past the models: for benchmarks, where millions must come in minutes.

Rows come in the order of their ids, and the indexes are made when all of them are there.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from django.db import connection, transaction

FIELDS: Final = {
    "income": "money", "education": "text", "life_stage": "text", "device": "text", "eco_minded": "truth",
    "email_consent": "truth",
}  # fmt: skip
ATTRIBUTES: Final = "json_object({}) ".format(", ".join(f"'{key}', {key}" for key in FIELDS))
ROWS_AT_ONCE: Final = 50_000
BYTES_AT_ONCE: Final = 1 << 20

# Columns of each table and the anchor's rows for them.
ROWS: Final = {
    "crm_customer": (
        "id, number, first_name, last_name, email, phone, language, time_zone, birth_date, gender, street, postal_code,"
        " city, country, stage, attributes, source, is_test, created_at, updated_at",
        f"""select id, id::varchar, '', '', email, '', language, '', birth_date::varchar, gender, '', '', city,
            country, 'prospect', {ATTRIBUTES}::varchar, 'anchor', false, created_at::varchar, created_at::varchar
            from customer order by id""",
    ),
    "crm_order": (
        "id, source, number, kind, customer_id, ordered_at, channel, currency, total_amount, country, created_at,"
        " updated_at",
        """select id, 'anchor', id::varchar, 'sale', customer_id, ts::varchar, channel, 'EUR', value::varchar, '',
            ts::varchar, ts::varchar from sorted where type = 'order' order by id""",
    ),
    "crm_event": (
        "id, source, source_id, type, customer_id, anonymous_id, occurred_at, received_at, value, channel, category,"
        " properties",
        """select id, 'anchor', id::varchar, type::varchar, customer_id, '', ts::varchar, ts::varchar, null, channel,
            category, '{}' from sorted where type <> 'order' order by id""",
    ),
}


def put_all(engine: Any) -> None:
    """Every table, from a cursor of the engine on the anchor."""
    for table, (columns, rows) in ROWS.items():
        with loading(table):
            PUT[connection.vendor](engine, rows, table, columns)


@contextmanager
def loading(table: str) -> Iterator[None]:
    """Without the table's indexes, triggers and foreign keys while rows come; then they are made again."""
    vendor = connection.vendor
    with connection.cursor() as cursor:
        cursor.execute(UNBOUND[vendor])
        cursor.execute(INDEXES[vendor], [table])
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        try:
            yield
        finally:
            for statement in [*(made for _, made in indexes), *AFTER[vendor](table), BOUND[vendor]]:
                cursor.execute(statement)


# --- SQLite: one prepared INSERT --------------------------------------------------------------------------------------


def by_insert(engine: Any, rows: str, table: str, columns: str) -> None:
    places = ", ".join("?" * len(columns.split(",")))
    engine.execute(rows)
    with transaction.atomic():
        while some := engine.fetchmany(ROWS_AT_ONCE):
            connection.connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", some)


# --- PostgreSQL: COPY of what the engine writes as a file -------------------------------------------------------------


def by_copy(engine: Any, rows: str, table: str, columns: str) -> None:
    with tempfile.NamedTemporaryFile(suffix=".csv") as aside:
        engine.execute(rf"copy ({rows}) to '{aside.name}' (format csv, header false, nullstr '\N')")
        statement = rf"COPY {table} ({columns}) FROM STDIN (FORMAT csv, NULL '\N')"
        with Path(aside.name).open("rb") as written, connection.cursor() as cursor, cursor.copy(statement) as copy:
            while some := written.read(BYTES_AT_ONCE):
                copy.write(some)


def settled(table: str) -> list[str]:
    last = f"(SELECT max(id) FROM {table})"
    return [f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {last})", f"VACUUM ANALYZE {table}"]


PUT: Final[dict[str, Callable[[Any, str, str, str], None]]] = {"sqlite": by_insert, "postgresql": by_copy}
AFTER: Final[dict[str, Callable[[str], list[str]]]] = {"sqlite": lambda table: [], "postgresql": settled}
UNBOUND: Final = {"sqlite": "PRAGMA foreign_keys = OFF", "postgresql": "SET session_replication_role = replica"}
BOUND: Final = {"sqlite": "PRAGMA foreign_keys = ON", "postgresql": "SET session_replication_role = DEFAULT"}
INDEXES: Final = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = %s AND sql IS NOT NULL",
    "postgresql": (
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND schemaname = current_schema()"
        " AND indexname NOT IN (SELECT conname FROM pg_constraint)"
    ),
}
