"""One line per happening of a customer, newest first. Floors above add their own sources."""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import figures, queries
from crm.models import Customer, Outcome
from crm.rights import Actor


@dataclass(frozen=True)
class Happening:
    """What the timeline shows in one line: when, an icon of heroicons, words, where it came from, a figure, a link."""

    at: datetime
    icon: str
    words: str
    source: str = ""
    figure: str = ""
    url: str = ""


# A source gives the newest `most` happenings of a customer before a time.
Source = Callable[[Actor, Customer, datetime, int], Iterable[Happening]]

EVENT_WORDS: dict[str, tuple[str, Any]] = {
    "page": ("globe-alt", gettext_lazy("Visited a page")),
    "cart": ("shopping-cart", gettext_lazy("Put something in the cart")),
    "open": ("envelope-open", gettext_lazy("Opened a message")),
    "click": ("cursor-arrow-rays", gettext_lazy("Clicked a link")),
    "call": ("phone", gettext_lazy("Call")),
    "meeting": ("users", gettext_lazy("Meeting")),
    "visit": ("building-storefront", gettext_lazy("Visit")),
    "answer": ("chat-bubble-left", gettext_lazy("Answered a survey")),
}
CONTACTS = ("call", "meeting")
CATEGORY_WORDS: dict[str, Any] = dict(Outcome.choices)
ORDER_WORDS: dict[str, tuple[str, Any]] = {
    "sale": ("shopping-bag", gettext_lazy("Order %(number)s")),
    "return": ("arrow-uturn-left", gettext_lazy("Return %(number)s")),
    "adjustment": ("adjustments-horizontal", gettext_lazy("Adjustment %(number)s")),
}


def of_customer(actor: Actor, customer: Customer, *, before: datetime, most: int) -> tuple[list[Happening], bool]:
    """The newest happenings before a time, and whether older ones exist; those of one time stay together."""
    found = (sorted(source(actor, customer, before, most + 1), key=_at, reverse=True) for source in SOURCES)
    merged = list(heapq.merge(*found, key=_at, reverse=True))
    end = _whole_moments(merged, most)
    return merged[:end], len(merged) > end


def _whole_moments(merged: list[Happening], most: int) -> int:
    """Where to cut, so that the next page, which begins before the last moment shown, leaves nothing out."""
    end = min(most, len(merged))
    while 0 < end < len(merged) and merged[end].at == merged[end - 1].at:
        end -= 1
    return end or most


def _at(happening: Happening) -> datetime:
    return happening.at


def _orders(actor: Actor, customer: Customer, before: datetime, most: int) -> Iterable[Happening]:
    rows = queries.orders(actor).filter(customer=customer, ordered_at__lt=before).order_by("-ordered_at")[:most]
    for row in rows:
        icon, words = ORDER_WORDS[row.kind]
        money = figures.money(row.total_amount, row.currency)
        yield Happening(row.ordered_at, icon, words % {"number": row.number}, row.channel or row.source, money)


def _events(actor: Actor, customer: Customer, before: datetime, most: int) -> Iterable[Happening]:
    rows = queries.events(actor).filter(customer=customer, occurred_at__lt=before).order_by("-occurred_at")[:most]
    for row in rows:
        icon, words = EVENT_WORDS.get(row.type, ("bolt", row.type))
        about = CATEGORY_WORDS.get(row.category, row.category) if row.type in CONTACTS else row.category
        detail = f"{words} · {about}" if about else str(words)
        yield Happening(row.occurred_at, icon, detail, row.channel or row.source)


def _consents(actor: Actor, customer: Customer, before: datetime, most: int) -> Iterable[Happening]:
    for row in queries.consent_entries(actor).filter(customer=customer, at__lt=before).order_by("-at")[:most]:
        words = _("%(act)s: %(purpose)s, %(channel)s") % {
            "act": row.get_act_display(),
            "purpose": row.get_purpose_display(),
            "channel": row.get_channel_display(),
        }
        yield Happening(row.at, "hand-raised", words, row.source)


SOURCES: list[Source] = [_orders, _events, _consents]


def register(source: Source) -> None:
    """Add a source of a floor above; called once, from its AppConfig.ready."""
    SOURCES.append(source)
