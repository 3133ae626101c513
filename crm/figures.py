"""Numbers, money and times as people of each language write them."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal

from babel import dates, numbers
from django.conf import settings
from django.utils import timezone
from django.utils.translation import get_language

Amount = int | float | Decimal

# English here is European: day before month, 24 hours.
LOCALES = {"en": "en_GB", "fi": "fi"}
MISSING = "–"
MINUS, PLUS, PLUS_MINUS = "−", "+", "±"


def locale() -> str:
    """Name of the CLDR locale that belongs to the active language."""
    return LOCALES.get((get_language() or "en")[:2], "en_GB")


def number(value: Amount | None, digits: int = 0) -> str:
    """A number with grouped thousands: 1,204 or 1 204."""
    if value is None:
        return MISSING
    return numbers.format_decimal(value, format=_pattern(digits), locale=locale()).replace("-", MINUS)


def money(value: Amount | None, currency: str | None = None, digits: int = 2) -> str:
    """An amount with its currency: €1,204.50 or 1 204,50 €."""
    if value is None:
        return MISSING
    pattern = {"en_GB": "¤" + _pattern(digits), "fi": _pattern(digits) + "\u00a0¤"}[locale()]
    code = currency or settings.FIRM_CURRENCY
    written = numbers.format_currency(value, code, format=pattern, currency_digits=False, locale=locale())
    return written.replace("-", MINUS)


def share(value: Amount | None, digits: int = 1) -> str:
    """A share in 0–1 as per cent: 12.3% or 12,3 %."""
    if value is None:
        return MISSING
    sign = {"en_GB": "%", "fi": "\u00a0%"}[locale()]
    return number(Decimal(str(value)) * 100, digits) + sign


def points(value: Amount | None, digits: int = 1) -> str:
    """A difference of shares in 0–1 as percentage points: 3.4 pp or 3,4 %-yks."""
    if value is None:
        return MISSING
    sign = {"en_GB": "pp", "fi": "%-yks."}[locale()]
    return f"{number(Decimal(str(value)) * 100, digits)}\u00a0{sign}"


def signed(value: Amount | None, kind: str = "number", digits: int = 0) -> str:
    """A difference that always shows its sign: +38, −3, ±0."""
    if value is None:
        return MISSING
    mark = PLUS if value > 0 else MINUS if value < 0 else PLUS_MINUS
    size = -value if value < 0 else value
    return mark + figure(size, kind, digits)


def day(value: date | None) -> str:
    """A calendar day: 21 Nov 2026 or 21.11.2026; a datetime is read in the active time zone."""
    if value is None:
        return MISSING
    local = _local(value) if isinstance(value, datetime) else value
    return dates.format_date(local, "medium", locale=locale())


def clock(value: datetime | None) -> str:
    """A time of day in the active time zone: 12:04 or 12.04."""
    if value is None:
        return MISSING
    return dates.format_time(_local(value), "short", locale=locale())


def moment(value: datetime | None) -> str:
    """A day and its time: 21 Nov 2026, 12:04 or 21.11.2026 klo 12.04."""
    if value is None:
        return MISSING
    between = {"en_GB": ", ", "fi": " klo "}[locale()]
    return day(value) + between + clock(value)


def ago(value: datetime | None, now: datetime) -> str:
    """How far a time lies from `now`: 4 minutes ago, in 2 days."""
    if value is None:
        return MISSING
    return dates.format_timedelta(value - now, add_direction=True, threshold=1.2, locale=locale())


def span(value: timedelta | None) -> str:
    """How long something takes: 4 minutes."""
    return MISSING if value is None else dates.format_timedelta(value, threshold=1.2, locale=locale())


def figure(value: Amount | None, kind: str = "number", digits: int | None = None) -> str:
    """A value written by its kind, one of `KINDS`; `digits` replaces the kind's own."""
    try:
        write, usual = KINDS[kind]
    except KeyError:
        raise ValueError(f"No kind of figure {kind!r}; choose one of {', '.join(KINDS)}.") from None
    return write(value, digits=usual if digits is None else digits)


KINDS: dict[str, tuple[Callable[..., str], int]] = {
    "number": (number, 0),
    "decimal": (number, 1),
    "money": (money, 2),
    "whole_money": (money, 0),
    "share": (share, 1),
    "points": (points, 1),
}


def _pattern(digits: int) -> str:
    return "#,##0" + ("." + "0" * digits if digits else "")


def _local(value: datetime) -> datetime:
    return timezone.localtime(value) if timezone.is_aware(value) else value
