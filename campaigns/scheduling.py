"""Launching by the clock: scheduled campaigns whose time has come."""

import logging
from datetime import datetime

from campaigns import actions
from campaigns.lifecycle import MoveNotAllowed
from campaigns.models import Campaign, CampaignStatus
from crm import rights
from crm.refusals import Refused

TIMETABLE = rights.machine("timetable")
logger = logging.getLogger(__name__)


def launch_due(*, at: datetime) -> list[int]:
    """Launch what is due; return the ids of the runs. A campaign that cannot be launched is told and left scheduled."""
    due = Campaign.objects.filter(status=CampaignStatus.SCHEDULED, send_at__lte=at)
    return [run for campaign in due if (run := launched(campaign, at))]


def launched(campaign: Campaign, at: datetime) -> int | None:
    try:
        return actions.launch(campaign, by=TIMETABLE, at=at).pk
    except MoveNotAllowed:
        return None
    except Refused as refusal:
        logger.error("Campaign %s is due but was not launched: %s", campaign.slug, refusal)
        return None
