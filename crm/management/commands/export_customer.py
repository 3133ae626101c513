"""Take out everything held about one person: export_customer NUMBER FILE.zip."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from crm import actions, queries, rights, takeout


class Command(BaseCommand):
    help = "Take out everything held about one person as a zip file."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("number", help="customer number")
        parser.add_argument("file", type=Path, help="zip file to write")

    def handle(self, *args: Any, **options: Any) -> None:
        by = rights.machine("export_customer")
        row = queries.customers(by).filter(number=options["number"]).first()
        if row is None:
            raise CommandError(f"There is no customer {options['number']}.")
        with takeout.archive(row, language=row.language or "en") as found:
            options["file"].write_bytes(found.read())
        actions.note_takeout(row, by=by, at=timezone.now())
        self.stdout.write(f"Everything about {row.number} is in {options['file']}.")
