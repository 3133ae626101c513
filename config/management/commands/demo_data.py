"""Demo data with planted truth, and the main job run on it."""

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.demo import population, story
from crm import queries as crm_queries
from crm.rights import machine


def is_wanted() -> bool:
    """Whether the house is empty, or was while a filling began that never ended."""
    return mark().exists() or not crm_queries.customers(machine("demo")).exists()


def mark() -> Path:
    """Stands while the demo is being filled in."""
    return Path(settings.DATA_DIR) / "demo" / "unfinished"


class Command(BaseCommand):
    help = "Fill an empty house with made-up customers and run the main job on them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--customers", type=int, default=5000, help="how many (5000)")
        parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same people (1)")
        parser.add_argument("--json", action="store_true", help="print what was planted as JSON")

    def handle(self, *, customers: int, seed: int, json: bool, **options: Any) -> None:
        if not is_wanted():
            raise CommandError("There are customers already; demo data only fills an empty house.")
        if mark().exists():
            self.stdout.write("The last filling was interrupted; starting over.")
            call_command("flush", interactive=False)
        mark().parent.mkdir(parents=True, exist_ok=True)
        mark().touch()
        started = time.monotonic()
        say = (lambda line: None) if json else self._say
        story.tell(customers=customers, seed=seed, now=timezone.now(), say=say)
        sign_ins = Path(settings.DATA_DIR) / "sign-ins.txt"
        sign_ins.write_text(story.sign_ins() + "\n", encoding="utf-8")
        mark().unlink()
        seconds = time.monotonic() - started
        self.stdout.write(_planted(seconds) if json else f"Demo data are there after {seconds:.0f} s.")

    def _say(self, line: str) -> None:
        self.stdout.write(line + " …")
        self.stdout.flush()


def _planted(seconds: float) -> str:
    return json.dumps({"truth": population.TRUTH, "seconds": round(seconds, 1)})
