"""Write the definitions of segments to a file or to the terminal: all of them, or the named ones."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.rights import machine
from segments import definitions, queries, transfers


class Command(BaseCommand):
    help = "Definitions of segments as JSON in a stable order: names, purposes and rules, no customers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slugs", nargs="*", help="segments to write; none means all")
        parser.add_argument("--output", type=Path, help="a file to write; left out, they are printed")

    def handle(self, *, slugs: list[str], output: Path | None, **options: Any) -> None:
        rows = queries.segments(machine("command"))
        found = list(rows.filter(slug__in=slugs) if slugs else rows)
        if missing := sorted(set(slugs) - {one.slug for one in found}):
            raise CommandError(f"There is no segment {missing[0]}.")
        text = definitions.text(transfers.exported(found))
        if output is None:
            self.stdout.write(text, ending="")
            return
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as fault:
            raise CommandError(f"{output}: {fault.strerror or fault}") from fault
        self.stdout.write(f"{len(found)} segments were written to {output}.")
