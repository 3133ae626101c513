"""The record of every conversation with a mail server."""

import os
import re
import socket
from datetime import datetime
from functools import cache

from django.utils import timezone

from campaigns.models import Attempt

ADDRESS = re.compile(r"[^\s<>]+@[^\s<>]+")


def record(message_id: int, n: int, *, phase: str, code: str, text: str, started_at: datetime) -> None:
    """Write the attempt down; addresses that servers like to repeat are taken out."""
    Attempt.objects.create(
        message_id=message_id,
        n=n,
        phase=phase,
        code=code,
        text=ADDRESS.sub("…", text)[:300],
        started_at=started_at,
        ended_at=timezone.now(),
        worker=worker_name(),
    )


@cache
def host() -> str:
    return socket.gethostname()


def worker_name() -> str:
    """host:pid of this process."""
    return f"{host()}:{os.getpid()}"
