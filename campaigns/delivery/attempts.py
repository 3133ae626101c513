"""The record of every conversation with a mail server."""

import os
import socket
from datetime import datetime
from functools import cache

from django.db import connection
from django.utils import timezone

from campaigns.delivery.replies import without_addresses
from campaigns.models import Attempt
from crm.statements import Call, together

INSERT = (
    "INSERT INTO campaigns_attempt (message_id, n, phase, code, text, started_at, ended_at, worker)"
    " SELECT %s, COALESCE(MAX(n), 0) + 1, %s, %s, %s, %s, %s, %s FROM campaigns_attempt WHERE message_id = %s"
)


def record(message_id: int, *, phase: str, code: str, text: str, started_at: datetime) -> None:
    """Write the attempt down."""
    together([call(message_id, phase=phase, code=code, text=text, started_at=started_at)])


def call(message_id: int, *, phase: str, code: str, text: str, started_at: datetime) -> Call:
    """The attempt under the next number; addresses that servers like to repeat are taken out."""
    moment = connection.ops.adapt_datetimefield_value
    said = without_addresses(text)[:300]
    values = [phase, code[:12], said, moment(started_at), moment(timezone.now()), worker_name()]
    return Call(INSERT, [message_id, *values, message_id])


def codes_of_last(run_id: int, count: int) -> list[str]:
    """Codes of the run's last attempts by any worker, the newest first."""
    rows = Attempt.objects.filter(message__run=run_id).order_by("-pk")
    return list(rows.values_list("code", flat=True)[:count])


@cache
def host() -> str:
    return socket.gethostname()


def worker_name() -> str:
    """host:pid of this process."""
    return f"{host()}:{os.getpid()}"
