"""Channels that hand over by a file: letters for the printer, hashed audiences for ad networks."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from campaigns.delivery.desk import desk_for
from campaigns.delivery.permission import still_allowed
from campaigns.models import Message, MessageState, Run
from crm import addresses

CHUNK = 1_000
ISO_COUNTRY = re.compile(r"[A-Za-z]{2}")
NOT_A_LETTER = re.compile(r"[^\w\s]|[\d_]")
Row = Sequence[str]


@dataclass(frozen=True)
class Kind:
    """One form of file: its channel, its heading, and how a run's messages become rows."""

    key: str
    channel: str
    label: Any
    heading: tuple[str, ...]
    rows: Callable[[Run, list[Message]], Iterator[Row]]


def ids_on_list(run: Run) -> list[int]:
    """Messages of the run that are on its list, and against which nothing speaks today."""
    rows = Message.objects.filter(still_allowed(), run=run, state=MessageState.SENT, customer__isnull=False)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def on_list(run: Run, *, start: int = 0, most: int | None = None) -> Iterator[list[Message]]:
    """The same as rows, some at a time; with `most` only so many from `start` on."""
    ids = ids_on_list(run)
    for some in chunked(ids[start : start + most] if most else ids[start:]):
        yield list(Message.objects.filter(pk__in=some).select_related("customer").order_by("pk"))


def chunked(ids: list[int]) -> Iterator[list[int]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))


def rows_of(kind: Kind, run: Run) -> Iterator[Row]:
    """The whole file, heading first."""
    yield kind.heading
    for messages in on_list(run):
        yield from kind.rows(run, messages)


def letters(run: Run, messages: list[Message]) -> Iterator[Row]:
    """Address and finished text of each letter."""
    desk = desk_for(run, messages)
    for message in messages:
        customer: Any = message.customer
        name = f"{customer.first_name} {customer.last_name}".strip()
        letter = desk.letter(message)
        where = (customer.street, customer.postal_code, customer.city, customer.country)
        yield (customer.number, name, *where, letter.subject, letter.text)


def google(run: Run, messages: list[Message]) -> Iterator[Row]:
    """Customer Match: country and postal code plain, the rest hashed (support.google.com/google-ads/answer/7659867)."""
    for one in people(messages):
        hashed = (google_email(one.email), phone(one.phone), name(one.first_name), name(one.last_name))
        yield (*map(digest, hashed), country(one.country), one.postal_code.strip())


def meta(run: Run, messages: list[Message]) -> Iterator[Row]:
    """Custom audience: every column hashed (facebook.com/business/help/2082575038703844)."""
    for one in people(messages):
        names = (plain_name(one.first_name), plain_name(one.last_name))
        place = (one.postal_code.replace(" ", "").lower(), country(one.country).lower())
        yield tuple(map(digest, (email(one.email), phone(one.phone).lstrip("+"), *names, *place)))


def people(messages: list[Message]) -> Iterator[Any]:
    return (message.customer for message in messages)


def digest(text: str) -> str:
    """SHA-256 in hexadecimal; nothing stays nothing.

    >>> digest("")
    ''
    """
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def email(text: str) -> str:
    try:
        return addresses.normal_email(text)
    except addresses.AddressRefused:
        return ""


def google_email(text: str) -> str:
    """Google counts dots in its own mailboxes for nothing.

    >>> google_email(" Anna.Virta@Gmail.com "), google_email("anna.virta@firma.fi")
    ('annavirta@gmail.com', 'anna.virta@firma.fi')
    """
    local, at_sign, domain = email(text).partition("@")
    return f"{local.replace('.', '')}{at_sign}{domain}" if domain in ("gmail.com", "googlemail.com") else email(text)


def phone(text: str) -> str:
    try:
        return addresses.normal_phone(text)
    except addresses.AddressRefused:
        return ""


def name(text: str) -> str:
    return text.strip().lower()


def plain_name(text: str) -> str:
    """Without signs and digits.

    >>> plain_name(" O'Neil-Smith 2 ")
    'oneilsmith'
    """
    return NOT_A_LETTER.sub("", text).strip().lower()


def country(text: str) -> str:
    """The two-letter code, where the firm's books hold one."""
    return text.strip().upper() if ISO_COUNTRY.fullmatch(text.strip()) else ""


KINDS = {
    one.key: one
    for one in (
        Kind(
            "letters",
            "post",
            _("Letters (CSV)"),
            ("number", "name", "street", "postal_code", "city", "country", "subject", "text"),
            letters,
        ),
        Kind(
            "google",
            "ads",
            _("For Google Ads (CSV)"),
            ("Email", "Phone", "First Name", "Last Name", "Country", "Zip"),
            google,
        ),
        Kind("meta", "ads", _("For Meta (CSV)"), ("email", "phone", "fn", "ln", "zip", "country"), meta),
    )
}
