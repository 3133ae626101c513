"""Cells become typed values: numbers, money, dates, truths, addresses. Every refusal has a code and a sentence."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers

from crm.moments import is_tellable


class ValueProblem(ValueError):
    """A cell that cannot be read as its type; `code` is for machines, the text for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, eq=False)  # compared and hashed by identity: it is a key of the caches below
class Style:
    """How a file writes values: decimal sign (empty: tell from the cell), order of d/m/y, zone of times, region."""

    decimal: str = ""
    dates: str = ""
    zone: str = "UTC"
    region: str = "FI"


PLAIN_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{1,12})?")
GROUPED = re.compile(r"[+-]?(\d{1,18}|\d{1,3}([ .,'’]\d{3})+)?([.,]\d{1,12})?")
CURRENCY = re.compile(r"^[€$£]\s*|\s*(?:[€$£%]|EUR|USD|GBP|SEK)$")
SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2212": "-"})


@lru_cache(maxsize=65536)
def number(text: str, style: Style = Style()) -> Decimal:
    """
    Read a number as people write it.

    >>> number("1 204,50"), number("1,204.5"), number("-3")
    (Decimal('1204.50'), Decimal('1204.5'), Decimal('-3'))
    """
    if style.decimal != "," and PLAIN_NUMBER.fullmatch(text):
        return Decimal(text)
    plain = CURRENCY.sub("", text.translate(SPACES).strip()).strip()
    if not plain or not GROUPED.fullmatch(plain) or not any(sign.isdigit() for sign in plain):
        raise ValueProblem("not_a_number", f"“{_short(text)}” is not a number")
    return Decimal(_with_point(plain, style.decimal or _decimal_sign(plain)))


def _decimal_sign(plain: str) -> str:
    """The sign that stands last is the decimal sign; one comma before three digits could be either."""
    if "," in plain and "." in plain:
        return max(",.", key=plain.rfind)
    if re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", plain):
        raise ValueProblem("ambiguous_number", f"“{plain}” means different numbers; say “decimal”")
    if plain.count(",") > 1:
        return "."
    return "," if "," in plain or plain.count(".") > 1 else "."


def _with_point(plain: str, decimal: str) -> str:
    whole, _, share = plain.partition(decimal)
    if share and not share.isdigit():
        raise ValueProblem("not_a_number", f"“{plain}” is not a number with the decimal sign “{decimal}”")
    digits = re.sub(r"[ .,'’]", "", whole)
    if "." in whole and decimal == "," and not re.fullmatch(r"[+-]?\d{1,3}(\.\d{3})+", whole):
        raise ValueProblem("not_a_number", f"“{plain}” is not a number with the decimal sign “,”")
    return f"{digits}.{share}" if share else digits


TIME = r"(?:[,T\s]\s*(?:klo\s*)?(?P<H>\d{1,2})[:.](?P<M>\d{2})(?:[:.](?P<S>\d{2}))?)?"
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
ISO = re.compile(r"\d{4}-?\d{2}-?\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,6})?)?\s?(?:Z|[+-]\d{2}:?\d{2})?)?")
DOTTED = re.compile(r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})" + TIME)
SLASHED = re.compile(r"(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<y>\d{4})" + TIME)
YEAR_FIRST = re.compile(r"(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})" + TIME)


@lru_cache(maxsize=65536)
def moment(text: str, style: Style = Style()) -> datetime:
    """
    Read a date with or without time as a moment in UTC; local times are in `style.zone`.

    >>> moment("24.12.2025 klo 18.30", Style(zone="Europe/Helsinki")).isoformat()
    '2025-12-24T16:30:00+00:00'
    """
    local = _datetime(text.strip(), style)
    if local.tzinfo is None:
        local = local.replace(tzinfo=ZoneInfo(style.zone))
    if not is_tellable(local):
        raise ValueProblem("not_a_date", f"“{_short(text)}” is at the end of the calendar, where no zone can tell it")
    return local.astimezone(UTC)


def day(text: str, style: Style = Style()) -> date:
    """
    Read a date; a time beside it is left out.

    >>> day("24.12.2025"), day("20251224")
    (datetime.date(2025, 12, 24), datetime.date(2025, 12, 24))
    """
    return _datetime(text.strip(), style).date()


def _datetime(text: str, style: Style) -> datetime:
    try:
        if ISO.fullmatch(text):
            return datetime.fromisoformat(text.replace(",", ".").replace(" Z", "Z"))
        for pattern in (DOTTED, YEAR_FIRST, SLASHED):
            if found := pattern.fullmatch(text):
                return _from_parts(found.groupdict(), text, style)
    except ValueError as error:
        if isinstance(error, ValueProblem):
            raise
        raise ValueProblem("not_a_date", f"“{_short(text)}” is not a day of the calendar") from error
    raise ValueProblem("not_a_date", f"“{_short(text)}” is not a date; write 2025-12-24 or 24.12.2025")


