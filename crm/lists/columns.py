"""Columns that a list may show: its own, custom fields, and those that floors above bring with their values."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from crm import figures
from crm.rights import Actor, may

MOST = 30  # columns at once


@dataclass(frozen=True)
class ListColumn:
    """One column: `read` gives its value from a row; without it the source that brought it does, for many rows."""

    key: str
    label: str | Promise
    group: str | Promise
    kind: str = "text"
    sort: str = ""
    read: Callable[[Any], Any] | None = None
    url: Callable[[Any], str] | None = None
    unit: str = ""
    needs: tuple[str, ...] = ()
    is_personal: bool = False


@dataclass(frozen=True)
class Cell:
    """What stands in a row: words, an address, and badges (pairs of tone and word)."""

    text: str
    kind: str = "text"
    url: str = ""
    badges: tuple[tuple[str, str], ...] = ()
    at: datetime | None = None


# Columns of a floor above, and their values for these ids: id → key → value.
Values = Mapping[int, Mapping[str, Any]]


@dataclass(frozen=True)
class Source:
    """Columns of one list that another floor brings."""

    name: str
    list: str
    right: str
    columns: Callable[[Actor], Iterable[ListColumn]]
    values: Callable[[Actor, Sequence[str], Sequence[int]], Values]


SOURCES: list[Source] = []


def register(source: Source) -> None:
    """Add a source; called once, from the AppConfig.ready of the floor that brings it."""
    SOURCES.append(source)


def brought(name: str, actor: Actor) -> list[ListColumn]:
    sources = [one for one in SOURCES if one.list == name and may(actor, one.right)]
    return [column for one in sources for column in one.columns(actor)]


def values(name: str, actor: Actor, shown: Sequence[ListColumn], rows: Sequence[Any]) -> list[list[Any]]:
    """The value of each column for each row; one question per source, whatever the number of rows."""
    keys = {column.key for column in shown if column.read is None}
    ids = [row.pk for row in rows]
    found: dict[int, dict[str, Any]] = {pk: {} for pk in ids}
    for source in (one for one in SOURCES if one.list == name and ids):
        mine = [key for key in sorted(keys) if key.partition(".")[0] == source.name]
        for pk, known in (source.values(actor, mine, ids) if mine else {}).items():
            found[pk].update(known)
    return [[one.read(row) if one.read else found[row.pk].get(one.key) for one in shown] for row in rows]


def cells(shown: Sequence[ListColumn], row: Any, known: Sequence[Any]) -> list[Cell]:
    return [cell(column, row, value) for column, value in zip(shown, known, strict=True)]


def cell(column: ListColumn, row: Any, value: Any) -> Cell:
    if value in (None, "", []):
        return Cell("–", "num" if column.kind in ("number", "money") else "text")
    url = column.url(row) if column.url else ""
    match column.kind:
        case "tags":
            return Cell("", "tags", badges=tuple((tag.colour, tag.name) for tag in value))
        case "when":
            return Cell("", "when", at=value)
        case "money":
            return Cell(figures.money(value, column.unit or None), "num")
        case "number":
            return Cell(figures.figure(value, "decimal" if value % 1 else "number"), "num")
        case "date" | "datetime":
            return Cell(figures.day(value))
        case "truth":
            return Cell(_("Yes") if value else _("No"))
    return Cell(", ".join(value) if isinstance(value, list) else str(value), url=url)


def plain(value: Any) -> Any:
    """The value for a file: numbers stay numbers, times are ISO 8601, lists have commas between."""
    match value:
        case None:
            return ""
        case bool():
            return _("Yes") if value else _("No")
        case int() | float() | Decimal():
            return value
        case datetime() | date():
            return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value.isoformat()
        case list():
            return ", ".join(str(one) for one in value)
    return str(value)
