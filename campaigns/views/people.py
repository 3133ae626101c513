"""Campaigns on the customer's page: which messages they got or were held out from, and what they did with them."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from campaigns import queries
from campaigns.channels import label_of
from campaigns.models import Message, MessageState, ResponseClass
from campaigns.reasons import REASONS
from crm import keyset
from crm import queries as crm_queries
from crm.access import ActorRequest, needs
from crm.tables import Column

ROWS = 50
COLUMNS = (
    Column(gettext_lazy("Campaign")),
    Column(gettext_lazy("Channel")),
    Column(gettext_lazy("Version")),
    Column(gettext_lazy("State")),
    Column(gettext_lazy("What they did")),
)
TONES = {"sent": "good", "failed": "bad", "skipped": "warn", "unknown": "warn"}


@require_safe
@needs("campaigns.view")
def messages(request: ActorRequest, pk: int) -> HttpResponse:
    """The campaigns a customer was part of, the newest first."""
    rows = crm_queries.customers(request.actor).select_related("owner")
    customer = get_object_or_404(rows, pk=min(pk, keyset.LARGEST_ID))
    page = keyset.page_or_first(
        queries.messages_to(customer), order="-id", cursor=request.GET.get("cursor", ""), size=ROWS
    )
    context = {
        "customer": customer,
        "columns": COLUMNS,
        "rows": [told(message) for message in page.rows],
        "more_url": f"{request.path}?cursor={page.next_cursor}" if page.next_cursor else "",
    }
    return render(request, "campaigns/customer_messages.html", context)


def told(message: Message) -> dict[str, Any]:
    """One message as the page shows it."""
    return {
        "message": message,
        "channel": label_of(message.channel),
        "campaign": message.run.campaign,
        "arm": arm(message),
        "at": message.final_at or message.handed_at,
        "reason": REASONS.get(message.reason, message.reason),
        "tone": TONES.get(message.state, "neutral"),
        "responses": did(message.responses.all()),
    }


def arm(message: Message) -> Any:
    """Which version they were dealt; a letter has no versions, only its writer."""
    if message.run.campaign.is_letter:
        return message.run.campaign.owner
    return _("Hold-out") if message.state == MessageState.HELD_OUT else message.variant


def did(responses: Iterable[Any]) -> list[dict[str, Any]]:
    """What came back, once per kind and who did it, with how often and when first."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in sorted(responses, key=lambda response: response.at):
        row = found.setdefault(
            (one.kind, one.by_class),
            {"words": one.get_kind_display(), "at": one.at, "n": 0, "by": _by(one)},
        )
        row["n"] += 1
    return list(found.values())


def _by(response: Any) -> str:
    return "" if response.by_class == ResponseClass.HUMAN else response.get_by_class_display()
