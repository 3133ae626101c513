"""Where snapshots lie, how one appears whole or not at all, and who may build."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

UNFINISHED = ".building"
ORPHANS_ARE_KEPT = timedelta(hours=1)


class BuilderBusy(Exception):
    """Another process is building a snapshot."""


def folder() -> Path:
    made = Path(settings.WAREHOUSE_DIR)
    made.mkdir(parents=True, exist_ok=True)
    return made


def new_name(at: datetime) -> str:
    """A name never used before, in the order of time."""
    return f"{at:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}.duckdb"


def path_of(name: str) -> Path:
    return folder() / name


@contextmanager
def builder_lock() -> Iterator[None]:
    """One builder at a time. The kernel drops the lock when its holder dies, so none is ever left behind.

    Raises BuilderBusy when somebody else holds it.
    """
    with (folder() / "builder.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BuilderBusy("another refresh is building a snapshot") from error
        yield


@contextmanager
def appearing(name: str, *, copy_of: str | None = None) -> Iterator[Path]:
    """A file to write aside, begun as a copy if asked; it takes its name only when the block ends well."""
    aside = path_of(name + UNFINISHED)
    try:
        if copy_of:
            shutil.copyfile(path_of(copy_of), aside)
        yield aside
        flush(aside)
        aside.rename(path_of(name))
        flush(folder())
    finally:
        remove(aside)


def flush(path: Path) -> None:
    """Make the file or folder outlive a loss of power."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Delete the file and what the engine keeps beside it."""
    path.unlink(missing_ok=True)
    path.with_name(path.name + ".wal").unlink(missing_ok=True)


def sweep(*, known: Iterable[str], at: datetime) -> None:
    """Delete what a dead builder left: unfinished files, and old ones no row knows. Call it holding the lock."""
    known = set(known)
    for path in folder().glob("*.duckdb*"):
        is_old = path.stat().st_mtime < (at - ORPHANS_ARE_KEPT).timestamp()
        if UNFINISHED in path.name or (path.name not in known and is_old):
            remove(path)
