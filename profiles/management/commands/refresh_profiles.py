"""Bring the warehouse up to date from the command line."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from profiles import actions


class Command(BaseCommand):
    help = "Makes the next snapshot of the warehouse from what changed, or from every row with --full."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--full", action="store_true", help="read every row again")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = actions.refresh(at=timezone.now(), full=options["full"])
        except actions.BuilderBusy as error:
            raise CommandError(f"{error}; try again in a moment") from error
        self.stdout.write(as_json(done) if options["json"] else as_sentence(done))


def as_json(done: actions.Refresh) -> str:
    snapshot = done.snapshot
    return json.dumps(
        {
            "snapshot": snapshot.pk,
            "as_of": snapshot.as_of.isoformat(),
            "is_full": done.is_full,
            "is_new": done.is_new,
            "seconds": done.seconds,
            "rows": snapshot.counts,
        }
    )


def as_sentence(done: actions.Refresh) -> str:
    if not done.is_new:
        return f"Nothing has changed: snapshot {done.snapshot.pk} still holds."
    rows = done.snapshot.counts
    how = "every row" if done.is_full else "what changed"
    return (
        f"Snapshot {done.snapshot.pk} built from {how} in {done.seconds:.1f} s: "
        f"{rows['profile']:,} profiles, {rows['event']:,} events, {rows['order_line']:,} order lines."
    )
