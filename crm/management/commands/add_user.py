"""Let somebody in: a user with one role, and a password that is shown once."""

import json
import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from crm import actions, queries
from crm.refusals import Refused
from crm.rights import ROLES, SALES, machine


class Command(BaseCommand):
    help = "Create a user with one role and print the password to sign in with first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", choices=ROLES, default=SALES, help="what they may do (sales)")
        parser.add_argument("--team", action="append", default=[], help="slug of a team; may be given again")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *, username: str, role: str, team: list[str], **options: Any) -> None:
        by, password = machine("command"), secrets.token_urlsafe(12)
        teams = list(queries.teams(by).filter(slug__in=team))
        if missing := sorted(set(team) - {one.slug for one in teams}):
            raise CommandError(f"There is no team {missing[0]}.")
        try:
            actions.create_user(username=username, password=password, role=role, teams=teams, by=by, at=timezone.now())
        except Refused as fault:
            raise CommandError(str(fault)) from fault
        answer = {"username": username, "role": role, "password": password}
        self.stdout.write(json.dumps(answer) if options["json"] else f"{username} may sign in with {password}")
