"""E-mail addresses and phone numbers in one form each, and the keyed hashes that outlive a person's erasure."""

import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from crm.refusals import Refused


class AddressRefused(Refused):
    """Not an address that a message could reach."""

    code = "address_invalid"


def normal_email(text: str) -> str:
    """Lower case, without spaces around, the domain in ASCII: `Aada@Ääni.FI` becomes `aada@xn--ni-uiaa.fi`."""
    local, at_sign, domain = text.strip().rpartition("@")
    try:
        normal = f"{local.lower()}{at_sign}{in_ascii(domain.lower())}"
        validate_email(normal)
    except (ValidationError, UnicodeError) as error:
        raise AddressRefused(_("Not an e-mail address."), path="email") from error
    return normal


REGION = "FI"  # where numbers without a country are dialled


@lru_cache(maxsize=10_000)
def in_ascii(domain: str) -> str:
    """The domain as the name servers know it; most people share a few. Raises UnicodeError."""
    return domain.encode("idna").decode()


def normal_phone(text: str, region: str = REGION) -> str:
    """E.164 with +: `040 123 4567` in the region FI becomes `+358401234567`."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        raise AddressRefused(_("Not a phone number."), path="phone") from error
    if not phonenumbers.is_possible_number(number):
        raise AddressRefused(_("Not a phone number."), path="phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _as_given(text: str) -> str:
    return " ".join(text.split()).casefold()


# Per channel: the customer's column that holds the address, and its normal form.
NORMAL_FORMS: dict[str, tuple[str, Callable[[str], str]]] = {
    "email": ("email", normal_email),
    "sms": ("phone", normal_phone),
    "phone": ("phone", normal_phone),
    "post": ("street", _as_given),
}


def address_key(channel: str, address: str) -> str:
    """HMAC-SHA256 of the address in its normal form, 64 hexadecimal characters; SMS and phone share theirs.

    Raises AddressRefused when it has no normal form.
    """
    kind, normal = NORMAL_FORMS[channel]
    return _keyed(f"{kind}:{normal(address)}")


def erased_number(number: str) -> str:
    """What stands in the place of a customer number that said who it was: the same for the same number."""
    return f"erased-{_keyed(f'number:{number}')[:48]}"


def row_key(pk: int, created_at: datetime) -> str:
    """Which row of a customer it is, also under another number: a keyed hash of what stays through every change."""
    return _keyed(f"row:{pk}:{created_at.astimezone(UTC).isoformat(timespec='microseconds')}")[:48]


def _keyed(text: str) -> str:
    return hmac.digest(settings.ADDRESS_HASH_KEY.encode(), text.encode(), "sha256").hex()
