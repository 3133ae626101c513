"""One line per happening of a customer, newest first. Floors above add their own sources."""

import heapq
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import Max
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import actions, figures, queries
from crm.models import Customer, Event, Order, Outcome
from crm.rights import Actor


@dataclass(frozen=True)
class Happening:
    """What the timeline shows in one line: when, an icon of heroicons, words, where it came from, a figure, a link.

    `detail` opens in place: pairs of a name and what stands beside it, and a button that posts to `undo_url`.
    """

    at: datetime
    icon: str
    words: str
    source: str = ""
    figure: str = ""
    url: str = ""
    detail: Sequence[tuple[Any, Any]] = ()
    undo_url: str = ""


# A source gives the newest `most` happenings of a customer before a time.
Source = Callable[[Actor, Customer, datetime, int], Iterable[Happening]]

EVENT_WORDS: dict[str, tuple[str, Any]] = {
    "page": ("globe-alt", gettext_lazy("Visited a page")),
    "cart": ("shopping-cart", gettext_lazy("Put something in the cart")),
    "open": ("envelope-open", gettext_lazy("Opened a message")),
    "click": ("cursor-arrow-rays", gettext_lazy("Clicked a link")),
    "unsubscribe": ("no-symbol", gettext_lazy("Unsubscribed")),
    "complaint": ("hand-thumb-down", gettext_lazy("Complained about a message")),
    "conversion": ("check-badge", gettext_lazy("Converted after a message")),
    "email": ("paper-airplane", gettext_lazy("E-mail from us")),
    "call": ("phone", gettext_lazy("Call")),
    "meeting": ("users", gettext_lazy("Meeting")),
    "visit": ("building-storefront", gettext_lazy("Visit")),
    "answer": ("chat-bubble-left", gettext_lazy("Answered a survey")),
}
PLACE_WORDS: dict[str, Any] = {
    "web": gettext_lazy("Web"),
    "app": gettext_lazy("App"),
    "store": gettext_lazy("Store"),
    "phone": gettext_lazy("Phone"),
    "email": gettext_lazy("E-mail"),
    "sms": gettext_lazy("Text message"),
    "post": gettext_lazy("Post"),
    "page": gettext_lazy("Entered by staff"),
    "kohde": gettext_lazy("Entered by staff"),
    "import": gettext_lazy("From a file"),
    "api": gettext_lazy("Over the API"),
    "campaigns": gettext_lazy("Campaign"),
    "mailbox": gettext_lazy("Mailbox"),
    "erasure": gettext_lazy("Erasure"),
    "preference page": gettext_lazy("Preference page"),
    "unsubscribe page": gettext_lazy("Unsubscribe page"),
}
CONTACTS = ("call", "meeting")
CONTACT_WORDS = {
    "outcome": gettext_lazy("Outcome"),
    "note": gettext_lazy("Note"),
    "by": gettext_lazy("Written down by"),
}
CATEGORY_WORDS: dict[str, Any] = dict(Outcome.choices)
# What an answer to a message says of itself.
ANSWER_WORDS = {
    "campaign": gettext_lazy("Campaign"),
    "by": gettext_lazy("By"),
    "url": gettext_lazy("Link"),
}
BY_WORDS: dict[str, Any] = {
    "human": gettext_lazy("A person"),
    "machine": gettext_lazy("A machine"),
    "unknown": gettext_lazy("Not known"),
}
ORDER_WORDS: dict[str, tuple[str, Any]] = {
    "sale": ("shopping-bag", gettext_lazy("Order %(number)s")),
    "return": ("arrow-uturn-left", gettext_lazy("Return %(number)s")),
    "adjustment": ("adjustments-horizontal", gettext_lazy("Adjustment %(number)s")),
}


def of_customer(
    actor: Actor, customer: Customer, *, before: datetime, most: int, kind: str = "", since: datetime | None = None
) -> tuple[list[Happening], bool]:
    """The newest happenings before a time, and whether older ones exist; those of one time stay together.

    `kind` is a key of KINDS and leaves out all others; `since` leaves out what is older.
    """
    asked = KINDS[kind].sources if kind in KINDS else SOURCES
    found = (sorted(source(actor, customer, before, most + 1), key=_at, reverse=True) for source in asked)
    merged = list(heapq.merge(*found, key=_at, reverse=True))
    if since is not None:
        merged = [one for one in merged if one.at >= since]
    end = _whole_moments(merged, most)
    return merged[:end], len(merged) > end


def place(code: str) -> str:
    """A channel or source in words; what a firm calls its own stays as it is."""
    return str(PLACE_WORDS.get(code) or PLACE_WORDS.get(code.partition(":")[0]) or code)


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
    yield from map(of_order, rows)


def of_order(row: Order, *, who: str = "") -> Happening:
    """The line of an order; `who` stands where its source would, on pages about several customers."""
    icon, words = ORDER_WORDS[row.kind]
    money = figures.money(row.total_amount, row.currency)
    url = reverse("customer-order", args=[row.customer_id, row.pk]) if row.customer_id else ""
    source = who or place(row.channel or row.source)
    return Happening(row.ordered_at, icon, words % {"number": row.number}, source, money, url)


