"""How fast the embedded broker takes and gives messages, against a bare SQLite table."""

import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from config.benchmarks import Size
from config.broker import QueueFile

MESSAGES = 2_000


def run(size: Size) -> dict[str, Any]:
    """Messages per second put and taken (with acknowledgement), and put ÷ a bare insert per commit."""
    with tempfile.TemporaryDirectory() as folder:
        queue = QueueFile(Path(folder, "queue.sqlite3"))
        put = per_second(lambda number: queue.put("q", str(number), "x" * 500))
        take = per_second(lambda number: take_one(queue, number))
        bare = per_second(bare_insert(Path(folder, "bare.sqlite3")))
    return {"put_per_second": round(put), "take_per_second": round(take), "put_vs_bare": round(put / bare, 2)}


def take_one(queue: QueueFile, number: int) -> None:
    queue.take("q")
    queue.done(str(number))


def bare_insert(path: Path) -> Callable[[int], object]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("CREATE TABLE message (body TEXT)")
    return lambda _: closing(connection.execute("INSERT INTO message VALUES (?)", ("x" * 500,)))


def per_second(one: Callable[[int], object]) -> float:
    began = time.perf_counter()
    for number in range(MESSAGES):
        one(number)
    return MESSAGES / (time.perf_counter() - began)
