"""Rows of a list after its filters: a page of them, how many there are, all of them piece by piece.

Filters of floors above come as ids. Few are looked up and put in order; of many, a page meets enough on its way.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from crm import answers, figures, keyset
from crm.refusals import Refused

FEW = 2000  # ids that are looked up at once
MOST_COUNTED = 10_000
STRIDES = (500, 2000, 10_000)  # rows looked at on the way through the order, growing


@dataclass(frozen=True)
class Narrowed:
    """What the database answers, and the ids that must hold besides (None: any).

    `counted` are the same rows in words that are counted quickly, when those of `rows` are not; `at_least` so many
    are known to match without counting.
    """

    rows: QuerySet[Any]
    among: np.ndarray | None = None
    counted: QuerySet[Any] | None = None
    at_least: int = 0


@dataclass(frozen=True)
class Total:
    """How many rows match; not exact beyond ten thousand."""

    n: int
    is_exact: bool

    def __str__(self) -> str:
        return figures.number(self.n) if self.is_exact else _("about %(n)s") % {"n": figures.number(rounded(self.n))}


class TooMany(Refused):
    """More rows match than may be taken at once."""

    code = "too_many"


def rounded(n: int) -> int:
    """Two figures that count.

    >>> rounded(1_048_576)
    1000000
    """
    return round(n, 2 - len(str(n)))


def page(narrowed: Narrowed, *, order: str, cursor: str = "", size: int = 50) -> keyset.Page:
    """The page after the cursor; a cursor that does not belong to the list leads to its beginning."""
    among, rows = narrowed.among, narrowed.rows
    if among is None:
        return keyset.page_or_first(rows, order=order, cursor=cursor, size=size)
    if len(among) <= FEW:
        return keyset.page_or_first(rows.filter(pk__in=among.tolist()), order=order, cursor=cursor, size=size)
    return met(narrowed, order=order, cursor=cursor, size=size)


def met(narrowed: Narrowed, *, order: str, cursor: str, size: int) -> keyset.Page:
    """The page met on the way through the order; only keys are read until it is full."""
    keys = narrowed.rows.select_related(None).prefetch_related(None).only("pk", order.removeprefix("-"))
    found: list[Any] = []
    for stride in _growing():
        seen = keyset.page_or_first(keys, order=order, cursor=cursor, size=stride)
        found += _held(seen.rows, narrowed.among)
        cursor = seen.next_cursor
        if len(found) > size or not cursor:
            break
    whole = {row.pk: row for row in narrowed.rows.filter(pk__in=[row.pk for row in found[:size]])}
    rows = [whole[row.pk] for row in found[:size] if row.pk in whole]
    return keyset.Page(rows, keyset.cursor_at(found[size - 1], order=order) if len(found) > size else "")


def _growing() -> Iterator[int]:
    yield from STRIDES
    while True:
        yield STRIDES[-1]


def _held(rows: list[Any], among: Any) -> list[Any]:
    inside = np.isin([row.pk for row in rows], among)
    return [row for row, is_in in zip(rows, inside, strict=True) if is_in]


def total(narrowed: Narrowed) -> Total:
    """How many rows match, counted to ten thousand; of more, what the database expects."""
    rows = narrowed.rows if narrowed.counted is None else narrowed.counted
    rows, among = rows.order_by().select_related(None), narrowed.among
    if narrowed.at_least and among is None:
        return Total(max(expected(rows), narrowed.at_least), False)
    if among is not None and len(among) <= MOST_COUNTED:
        parts = (among[i : i + FEW].tolist() for i in range(0, len(among), FEW))
        return Total(sum(rows.filter(pk__in=part).count() for part in parts), True)
    counted = rows.values("pk")[: MOST_COUNTED + 1].count()
    if among is None:
        return Total(counted, True) if counted <= MOST_COUNTED else Total(max(expected(rows), counted), False)
    if counted <= MOST_COUNTED:
        return Total(int(np.isin(list(rows.values_list("pk", flat=True)), among).sum()), True)
    return Total(min(len(among), expected(rows)), False)


def expected(rows: QuerySet[Any]) -> int:
    """What the planner of PostgreSQL thinks; elsewhere a count, kept while no row changes."""
    if connection.vendor == "postgresql":
        plan = json.loads(rows.values("pk").explain(format="json"))
        return int(plan[0]["Plan"]["Plan Rows"])
    version = answers.newest((rows.model, "updated_at"))
    return answers.kept(f"count:{rows.values('pk').query}", version, rows.count)


def ids(narrowed: Narrowed, *, most: int) -> list[int]:
    """The ids of all rows that match, ascending. Raises TooMany."""
    found = list(islice(_ids(narrowed), most + 1))
    if len(found) > most:
        raise TooMany(_("More than %(most)s rows match. Filter the list further.") % {"most": figures.number(most)})
    return found


def _ids(narrowed: Narrowed) -> Iterator[int]:
    rows, among = narrowed.rows.order_by("pk").select_related(None), narrowed.among
    if among is not None and len(among) <= 10 * FEW:
        for i in range(0, len(among), FEW):
            yield from rows.filter(pk__in=among[i : i + FEW].tolist()).values_list("pk", flat=True)
        return
    after = -1
    while piece := list(rows.filter(pk__gt=after).values_list("pk", flat=True)[: 10 * FEW]):
        yield from piece if among is None else np.array(piece)[np.isin(piece, among)].tolist()
        after = piece[-1]


def in_scope(rows: QuerySet[Any], ids: Iterable[int]) -> list[int]:
    """Those of the ids that are among the rows, ascending."""
    wanted, rows = sorted(set(ids)), rows.order_by("pk")
    pieces = (wanted[i : i + FEW] for i in range(0, len(wanted), FEW))
    return [pk for piece in pieces for pk in rows.filter(pk__in=piece).values_list("pk", flat=True)]


def every_row(narrowed: Narrowed, *, size: int = 500) -> Iterator[list[Any]]:
    """All rows that match, piece after piece, by id."""
    found = _ids(Narrowed(narrowed.rows, narrowed.among))
    while piece := list(islice(found, size)):
        yield list(narrowed.rows.filter(pk__in=piece).order_by("pk"))
