"""What mail providers tell us afterwards: read by django-anymail, put into one of a few kinds, and done once."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason
from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from campaigns import responses
from campaigns.content import addresses
from campaigns.delivery.replies import ENHANCED, RCPT, Meaning, Reply, meaning
from campaigns.models import Message, ProviderEvent

# The address of a provider's hook, and who in anymail reads what it sends.
PROVIDERS = {
    "amazon-ses": ("amazon_ses", "AmazonSESTrackingWebhookView"),
    "brevo": ("brevo", "BrevoTrackingWebhookView"),
    "mailersend": ("mailersend", "MailerSendTrackingWebhookView"),
    "mailgun": ("mailgun", "MailgunTrackingWebhookView"),
    "mailjet": ("mailjet", "MailjetTrackingWebhookView"),
    "mailtrap": ("mailtrap", "MailtrapTrackingWebhookView"),
    "postal": ("postal", "PostalTrackingWebhookView"),
    "postmark": ("postmark", "PostmarkTrackingWebhookView"),
    "resend": ("resend", "ResendTrackingWebhookView"),
    "sendgrid": ("sendgrid", "SendGridTrackingWebhookView"),
    "sparkpost": ("sparkpost", "SparkPostTrackingWebhookView"),
    "unisender-go": ("unisender_go", "UnisenderGoTrackingWebhookView"),
}
METADATA = "kohde"  # what we give a provider with each message, and get back with each event
DELIVERED, HARD, SOFT, COMPLAINT, LEFT, NOTHING = (
    "delivered", "hard_bounce", "soft_bounce", "complaint", "unsubscribed", "nothing",
)  # fmt: skip
PASSING = re.compile(r"soft|transient|temporar|full|quota|greylist|blocked|spam|policy", re.IGNORECASE)


def is_open(provider: str) -> bool:
    """Whether events of the provider are taken: known, and the firm has set the secret its calls must carry."""
    return provider in PROVIDERS and bool(settings.ANYMAIL.get("WEBHOOK_SECRET"))


def events_in(provider: str, request: HttpRequest) -> list[AnymailTrackingEvent]:
    """The events of a call, after secret and signature were checked.

    Raises `SuspiciousOperation` for a call that is not the provider's, and what its reader raises for nonsense.
    """
    module, name = PROVIDERS[provider]
    view = getattr(import_module(f"anymail.webhooks.{module}"), name)()
    view.run_validators(request)
    events: list[AnymailTrackingEvent] = view.parse_events(request)
    return events


@dataclass(frozen=True)
class Row:
    """An event of one of these types, refused for one of these reasons (none: whichever), is of this kind."""

    types: tuple[str, ...]
    reasons: tuple[str | None, ...]
    kind: str


GONE = (RejectReason.INVALID, RejectReason.BOUNCED)
TABLE = (
    Row((EventType.DELIVERED, EventType.OPENED, EventType.CLICKED), (), DELIVERED),
    Row((EventType.COMPLAINED,), (), COMPLAINT),
    Row((EventType.UNSUBSCRIBED,), (), LEFT),
    Row((EventType.BOUNCED, EventType.REJECTED), (RejectReason.SPAM,), COMPLAINT),
    Row((EventType.BOUNCED, EventType.REJECTED), (RejectReason.UNSUBSCRIBED,), LEFT),
    Row((EventType.BOUNCED, EventType.REJECTED), GONE, HARD),
    Row((EventType.BOUNCED, EventType.REJECTED, EventType.FAILED), (), SOFT),
)


def kind_of(event: AnymailTrackingEvent) -> str:
    """What the event means for us: the first row of the table that fits; a bounce by what the mailbox's server said."""
    for row in TABLE:
        if event.event_type in row.types and (not row.reasons or event.reject_reason in row.reasons):
            return hardness(event) if row.kind == HARD else row.kind
    return NOTHING


def hardness(event: AnymailTrackingEvent) -> str:
    """Hard when there is no such mailbox. The server's codes decide, as in our own conversations; else its words."""
    said = f"{event.mta_response or ''} {event.description or ''}"
    code = ENHANCED.search(said)
    if code:
        digits = int(code.group(1)[0]) * 100 + 50
        return HARD if meaning(Reply(RCPT, digits, code.group(1))) == Meaning.NO_MAILBOX else SOFT
    named = event.esp_event.get("Type", "") if isinstance(event.esp_event, dict) else ""
    return SOFT if PASSING.search(f"{said} {named}") else HARD


def message_of(event: AnymailTrackingEvent) -> Message | None:
    """The message it speaks of: by what we gave along, else by the Message-ID; both are signed."""
    given = (event.metadata or {}).get(METADATA) or str(event.message_id or "").strip("<>").partition("@")[0]
    return addresses.message_of(str(given).replace(".", "-", 1), addresses.ID) if given else None


def take(provider: str, event: AnymailTrackingEvent, *, at: datetime) -> str:
    """Do what the event asks for, once however often it comes; return its kind."""
    message, kind = message_of(event), kind_of(event)
    if message is None or kind == NOTHING:
        return NOTHING
    happened_at = min(event.timestamp or at, at)
    told = event.event_id or json.dumps([event.event_type, message.pk, str(event.timestamp)], default=str)
    return do_once(provider, str(told), message, kind, at=happened_at)


def do_once(provider: str, told: str, message: Message, kind: str, *, at: datetime) -> str:
    """Do what an event of this kind asks for, unless the event `told` was dealt with; return what was done."""
    with transaction.atomic():
        if not is_new(provider, told, message, kind, at):
            return NOTHING
        DO[kind](message, provider, at)
    return kind


def is_new(provider: str, told: str, message: Message | None, kind: str, at: datetime) -> bool:
    """Write the event down; False when it stands there already."""
    key = hashlib.sha256(told.encode()).hexdigest()
    try:
        with transaction.atomic():
            ProviderEvent.objects.create(provider=provider, event_key=key, message=message, kind=kind, at=at)
    except IntegrityError:
        return False
    return True


def delivered(message: Message, provider: str, at: datetime) -> None:
    responses.settle_doubt(message)


def hard_bounce(message: Message, provider: str, at: datetime) -> None:
    responses.record_bounce(message, responses.HARD, at=at, source_id=f"{provider} hard")


def soft_bounce(message: Message, provider: str, at: datetime) -> None:
    responses.record_bounce(message, responses.SOFT, at=at, source_id=f"{provider} soft")


def complaint(message: Message, provider: str, at: datetime) -> None:
    responses.record_complaint(message, at=at, source_id=provider)


def left(message: Message, provider: str, at: datetime) -> None:
    responses.unsubscribe(message, at=at, way=provider)


Deed = Callable[[Message, str, datetime], None]
DO: dict[str, Deed] = {DELIVERED: delivered, HARD: hard_bounce, SOFT: soft_bounce, COMPLAINT: complaint, LEFT: left}
