"""What a person lets us send: read and set from the page behind a letter's address, masked to whoever holds it."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.conf.locale import LANG_INFO
from django.utils.translation import gettext_lazy as _

from campaigns import notes, responses, topics
from campaigns.models import ContactWish, Message
from crm import actions as crm_actions
from crm import queries as crm_queries
from crm import rights
from crm.addresses import address_of

PAGE = rights.machine("preference page")
TRACKING = ("tracking", _("See whether I open them"), _("A tiny picture tells us that a message was opened."))
PROFILING = ("profiling", _("Choose offers for me"), _("What you bought and did decides which offers you get."))
CHANNELS = (
    ("email", _("Offers and news by e-mail")),
    ("sms", _("Offers and news by text message")),
    ("phone", _("Offers by phone")),
    ("post", _("Offers by post")),
)
FREQUENCIES = ((0, _("As they come")), (168, _("At most one a week")), (720, _("At most one a month")))
BETWEEN_LETTERS = timedelta(hours=1)


@dataclass(frozen=True)
class Choice:
    """One thing a person may allow: a purpose on a channel."""

    purpose: str
    channel: str
    label: str
    meaning: str
    is_wanted: bool

    @property
    def key(self) -> str:
        return f"{self.purpose}:{self.channel}"


def choices(message: Message, *, at: datetime) -> list[Choice]:
    """Marketing on each channel the person can be reached by, then the other purposes, with what they want now."""
    offers = [("marketing", channel, label, "") for channel, label in CHANNELS if reaches(message, channel)]
    others = [(purpose, message.channel, label, meaning) for purpose, label, meaning in (PROFILING, TRACKING)]
    return [
        Choice(purpose, channel, str(label), str(meaning), wanted(message, purpose, channel, at=at))
        for purpose, channel, label, meaning in (*offers, *others)
    ]


def reaches(message: Message, channel: str) -> bool:
    """Whether we have an address of theirs for the channel."""
    return channel == message.channel or bool(message.customer and address_of(channel, message.customer))


def wanted(message: Message, purpose: str, channel: str, *, at: datetime) -> bool:
    return crm_queries.consenting(purpose, channel, at=at).filter(customer=message.customer_id).exists()


def save(message: Message, keys: Set[str], *, at: datetime) -> None:
    """Make these what the person wants, as `purpose:channel`; only changes are written into the ledger."""
    for choice in choices(message, at=at):
        is_wanted = choice.key in keys
        if is_wanted != choice.is_wanted:
            say(message, choice, "granted" if is_wanted else "withdrawn", at=at)


def say(message: Message, choice: Choice, act: str, *, at: datetime) -> None:
    is_marketing_here = choice.key == f"marketing:{message.channel}"
    if is_marketing_here and act == "withdrawn":
        responses.unsubscribe(message, at=at, way="preference page")
        return
    customer: Any = message.customer
    crm_actions.record_consent(
        customer,
        purpose=choice.purpose,
        channel=choice.channel,
        act=act,
        said_at=at,
        source="preference page",
        evidence={"message": message.pk, "page": "preferences"},
        by=PAGE,
        at=at,
    )
    if is_marketing_here:
        responses.lift_own_unsubscription(message, at=at)


def choose_topics(message: Message, wanted: Set[str], shown: Set[str], *, at: datetime) -> None:
    """Make of the topics that stood on the page (ids as texts) these the ones the person wants."""
    topics.choose(message.customer, wanted, shown, by=PAGE, at=at)


def frequency(message: Message) -> int:
    """Hours between two messages the person wants at least; 0 for as they come."""
    wish = ContactWish.objects.filter(customer=message.customer_id).first()
    return wish.period_hours if wish else 0


def wish_for(message: Message, hours: int, *, at: datetime) -> None:
    """Note how often they want to hear from us; what is not on the page is no wish."""
    if hours not in dict(FREQUENCIES) or hours == frequency(message):
        return
    customer: Any = message.customer
    if hours:
        said = {"period_hours": hours, "said_at": at}
        ContactWish.objects.update_or_create(customer=customer, defaults=said)  # also when sent twice at once
    else:
        ContactWish.objects.filter(customer=customer).delete()


def languages(message: Message) -> list[tuple[str, str]]:
    """Codes and names to choose from; theirs, or that none is known, stands first where no page speaks it."""
    customer: Any = message.customer
    spoken = [(code, str(name)) for code, name in settings.LANGUAGES]
    if customer.language in dict(spoken):
        return spoken
    return [(customer.language, LANG_INFO.get(customer.language, {}).get("name_local", customer.language)), *spoken]


def speak(message: Message, language: str, *, at: datetime) -> None:
    """Write to them in this language from now on."""
    customer: Any = message.customer
    if language in dict(settings.LANGUAGES) and language != customer.language:
        crm_actions.change_customer(customer, values={"language": language}, by=PAGE, at=at)
        customer.language = language


def send_way_to_data(message: Message, *, at: datetime) -> bool:
    """Send the way to their data to the mailbox itself, not to whoever holds this page; not twice within an hour."""
    customer: Any = message.customer
    lines = crm_queries.audit_lines(PAGE).filter(kind="customer", object_id=customer.pk, verb="asked for own data")
    if lines.filter(at__gt=at - BETWEEN_LETTERS).exists():
        return False
    notes.send_way_to_data(message.customer, at=at)
    return True


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
