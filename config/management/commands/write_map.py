"""Writes docs/map.md from the module docstrings, or checks that it is up to date."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import map as code_map


class Command(BaseCommand):
    help = "Write docs/map.md from the module docstrings."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail if it is out of date")

    def handle(self, *, check: bool, **options: Any) -> None:
        page, drawn = settings.ROOT / "docs" / "map.md", code_map.drawn(settings.ROOT)
        if not check:
            page.write_text(drawn, encoding="utf-8")
        elif page.read_text(encoding="utf-8") != drawn:
            raise CommandError("docs/map.md is out of date; run: .venv/bin/python manage.py write_map")
