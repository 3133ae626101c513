"""Columns of a list page and the order a visitor asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Column:
    """One column: `kind` is text, number or action; `sort` its key in the address, empty when it does not sort."""

    label: Any
    kind: str = "text"
    sort: str = ""
    is_label_hidden: bool = False


@dataclass(frozen=True)
class Order:
    """A sort key and its direction, read from `?sort=-name`."""

    key: str
    is_descending: bool = False

    def __str__(self) -> str:
        return ("-" if self.is_descending else "") + self.key


def order(asked: Mapping[str, str], columns: Sequence[Column], usual: str) -> Order:
    """The order in `asked["sort"]`; anything that is not a sortable column falls back to `usual`.

    >>> order({"sort": "-name"}, [Column("Name", sort="name")], "name")
    Order(key='name', is_descending=True)
    """
    wanted = asked.get("sort", usual)
    known = {c.sort for c in columns if c.sort}
    chosen = wanted if wanted.removeprefix("-") in known else usual
    return Order(chosen.removeprefix("-"), chosen.startswith("-"))


def next_order(column: Column, current: str) -> str:
    """What a click on the heading of `column` asks for: the other direction, or this column upwards.

    >>> next_order(Column("Name", sort="name"), "name")
    '-name'
    """
    return f"-{column.sort}" if current == column.sort else column.sort


def direction(column: Column, current: str) -> str:
    """Value of aria-sort for the heading: ascending, descending, or empty when another column sorts."""
    return {column.sort: "ascending", f"-{column.sort}": "descending"}.get(current, "") if column.sort else ""
