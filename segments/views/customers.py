"""Segments on the customer's page: which, since when, and why in or why not."""

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from crm import queries as crm_queries
from crm.access import needs
from crm.keyset import LARGEST_ID
from crm.rights import Actor
from segments import queries
from segments.models import Segment
from segments.rules.errors import RuleError

MOST = 50


@require_safe
@needs("segments.view")
def memberships(request: Any, pk: int) -> HttpResponse:
    """The customer's segments with the reasons of one chosen; a fragment of the customer's page."""
    customer = get_object_or_404(crm_queries.customers(request.actor).select_related("owner"), pk=min(pk, LARGEST_ID))
    rows = queries.segments_of(customer)
    inside = [row for row in rows if row.left_at is None]
    others = queries.segments(request.actor).filter(kind="rule").exclude(pk__in=[row.segment_id for row in inside])
    asked = queries.segments(request.actor).filter(slug=request.GET.get("why", ""), kind="rule").first()
    context = {
        "customer": customer,
        "inside": inside,
        "others": others[:MOST],
        "asked": asked,
        "is_in": asked and any(row.segment_id == asked.pk for row in inside),
        "told": explained(asked, customer.pk, request.actor, at=timezone.now()),
    }
    is_fragment = "HX-Request" in request.headers
    return render(request, "segments/customer_panel.html" if is_fragment else "segments/customer.html", context)


def explained(asked: Segment | None, customer_id: int, actor: Actor, *, at: datetime) -> queries.Explanation | None:
    """The reasons of the segment asked about; None while nobody can tell."""
    if asked is None:
        return None
    try:
        return queries.explanation(asked, customer_id, actor, at=at)
    except (queries.NotEvaluable, RuleError):
        return None
