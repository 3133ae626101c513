"""What a person lets us send: read and set from the page behind a letter's address, masked to whoever holds it."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from campaigns import responses
from campaigns.models import Message
from crm import actions as crm_actions
from crm import rights

PAGE = rights.machine("preference page")
TOPICS = (
    ("marketing", _("Offers and news"), _("Messages about products and campaigns.")),
    ("tracking", _("See whether I open them"), _("A tiny picture tells us that a message was opened.")),
)


@dataclass(frozen=True)
class Choice:
    """One thing a person may allow."""

    purpose: str
    label: str
    meaning: str
    is_wanted: bool


def choices(message: Message, *, at: datetime) -> list[Choice]:
    """The topics with what the person wants now."""
    return [Choice(purpose, str(label), str(meaning), wanted(message, purpose)) for purpose, label, meaning in TOPICS]


def wanted(message: Message, purpose: str) -> bool:
    customer: Any = message.customer
    rows = customer.consents.filter(purpose=purpose, channel__in=(message.channel, "any"))
    latest = rows.order_by("-since_at").first()
    return bool(latest and latest.is_granted)


def save(message: Message, purposes: Set[str], *, at: datetime) -> None:
    """Make `purposes` what the person wants; only changes are written into the ledger."""
    for choice in choices(message, at=at):
        is_wanted = choice.purpose in purposes
        if is_wanted != choice.is_wanted:
            say(message, choice.purpose, "granted" if is_wanted else "withdrawn", at=at)


def say(message: Message, purpose: str, act: str, *, at: datetime) -> None:
    if (purpose, act) == ("marketing", "withdrawn"):
        responses.unsubscribe(message, at=at, way="preference page")
        return
    customer: Any = message.customer
    crm_actions.record_consent(
        customer,
        purpose=purpose,
        channel=message.channel,
        act=act,
        said_at=at,
        source="preference page",
        evidence={"message": message.pk, "page": "preferences"},
        by=PAGE,
        at=at,
    )
    if purpose == "marketing":
        responses.lift_own_unsubscription(message, at=at)


def why(message: Message) -> list[str]:
    """Names of the groups because of which the message was sent: those of the campaign the person was in then."""
    run = message.run
    customer: Any = message.customer
    rows = customer.memberships.filter(segment__in=run.campaign.include.all(), entered_at__lte=run.sealed_at)
    return list(rows.exclude(left_at__lte=run.sealed_at).values_list("segment__name", flat=True).distinct())


def masked_address(message: Message) -> str:
    """Enough of the address for its owner to know it: a…@m….fi."""
    local, _at, domain = (message.customer.email if message.customer else "").partition("@")
    if not domain:
        return ""
    name, _dot, ending = domain.rpartition(".")
    return f"{local[:1]}…@{name[:1]}….{ending}"
