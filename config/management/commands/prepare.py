"""Brings database, translations and static files up to date; quick when they are."""

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand

from config.translations import compile_all


class Command(BaseCommand):
    help = "Bring the database and the static files up to date."

    def handle(self, *, verbosity: int, **options: Any) -> None:
        compile_all()
        call_command("migrate", interactive=False, verbosity=0)
        collect_static_files()


def collect_static_files() -> None:
    """Collect, unless neither a source nor the settings changed since the last time."""
    stamp = Path(settings.STATIC_ROOT) / ".sources"
    sources = fingerprint()
    if not stamp.exists() or stamp.read_text() != sources:
        call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        stamp.write_text(sources)


def fingerprint() -> str:
    """Every static file with its size and time of change, and the storage that collects them, in one digest."""
    lines = [str(settings.STORAGES["staticfiles"])]
    for finder in get_finders():
        for name, storage in finder.list([]):
            stat = Path(storage.path(name)).stat()
            lines.append(f"{name} {stat.st_size} {stat.st_mtime_ns}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
