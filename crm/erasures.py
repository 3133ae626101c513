"""The ledger of erasures beside the database: keyed hashes, replayed after a restore that brought people back."""

import json
from collections.abc import Iterator
from datetime import datetime
from os import SEEK_END
from pathlib import Path
from typing import Any

from django.conf import settings

from crm import actions
from crm.addresses import erased_number
from crm.models import Customer
from crm.rights import Actor

MARK = "erased-"


def ledger() -> Path:
    """Where it lies; it belongs in no back-up of the database, but beside it."""
    return Path(settings.DATA_DIR / "erasures.jsonl")


def keep() -> int:
    """Write down who was erased and does not stand there yet; returns how many were new."""
    known = {(line["customer"], line["number"]) for line in lines(ledger())}
    rows = Customer.objects.filter(erased_at__isnull=False).order_by("pk").values_list("pk", "number", "erased_at")
    keyed = (
        (pk, number if number.startswith(MARK) else erased_number(number), at) for pk, number, at in rows.iterator()
    )
    fresh = [row for row in keyed if row[:2] not in known]
    if fresh:
        with ledger().open("a") as file:
            file.write("" if is_whole(ledger()) else "\n")
            for pk, key, at in fresh:
                file.write(json.dumps({"customer": pk, "number": key, "at": str(at)}) + "\n")
    return len(fresh)


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
    """Erase again everybody in the ledger whom a restore brought back: the same row under the same number."""
    again = 0
    for line in lines(path):
        row = Customer.objects.filter(pk=line["customer"], erased_at=None).first()
        if row and line["number"] in (row.number, erased_number(row.number)):
            actions.erase_customer(row, by=by, at=at)
            again += 1
    return again
