"""Pages of a list by position, not by number: stable while rows come and go, quick on a million rows, no counting."""

import base64
import binascii
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

from crm import moments
from crm.refusals import Refused

LARGEST_ID = 2**63 - 1


class CursorUnknown(Refused):
    """The cursor was cut, altered, or belongs to another order of the list."""

    code = "cursor_unknown"


@dataclass(frozen=True)
class Page:
    """Rows of one page; `next_cursor` is empty on the last one."""

    rows: list[Any]
    next_cursor: str


def page_of(rows: QuerySet, *, order: str, cursor: str = "", size: int = 50) -> Page:
    """The page after `cursor` in the order of one non-null column (`-` before it for descending), ties by id."""
    column, descending = order.removeprefix("-"), order.startswith("-")
    tie = "-id" if descending else "id"
    rows = rows.order_by(order, tie) if column != "id" else rows.order_by(order)
    if cursor:
        rows = rows.filter(_after(rows.model, column, descending, *_decoded(cursor, order)))
    found = list(rows[: size + 1])
    return Page(found[:size], _encoded(order, found[size - 1]) if len(found) > size else "")


def page_or_first(rows: QuerySet, *, order: str, cursor: str = "", size: int = 50) -> Page:
    """As page_of, for pages: a cursor that does not belong to the list leads to its beginning."""
    try:
        return page_of(rows, order=order, cursor=cursor, size=size)
    except CursorUnknown:
        return page_of(rows, order=order, size=size)


def cursor_at(row: Model, *, order: str) -> str:
    """The cursor of the page that begins after the row."""
    return _encoded(order, row)


def every_row(rows: QuerySet, *, size: int = 500) -> Iterator[Any]:
    """All rows by id, piece after piece: a long file begins at once and never stands in memory."""
    rows, after = rows.order_by("pk"), -1
    while piece := list(rows.filter(pk__gt=after)[:size]):
        yield from piece
        after = piece[-1].pk


def row_id(text: str) -> int | None:
    """The id that an address or a form names; None when no row can have it."""
    is_number = text.isascii() and text.isdigit() and len(text) <= 18
    return int(text) if is_number else None


def _after(model: type[Model], column: str, descending: bool, text: str, row_id: int) -> Q:
    side = "lt" if descending else "gt"
    if column == "id":
        return Q(**{f"id__{side}": row_id})
    value = _value(model, column, text)
    # The first condition repeats what the second says, so that the index bounds the scan.
    return Q(**{f"{column}__{side}e": value}) & (Q(**{f"{column}__{side}": value}) | Q(**{f"id__{side}": row_id}))


def _value(model: type[Model], column: str, text: str) -> Any:
    try:
        value = model._meta.get_field(column).to_python(text)  # type: ignore[union-attr]
    except (ValidationError, FieldDoesNotExist) as error:
        raise _unknown() from error
    if isinstance(value, datetime) and not moments.is_tellable(value):
        raise _unknown()
    return value


def _encoded(order: str, row: Model) -> str:
    value = getattr(row, order.removeprefix("-"))
    parts = [order, _text(value), row.pk]
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _decoded(cursor: str, order: str) -> Sequence[Any]:
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        known_order, text, row_id = parts
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise _unknown() from error
    in_range = isinstance(row_id, int) and 0 <= row_id <= LARGEST_ID
    if known_order != order or not isinstance(text, str) or not _is_storable(text) or not in_range:
        raise _unknown()
    return text, row_id


def _is_storable(text: str) -> bool:
    """Whether a database takes the text: no NUL, no half characters."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _unknown() -> CursorUnknown:
    return CursorUnknown(_("This cursor does not belong to this list; begin without one."), path="cursor")
