"""After a restore: erase again whoever the ledger of erasures names."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from crm import erasures, rights


class Command(BaseCommand):
    help = "After a restore: erase again whoever was erased since the back-up was made."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path, nargs="?", help="ledger; erasures.jsonl in the data folder by default")

    def handle(self, *args: Any, **options: Any) -> None:
        path = options["file"] or erasures.ledger()
        again = erasures.replay(path, by=rights.machine("replay_erasures"), at=timezone.now())
        self.stdout.write(f"{again} erased again.")