def _from_parts(parts: dict[str, str | None], text: str, style: Style) -> datetime:
    if "a" in parts:
        parts |= _slashed(str(parts["a"]), str(parts["b"]), text, style)
    year, month, day_of_month, hour, minute, second = (int(parts[name] or 0) for name in "ymdHMS")
    return datetime(year, month, day_of_month, hour, minute, second)  # noqa: DTZ001 (the zone is added by the caller)


def _slashed(first: str, second: str, text: str, style: Style) -> dict[str, str | None]:
    if style.dates == "mdy" or (not style.dates and int(second) > 12):
        return {"m": first, "d": second}
    if style.dates == "dmy" or int(first) > 12 or first == second:
        return {"d": first, "m": second}
    raise ValueProblem("ambiguous_date", f"“{text}” could be day/month or month/day; say “dates”: “dmy” or “mdy”")


YES = frozenset(["1", "yes", "y", "true", "t", "x", "on", "kyllä", "k", "joo", "tosi", "ok", "1.0"]) | {
    "granted", "allowed", "annettu", "myönnetty", "sallittu", "sallii", "suostuu", "suostunut",
}  # fmt: skip
NO = frozenset(["0", "no", "n", "false", "f", "off", "ei", "e", "epätosi", "0.0", "-"]) | {
    "denied", "not granted", "not allowed", "ei annettu", "ei myönnetty", "ei sallittu", "ei salli", "ei suostu",
    "ei suostunut", "kielletty", "kieltää", "kieltänyt",
}  # fmt: skip


def truth(text: str, style: Style = Style()) -> bool:
    """
    Read yes or no in English, Finnish or as 1 and 0.

    >>> truth("Kyllä"), truth("0")
    (True, False)
    """
    word = text.strip().lower()
    if word in YES or word in NO:
        return word in YES
    raise ValueProblem("not_a_truth", f"“{_short(text)}” is neither yes nor no")


def words(text: str, style: Style = Style()) -> str:
    """Text without blanks at its ends; runs of blanks inside are kept as given."""
    return text.strip()


def texts(text: str, style: Style = Style()) -> list[str]:
    """
    Read a list separated by `;`, `|` or `,`.

    >>> texts("tea; coffee")
    ['tea', 'coffee']
    """
    sign = next((sign for sign in ";|," if sign in text), ";")
    return [part.strip() for part in text.split(sign) if part.strip()]


ADDRESS = re.compile(r"[^@\s,;<>\"\x00-\x1f]{1,64}@[^@\s,;<>\"\x00-\x1f.]+(\.[^@\s,;<>\"\x00-\x1f.]+)+")


def email(text: str, style: Style = Style()) -> str:
    """
    Read one e-mail address, as given.

    >>> email(" Anna@Example.fi ")
    'Anna@Example.fi'
    """
    address = text.strip().removeprefix("mailto:")
    if ADDRESS.fullmatch(address) and len(address) <= 254:
        return address
    raise ValueProblem("invalid_email", f"“{_short(text)}” is not one e-mail address")


def phone(text: str, style: Style = Style()) -> str:
    """
    Read a phone number of the region into E.164.

    A number that nobody can have is none: “040 99” would be +35804099.

    >>> phone("040 123 4567")
    '+358401234567'
    """
    try:
        parsed = phonenumbers.parse(text, style.region)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or not phonenumbers.is_valid_number(parsed):
        raise ValueProblem("invalid_phone", f"“{_short(text)}” is not a phone number")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


Parser = Callable[[str, Style], Any]
PARSERS: dict[str, Parser] = {
    "text": words,
    "number": number,
    "money": number,
    "date": day,
    "datetime": moment,
    "truth": truth,
    "choice": words,
    "list": texts,
    "email": email,
    "phone": phone,
}


def stored(value: Any) -> Any:
    """
    Write a value for JSON: numbers and money as plain text, dates as ISO text.

    >>> stored(Decimal("58138.00")), stored(date(2025, 12, 24)), stored(True)
    ('58138', '2025-12-24', True)
    """
    if isinstance(value, Decimal):
        return plain_decimal(value)
    return value.isoformat() if isinstance(value, date) else value


def plain_decimal(value: Decimal) -> str:
    """Write a decimal without exponent and without zeros at its end; `-0` is `0`."""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text.lstrip("+")


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
