"""What we know about one person, for their own eyes: as rows for a page, as JSON to take along."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

from babel import Locale
from django.conf import settings
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from campaigns.channels import label_of as label_of_channel
from campaigns.models import Message
from campaigns.reasons import reason_words
from crm import figures, timeline
from crm import queries as crm_queries
from crm.lists.customers import field_words, label_of
from crm.rights import machine

COLUMNS = (
    "number", "first_name", "last_name", "email", "phone", "street", "postal_code", "city", "country", "language",
    "time_zone", "birth_date", "gender", "stage", "source", "created_at",
)  # fmt: skip
READER = machine("own data")
CUSTOMER: Any = Message._meta.get_field("customer").related_model
MOST = 1_000  # rows of one kind; an access request gives the rest


def of_customer(customer: Any) -> dict[str, Any]:
    """Plain values by section: person, own fields, consents, orders, happenings, messages, segments."""
    return {
        "person": {name: getattr(customer, name) for name in COLUMNS if getattr(customer, name) not in ("", None)},
        "own_fields": customer.attributes,
        "consents": rows(customer.consent_entries.order_by("-at"), "purpose", "channel", "act", "at", "source"),
        "topics": rows(customer.topic_choices.order_by("-said_at"), topic_name(), "is_wanted", "said_at"),
        "orders": rows(
            customer.orders.order_by("-ordered_at"), "number", "kind", "ordered_at", "total_amount", "currency"
        ),
        "events": rows(customer.events.order_by("-occurred_at"), "type", "occurred_at", "channel", "properties"),
        "tasks": rows(
            customer.tasks.order_by("-due_at"), "kind", "title", "note", "due_at", "status", "outcome", "outcome_note"
        ),
        "deals": rows(
            customer.deals.order_by("-created_at"), "title", "note", "amount", "currency", "status", "created_at"
        ),
        "deal_notes": rows(deal_notes(customer), "text", "at"),
        "messages": rows(messages(customer), "run__campaign__name", "channel", "state", "reason", "final_at"),
        "segments": rows(customer.memberships.order_by("-entered_at"), "segment__name", "entered_at", "left_at"),
    }


def topic_name() -> str:
    """The column with the names of topics in the language in use."""
    return "topic__name_fi" if (get_language() or "").startswith("fi") else "topic__name_en"


def deal_notes(customer: Any) -> Any:
    return crm_queries.deal_notes(READER).filter(deal__customer=customer)


def messages(customer: Any) -> Any:
    return Message.objects.filter(customer=customer).order_by("-pk")


def rows(found: Any, *names: str) -> list[dict[str, Any]]:
    return list(found.values(*names)[:MOST])


def told(known: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """The sections as titles and lines for a page, codes and amounts in words of the active language."""
    words = titles()
    return [(words[name], lines(name, found)) for name, found in known.items()]


def lines(section: str, found: Any) -> list[str]:
    """A line per value of a section, or per row of it."""
    if section == "own_fields":
        return list(own_fields(found))
    if isinstance(found, dict):
        names = labels(section)
        return [f"{names.get(name, name)}: {shown(section, name, value)}" for name, value in found.items()]
    return [" · ".join(filter(None, told_row(section, row))) for row in found]


def own_fields(found: dict[str, Any]) -> Iterator[str]:
    """What the firm added about the person, each value as people write one of its type; a day as a day."""
    known = {one.key: one for one in crm_queries.fields_ever().filter(entity="customer")}
    for key, value in found.items():
        if value in ("", None, [], {}):
            continue
        field = known.get(key)
        yield f"{label_of(field)}: {field_words(field, value)}" if field else f"{key}: {shown('', key, value)}"


def labels(section: str) -> dict[str, str]:
    """What the values of a section are called."""
    columns = {one.name: one for one in CUSTOMER._meta.get_fields()}
    return {name: capfirst(str(columns[name].verbose_name)) for name in COLUMNS}


def told_row(section: str, row: dict[str, Any]) -> Iterator[str]:
    """The values of a row in words; an amount with its currency."""
    amounts = {name for name in row if name.endswith("amount")}
    for name, value in row.items():
        if value in ("", None, {}) or (name == "currency" and amounts):
            continue
        yield figures.money(value, row["currency"]) if name in amounts else shown(section, name, value)


def shown(section: str, name: str, value: Any) -> str:
    """One value in words."""
    if isinstance(value, datetime):
        return figures.moment(value)
    if isinstance(value, date):
        return figures.day(value)
    if isinstance(value, dict):
        return ", ".join("{}: {}".format(*timeline.fact(key, one)) for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool) and (section, name) not in CODES:
        return _("yes") if value else _("no")
    return CODES.get((section, name), word)(section, name, value)


def word(section: str, name: str, value: Any) -> str:
    """The choice that a code stands for, where the table has choices."""
    place = PLACES.get(section)
    model: Any = CUSTOMER._meta.get_field(place).related_model if place else CUSTOMER
    columns = {one.name: one for one in model._meta.get_fields()}
    choices = dict(getattr(columns.get(name), "choices", None) or {})
    return str(choices.get(value, value))


def channel(section: str, name: str, value: Any) -> str:
    return label_of_channel(value)


def place(section: str, name: str, value: Any) -> str:
    """Where it came from."""
    return str(timeline.PLACE_WORDS.get(value, value))


def country(section: str, name: str, value: Any) -> str:
    """The country of a code; a name as it was given."""
    return str(Locale.parse(figures.locale()).territories.get(value.upper(), value))


def language(section: str, name: str, value: Any) -> str:
    return str(dict(settings.LANGUAGES).get(value, value))


def kind_of_event(section: str, name: str, value: Any) -> str:
    _icon, words = timeline.EVENT_WORDS.get(value, ("", str(value).replace("_", " ")))
    return str(words)


PLACES = {
    "consents": "consent_entries", "orders": "orders", "tasks": "tasks", "deals": "deals", "messages": "messages",
}  # fmt: skip
CODES: dict[tuple[str, str], Callable[[str, str, Any], str]] = {
    ("person", "language"): language,
    ("topics", "is_wanted"): lambda _section, _name, value: _("wanted") if value else _("not wanted"),
    ("messages", "channel"): channel,
    ("messages", "reason"): lambda _section, _name, value: reason_words(value),
    ("person", "country"): country,
    ("person", "source"): place,
    ("consents", "source"): place,
    ("events", "channel"): place,
    ("events", "type"): kind_of_event,
}


def titles() -> dict[str, str]:
    """The sections in words."""
    return {
        "person": _("About you"),
        "own_fields": _("More about you"),
        "consents": _("What you allowed"),
        "topics": _("Topics you chose or left"),
        "orders": _("Orders"),
        "events": _("What you did"),
        "tasks": _("What we planned with you"),
        "deals": _("What we thought you might buy"),
        "deal_notes": _("What we noted about it"),
        "messages": _("Messages to you"),
        "segments": _("Groups you are or were in"),
    }
