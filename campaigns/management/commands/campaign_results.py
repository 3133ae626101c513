"""campaign_results SLUG: what a campaign brought, for people or as JSON."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from campaigns import queries
from campaigns.experiments.report import ArmReading, GroupReading
from campaigns.models import Campaign
from campaigns.results import shape, words
from campaigns.results.answer import Results
from crm import figures
from crm.refusals import Refused


class Command(BaseCommand):
    help = "Tell what a campaign brought: overall and per segment as of the send."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="short name of the campaign")
        parser.add_argument("--json", action="store_true", help="print every figure as JSON")

    def handle(self, *, slug: str, **options: Any) -> None:
        found = results_of(slug)
        if options["json"]:
            self.stdout.write(json.dumps(shape.shape(found), default=str))
            return
        self.stdout.write(words.conclusion(found))
        for group in found.groups:
            self.stdout.write("\n".join(lines(found, group)))


def results_of(slug: str) -> Results:
    campaign = Campaign.objects.filter(slug=slug).first()
    if campaign is None:
        valid = ", ".join(Campaign.objects.values_list("slug", flat=True)[:20]) or "none"
        raise CommandError(f"There is no campaign “{slug}”. There are: {valid}.")
    try:
        return queries.results(campaign)
    except Refused as refusal:
        raise CommandError(str(refusal)) from refusal


def lines(found: Results, group: GroupReading) -> list[str]:
    """The group's decision, and one line per arm."""
    head = f"\n{group.name or 'Everybody'}, {figures.number(group.people)}: {words.said(found, group.decision)}"
    return [head, *(line(found, arm) for arm in group.arms)]


def line(found: Results, arm: ArmReading) -> str:
    told = shape.arm(found, arm, with_revenue=False)
    kind = "money" if found.report.plan.goal.kind == "mean" else "share"
    value, low, high = (figures.figure(told[name], kind, 2) for name in ("value", "low", "high"))
    return f"  {arm.name:<28} {figures.number(arm.people):>9}  {value:>9}  ({low} to {high})"
