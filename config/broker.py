"""The embedded broker: a Celery queue in one SQLite file, for firms that run no Redis.

A message taken by a worker stays in the file under a lease until it is acknowledged. The lease names the process
that holds it; when that process is dead, the next process to open the queue frees the message. So a kill -9 at any
moment loses nothing and may run a task twice, which every task must bear anyway (docs/decisions/embedded-broker.md).
"""

import json
import os
import sqlite3
import threading
from contextlib import closing
from functools import cache
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, virtual

SCHEME = "embedded"
MOST_DELIVERIES = 5  # a message that killed its worker this often is dropped: the sweep will poke again if it matters
PATIENCE_SECONDS = 20

SCHEMA = """
    CREATE TABLE IF NOT EXISTS message (
        id INTEGER PRIMARY KEY, queue TEXT NOT NULL, priority INTEGER NOT NULL, tag TEXT NOT NULL UNIQUE,
        body TEXT NOT NULL, owner TEXT, deliveries INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX IF NOT EXISTS message_waiting ON message (queue, priority DESC, id) WHERE owner IS NULL;
"""
TAKE = """
    UPDATE message SET owner = ?, deliveries = deliveries + 1
    WHERE id = (SELECT id FROM message WHERE queue = ? AND owner IS NULL ORDER BY priority DESC, id LIMIT 1)
    RETURNING body
"""


def register() -> None:
    """Make `embedded:////path/to/queue.sqlite3` a broker address that Celery understands."""
    TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"


class QueueFile:
    """Messages of all queues in one SQLite file, shared by the threads and processes of one machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._of_thread = threading.local()
        self.free_the_dead()

    def put(self, queue: str, tag: str, body: str, priority: int = 0) -> None:
        """Append a message; the highest priority leaves first, then the oldest."""
        self._run("INSERT INTO message (queue, priority, tag, body) VALUES (?, ?, ?, ?)", (queue, priority, tag, body))

    def take(self, queue: str) -> str:
        """Lease the next message to this process and return its body; raise `queue.Empty` if none waits."""
        rows = self._run(TAKE, (owner_of(os.getpid()), queue))
        if not rows:
            raise Empty
        return str(rows[0][0])

    def done(self, tag: str) -> None:
        """Forget the message with this delivery tag."""
        self._run("DELETE FROM message WHERE tag = ?", (tag,))

    def give_back(self, tag: str) -> None:
        """End the lease of the message with this delivery tag, so that it is delivered again."""
        self._run("UPDATE message SET owner = NULL WHERE tag = ?", (tag,))

    def free_the_dead(self) -> None:
        """End the leases of processes that no longer live; drop messages that were delivered too often."""
        for (owner,) in self._run("SELECT DISTINCT owner FROM message WHERE owner IS NOT NULL"):
            if not is_alive(owner):
                self._run("DELETE FROM message WHERE owner = ? AND deliveries >= ?", (owner, MOST_DELIVERIES))
                self._run("UPDATE message SET owner = NULL WHERE owner = ?", (owner,))

    def waiting(self, queue: str) -> int:
        """Messages of `queue` that nobody has taken."""
        return int(self._run("SELECT count(*) FROM message WHERE queue = ? AND owner IS NULL", (queue,))[0][0])

    def purge(self, queue: str) -> int:
        """Drop the waiting messages of `queue`; return how many there were."""
        return len(self._run("DELETE FROM message WHERE queue = ? AND owner IS NULL RETURNING id", (queue,)))

    def _run(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with closing(self._connection().execute(statement, values)) as cursor:
            return cursor.fetchall()

    def _connection(self) -> sqlite3.Connection:
        # One per thread and process: SQLite handles must not cross a fork.
        held: tuple[int, sqlite3.Connection] | None = getattr(self._of_thread, "held", None)
        if held is None or held[0] != os.getpid():
            held = self._of_thread.held = (os.getpid(), open_file(self.path))
        return held[1]


def open_file(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode; the file and its table are made on first use."""
    connection = sqlite3.connect(path, timeout=PATIENCE_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.executescript(SCHEMA)
    return connection


def owner_of(pid: int) -> str:
    """The process as `pid:start time`, because the kernel gives a dead process's number to a new one.

    >>> owner_of(2**22 + 1)
    '4194305:'
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return f"{pid}:"  # no such process, or a system without /proc: then the number alone must do
    state, *fields = stat.rpartition(")")[2].split()
    return f"{pid}:zombie" if state == "Z" else f"{pid}:{fields[18]}"


def is_alive(owner: str) -> bool:
    """Whether the process named by `owner_of` still runs."""
    pid = int(owner.partition(":")[0])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return owner_of(pid) == owner


@cache
def queue_file(path: Path) -> QueueFile:
    """The one `QueueFile` of this process for `path`."""
    return QueueFile(path)


class Leases(virtual.QoS):
    """Acknowledging deletes the message; rejecting gives it back or deletes it."""

    def ack(self, delivery_tag: str) -> None:
        self.channel.messages.done(delivery_tag)
        super().ack(delivery_tag)  # type: ignore[no-untyped-call]

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if not requeue:
            self.channel.messages.done(delivery_tag)
        super().reject(delivery_tag, requeue=requeue)  # type: ignore[no-untyped-call]


class Channel(virtual.Channel):
    """Kombu's virtual channel over a `QueueFile`."""

    QoS = Leases

    def __init__(self, connection: Any, **options: Any) -> None:
        super().__init__(connection, **options)  # type: ignore[no-untyped-call]
        self.messages = queue_file(Path("/", connection.client.virtual_host))

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        tag = message["properties"]["delivery_tag"]
        self.messages.put(queue, tag, json.dumps(message), int(message["properties"].get("priority") or 0))

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        return json.loads(self.messages.take(queue))

    def _restore(self, message: virtual.Message) -> None:
        self.messages.give_back(message.delivery_tag)

    def _new_queue(self, queue: str, **_: Any) -> None:
        self.messages.free_the_dead()

    def _size(self, queue: str) -> int:
        return self.messages.waiting(queue)

    def _purge(self, queue: str) -> int:
        return self.messages.purge(queue)


class Transport(virtual.Transport):
    """Kombu's virtual transport over a `QueueFile`."""

    Channel = Channel
    polling_interval = 0.05
    driver_type = driver_name = "sqlite"
    default_connection_params: dict[str, Any] = {}  # a file has no host

    def driver_version(self) -> str:
        return sqlite3.sqlite_version
