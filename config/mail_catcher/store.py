"""Caught messages, in a file of their own: what arrived, for whom, when."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

TABLE = """CREATE TABLE IF NOT EXISTS mail (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, recipient TEXT NOT NULL, subject TEXT NOT NULL, raw BLOB NOT NULL)"""


@dataclass(frozen=True)
class Caught:
    """One message as it arrived; `raw` is empty in lists."""

    id: int
    at: datetime
    recipient: str
    subject: str
    raw: bytes = b""

    def part(self, subtype: str) -> str:
        """The text of its `text/html` or `text/plain` part; empty when it has none."""
        body = parsed(self.raw).get_body((subtype,))
        return str(body.get_content()) if body else ""

    def headers(self) -> list[tuple[str, str]]:
        return [(name, str(value)) for name, value in parsed(self.raw).items()]


def parsed(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=default)


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The file of caught mail, made when it is not there; commits at the end."""
    rows = sqlite3.connect(path, timeout=20)
    try:
        rows.execute("PRAGMA journal_mode=WAL")
        rows.execute("PRAGMA synchronous=NORMAL")
        rows.execute(TABLE)
        with rows:
            yield rows
    finally:
        rows.close()


def keep(rows: sqlite3.Connection, *, recipient: str, raw: bytes, at: datetime) -> None:
    """Store one message for one recipient."""
    subject = str(parsed(raw)["Subject"] or "")
    statement = "INSERT INTO mail (at, recipient, subject, raw) VALUES (?, ?, ?, ?)"
    rows.execute(statement, [at.astimezone(UTC).isoformat(), recipient, subject, raw])
    rows.commit()


def newest(path: Path, *, search: str = "", before: int | None = None, most: int = 50) -> list[Caught]:
    """Messages from the newest on, optionally for a recipient or subject holding `search`."""
    like = f"%{search}%"
    with opened(path) as rows:
        found = rows.execute(
            "SELECT id, at, recipient, subject FROM mail WHERE (recipient LIKE ? OR subject LIKE ?)"
            " AND id < ? ORDER BY id DESC LIMIT ?",
            [like, like, before or 2**62, most],
        ).fetchall()
    return [Caught(id_, datetime.fromisoformat(at), recipient, subject) for id_, at, recipient, subject in found]


def everything(path: Path) -> Iterator[Caught]:
    """Every whole message, the oldest first."""
    with opened(path) as rows:
        numbers = [number for (number,) in rows.execute("SELECT id FROM mail ORDER BY id")]
    yield from filter(None, (one(path, number) for number in numbers))


def one(path: Path, number: int) -> Caught | None:
    """One whole message, or None."""
    with opened(path) as rows:
        row = rows.execute("SELECT id, at, recipient, subject, raw FROM mail WHERE id = ?", [number]).fetchone()
    return row and Caught(row[0], datetime.fromisoformat(row[1]), *row[2:])
