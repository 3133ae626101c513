"""E-mail addresses and phone numbers in one form each, and the keyed hashes that outlive a person's erasure."""

import hmac
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

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


def entered_phone(text: str) -> str:
    """The normal form of a number that somebody can have. What was kept before this was asked keeps its key."""
    normal = normal_phone(text)
    if not phonenumbers.is_valid_number(phonenumbers.parse(normal)):
        raise AddressRefused(_("Not a phone number."), path="phone")
    return normal


POSTAL = ("street", "postal_code", "city", "country")


def normal_postal(text: str) -> str:
    """The lines of `postal`, each in one form: a code without spaces, no country is the one we dial in."""
    street, code, city, country = (" ".join(line.split()).casefold() for line in (text + "\n\n\n").split("\n")[:4])
    if not street:
        raise AddressRefused(_("Not a street address."), path="street")
    return "\n".join((street, code.replace(" ", ""), city, country or REGION.casefold()))


def postal(street: str, postal_code: str, city: str, country: str) -> str:
    """Where letters go, a line each; empty without a street. The same street stands in many towns."""
    lines = (" ".join(one.split()) for one in (street, postal_code, city, country))
    return "\n".join(lines) if street.strip() else ""


# Per channel: what its keys begin with, the customer's columns that hold the address, and its normal form.
NORMAL_FORMS: dict[str, tuple[str, tuple[str, ...], Callable[[str], str]]] = {
    "email": ("email", ("email",), normal_email),
    "sms": ("phone", ("phone",), normal_phone),
    "phone": ("phone", ("phone",), normal_phone),
    "post": ("post", POSTAL, normal_postal),
}
COLUMNS = sorted({column for _kind, columns, _normal in NORMAL_FORMS.values() for column in columns})


def address_of(channel: str, customer: Any) -> str:
    """The customer's address on the channel as given; empty when there is none."""
    return given([getattr(customer, column) for column in NORMAL_FORMS[channel][1]])


def given(values: Sequence[str]) -> str:
    """An address as given, of the values of its columns: one, or those of a letterbox."""
    return str(values[0]) if len(values) == 1 else postal(*values)


def keys_of(customer: Any) -> dict[str, str]:
    """Per channel the key of the customer's address; nothing where no message could reach them."""
    keys = {}
    for channel in NORMAL_FORMS:
        try:
            keys[channel] = address_key(channel, address_of(channel, customer))
        except AddressRefused:
            continue
    return keys


def address_key(channel: str, address: str) -> str:
    """HMAC-SHA256 of the address in its normal form, 64 hexadecimal characters; SMS and phone share theirs.

    Raises AddressRefused when it has no normal form.
    """
    kind, _columns, normal = NORMAL_FORMS[channel]
    return _keyed(f"{kind}:{normal(address)}")


def erased_number(number: str) -> str:
    """What stands in the place of a customer number that said who it was: the same for the same number."""
    return f"erased-{_keyed(f'number:{number}')[:48]}"


def row_key(pk: int, created_at: datetime) -> str:
    """Which row of a customer it is, also under another number: a keyed hash of what stays through every change."""
    return _keyed(f"row:{pk}:{created_at.astimezone(UTC).isoformat(timespec='microseconds')}")[:48]


def _keyed(text: str) -> str:
    return hmac.digest(settings.ADDRESS_HASH_KEY.encode(), text.encode(), "sha256").hex()
