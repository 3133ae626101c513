"""Open snapshots: read-only, one engine per snapshot and process, a cursor per question, closed when nobody reads."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb
from django.conf import settings

from profiles.warehouse import files

MOST_IDLE = 2  # snapshots kept open without readers: the newest, and the one before it


@dataclass
class Opened:
    engine: duckdb.DuckDBPyConnection
    readers: int = 0


@dataclass
class Pool:
    """The open snapshots of one process. A forked child starts empty: an engine cannot be shared across a fork."""

    process: int = field(default_factory=os.getpid)
    lock: threading.Lock = field(default_factory=threading.Lock)
    opened: dict[str, Opened] = field(default_factory=dict)


_pool = Pool()


def pool() -> Pool:
    global _pool
    if _pool.process != os.getpid():
        _pool = Pool()
    return _pool


@contextmanager
def reading(name: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor on the snapshot `name`, for one thread. Raises FileNotFoundError when the snapshot is gone."""
    mine = enter(pool(), name)
    cursor = mine.engine.cursor()
    try:
        yield cursor
    finally:
        cursor.close()
        leave(pool(), mine)


def enter(pool: Pool, name: str) -> Opened:
    with pool.lock:
        if name not in pool.opened:
            pool.opened[name] = Opened(open_snapshot(name))
        found = pool.opened[name] = pool.opened.pop(name)  # the latest used stands last
        found.readers += 1
        return found


def leave(pool: Pool, mine: Opened) -> None:
    with pool.lock:
        mine.readers -= 1
        idle = [name for name, opened in pool.opened.items() if not opened.readers]
        for name in idle[:-MOST_IDLE]:
            pool.opened.pop(name).engine.close()


def rest(pool: Pool) -> None:
    """Close what nobody reads: a builder needs the memory that an idle engine keeps for the next question."""
    with pool.lock:
        for name in [name for name, opened in pool.opened.items() if not opened.readers]:
            pool.opened.pop(name).engine.close()


_runs: dict[str, duckdb.DuckDBPyConnection] = {}
_runs_lock = threading.Lock()


@contextmanager
def overtaking(run: str, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Stops what this process still works out for the same run, which nobody wants any more: that raises Overtaken."""
    with _runs_lock:
        if older := _runs.pop(run, None):
            older.interrupt()
        _runs[run] = cursor
    try:
        yield
    finally:
        with _runs_lock:
            if _runs.get(run) is cursor:
                del _runs[run]


def open_snapshot(name: str) -> duckdb.DuckDBPyConnection:
    path = files.path_of(name)
    if not path.exists():
        raise FileNotFoundError(name)
    engine = duckdb.connect(str(path), read_only=True, config=engine_limits())
    engine.execute("set TimeZone = 'UTC'")
    return engine


def engine_limits() -> dict[str, str | bool | int | float | list[str]]:
    """Beyond its memory the engine writes aside instead of growing."""
    return {"memory_limit": settings.WAREHOUSE_MEMORY, "temp_directory": str(files.folder() / "spill")}


Overtaken = duckdb.InterruptException
EngineError = duckdb.Error
"""Whatever the engine refuses or fails at, for those who may not import it."""
