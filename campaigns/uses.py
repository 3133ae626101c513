"""Campaigns as users of segments: what the page and the health of a segment know of them."""

from collections.abc import Iterator, Sequence

from django.db.models import Max
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns.models import Campaign, CampaignStatus
from crm.rights import Actor, may
from segments.uses import Use

MOST_NAMED = 100
KINDS = (("include", _("Campaign")), ("exclude", _("Left out of a campaign")))


def named() -> dict[str, str]:
    """Slug → name of the campaigns that may have been answered, the newest first."""
    rows = Campaign.objects.exclude(status=CampaignStatus.DRAFT).order_by("-pk")
    return dict(rows.values_list("slug", "name")[:MOST_NAMED])


def of_segments(actor: Actor, ids: Sequence[int]) -> Iterator[Use]:
    """Campaigns that write to these segments, or leave them out; cancelled ones no longer count."""
    if not may(actor, "campaigns.view"):
        return
    for relation, kind in KINDS:
        links = getattr(Campaign, relation).through.objects.filter(segment_id__in=ids)
        links = links.exclude(campaign__status=CampaignStatus.CANCELLED).order_by("-campaign_id")
        named = links.values_list("segment_id", "campaign_id", "campaign__name")
        for segment, campaign, name, at in named.annotate(Max("campaign__runs__started_at")):
            yield Use(segment, kind, name, reverse("campaign", args=[campaign]), at)
