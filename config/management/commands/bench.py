"""Measures: every benchmark or one, as a table for people or JSON for machines."""

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.benchmarks import Figures, Size, names, runner


class Command(BaseCommand):
    help = "Measure: all benchmarks, or the ones named."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help=f"which to run: {', '.join(names())} (all)")
        parser.add_argument("--customers", type=int, default=100_000, help="customers to measure on (100000)")
        parser.add_argument("--events", type=int, default=1_000_000, help="events to measure on (1000000)")
        parser.add_argument("--json", action="store_true", help="JSON alone, without the tables")

    def handle(self, *, customers: int, events: int, **options: Any) -> None:
        wanted = options["names"] or names()
        unknown = sorted(set(wanted) - set(names()))
        if unknown:
            raise CommandError(f"No benchmark is called {', '.join(unknown)}; there are {', '.join(names())}.")
        figures = {name: self.measure(name, Size(customers, events), quiet=options["json"]) for name in wanted}
        self.stdout.write(json.dumps(figures, indent=None if options["json"] else 2, default=str))

    def measure(self, name: str, size: Size, *, quiet: bool) -> Figures:
        began = time.perf_counter()
        figures = runner(name)(size)
        if not quiet:
            seconds = time.perf_counter() - began
            self.stdout.write(f"\n{name}  ({size.customers:,} customers, {size.events:,} events; {seconds:.1f} s)")
            self.stdout.write(as_table(figures))
        return figures


def as_table(figures: Figures) -> str:
    """Two columns for single figures, then a table for each list of rows."""
    single = {key: value for key, value in figures.items() if not is_table(value)}
    tables = [rows_as_table(value) for value in figures.values() if is_table(value)]
    return "\n".join([columns([[f"  {key}", shown(value)] for key, value in single.items()]), *tables])


def is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def rows_as_table(rows: list[dict[str, Any]]) -> str:
    heads = list(rows[0])
    cells = [heads, *([shown(row.get(head)) for head in heads] for row in rows)]
    return columns([[f"  {first}", *others] for first, *others in cells])


def columns(rows: list[list[str]]) -> str:
    """Rows of text as aligned columns: the first to the left, the others to the right."""
    if not rows:
        return ""
    first, *others = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join([row[0].ljust(first), *map(str.rjust, row[1:], others)]) for row in rows)


def shown(value: Any) -> str:
    """A figure as people read it.

    >>> shown(1234567.891), shown(0.123456), shown(True), shown("absent")
    ('1,234,568', '0.123', 'True', 'absent')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 or isinstance(value, int) else f"{value:.3g}"
