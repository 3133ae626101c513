"""A worker and the timetable in one process, so that whatever kills one takes the other with it."""

import socket
from argparse import ArgumentParser
from typing import Any

from celery.beat import EmbeddedService
from django.core.management.base import BaseCommand

from config.celery import app


class Command(BaseCommand):
    help = "Run the tasks and the timetable in one process (for the embedded broker)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--threads", type=int, default=2, help="tasks at a time (2)")

    def handle(self, *, threads: int, **options: Any) -> None:
        timetable = EmbeddedService(app, thread=True, scheduler_cls=app.conf.beat_scheduler)
        worker = app.Worker(
            hostname=f"worker@{socket.gethostname()}",
            pool="threads",
            concurrency=threads,
            quiet=True,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            loglevel="WARNING",
        )
        timetable.start()
        worker.start()
        timetable.stop()
        raise SystemExit(worker.exitcode)
