"""A snapshot as Parquet files for engines elsewhere: partitions named by what they hold, so only changed ones are new.

    FOLDER/event/2026-11/8c41….parquet     a month of events, sorted by type and time
    FOLDER/profile/0/51f0….parquet         a million customers
    FOLDER/20261127T1200-a1b2.json         which files make up this snapshot

A snapshot's list appears last and whole. Files no kept list names are removed, an hour after anybody last wanted them:
another export may be about to name them.
"""

import hashlib
import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings

from profiles.warehouse import readers

Files = Mapping[str, tuple[Path, ...]]
"""Table → its files."""

EXPORTS_KEPT: Final = 3  # as many as snapshots are
UNNAMED_ARE_KEPT: Final = timedelta(hours=1)
BY_MONTH: Final = "strftime(ts, '%Y-%m')"
BY_CUSTOMER: Final = "(customer_id // 1_000_000)::varchar"
ROW_GROUP: Final = 122_880  # rows; their smallest and largest type and time let an engine skip them


@dataclass(frozen=True)
class Part:
    """How one table is divided, and the order of rows inside a part."""

    table: str
    by: str
    order: str


PARTS: Final = (
    Part("profile", BY_CUSTOMER, "customer_id"),
    Part("event", BY_MONTH, "type, ts, id"),
    Part("order_line", BY_MONTH, "kind, ts, id"),
    Part("consent", BY_CUSTOMER, "customer_id, purpose, channel"),
    Part("reach", BY_CUSTOMER, "channel, customer_id"),
)


def default_folder() -> Path:
    return Path(settings.WAREHOUSE_DIR) / "exported"


@dataclass(frozen=True)
class Export:
    """The files of one snapshot below the folder, by table; `written` were not there before."""

    folder: Path
    tables: Mapping[str, tuple[str, ...]]
    written: int = 0

    @property
    def files(self) -> Files:
        return {table: tuple(self.folder / name for name in names) for table, names in self.tables.items()}


def export(snapshot: str, folder: Path) -> Export:
    """The snapshot's files, written as far as they are not there."""
    listed = folder / f"{Path(snapshot).stem}.json"
    if listed.exists():
        return Export(folder, {table: tuple(names) for table, names in json.loads(listed.read_text()).items()})
    folder.mkdir(parents=True, exist_ok=True)
    with readers.reading(snapshot) as engine:
        found = {part.table: [write(engine, part, *one, folder) for one in parts_of(engine, part)] for part in PARTS}
    aside = listed.with_suffix(f".{secrets.token_hex(4)}")
    aside.write_text(json.dumps({table: [name for name, _ in files] for table, files in found.items()}))
    aside.rename(listed)
    sweep(folder)
    written = sum(is_new for files in found.values() for _, is_new in files)
    return Export(folder, {table: tuple(name for name, _ in files) for table, files in found.items()}, written)


def parts_of(engine: Any, part: Part) -> list[tuple[str, str]]:
    """(part, fingerprint of its rows) in order; one without rows, so that an empty table has a file too."""
    asked = f"select {part.by} as part, count(*), sum(hash(t)), bit_xor(hash(t)) from {part.table} t group by part"
    rows = sorted(engine.execute(asked).fetchall()) or [("none", 0, 0, 0)]
    shape = engine.execute(f"select column_name, column_type from (describe {part.table})").fetchall()
    return [(str(row[0]), hashlib.sha256(repr((row, shape)).encode()).hexdigest()[:24]) for row in rows]


def write(engine: Any, part: Part, name: str, fingerprint: str, folder: Path) -> tuple[str, bool]:
    """The part's file below the folder, and whether it had to be written."""
    path = folder / part.table / name / f"{fingerprint}.parquet"
    if is_new := not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(f".{secrets.token_hex(4)}")
        engine.execute(
            f"copy (select * from {part.table} where {part.by} = $part order by {part.order})"
            f" to '{str(aside).replace(chr(39), chr(39) * 2)}'"
            f" (format parquet, compression zstd, row_group_size {ROW_GROUP})",
            {"part": name},
        )
        aside.rename(path)
    else:
        path.touch()  # still wanted
    return str(path.relative_to(folder)), is_new


def sweep(folder: Path) -> None:
    """Lists beyond the newest go, and files that none has named for a while."""
    lists = sorted(folder.glob("*.json"), reverse=True)
    for old in lists[EXPORTS_KEPT:]:
        old.unlink(missing_ok=True)
    del lists[EXPORTS_KEPT:]
    named = {name for one in lists for names in json.loads(one.read_text()).values() for name in names}
    since = max(one.stat().st_mtime for one in lists) - UNNAMED_ARE_KEPT.total_seconds()
    for path in (path for part in PARTS for path in folder.glob(f"{part.table}/*/*")):
        with suppress(FileNotFoundError):  # somebody else sweeps too
            if str(path.relative_to(folder)) not in named and path.stat().st_mtime <= since:
                path.unlink()


@contextmanager
def beside(exported: Export, tables: Mapping[str, pa.Table]) -> Iterator[Files]:
    """Files of further tables, which are there as long as the block."""
    passing = exported.folder / "passing" / secrets.token_hex(8)
    files = {name: passing / f"{name}.parquet" for name in tables}
    try:
        for name, table in tables.items():
            passing.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, files[name])
        yield {name: (path,) for name, path in files.items()}
    finally:
        shutil.rmtree(passing, ignore_errors=True)
