"""Deals where other pages tell of them: steps on a customer's timeline, finds of the search over everything."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy

from crm import figures, queries
from crm.finding import Found, Searcher
from crm.models import Customer, DealMove, DealStatus
from crm.rights import Actor, may
from crm.timeline import Happening

DEAL_WORDS: dict[str, tuple[str, Any]] = {
    "opened": ("banknotes", gettext_lazy("Deal opened:")),
    "moved": ("arrow-right", gettext_lazy("Deal moved to %(stage)s:")),
    "won": ("trophy", gettext_lazy("Deal won:")),
    "lost": ("x-circle", gettext_lazy("Deal lost:")),
}


def happenings(actor: Actor, customer: Customer, before: datetime, most: int) -> Iterable[Happening]:
    """The newest steps of the customer's deals before a time; their titles for those who may see names."""
    if not may(actor, "deals.view"):
        return
    mine = queries.deals(actor).filter(customer=customer).order_by()
    rows = queries.deal_moves(actor).filter(deal__in=mine, at__lt=before).order_by("-at")[:most]
    for row in rows.select_related("deal", "to_stage"):
        title = f"“{row.deal.title}”" if may(actor, "customers.identify") else ""
        icon, words = DEAL_WORDS[_step(row)]
        told = " ".join(filter(None, [words % {"stage": row.to_stage}, title]))
        money = figures.money(row.deal.amount, row.deal.currency)
        yield Happening(row.at, icon, told, "", money, reverse("deal", args=[row.deal_id]))


def _step(move: DealMove) -> str:
    if move.from_stage_id is None:
        return "opened"
    return "moved" if move.status == DealStatus.OPEN else str(move.status)


def found(actor: Actor, text: str, most: int) -> list[Found]:
    """Open deals by words of their title, for those who may see names."""
    if not text or not may(actor, "customers.identify"):
        return []
    rows = queries.deals(actor).filter(title__icontains=text, status=DealStatus.OPEN)
    rows = rows.select_related("customer", "company").order_by("expected_on")[:most]
    return [Found(str(one), reverse("deal", args=[one.pk]), str(one.customer or one.company)) for one in rows]


SEARCHER = Searcher(gettext_lazy("Deals"), "banknotes", "deals.view", found, "deals-list")
