"""The channels: by which columns a person is reached, what names their mailbox, and what a doubt means. One table."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from campaigns.models import OnAmbiguous
from crm import addresses


@dataclass(frozen=True)
class Channel:
    """One channel. `columns` of the customer hold the address, `kind` is its form in crm.addresses ("" for none).

    `is_file` channels hand over by a file that people fetch. `form` is "text" for short plain texts without a
    subject, "script" for what somebody says, "" for letters.
    `on_ambiguous` is what a new campaign does when in doubt.
    """

    key: str
    label: Any
    columns: tuple[str, ...]
    kind: str
    on_ambiguous: str
    is_file: bool = False
    form: str = ""


CHANNELS = {
    one.key: one
    for one in (
        Channel("email", _("E-mail"), ("email",), "email", OnAmbiguous.HOLD),
        # Providers of text messages know no repeat, so a doubt is one.
        Channel("sms", _("Text message (SMS)"), ("phone",), "sms", OnAmbiguous.HOLD, form="text"),
        # A task is made once, however often it is asked for.
        Channel("phone", _("Call list: tasks for sales"), ("phone",), "phone", OnAmbiguous.RESEND, form="script"),
        # The receiver knows a repeat by its webhook-id, so sending again is safe.
        Channel("webhook", _("Webhook"), ("number",), "", OnAmbiguous.RESEND),
        Channel(
            "post", _("Letter: a file for the printer"), addresses.POSTAL, "post", OnAmbiguous.RESEND, is_file=True
        ),
        Channel("ads", _("Ad networks: a hashed file"), ("email",), "email", OnAmbiguous.RESEND, is_file=True),
    )
}


def label_of(channel: str) -> str:
    """The channel in words."""
    return str(CHANNELS[channel].label) if channel in CHANNELS else channel


def address_of(customer: Any, channel: str) -> str:
    """The customer's address on the channel, as given; empty when there is none."""
    return addresses.given([getattr(customer, one) for one in CHANNELS[channel].columns]) if customer else ""


def key_of(address: str, channel: str) -> str:
    """The keyed hash of the address, which the suppression list knows; empty when it is not one."""
    kind = CHANNELS[channel].kind
    if not kind:
        said = f"{channel}:{address}".encode()
        return hmac.new(settings.ADDRESS_HASH_KEY.encode(), said, hashlib.sha256).hexdigest()
    try:
        return addresses.address_key(kind, address)
    except addresses.AddressRefused:
        return ""
