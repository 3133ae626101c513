"""
The staged file: its rows laid into a small database of their own, where repeats and groups are found on disk.

An order's lines need not stand together, a customer may come twice: both are questions to an index, so memory does
not grow with the file. The stage is made from the stored copy alone and can be thrown away and made again.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from crm.imports.mapping import Mapping
from crm.imports.reading import Mended, Table
from crm.spreadsheets import freed

SEPARATOR = "\x1f"
BATCH = 20_000
TABLES = """
CREATE TABLE line (row INTEGER PRIMARY KEY, key TEXT NOT NULL, twin BLOB, cells TEXT NOT NULL);
"""
INDEXES = """
CREATE INDEX line_key ON line (key, row);
CREATE INDEX line_twin ON line (twin, row) WHERE twin IS NOT NULL;
CREATE TABLE first (row INTEGER PRIMARY KEY, key TEXT NOT NULL);
INSERT INTO first SELECT min(row), key FROM line GROUP BY key;
"""
IN_GROUPS = """
SELECT line.row, line.key, line.cells, first.row, 0 FROM first JOIN line ON line.key = first.key
ORDER BY first.row, line.row LIMIT -1 OFFSET ?
"""
IN_FILE_ORDER = """
SELECT line.row, line.key, line.cells,
  (SELECT min(row) FROM line AS earlier WHERE earlier.key = line.key),
  (SELECT min(row) FROM line AS earlier WHERE earlier.twin = line.twin)
FROM line ORDER BY line.row LIMIT -1 OFFSET ?
"""


class StagedRow(NamedTuple):
    """A row of the file: `key_row` is the first row with its key, `twin_row` the first equal to it but for the key."""

    row: int
    key: str
    cells: list[str]
    key_row: int
    twin_row: int | None


Chunk = list[StagedRow]


@dataclass(frozen=True)
class Stage:
    """What staging found: number of data rows, the columns, columns that hold one value only, and what was mended."""

    connection: sqlite3.Connection
    rows: int
    columns: tuple[str, ...]
    constants: dict[str, str]
    mended: Mended

    def chunks(self, after: int, size: int, is_grouped: bool) -> Iterator[Chunk]:
        """Yield chunks of about `size` rows, the first `after` rows left out; a group is never cut."""
        found = self.connection.execute(IN_GROUPS if is_grouped else IN_FILE_ORDER, (after,))
        rows = (StagedRow(row, key, cells.split(SEPARATOR), *rest) for row, key, cells, *rest in found)
        chunk: Chunk = []
        for row in rows:
            if len(chunk) >= size and not (is_grouped and row.key == chunk[-1].key):
                yield chunk
                chunk = []
            chunk.append(row)
        if chunk:
            yield chunk


@contextmanager
def staged(table: Table, mapping: Mapping, path: Path, beat: Callable[[], None]) -> Iterator[Stage]:
    """Lay the table into a new file at `path`, removed at the end; `beat` is called now and then while reading."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            # A lost stage is made again, so nothing here waits for the disk.
            connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536;")
            yield _filled(connection, table, mapping, beat)
    finally:
        path.unlink(missing_ok=True)


def _filled(connection: sqlite3.Connection, table: Table, mapping: Mapping, beat: Callable[[], None]) -> Stage:
    connection.executescript(TABLES)
    constants: dict[int, str] = {}
    lines = _lines(table, mapping, constants)
    rows = 0
    for first in lines:
        batch = list(chain([first], islice(lines, BATCH)))
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO line VALUES (?, ?, ?, ?)", batch)
        connection.execute("COMMIT")
        rows += len(batch)
        beat()
    connection.executescript(INDEXES)
    known = {table.columns[place]: value for place, value in constants.items() if rows > 1}
    return Stage(connection, rows, table.columns, known, table.mended)


def _lines(table: Table, mapping: Mapping, constants: dict[int, str]) -> Iterator[tuple[int, str, bytes | None, str]]:
    """Yield the rows for the stage, blank ones left out; narrows `constants` to the columns that never change."""
    places = [table.columns.index(column) for column in mapping.key.columns]
    width = len(table.columns)
    wants_twins = mapping.kind == "customers"
    is_first = True
    for row, cells in enumerate(table.rows, table.first_row):
        joined = SEPARATOR.join(cells)
        if not joined.strip(SEPARATOR + " "):
            continue
        if joined.count(SEPARATOR) >= len(cells):  # one stands in a cell, and would cut it in two
            cells = [cell.replace(SEPARATOR, " ") for cell in cells]
            joined = SEPARATOR.join(cells)
        if "'" in joined:
            cells = [freed(cell) for cell in cells]
            joined = SEPARATOR.join(cells)
        if len(cells) > width and not any(cells[width:]):
            joined = SEPARATOR.join(cells[:width])
        if is_first:
            constants.update(enumerate(cells[:width]))
            is_first = False
        elif constants:
            for place in [place for place, value in constants.items() if cells[place : place + 1] != [value]]:
                del constants[place]
        key = mapping.key.of(cells, places) or f"{SEPARATOR}{row}"
        yield row, key, _twin(cells, places) if wants_twins else None, joined


def _twin(cells: list[str], places: list[int]) -> bytes:
    rest = SEPARATOR.join(cell for place, cell in enumerate(cells) if place not in places)
    return blake2b(rest.encode(), digest_size=12).digest()
