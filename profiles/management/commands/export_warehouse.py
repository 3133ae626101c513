"""Write the current snapshot as Parquet files, for engines elsewhere and for whoever analyses by other tools."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from profiles import actions, queries


class Command(BaseCommand):
    help = "Writes the current snapshot as partitioned Parquet files; parts that are there already stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="where to (the engine's folder)")

    def handle(self, *, folder: Path | None, **options: Any) -> None:
        try:
            done = actions.export_warehouse(folder=folder)
        except (queries.NoSnapshot, queries.EngineError, OSError) as fault:
            raise CommandError(str(fault)) from fault
        files = sum(map(len, done.tables.values()))
        self.stdout.write(f"{files} files of {len(done.tables)} tables in {done.folder}, {done.written} of them new.")
