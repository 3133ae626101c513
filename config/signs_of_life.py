"""Workers and timetables write a row every half minute, so that pages can say what runs."""

import logging
import os
import socket
import threading
import time
from typing import Any

from celery.signals import beat_embedded_init, beat_init, worker_ready
from django.db import DatabaseError, connection
from django.utils import timezone

from crm import timetable

EVERY_SECONDS = 30
logger = logging.getLogger(__name__)


@worker_ready.connect
def worker_lives(**_: Any) -> None:
    keep_saying("worker")


@beat_init.connect
@beat_embedded_init.connect
def timetable_lives(**_: Any) -> None:
    keep_saying("timetable")


def keep_saying(kind: str) -> None:
    """Start a thread that says so until the process ends."""
    threading.Thread(target=say_for_ever, args=(kind,), name=f"{kind} sign of life", daemon=True).start()


def say_for_ever(kind: str) -> None:
    while True:
        say(kind)
        time.sleep(EVERY_SECONDS)


def say(kind: str) -> None:
    """Write the row once. A database that is away is no reason to stop: its absence is seen elsewhere."""
    try:
        timetable.say_alive(f"{socket.gethostname()}:{os.getpid()}:{kind}", kind=kind, at=timezone.now())
    except DatabaseError as error:
        logger.warning("No sign of life written: %s", error)
    finally:
        connection.close()
