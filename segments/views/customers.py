"""Segments on the customer's page: which, since when, and why in or why not."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from crm import queries as crm_queries
from crm.access import needs
from crm.keyset import LARGEST_ID
from segments import queries
from segments.models import Segment
from segments.rules import sentences, tree
from segments.rules.errors import RuleError
from segments.rules.why import Mark

MOST = 50


@dataclass(frozen=True)
class Reason:
    """One condition for this customer: its words, whether it counts, and the value seen."""

    words: str
    counts: bool
    seen: str


@require_safe
@needs("segments.view")
def memberships(request: Any, pk: int) -> HttpResponse:
    """The customer's segments with the reasons of one chosen; a fragment of the customer's page."""
    customer = get_object_or_404(crm_queries.customers(request.actor), pk=min(pk, LARGEST_ID))
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
        "reasons": list(reasons(asked, customer.pk, request.actor.language, at=timezone.now())) if asked else [],
    }
    is_fragment = "HX-Request" in request.headers
    return render(request, "segments/customer_panel.html" if is_fragment else "segments/customer.html", context)


def reasons(one: Segment, customer_id: int, language: str, *, at: datetime) -> Iterator[Reason]:
    """Each condition of the rule as it stands for this customer; nothing while nobody can tell."""
    try:
        mark = queries.why(one, customer_id, as_of=at)
    except (queries.NotEvaluable, RuleError):
        return
    features, names = queries.catalogue(), queries.names()
    for leaf in leaves(mark):
        words = sentences.clause(leaf.node, features, language, names)
        yield Reason(words, leaf.counts, leaf.seen or "")


def leaves(mark: Mark) -> Iterator[Mark]:
    if not isinstance(mark.node, tree.AllOf | tree.AnyOf | tree.Not):
        yield mark
    for part in mark.parts:
        yield from leaves(part)
