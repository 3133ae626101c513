"""Values of custom fields: how each type is read, and how it is stored in `attributes`."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from crm.models import FieldDefinition, FieldType
from crm.refusals import ManyRefused, Refused

LONGEST_TEXT, LONGEST_LIST = 2000, 100
LARGEST, MOST_DECIMALS = Decimal(10) ** 15, 30


class FieldRefused(Refused):
    """The value does not fit the field, or there is no such field."""

    code = "field_invalid"


def stored(definition: FieldDefinition, value: Any) -> Any:
    """The value as it is kept: numbers and money as text, dates as ISO text. Raises FieldRefused."""
    try:
        return READERS[definition.type](definition, value)
    except FieldRefused:
        raise
    except (ValueError, TypeError, InvalidOperation, ArithmeticError) as error:
        message = _("Not of the type %(type)s.") % {"type": definition.get_type_display()}
        raise FieldRefused(message, path=definition.key) from error


def merged(definitions: Mapping[str, FieldDefinition], before: Mapping[str, Any], given: Mapping[str, Any]) -> dict:
    """`before` with the given values read and put in; None takes a value away. Raises with every fault found."""
    result, faults = dict(before), []
    for key, value in given.items():
        try:
            _put(result, definitions, key, value)
        except FieldRefused as fault:
            fault.path = f"attributes.{key}"
            faults.append(fault)
    if faults:
        raise ManyRefused(faults)
    return result


def _put(result: dict[str, Any], definitions: Mapping[str, FieldDefinition], key: str, value: Any) -> None:
    if key not in definitions:
        raise FieldRefused(_("No such field."), choices=sorted(definitions), code="unknown_field")
    if value is None:
        result.pop(key, None)
    else:
        result[key] = stored(definitions[key], value)


def _text(definition: FieldDefinition, value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or "\0" in value:
        raise ValueError
    return value


def _number(definition: FieldDefinition, value: Any) -> str:
    if isinstance(value, bool):
        raise TypeError
    number = Decimal(str(value).strip())
    if not number.is_finite() or abs(number) >= LARGEST or _decimals(number) > MOST_DECIMALS:
        raise ValueError
    return format(number, "f")


def _decimals(number: Decimal) -> int:
    """Decimals as written out: 1e-99999999 is ten characters long and would be kept as a hundred million."""
    return -int(number.as_tuple().exponent)


def _money(definition: FieldDefinition, value: Any) -> str:
    number = Decimal(_number(definition, value))
    if number != round(number, 4):
        raise FieldRefused(_("At most four decimals."), path=definition.key)
    return format(number, "f")


def _date(definition: FieldDefinition, value: Any) -> str:
    return date.fromisoformat(value.isoformat() if isinstance(value, date) else value).isoformat()


def _datetime(definition: FieldDefinition, value: Any) -> str:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise FieldRefused(_("The time needs its zone, e.g. 2026-11-21T12:00:00+02:00."), path=definition.key)
    return moment.astimezone(UTC).isoformat()


def _truth(definition: FieldDefinition, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _choice(definition: FieldDefinition, value: Any) -> str:
    if value not in definition.choices:
        raise FieldRefused(_("Not one of the choices."), path=definition.key, choices=map(str, definition.choices))
    return value


def _list(definition: FieldDefinition, value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > LONGEST_LIST:
        raise TypeError
    return [_text(definition, item) for item in value]


READERS: dict[str, Callable[[FieldDefinition, Any], Any]] = {
    FieldType.TEXT: _text,
    FieldType.NUMBER: _number,
    FieldType.MONEY: _money,
    FieldType.DATE: _date,
    FieldType.DATETIME: _datetime,
    FieldType.TRUTH: _truth,
    FieldType.CHOICE: _choice,
    FieldType.LIST: _list,
}
