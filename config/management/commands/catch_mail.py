"""The mail catcher as a process: an SMTP server on loopback that keeps every message and sends none on."""

import sqlite3
import threading
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.mail_catcher import store


class Keeper:
    """Writes each message down before the server says 250."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: sqlite3.Connection | None = None

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self._rows is None:
            with store.opened(self._path):
                pass
            self._rows = sqlite3.connect(self._path, timeout=20)
            self._rows.execute("PRAGMA synchronous=NORMAL")
        for recipient in envelope.rcpt_tos:
            store.keep(self._rows, recipient=recipient, raw=envelope.original_content, at=datetime.now(UTC))
        return "250 Kept"


class Command(BaseCommand):
    help = "Catch every mail on loopback and send none on; they are shown at /mail/."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=settings.MAIL_CATCHER_PORT)

    def handle(self, *, port: int, **options: Any) -> None:
        catcher = Controller(Keeper(settings.MAIL_CATCHER_FILE), hostname="127.0.0.1", port=port)
        try:
            catcher.start()
        except OSError as fault:
            raise CommandError(f"Cannot catch mail on 127.0.0.1:{port}: {fault.strerror}.") from fault
        threading.Event().wait()
