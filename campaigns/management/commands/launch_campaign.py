"""launch_campaign SLUG: seal the audience and send, here or by the workers."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from campaigns import actions, queries
from campaigns.delivery.sweeping import sweep
from campaigns.delivery.worker import send_batch
from campaigns.models import Campaign, Run
from campaigns.sealing import seal_chunk
from crm import rights
from crm.refusals import Refused


class Command(BaseCommand):
    help = "Launch a campaign: seal its audience and send its messages, here, with a progress bar."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="short name of the campaign")
        parser.add_argument("--json", action="store_true", help="print the account as JSON and no progress bar")
        parser.add_argument("--seal-only", action="store_true", help="leave the sending to the workers")

    def handle(self, *, slug: str, seal_only: bool, **options: Any) -> None:
        run = launch(slug)
        with tqdm(desc="sealing", unit=" members", disable=options["json"]) as bar:
            seal_with(run, bar)
        run.refresh_from_db()
        if not seal_only:
            with tqdm(desc="sending", unit=" messages", total=run.expected, disable=options["json"]) as bar:
                send_with(run, bar)
        self.report(run, as_json=options["json"])

    def report(self, run: Run, *, as_json: bool) -> None:
        run.refresh_from_db()
        progress, account = queries.progress(run), queries.account(run)
        if as_json:
            self.stdout.write(json.dumps(account, default=str))
            return
        states = ", ".join(f"{count} {state}" for state, count in sorted(progress.states.items()))
        self.stdout.write(f"{run.campaign.slug}: {progress.status}, {run.expected} in the audience: {states}.")
        if progress.pause_reason:
            self.stdout.write(f"Paused because the server said: {progress.pause_reason}")


def launch(slug: str) -> Run:
    """Launch it, or go on with the run it has."""
    campaign = Campaign.objects.filter(slug=slug).first()
    if campaign is None:
        valid = ", ".join(Campaign.objects.values_list("slug", flat=True)[:20]) or "none"
        raise CommandError(f"There is no campaign “{slug}”. There are: {valid}.")
    try:
        return actions.launch(campaign, by=rights.machine("command"), at=timezone.now())
    except Refused as refusal:
        raise CommandError(str(refusal)) from refusal


def seal_with(run: Run, bar: "tqdm[Any]") -> None:
    done = False
    while not done:
        done = seal_chunk(run.pk, at=timezone.now())
        bar.n = run.messages.count()
        bar.refresh()


def send_with(run: Run, bar: "tqdm[Any]") -> None:
    bar.n = queries.progress(run).done
    while send_batch(run.pk):
        bar.n = queries.progress(run).done
        bar.refresh()
    sweep(at=timezone.now())
