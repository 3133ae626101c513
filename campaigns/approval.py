"""Approval by a second person: bound to one text and to the members of one moment; any change withdraws it."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from campaigns import audience
from campaigns.content import matrix
from campaigns.lifecycle import MoveNotAllowed, possible
from campaigns.models import Campaign, CampaignStatus, SendingRules
from crm import actions as crm_actions
from crm import news, rights
from crm import queries as crm_queries
from crm.refusals import NotPossibleNow
from crm.rights import Actor

READER = rights.machine("approval")
FLOOR = 0.2  # share of every later wave that is dealt evenly, so that no version is ever given up
NOTHING = {"approved_by": None, "approved_at": None, "approved_hash": "", "asked_by": None, "asked_at": None}


class ApprovalMissing(NotPossibleNow):
    """The firm asks for a second person, and the text or audience is not the approved one."""

    code = "approval_missing"


@dataclass(frozen=True)
class Approval:
    """How a campaign stands: whether it needs a second person, and whether what was approved is what it says now."""

    is_needed: bool
    is_given: bool
    is_stale: bool

    @property
    def is_missing(self) -> bool:
        return self.is_stale or (self.is_needed and not self.is_given)


def approval(campaign: Campaign, *, at: datetime) -> Approval:
    """How the campaign stands."""
    given = bool(campaign.approved_hash)
    return Approval(is_needed(campaign, at), given, given and campaign.approved_hash != content_hash(campaign))


def is_needed(campaign: Campaign, at: datetime) -> bool:
    """Whether the firm's rules ask for a second person: always, never, or above a number of members."""
    rules = SendingRules.objects.first()
    if rules is None or rules.approval_above is None:
        return False
    limit = rules.approval_above
    return limit == 0 or audience.members(campaign, at)[limit : limit + 1].exists()


def members_at(campaign: Campaign) -> datetime | None:
    """The moment whose members were approved; None when nothing was, and the audience is that of the sealing."""
    return campaign.approved_at if campaign.approved_hash else None


def refuse_unapproved(campaign: Campaign, *, at: datetime) -> None:
    """Raise `ApprovalMissing` when a second person has to agree and did not, or agreed to something else."""
    found = approval(campaign, at=at)
    if found.is_stale:
        raise ApprovalMissing(_("The text or the audience is no longer what was approved."))
    if found.is_missing:
        raise ApprovalMissing(_("A second person has to approve it first."))


@transaction.atomic
def ask(campaign: Campaign, *, by: Actor, at: datetime) -> Campaign:
    """Ask the second persons to agree to it as it stands; they are told once for each asking."""
    campaign.refresh_from_db()
    if "change" not in possible(campaign.status):
        raise MoveNotAllowed("approve", campaign.status)
    if not approval(campaign, at=at).is_missing:
        raise NotPossibleNow(_("No second person has to approve it."))
    if not second_persons(campaign):
        raise NotPossibleNow(_("Nobody but those who wrote it may approve it. An administrator can let somebody in."))
    free = Campaign.objects.filter(pk=campaign.pk, asked_at=None)
    if not free.update(asked_by=by.user, asked_at=at):
        raise NotPossibleNow(_("The approval has been asked for already."))
    crm_actions.audit(
        kind="campaign", object_id=campaign.pk, verb="approval asked", changes={"asked_at": [None, at]}, by=by, at=at
    )
    campaign.refresh_from_db()
    return campaign


def second_persons(campaign: Campaign) -> list[int]:
    """Everybody who may approve it: who holds the right and wrote nothing of it."""
    wrote = authors(campaign)
    return [pk for pk in news.holders("campaigns.approve") if pk not in wrote]


def awaited() -> QuerySet[Campaign]:
    """Campaigns that wait for a second person who was asked."""
    waiting = Campaign.objects.filter(status__in=(CampaignStatus.DRAFT, CampaignStatus.SCHEDULED), approved_hash="")
    return waiting.filter(asked_at__isnull=False)


@transaction.atomic
def approve(campaign: Campaign, *, by: Actor, at: datetime) -> Campaign:
    """A second person agrees to this very text and to the people who are members at `at`."""
    rights.require(by, "campaigns.approve")
    campaign.refresh_from_db()  # what is stored is approved, not what the caller holds
    if by.user is None or by.user.pk in authors(campaign):
        raise NotPossibleNow(_("A second person has to approve, not one who wrote it."))
    if "change" not in possible(campaign.status):
        raise MoveNotAllowed("approve", campaign.status)
    return say(campaign, "approved", {"approved_by": by.user, "approved_at": at}, content_hash(campaign), by=by, at=at)


@transaction.atomic
def withdraw(campaign: Campaign, *, by: Actor, at: datetime) -> Campaign:
    """Take the approval back before the launch."""
    if "change" not in possible(campaign.status) or not campaign.approved_hash:
        raise NotPossibleNow(_("There is no approval to withdraw."))
    return say(
        campaign, "approval withdrawn", {one: None for one in NOTHING if one != "approved_hash"}, "", by=by, at=at
    )


def say(campaign: Campaign, verb: str, who: dict[str, Any], approved: str, *, by: Actor, at: datetime) -> Campaign:
    changes = {"approved_hash": [campaign.approved_hash, approved]}
    Campaign.objects.filter(pk=campaign.pk).update(**who, approved_hash=approved)
    crm_actions.audit(kind="campaign", object_id=campaign.pk, verb=verb, changes=changes, by=by, at=at)
    campaign.refresh_from_db()
    return campaign


def authors(campaign: Campaign) -> set[int]:
    """Everyone who made or changed it, by the audit."""
    wrote = set(writings().filter(object_id=campaign.pk, by__isnull=False).values_list("by", flat=True))
    return wrote | ({campaign.created_by_id} if campaign.created_by_id else set())


def writings() -> QuerySet[Any]:
    """The audit's lines of who made or changed a campaign."""
    return crm_queries.audit_lines(READER).filter(kind="campaign", verb__in=("created", "changed"))


def content_hash(campaign: Campaign) -> str:
    """SHA-256 of every text, of who gets them and when."""
    texts = {
        key: [(cell.segment_id, cell.language, *vars(cell.source).values()) for cell in one.cells]
        for key, one in ((one.key, one) for one in matrix.matrices_of(campaign).values())
    }
    sender = [campaign.from_name, campaign.from_email, campaign.reply_to]
    how = [
        campaign.purpose,
        campaign.channel,
        campaign.webhook_id,
        campaign.send_from,
        campaign.send_until,
        campaign.send_weekdays,
    ]
    said = [texts, plan(campaign), sender, how]
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def plan(campaign: Campaign) -> dict[str, Any]:
    """What decides between the versions, fixed before the first message leaves."""
    return {
        "goal": campaign.goal,
        "goal_event": campaign.goal_event,
        "window_days": campaign.window_days,
        "guardrails": campaign.guardrails,
        "worthwhile_lift": str(campaign.worthwhile_lift),
        "mass": campaign.variants.filter(is_mass=True).values_list("key", flat=True).first() or "",
        "holdout_share": str(campaign.holdout_share),
        "weights": dict(campaign.variants.values_list("key", "weight")),
        **({"waves": campaign.waves, "wave_hours": campaign.wave_hours, "floor": FLOOR} if campaign.waves > 1 else {}),
        "include": list(campaign.include.order_by("pk").values_list("pk", flat=True)),
        "exclude": list(campaign.exclude.order_by("pk").values_list("pk", flat=True)),
    }
