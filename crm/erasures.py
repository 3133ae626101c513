"""The ledger of erasures beside the database: keyed hashes, replayed after a restore that brought people back."""

import json
from collections.abc import Iterator
from datetime import datetime
from os import SEEK_END
from pathlib import Path
from typing import Any

from django.conf import settings

from crm import actions
from crm.addresses import erased_number, row_key
from crm.models import Customer
from crm.rights import Actor

MARK = "erased-"


def ledger() -> Path:
    """Where it lies; it belongs in no back-up of the database, but beside it."""
    return Path(settings.DATA_DIR / "erasures.jsonl")


def keep() -> int:
    """Write down who was erased and does not stand there yet; returns how many were new."""
    known = {(line["customer"], line["row"]) for line in lines(ledger()) if "row" in line}
    rows = Customer.objects.filter(erased_at__isnull=False).order_by("pk").only("number", "created_at", "erased_at")
    fresh = [line for line in map(told, rows.iterator()) if (line["customer"], line["row"]) not in known]
    if fresh:
        with ledger().open("a") as file:
            file.write("" if is_whole(ledger()) else "\n")
            file.writelines(json.dumps(line) + "\n" for line in fresh)
    return len(fresh)


def told(row: Customer) -> dict[str, Any]:
    """The line of one erased customer: nothing in it can be read, and both keys lead back to a restored row."""
    number = row.number if row.number.startswith(MARK) else erased_number(row.number)
    key = row_key(row.pk, row.created_at)
    return {"customer": row.pk, "number": number, "row": key, "at": str(row.erased_at)}


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """What stands in a ledger; none when there is no file. A line that a crash cut off is left out and written anew."""
    if path.exists():
        with path.open(errors="replace") as file:
            yield from filter(None, map(read, file))


def read(text: str) -> dict[str, Any] | None:
    """One line of a ledger; None when it is not whole."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and {"customer", "number"} <= line.keys() else None


def is_whole(path: Path) -> bool:
    """Whether the last line of the file ends."""
    with path.open("rb") as file:
        size = file.seek(0, SEEK_END)
        file.seek(max(size - 1, 0))
        return file.read() in (b"", b"\n")


def replay(path: Path, *, by: Actor, at: datetime) -> int:
    """Erase again everybody in the ledger whom a restore brought back."""
    again = 0
    for line in lines(path):
        row = Customer.objects.filter(pk=line["customer"], erased_at=None).first()
        if row and is_meant(row, line):
            actions.erase_customer(row, by=by, at=at)
            again += 1
    return again


def is_meant(row: Customer, line: dict[str, Any]) -> bool:
    """Whether the line tells of this row, whatever its number was meanwhile, and not of another that got its id."""
    return line["number"] in (row.number, erased_number(row.number)) or line.get("row") == row_key(
        row.pk, row.created_at
    )
