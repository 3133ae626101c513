"""Import customers from a file."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from crm.imports.command_line import add_arguments, carry_out


class Command(BaseCommand):
    help = "Import customers from a CSV or Excel file by a mapping (docs/imports.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        carry_out("customers", options, self.stdout)
