"""What we know about one person, for their own eyes: as rows for a page, as JSON to take along."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from campaigns.models import Message
from crm import figures
from crm import queries as crm_queries
from crm.rights import machine

COLUMNS = (
    "number", "first_name", "last_name", "email", "phone", "street", "postal_code", "city", "country", "language",
    "time_zone", "birth_date", "gender", "stage", "source", "created_at",
)  # fmt: skip
MOST = 1_000  # rows of one kind; an access request gives the rest


def of_customer(customer: Any) -> dict[str, Any]:
    """Plain values by section: person, own fields, consents, orders, happenings, messages, segments."""
    return {
        "person": {name: getattr(customer, name) for name in COLUMNS if getattr(customer, name) not in ("", None)},
        "own_fields": customer.attributes,
        "consents": rows(customer.consent_entries.order_by("-at"), "purpose", "channel", "act", "at", "source"),
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


def deal_notes(customer: Any) -> Any:
    return crm_queries.deal_notes(machine("own data")).filter(deal__customer=customer)


def messages(customer: Any) -> Any:
    return Message.objects.filter(customer=customer).order_by("-pk")


def rows(found: Any, *names: str) -> list[dict[str, Any]]:
    return list(found.values(*names)[:MOST])


def told(known: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """The sections as titles and lines for a page."""
    words = titles()
    return [(words[name], lines(found)) for name, found in known.items()]


def lines(found: Any) -> list[str]:
    """A line per value of a section, or per row of it."""
    if isinstance(found, dict):
        return [f"{name.replace('_', ' ')}: {shown(value)}" for name, value in found.items()]
    return [" · ".join(shown(value) for value in row.values() if value not in ("", None, {})) for row in found]


def shown(value: Any) -> str:
    return figures.moment(value) if isinstance(value, datetime) else str(value)


def titles() -> dict[str, str]:
    """The sections in words."""
    return {
        "person": _("About you"),
        "own_fields": _("More about you"),
        "consents": _("What you allowed"),
        "orders": _("Orders"),
        "events": _("What you did"),
        "tasks": _("What we planned with you"),
        "deals": _("What we thought you might buy"),
        "deal_notes": _("What we noted about it"),
        "messages": _("Messages to you"),
        "segments": _("Groups you are or were in"),
    }
