"""Writes docs/map.md from the module docstrings."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config import map as code_map


class Command(BaseCommand):
    help = "Write docs/map.md from the module docstrings."

    def handle(self, **options: Any) -> None:
        (settings.ROOT / "docs" / "map.md").write_text(code_map.drawn(settings.ROOT), encoding="utf-8")
