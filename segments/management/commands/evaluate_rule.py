"""Evaluate a rule from a file: its size, its sentence, a few customers."""

import json
from argparse import ArgumentParser
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from crm.rights import machine
from segments import actions, queries
from segments.rules.errors import RuleError


def a_day(given: str) -> date:
    return date.fromisoformat(given)


class Command(BaseCommand):
    help = "Size, sentence and sample of the rule in a JSON file, now or as of the end of a past day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a rule as JSON; see docs/rules.md")
        parser.add_argument("--as-of", type=a_day, help="a day such as 2026-05-01")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *, file: Path, as_of: date | None, json: bool, **options: Any) -> None:
        at = queries.end_of_day(as_of) if as_of else timezone.now()
        try:
            found = evaluate(file, at)
        except OSError as fault:
            raise CommandError(f"{file}: {fault.strerror or fault}") from fault
        except (RuleError, queries.NotEvaluable) as fault:
            raise CommandError(f"{file}: {fault}") from fault
        self.stdout.write(_as_json(found) if json else _as_lines(found))


def evaluate(file: Path, at: datetime) -> queries.Preview:
    """Read and answer a rule file. Raises OSError, RuleError or NotEvaluable."""
    actor = machine("command")
    try:
        given = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as fault:
        raise RuleError("$", "is not JSON: {why}", why=fault) from fault
    return queries.preview(actions.check_rule(given, by=actor), actor, as_of=at)


def _as_json(found: queries.Preview) -> str:
    sample = [customer.number for customer in found.sample]
    return json.dumps(
        {"size": found.size, "sentence": found.sentence, "sample": sample, "as_of": found.as_of.isoformat()},
        ensure_ascii=False,
    )


def _as_lines(found: queries.Preview) -> str:
    lines = [found.sentence, f"{found.size} customers as of {found.as_of:%Y-%m-%d %H:%M %Z}"]
    return "\n".join([*lines, *(f"  {customer.number}  {customer}" for customer in found.sample)])
