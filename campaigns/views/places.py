"""What every page of one campaign shares: finding it, its tabs, its state in words."""

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns import queries
from campaigns.models import Campaign, CampaignStatus
from crm.access import ActorRequest
from crm.keyset import LARGEST_ID
from crm.rights import may

TONES = {
    CampaignStatus.DRAFT: "neutral",
    CampaignStatus.SCHEDULED: "info",
    CampaignStatus.SENDING: "info",
    CampaignStatus.PAUSED: "warn",
    CampaignStatus.FINISHED: "good",
    CampaignStatus.CANCELLED: "bad",
}
FIRST = {"campaign-plan": ("goal",)}  # pages of several steps begin here
EDITABLE = (CampaignStatus.DRAFT, CampaignStatus.SCHEDULED)


def found(pk: int) -> Campaign:
    """The campaign of that id, or 404."""
    if pk > LARGEST_ID:
        raise Http404
    return get_object_or_404(queries.campaigns(), pk=pk)


def frame(request: ActorRequest, campaign: Campaign) -> dict[str, Any]:
    """Context of the head of every page of a campaign."""
    return {
        "campaign": campaign,
        "crumbs": [(_("Campaigns"), reverse("campaigns"))],
        "tone": TONES[CampaignStatus(campaign.status)],
        "tabs": tabs(request, campaign),
        "here": request.path,
        "is_editable": campaign.status in EDITABLE,
    }


def is_editable(campaign: Campaign) -> bool:
    return campaign.status in EDITABLE


def tabs(request: ActorRequest, campaign: Campaign) -> list[tuple[str, str, None]]:
    """The pages of a campaign that this visitor may see at this stage."""
    actor = request.actor
    is_draft = campaign.status in EDITABLE
    pages = (
        (True, _("Overview"), "campaign"),
        (is_draft and may(actor, "campaigns.change"), _("Plan"), "campaign-plan"),
        (is_draft and may(actor, "campaigns.change"), _("Texts"), "campaign-texts"),
        (may(actor, "customers.identify"), _("Preview"), "campaign-preview"),
        (is_draft and may(actor, "campaigns.launch"), _("Launch"), "campaign-launch"),
        (not is_draft and may(actor, "reports.view"), _("Report"), "campaign-report"),
        (not is_draft, _("Who got it"), "campaign-people"),
    )
    return [
        (label, reverse(name, args=[campaign.pk, *FIRST.get(name, ())]), None)
        for is_there, label, name in pages
        if is_there
    ]
