"""An engine elsewhere for tests: the exported files alone, read by DuckDB, which knows nothing of the snapshot."""

from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from profiles.warehouse import engines


@dataclass(frozen=True)
class Reader:
    db: Any

    def know(self, table, paths) -> None:
        files = ", ".join(f"'{path}'" for path in paths)
        self.db.execute(f"create or replace view {table} as from read_parquet([{files}])")

    def answer(self, statement):
        return self.db.sql(statement).to_arrow_table()


@contextmanager
def opened(address):
    if address.endswith("absent"):
        raise ConnectionError("nobody answers\nat this address")
    with duckdb.connect() as db:
        yield Reader(db)


def use(settings, monkeypatch, folder, host="here") -> None:
    """Rules run on the exported files from now on."""
    monkeypatch.setitem(engines.KINDS, "spark", engines.Kind("duckdb", __name__))
    settings.ENGINE = f"spark://{host}?folder={folder}"
