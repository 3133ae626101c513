"""What this process was told and did not write to the database yet: one record on the disk, read after its death.

At most one message per process is accepted by a server and not yet committed, so one record per process is enough. The
file is locked while its process lives; whoever gets the lock finds a dead one's record and carries it into the rows.
A record is safe from the death of its process once written, from a power cut once synced: that goes on beside the work.
"""

import fcntl
import json
import logging
import os
import secrets
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.dateparse import parse_datetime

from campaigns.delivery import attempts, transitions
from campaigns.delivery.replies import Reply
from campaigns.models import Message

SIZE = 512  # bytes of a record; the file never grows, so that its sync costs one write
logger = logging.getLogger(__name__)
own: dict[int, "Journal"] = {}  # by process id: a forked child makes its own


@dataclass
class Journal:
    """The open file of this process, and the one thread that syncs it."""

    file: int
    syncing: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "journal"))
    synced: Future[None] | None = None

    def write(self, record: bytes) -> None:
        """Put the record in the place of the last one, whose sync has ended by then."""
        if self.synced is not None:
            self.synced.result()
        os.pwrite(self.file, record, 0)
        self.synced = self.syncing.submit(os.fdatasync, self.file)


def folder() -> Path:
    return Path(settings.DATA_DIR) / "journal"


def note(message: Message, token: str, reply: Reply, started_at: datetime) -> None:
    """Keep on the disk that the server took the message. A full disk costs the record, never the message."""
    said = [message.pk, token, message.attempts + 1, reply.phase, reply.short, str(reply)[:120], started_at.isoformat()]
    record = json.dumps(said).encode()[: SIZE - 1].ljust(SIZE - 1) + b"\n"
    try:
        opened().write(record)
    except OSError as error:
        logger.warning("The journal of sent messages cannot be written: %s", error)


def opened() -> Journal:
    """This process's journal, made and locked at the first use."""
    process = os.getpid()
    if process not in own:
        own.clear()
        folder().mkdir(parents=True, exist_ok=True)
        hidden = folder() / f".{process}-{secrets.token_hex(4)}"
        file = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        os.pwrite(file, b" " * SIZE, 0)
        os.fsync(file)
        hidden.rename(folder() / hidden.name.lstrip("."))  # seen by others only once it is locked
        own[process] = Journal(file)
    return own[process]


def replay() -> int:
    """Carry the records of processes that died into the rows; return how many messages became sent by that."""
    return sum(settled(record) for record in left_behind())


def left_behind() -> Iterator[list[Any]]:
    """Records of the dead; each file goes once its record was dealt with."""
    with suppress(FileNotFoundError):
        for path in sorted(folder().glob("[!.]*")):
            with suppress(BlockingIOError, FileNotFoundError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield from records(file.read(SIZE))
                path.unlink(missing_ok=True)


def records(written: bytes) -> Iterator[list[Any]]:
    """The record, if one was written whole."""
    with suppress(ValueError):
        found = json.loads(written)
        if isinstance(found, list) and len(found) == 7:
            yield found


def settled(record: list[Any]) -> bool:
    """T5 for a row that is still in hand-over, T9 for one that was given up as unknown; nothing for any other."""
    message_id, token, count, phase, code, said, started_at = record
    told = {"id": message_id, "reason": "", "code": said, "attempts": count}
    if not (transitions.SENT.run(token=token, **told) or sent_after_all(token, told)):
        return False
    began = parse_datetime(started_at)
    if began is not None:
        attempts.record(message_id, phase=phase, code=code, text=said, started_at=began)
    return True


def sent_after_all(token: str, told: dict[str, Any]) -> int:
    """T9, as long as the doubt is about this very hand-over."""
    if not Message.objects.filter(pk=told["id"], lease_token=token).exists():
        return 0
    return transitions.SENT_AFTER_ALL.run(**told)
