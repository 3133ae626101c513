"""Let somebody in: a user with one role, and a password that is shown once."""

import json
import secrets
import time
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from crm import actions, queries
from crm.refusals import Refused
from crm.rights import ROLES, SALES, machine

PATIENCE_SECONDS = 60.0
PASSING = ("database is locked", "no such table", "relation ")  # while a house starts: migrations, demo data


class Command(BaseCommand):
    help = "Create a user with one role and print the password to sign in with first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", choices=ROLES, default=SALES, help="what they may do (sales)")
        parser.add_argument("--team", action="append", default=[], help="slug of a team; may be given again")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *, username: str, role: str, team: list[str], **options: Any) -> None:
        password = secrets.token_urlsafe(12)
        self.when_the_house_is_ready(lambda: add(username, password, role, team))
        answer = {"username": username, "role": role, "password": password}
        self.stdout.write(json.dumps(answer) if options["json"] else f"{username} may sign in with {password}")

    def when_the_house_is_ready(self, work: Callable[[], None]) -> None:
        """Do it as soon as whoever prepares the database lets us; otherwise one line says what is the matter."""
        until, is_told = time.monotonic() + PATIENCE_SECONDS, False
        while True:
            try:
                return work()
            except DatabaseError as fault:
                if not any(words in str(fault) for words in PASSING):
                    raise
                if time.monotonic() > until:
                    why = str(fault).splitlines()[0]
                    raise CommandError(
                        f"The database is not ready ({why}). Start the house, or run `manage.py prepare`."
                    ) from fault
            if not is_told:
                self.stderr.write("Waiting until the database is ready …")
                is_told = True
            time.sleep(1)


def add(username: str, password: str, role: str, team: list[str]) -> None:
    by = machine("command")
    teams = list(queries.teams(by).filter(slug__in=team))
    if missing := sorted(set(team) - {one.slug for one in teams}):
        raise CommandError(f"There is no team {missing[0]}.")
    try:
        actions.create_user(username=username, password=password, role=role, teams=teams, by=by, at=timezone.now())
    except Refused as fault:
        raise CommandError(str(fault)) from fault
