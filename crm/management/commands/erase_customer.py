"""Erase one person's data: erase_customer NUMBER --confirm NUMBER."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from crm import actions, queries, rights


class Command(BaseCommand):
    help = "Erase one person's data; orders stay as bare facts, hashes of the addresses on the suppression list."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("number", help="customer number")
        parser.add_argument("--confirm", required=True, help="the number once more: this cannot be undone")

    def handle(self, *args: Any, **options: Any) -> None:
        by = rights.machine("erase_customer")
        row = queries.customers(by).filter(number=options["number"]).first()
        if row is None or options["confirm"] != options["number"]:
            raise CommandError(f"There is no customer {options['number']}, or the confirmation differs.")
        actions.erase_customer(row, by=by, at=timezone.now())
        self.stdout.write("The person's data are erased.")