def _events(
    actor: Actor,
    customer: Customer,
    before: datetime,
    most: int,
    types: Collection[str] = (),
    others: Collection[str] = (),
) -> Iterable[Happening]:
    rows = queries.events(actor).filter(customer=customer, occurred_at__lt=before)
    if types:
        rows = rows.filter(type__in=types)
    now = timezone.now()
    for row in rows.exclude(type__in=others).order_by("-occurred_at")[:most]:
        is_slip = not customer.restricted_at and actions.may_take_back(row, by=actor, at=now)
        undo_url = reverse("contact-undo", args=[customer.pk, row.pk]) if is_slip else ""
        yield replace(of_event(row), undo_url=undo_url)


def of_event(row: Event, *, who: str = "") -> Happening:
    """The line of an event; `who` as for orders."""
    icon, words = EVENT_WORDS.get(row.type, ("bolt", row.type))
    about = CATEGORY_WORDS.get(row.category, row.category) if row.type in CONTACTS else row.category
    detail = f"{words} · {about}" if about else str(words)
    return Happening(row.occurred_at, icon, detail, who or place(row.channel or row.source), detail=_told(row))


def fact(name: str, value: Any) -> tuple[str, str]:
    """One thing an event says of itself, in words where we know it; what a firm calls its own stays as it is."""
    return str((CONTACT_WORDS | ANSWER_WORDS).get(name, name)), str((CATEGORY_WORDS | BY_WORDS).get(str(value), value))


def _told(row: Event) -> list[tuple[Any, Any]]:
    """What the source said of an event, as far as it says more than the line; long texts are cut."""
    words: dict[str, Any] = CONTACT_WORDS if row.type in CONTACTS else ANSWER_WORDS if row.source == "campaigns" else {}
    values = CATEGORY_WORDS | BY_WORDS if words else {}
    order = {name: i for i, name in enumerate(words)}
    names = sorted(row.properties, key=lambda name: (order.get(name, len(order)), name))  # databases keep no order
    shown = {name: values.get(str(row.properties[name]), row.properties[name]) for name in names}
    said = [(words.get(name, name.replace("_", " ")), str(value)[:MOST_LETTERS]) for name, value in shown.items()]
    value = [(_("Value"), figures.number(row.value, 2))] if row.value is not None else []
    return [*value, *said, (_("Source"), place(row.source))] if said or value else []


def _consents(actor: Actor, customer: Customer, before: datetime, most: int) -> Iterable[Happening]:
    for row in queries.consent_entries(actor).filter(customer=customer, at__lt=before).order_by("-at")[:most]:
        words = _("%(act)s: %(purpose)s, %(channel)s") % {
            "act": row.get_act_display(),
            "purpose": row.get_purpose_display(),
            "channel": row.get_channel_display(),
        }
        detail = [(name.replace("_", " "), str(value)[:MOST_LETTERS]) for name, value in row.evidence.items()]
        yield Happening(row.at, "hand-raised", words, place(row.source), detail=detail)


@dataclass(frozen=True)
class Kind:
    """A kind of happenings that the timeline may be narrowed to."""

    label: Any
    sources: tuple[Source, ...]


MOST_LETTERS = 300
VISITS, LETTERS, CALLS, ANSWERS = (
    ("page", "cart", "visit", "screen"),
    ("open", "click", "unsubscribe", "complaint", "conversion", "email"),
    CONTACTS,
    ("answer",),
)
SOURCES: list[Source] = [_orders, _events, _consents]
KINDS: dict[str, Kind] = {
    "orders": Kind(gettext_lazy("Orders"), (_orders,)),
    "visits": Kind(gettext_lazy("Visits"), (partial(_events, types=VISITS),)),
    "messages": Kind(gettext_lazy("Messages"), (partial(_events, types=LETTERS),)),
    "calls": Kind(gettext_lazy("Calls and meetings"), (partial(_events, types=CALLS),)),
    "answers": Kind(gettext_lazy("Answers"), (partial(_events, types=ANSWERS),)),
    "events": Kind(gettext_lazy("Other events"), (partial(_events, others=VISITS + LETTERS + CALLS + ANSWERS),)),
    "consents": Kind(gettext_lazy("Consents"), (_consents,)),
}


# --- last contacts -------------------------------------------------------------------------------

# Who was contacted by a person, and when last: a source looks at these ids, and at nothing before `since`.
Contacted = Callable[[Actor, Sequence[int], datetime | None], Iterable[tuple[int, datetime]]]


def _called_or_met(actor: Actor, ids: Sequence[int], since: datetime | None) -> Iterable[tuple[int, datetime]]:
    rows = queries.events(actor).filter(customer__in=ids, type__in=CONTACTS).order_by()
    rows = rows.filter(occurred_at__gte=since) if since else rows
    return rows.values_list("customer").annotate(at=Max("occurred_at"))


CONTACTED: list[Contacted] = [_called_or_met]


def last_contacts(actor: Actor, ids: Sequence[int], *, since: datetime | None = None) -> dict[int, datetime]:
    """When a person last called, met or wrote to each of these customers; one question per source."""
    found: dict[int, datetime] = {}
    for source in CONTACTED:
        for pk, at in source(actor, ids, since):
            found[pk] = max(at, found.get(pk, at))
    return found


def register(source: Source, kind: str = "", label: Any = "") -> None:
    """Add a source, with `kind` also to the choice of that name; called once, from an AppConfig.ready."""
    SOURCES.append(source)
    if kind:
        known = KINDS.get(kind, Kind(label, ()))
        KINDS[kind] = Kind(known.label, (*known.sources, source))
