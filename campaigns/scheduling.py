"""Launching by the clock: scheduled campaigns whose time has come."""

import logging
from datetime import datetime

from campaigns import actions
from campaigns.lifecycle import MoveNotAllowed
from campaigns.models import Campaign, CampaignStatus
from campaigns.pressure import GRACE
from crm import rights
from crm.refusals import Refused

TIMETABLE = rights.machine("timetable")
logger = logging.getLogger(__name__)


def launch_due(*, at: datetime) -> list[int]:
    """Launch what is due; return the ids of the runs. A campaign that cannot be launched is told and left scheduled.

    So is one that is late by more than `GRACE`, as after days without a worker; its page says so.
    """
    due = Campaign.objects.filter(status=CampaignStatus.SCHEDULED, send_at__lte=at, send_at__gt=at - GRACE)
    return [run for campaign in due if (run := launched(campaign, at))]


def was_missed(campaign: Campaign, at: datetime) -> bool:
    """Whether its time is so long past that it is not launched by itself."""
    is_late = campaign.send_at is not None and campaign.send_at <= at - GRACE
    return is_late and campaign.status == CampaignStatus.SCHEDULED


def launched(campaign: Campaign, at: datetime) -> int | None:
    try:
        return actions.launch(campaign, by=TIMETABLE, at=at).pk
    except MoveNotAllowed:
        return None
    except Refused as refusal:
        logger.error("Campaign %s is due but was not launched: %s", campaign.slug, refusal)
        return None
    except Exception:  # whatever it is, the campaigns behind it must not wait for it
        logger.exception("Campaign %s is due but was not launched.", campaign.slug)
        return None
