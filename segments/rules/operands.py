"""What may stand beside an operator as its value: how each sort is checked, and its JSON Schema."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import re2

from segments.rules.errors import RuleError

MOST_VALUES: Final = 1000
LONGEST_TEXT: Final = 1000
LONGEST_PATTERN: Final = 200
MOST_DAYS: Final = 36_500
MOST_MONEY: Final = Decimal(10) ** 12
MOST_NUMBER: Final = 1e15
FIRST_YEAR: Final = 1800
LAST_YEAR: Final = 2200


@dataclass(frozen=True)
class Place:
    """Where a value stands and what it is compared with: its JSON path, kind and, for a choice, the allowed values."""

    path: str
    kind: str
    choices: tuple[str, ...] = ()

    def refuse(self, reason: str, choices: tuple[str, ...] = (), **words: Any) -> RuleError:
        return RuleError(self.path, reason, choices, **words)

    def item(self, index: int) -> "Place":
        return Place(f"{self.path}[{index}]", self.kind, self.choices)


@dataclass(frozen=True)
class Operand:
    read: Callable[[Any, Place], Any]
    schema: Callable[[str], dict[str, Any]]


def read_text(given: Any, place: Place) -> str:
    if not isinstance(given, str):
        raise place.refuse("must be a text")
    if len(given) > LONGEST_TEXT:
        raise place.refuse("must have at most {most} characters", most=LONGEST_TEXT)
    if "\x00" in given or any(0xD800 <= ord(letter) <= 0xDFFF for letter in given):
        raise place.refuse("must not contain zero bytes or half characters")
    return given


def read_choice(given: Any, place: Place) -> str:
    if place.choices and given not in place.choices:
        raise place.refuse("unknown value {given}", place.choices, given=repr(given))
    return read_text(given, place)


def read_number(given: Any, place: Place) -> int | float:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise place.refuse("must be a number")
    if abs(given) > MOST_NUMBER or math.isnan(given):  # in this order: a whole number may be too long for a float
        raise place.refuse(
            "must be a number between {least} and {most}", least=f"{-MOST_NUMBER:.0e}", most=f"{MOST_NUMBER:.0e}"
        )
    return given


def read_money(given: Any, place: Place) -> Decimal:
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise place.refuse("must be an amount: a number, or a text such as “12.50”")
    try:
        amount = Decimal(str(given))
    except InvalidOperation:
        raise place.refuse("{given} is not an amount", given=repr(given)) from None
    if not amount.is_finite() or amount.copy_abs() >= MOST_MONEY:  # abs() would overflow
        raise place.refuse("must be an amount below 1,000,000,000,000")
    if amount != amount.quantize(Decimal("0.0001")):
        raise place.refuse("must have at most four decimals")
    return amount


def read_truth(given: Any, place: Place) -> bool:
    if not isinstance(given, bool):
        raise place.refuse("must be true or false")
    return given


def read_date(given: Any, place: Place) -> date:
    if not isinstance(given, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", given, re.ASCII):
        raise place.refuse("must be a date such as “2026-05-01”")
    try:
        day = date.fromisoformat(given)
    except ValueError:
        raise place.refuse("{given} is not a date", given=repr(given)) from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise place.refuse("must be a date between {least} and {most}", least=FIRST_YEAR, most=LAST_YEAR)
    return day


def read_whole(given: Any, place: Place, least: int, most: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
        raise place.refuse("must be a whole number from {least} to {most}", least=least, most=most)
    return given


READERS: Final[dict[str, Callable[[Any, Place], Any]]] = {
    "text": read_text,
    "choice": read_choice,
    "list": read_choice,
    "number": read_number,
    "money": read_money,
    "truth": read_truth,
    "date": read_date,
    "datetime": read_date,
}
SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "text": {"type": "string", "maxLength": LONGEST_TEXT},
    "choice": {"type": "string", "maxLength": LONGEST_TEXT},
    "list": {"type": "string", "maxLength": LONGEST_TEXT},
    "number": {"type": "number"},
    "money": {"type": ["number", "string"]},
    "truth": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date"},
}


def read_value(given: Any, place: Place) -> Any:
    return READERS[place.kind](given, place)


def read_values(given: Any, place: Place) -> tuple[Any, ...]:
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_VALUES:
        raise place.refuse("must be a list of 1 to {most} values", most=MOST_VALUES)
    return tuple(read_value(value, place.item(index)) for index, value in enumerate(given))


def read_pair(given: Any, place: Place) -> tuple[Any, Any]:
    if not isinstance(given, list) or len(given) != 2:
        raise place.refuse("must be a list of two values, the lower first")
    low, high = (read_value(value, place.item(index)) for index, value in enumerate(given))
    if low > high:
        raise place.refuse("the lower value must stand first")
    return low, high


def read_nothing(given: Any, place: Place) -> None:
    if given is not None:
        raise place.refuse("this operator takes no value")


def read_fragment(given: Any, place: Place) -> str:
    if not read_text(given, place):
        raise place.refuse("must not be empty")
    return str(given)


def read_pattern(given: Any, place: Place) -> str:
    """A pattern that RE2 accepts: no backreference, no look-around, time linear in the text (github.com/google/re2)."""
    pattern = read_fragment(given, place)
    if len(pattern) > LONGEST_PATTERN:
        raise place.refuse("must have at most {most} characters", most=LONGEST_PATTERN)
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as fault:
        reason = fault.args[0].decode() if isinstance(fault.args[0], bytes) else fault.args[0]
        raise place.refuse("is not a pattern in RE2 syntax: {why}", why=reason) from None
    return pattern


def read_percent(given: Any, place: Place) -> Decimal:
    share = read_money(given, place)
    if not 0 < share <= 100:
        raise place.refuse("must be a number above 0 and up to {most}", most=100)
    return share


def _whole(least: int, most: int) -> Operand:
    return Operand(
        lambda given, place: read_whole(given, place, least, most),
        lambda kind: {"type": "integer", "minimum": least, "maximum": most},
    )


def _wholes(least: int, most: int) -> Operand:
    def read(given: Any, place: Place) -> tuple[int, ...]:
        if not isinstance(given, list) or not 1 <= len(given) <= most - least + 1:
            raise place.refuse("must be a list of whole numbers from {least} to {most}", least=least, most=most)
        return tuple(read_whole(value, place.item(index), least, most) for index, value in enumerate(given))

    whole = {"type": "integer", "minimum": least, "maximum": most}
    return Operand(read, lambda kind: {"type": "array", "items": whole, "minItems": 1, "maxItems": most - least + 1})


def _array(most: int, least: int = 1) -> Callable[[str], dict[str, Any]]:
    return lambda kind: {"type": "array", "items": SCHEMAS[kind], "minItems": least, "maxItems": most}


OPERANDS: Final[dict[str, Operand]] = {
    "nothing": Operand(read_nothing, lambda kind: {"type": "null"}),
    "value": Operand(read_value, lambda kind: SCHEMAS[kind]),
    "values": Operand(read_values, _array(MOST_VALUES)),
    "every": Operand(read_values, _array(MOST_VALUES)),
    "pair": Operand(read_pair, _array(2, 2)),
    "date": Operand(read_date, lambda kind: SCHEMAS["date"]),
    "date_pair": Operand(read_pair, _array(2, 2)),
    "fragment": Operand(read_fragment, lambda kind: {**SCHEMAS["text"], "minLength": 1}),
    "pattern": Operand(read_pattern, lambda kind: {"type": "string", "minLength": 1, "maxLength": LONGEST_PATTERN}),
    "percent": Operand(read_percent, lambda kind: {"type": "number", "exclusiveMinimum": 0, "maximum": 100}),
    "count": _whole(1, 10**12),
    "quintile": _whole(1, 5),
    "days": _whole(0, MOST_DAYS),
    "anniversary": _whole(0, 364),
    "years": _whole(0, 200),
    "weekdays": _wholes(1, 7),
    "months": _wholes(1, 12),
    "hours": _wholes(0, 23),
}
