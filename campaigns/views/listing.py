"""The list of campaigns: what runs, what waits, what each one found."""

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from campaigns import queries
from campaigns.channels import label_of
from campaigns.models import Campaign, CampaignStatus
from campaigns.results import words
from campaigns.views import places
from crm import keyset
from crm.access import ActorRequest, needs
from crm.lists import downloads
from crm.refusals import NotPossibleNow
from crm.rights import may
from crm.tables import Column

COLUMNS = (
    Column(_("Name")),
    Column(_("State")),
    Column(_("Sent to")),
    Column(_("Audience"), "number"),
    Column(_("Result")),
    Column(_("Changed")),
)
ROWS = 20  # each result is read when its row comes into view


def audience(campaign: Campaign) -> int | None:
    """Members of the last sealed audience; None before."""
    sealed = [run.expected for run in campaign.runs.all() if run.expected is not None]
    return sealed[0] if sealed else None


SHEET = downloads.Sheet(
    "campaigns",
    "campaigns",
    (
        (_("Name"), lambda one: one.name),
        (_("State"), lambda one: one.get_status_display()),
        (_("Sent to"), lambda one: [segment.name for segment in one.include.all()]),
        (_("Audience"), audience),
        (_("Channel"), lambda one: label_of(one.channel)),
        (_("Owner"), lambda one: one.owner or ""),
        (_("Changed"), lambda one: one.updated_at),
    ),
    "campaigns.view",
)


@require_safe
@needs("campaigns.view")
def campaigns(request: ActorRequest) -> HttpResponse:
    """All campaigns, the newest first, by search and state."""
    search, status = request.GET.get("q", "").strip(), request.GET.get("status", "")
    page = page_of(narrowed(search, status), request.GET.get("cursor", ""))
    actor = request.actor
    query = request.GET.copy()
    query["cursor"] = page.next_cursor
    context = {
        "page": page,
        "columns": COLUMNS,
        "rows": [(one, audience(one), places.TONES[CampaignStatus(one.status)]) for one in page.rows],
        "search": search,
        "status": status,
        "statuses": CampaignStatus.choices,
        "more_url": f"?{query.urlencode()}" if page.next_cursor else "",
        "files": downloads.links(request, "campaigns-file") if page.rows else [],
        "clear_url": reverse("campaigns") if search or status else "",
        "may_change": may(actor, "campaigns.change"),
        "may_read": may(actor, "reports.view"),
        "may_see_rules": may(actor, "settings.view"),
    }
    return render(request, "campaigns/campaigns.html", context)


@require_safe
@needs("campaigns.view")
def campaigns_file(request: ActorRequest, kind: str) -> HttpResponseBase:
    """The campaigns of the list as a file."""
    rows = narrowed(request.GET.get("q", "").strip(), request.GET.get("status", "")).order_by("-id")
    return downloads.download(request, SHEET, rows, kind)


def narrowed(search: str, status: str) -> QuerySet[Campaign]:
    rows = queries.campaigns()
    if search:
        rows = rows.filter(name__icontains=search.replace("\0", ""))
    return rows.filter(status=status) if status in CampaignStatus.values else rows


def page_of(rows: QuerySet[Campaign], cursor: str) -> keyset.Page:
    return keyset.page_or_first(rows, order="-id", cursor=cursor, size=ROWS)


@require_safe
@needs("reports.view")
def sentence(request: ActorRequest, pk: int) -> HttpResponse:
    """The answer of one campaign in a sentence, for its row of the list."""
    campaign = places.found(pk)
    try:
        text = words.conclusion(queries.results(campaign))
    except NotPossibleNow as refusal:
        text = str(refusal)
    return render(request, "campaigns/sentence.html", {"campaign": campaign, "text": text})
