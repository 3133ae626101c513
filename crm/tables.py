"""Columns of a list page and the order a visitor asked for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import count
from typing import Any

ROW = re.compile(r"<tr\b[^>]*>.*?</tr>", re.DOTALL)
CELL = re.compile(r"<t[dh]\b[^>]*")


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


def labelled(rows: str, labels: Sequence[str]) -> str:
    """Rows of HTML whose cells say which column they are in, for screens where a row is a block.

    A row's first cell is its heading and needs none; a label of its own stays, and so do rows with joined cells.

    >>> labelled("<tr><th>Anna</th><td>3</td></tr>", ["Name", "Orders"])
    '<tr><th>Anna</th><td data-label="Orders">3</td></tr>'
    """
    return ROW.sub(lambda row: row[0] if "colspan" in row[0] else _labelled_row(row[0], labels), rows)


def _labelled_row(row: str, labels: Sequence[str]) -> str:
    place = count()

    def cell(found: re.Match[str]) -> str:
        at = next(place)
        label = labels[at] if 0 < at < len(labels) else ""
        return f'{found[0]} data-label="{escape(label)}"' if label and "data-label" not in found[0] else found[0]

    return CELL.sub(cell, row)
