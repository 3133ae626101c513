"""How fast an import of orders is, against a bare load of the same rows: csv reader, one executemany, one commit."""

import csv
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from config.benchmarks import Size
from crm import actions, rights

MOST_ROWS = 100_000
LINES_PER_ORDER = 20
COLUMNS = ("order", "customer", "at", "sku", "description", "pieces", "price", "country")
MAPPING = {
    "number": "order",
    "source": "bench",
    "currency": "EUR",
    "customer": "customer",
    "ordered_at": "at",
    "country": "country",
    "line": {"sku": "sku", "description": "description", "quantity": "pieces", "unit_amount": "price"},
}


class TakenBack(Exception):
    """Raised at the end, so that the measured rows leave no trace in the database."""


def run(size: Size) -> dict[str, Any]:
    """Rows per second of both, and `import_vs_bare`: seconds of the import ÷ seconds of the bare load."""
    rows = min(size.events, MOST_ROWS)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "orders.csv")
        write_file(file, rows)
        bare = seconds_of_bare_load(file, Path(folder, "bare.sqlite3"))
        imported = seconds_of_import(file)
    return {
        "rows": rows,
        "import_per_second": round(rows / imported),
        "bare_per_second": round(rows / bare),
        "import_vs_bare": round(imported / bare, 1),
    }


def write_file(file: Path, rows: int) -> None:
    with file.open("w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(COLUMNS)
        writer.writerows(order_lines(rows))


def order_lines(rows: int) -> Iterator[tuple[Any, ...]]:
    """Seeded rows, about twenty lines an order."""
    rng = random.Random(1)
    for row in range(rows):
        order = row // LINES_PER_ORDER
        at = f"2025-{order % 12 + 1:02}-{order % 28 + 1:02} 12:00:00"
        pieces, price = rng.randrange(1, 20), rng.randrange(1, 9999) / 100
        yield order, order % 997, at, f"S{rng.randrange(4000)}", "A THING TO BUY", pieces, price, "Finland"


def seconds_of_bare_load(file: Path, database: Path) -> float:
    began = time.perf_counter()
    with closing(sqlite3.connect(database)) as connection, file.open(newline="") as source:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"CREATE TABLE line ({', '.join(f'c_{name}' for name in COLUMNS)})")
        reader = csv.reader(source)
        next(reader)
        connection.executemany(f"INSERT INTO line VALUES ({', '.join('?' * len(COLUMNS))})", reader)
        connection.commit()
    return time.perf_counter() - began


def seconds_of_import(file: Path) -> float:
    seconds = 0.0
    try:
        with transaction.atomic(), file.open("rb") as source:
            began = time.perf_counter()
            by, now = rights.machine("bench"), timezone.now()
            made = actions.start_import(kind="orders", file=source, name=file.name, mapping=MAPPING, by=by, at=now)
            actions.run_import(import_id=made.pk, by=by, at=now)
            actions.carry_on_import(import_id=made.pk, clock=timezone.now)
            seconds = time.perf_counter() - began
            raise TakenBack
    except TakenBack:
        return seconds
