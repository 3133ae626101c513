"""What users are told of campaigns: one waits for a second person, has finished, or has paused."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns import approval, queries
from campaigns.models import Campaign, CampaignStatus, Run, RunStatus, SendingRules
from crm import news
from crm.news import MOST, Kind, Named, News
from crm.rights import Actor

AWAITED = "approval"


def _awaited(since: datetime, at: datetime) -> Iterable[News]:
    """What waits for a second person, told to all who may approve it: asked for by a person, or by the firm's rules."""
    for one in approval.awaited().filter(asked_at__gte=since)[:MOST]:
        ref = f"{one.pk} {one.asked_at:%Y-%m-%dT%H:%M:%S.%f}"
        yield from (News(pk, one.pk, ref, one.asked_at or at, one.asked_by_id) for pk in approval.second_persons(one))
    yield from _unapproved(since, at)


def _unapproved(since: datetime, at: datetime) -> Iterable[News]:
    """Scheduled without the approval that the firm's rules ask for, and nobody asked."""
    rules = SendingRules.objects.first()
    if rules is None or rules.approval_above is None:
        return
    rows = Campaign.objects.filter(status=CampaignStatus.SCHEDULED, approved_hash="", asked_at=None)
    for one in rows.exclude(pk__in=news.told_of(AWAITED, since))[:MOST]:
        if approval.is_needed(one, at):
            yield from (News(pk, one.pk, str(one.pk), at, one.created_by_id) for pk in approval.second_persons(one))


def _approved(since: datetime, at: datetime) -> Iterable[News]:
    """Told to whoever asked for the approval: from now on it may leave."""
    rows = Campaign.objects.filter(approved_at__gte=since, asked_by__isnull=False).exclude(approved_hash="")
    for one in rows[:MOST]:
        when = one.approved_at or at
        yield News(one.asked_by_id or 0, one.pk, f"{one.pk} {when:%Y-%m-%dT%H:%M:%S.%f}", when, one.approved_by_id)


def _finished(since: datetime, at: datetime) -> Iterable[News]:
    rows = Run.objects.filter(status=RunStatus.COMPLETED, finished_at__gte=since, campaign__is_letter=False)
    for run in rows.select_related("campaign")[:MOST]:
        if owner := run.campaign.owner_id or run.campaign.created_by_id:
            yield News(owner, run.campaign_id, str(run.pk), run.finished_at or at)


def _paused(since: datetime, at: datetime) -> Iterable[News]:
    """What paused itself and does not go on by itself; told at most once a day, whatever is changed meanwhile."""
    stuck = Run.objects.filter(status=RunStatus.PAUSED, resume_at=None, campaign__updated_at__gte=since)
    for run in stuck.exclude(pause_reason="").filter(campaign__is_letter=False).select_related("campaign")[:MOST]:
        if owner := run.campaign.owner_id or run.campaign.created_by_id:
            when = run.campaign.updated_at
            yield News(owner, run.campaign_id, f"{run.pk} {when:%Y-%m-%d}", when)


def _named(actor: Actor, ids: Sequence[int]) -> Mapping[int, Named]:
    rows = queries.campaigns().filter(pk__in=ids)
    return {one.pk: Named(one.name, reverse("campaign", args=[one.pk])) for one in rows}


KINDS = (
    Kind(AWAITED, _("A campaign waits for my approval"), _("Waits for a second person: %(what)s"), "campaigns.approve",
         _awaited, _named, icon="hand-raised"),
    Kind("approved", _("A campaign of mine is approved"), _("Approved, and may leave: %(what)s"), "campaigns.view",
         _approved, _named, icon="check-badge"),
    Kind("finished", _("A campaign of mine is finished"), _("Campaign finished: %(what)s"), "campaigns.view",
         _finished, _named, icon="megaphone"),
    Kind("paused", _("A campaign of mine pauses itself"), _("Campaign paused: %(what)s"), "campaigns.view",
         _paused, _named, icon="pause-circle"),
)  # fmt: skip
