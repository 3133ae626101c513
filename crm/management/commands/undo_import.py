"""Undo an import."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from crm.imports.command_line import carry_out_undo


class Command(BaseCommand):
    help = "Undo an import: what it created is deleted, what it changed is restored, what changed since is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", type=int, help="number of the import")
        parser.add_argument("--json", action="store_true", help="answer in JSON, without a progress bar")

    def handle(self, *args: Any, **options: Any) -> None:
        carry_out_undo(options["id"], options["json"], self.stdout)
