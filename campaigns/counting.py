"""Counting by a worker whom a campaign reaches and what its members did before: for pages that do not wait for it."""

from datetime import datetime

from campaigns import approval, audience
from campaigns.models import Campaign
from campaigns.results import sketch
from crm import answers


class Overtaken(Exception):
    """The campaign was changed meanwhile: nobody wants this count any more."""


def name_of(campaign: Campaign) -> str:
    return f"reach:{campaign.pk}:{campaign.updated_at}"


def cost(campaign: Campaign) -> int:
    """What judging its members costs, in rows: each is looked at from ten sides."""
    return 10 * audience.rows_of(campaign)


def count(campaign: Campaign, *, at: datetime) -> None:
    """Have the reach, and what a test could show, at hand for the pages of the campaign."""
    name = name_of(campaign)

    def tell(done: int) -> None:
        answers.going_on(name, done)
        if not Campaign.objects.filter(pk=campaign.pk, updated_at=campaign.updated_at).exists():
            raise Overtaken

    try:
        reach = audience.kept_reach(campaign, at, approval.members_at(campaign), tell)
        sketch.of_campaign(campaign, reach.will_get_it, at=at)
    except Overtaken:
        pass
    finally:
        answers.ended(name)
