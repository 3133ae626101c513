"""Addresses in a letter that lead back to us: each is good for one purpose and one message only."""

import hashlib
import hmac
from typing import Protocol

from django.conf import settings

from campaigns.models import Message

OPEN, CLICK, UNSUBSCRIBE, PREFERENCES, BROWSER, ID = "o", "c", "u", "p", "v", "id"
SIGNATURE_LENGTH = 32  # 128 bits in hexadecimal


class Keyed(Protocol):
    """What signs its addresses: a message, by its number and its random key."""

    @property
    def pk(self) -> int: ...

    @property
    def token(self) -> str: ...


def signature(message: Keyed, purpose: str, subject: str = "") -> str:
    """HMAC-SHA256 of the purpose under the message's own random key, so that no other secret can outlive it."""
    said = f"{purpose}|{message.pk}|{subject}".encode()
    return hmac.new(message.token.encode(), said, hashlib.sha256).hexdigest()[:SIGNATURE_LENGTH]


def token(message: Message, purpose: str, subject: str = "") -> str:
    """What stands in the address: the message's number and the signature of the purpose."""
    return f"{message.pk}-{signature(message, purpose, subject)}"


def message_of(token: str, purpose: str, subject: str = "") -> Message | None:
    """The message whose address this is, to whom its recipient is by now; None unless every character is right."""
    number = number_of(token)
    found = Message.objects.select_related("run__campaign").filter(pk=number).first() if number is not None else None
    if found is None or not is_signed(found, token, purpose, subject):
        return None
    while found.customer and found.customer.merged_into:  # what they say now is said of the record that lives
        found.customer = found.customer.merged_into
    return found


def number_of(token: str) -> int | None:
    """The number of the message that an address speaks of."""
    number = token.partition("-")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) <= 18 else None


def is_signed(message: Keyed, token: str, purpose: str, subject: str = "") -> bool:
    """Whether the address is the message's own, for this purpose."""
    given = token.partition("-")[2]
    return hmac.compare_digest(signature(message, purpose, subject).encode(), given.encode())


def open_url(message: Message) -> str:
    return f"{settings.BASE_URL}/o/{token(message, OPEN)}.gif"


def click_url(message: Message, link_id: int) -> str:
    return f"{settings.BASE_URL}/c/{token(message, CLICK, str(link_id))}/{link_id}/"


def sample_click_url() -> str:
    """As long as the addresses of a run of millions, to measure texts by."""
    return f"{settings.BASE_URL}/c/12345678-{'0' * SIGNATURE_LENGTH}/12345/"


def unsubscribe_url(message: Message) -> str:
    return f"{settings.BASE_URL}/u/{token(message, UNSUBSCRIBE)}/"


def preferences_url(message: Message) -> str:
    return f"{settings.BASE_URL}/p/{token(message, PREFERENCES)}/"


def browser_url(message: Message) -> str:
    return f"{settings.BASE_URL}/v/{token(message, BROWSER)}/"


def message_id(message: Message, domain: str) -> str:
    """Message-ID of RFC 5322, the same at every attempt."""
    return f"<{message.pk}.{signature(message, ID)}@{domain}>"
