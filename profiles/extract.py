"""A child process that reads rows of the database and writes them to standard output as Arrow streams.

    python -m profiles.extract < {"vendor": "sqlite" or "postgresql", "uri": …, "queries": [SQL, …]}

It runs alone because a second SQLite library inside a process that has the live database open drops that process's
locks. All queries see one moment of the database: they share one read transaction. It imports no framework.
"""

import json
import signal
import sys
from importlib import import_module
from importlib.abc import MetaPathFinder
from typing import Any

import pyarrow as pa

ROWS_AT_ONCE = 65_536


class WithoutPandas(MetaPathFinder):
    """The drivers load pandas when it is there, which takes longer than reading a hundred thousand rows."""

    def find_spec(self, name: str, *_: Any) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def main() -> None:
    # Who ends the group of a worker waits for its task, which waits for these rows; without a reader writing ends it.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.meta_path.insert(0, WithoutPandas())
    order = json.load(sys.stdin)
    database = import_module(f"adbc_driver_{order['vendor']}.dbapi")
    with database.connect(order["uri"]) as connection, pa.PythonFile(sys.stdout.buffer, mode="w") as out:
        if order["vendor"] == "postgresql":
            run(connection, "set transaction isolation level repeatable read, read only")
        for query in order["queries"]:
            copy(connection, query, out)


def run(connection: Any, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def copy(connection: Any, query: str, out: pa.NativeFile) -> None:
    """One query as one Arrow stream, so many rows at a time."""
    with connection.cursor(adbc_stmt_kwargs=batching(connection)) as cursor:
        cursor.execute(query)
        rows = cursor.fetch_record_batch()
        with pa.ipc.new_stream(out, rows.schema) as stream:
            for batch in rows:
                stream.write_batch(batch)


def batching(connection: Any) -> dict[str, str]:
    """SQLite's driver reads so many rows at a time; PostgreSQL's cuts batches by bytes and needs no word."""
    name = connection.adbc_get_info()["vendor_name"]
    return {"adbc.sqlite.query.batch_rows": str(ROWS_AT_ONCE)} if name == "SQLite" else {}


if __name__ == "__main__":
    main()
