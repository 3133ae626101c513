"""Refresh segments from the command line: all that are due, or the named ones."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from crm.refusals import Refused
from profiles import actions as profile_actions
from segments import actions, queries


class Command(BaseCommand):
    help = "Bring segments in line with their rules: all that are due, or the named ones."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slugs", nargs="*", help="segments to refresh; none means all that are due")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *, slugs: list[str], json: bool, **options: Any) -> None:
        at = timezone.now()
        try:
            profile_actions.refresh(at=at)
            done = actions.refresh_segments(at=at, slugs=slugs or None)
        except (Refused, queries.NotEvaluable) as fault:
            raise CommandError(str(fault)) from fault
        self.stdout.write(_as_json(done) if json else _as_lines(done))
        if any(row.error for row in done):
            raise CommandError("Some segments could not be evaluated; the others were.")


def _as_json(done: list[actions.Refreshed]) -> str:
    return json.dumps([asdict(row) for row in done])


def _as_lines(done: list[actions.Refreshed]) -> str:
    if not done:
        return "No segment is due."
    return "\n".join(f"{row.slug}: {row.error or _moved(row)} ({row.seconds:.2f} s)" for row in done)


def _moved(row: actions.Refreshed) -> str:
    return f"{row.size} members, {row.entered} entered, {row.left} left"
