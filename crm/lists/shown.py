"""A list made ready for its page, its file and what is done to all of it: one reading of what was asked."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.utils.translation import gettext as _

from crm import search, tables
from crm.lists import columns, conditions, narrowing, views
from crm.lists.columns import Cell, ListColumn
from crm.lists.conditions import Condition, Subject
from crm.refusals import Refused
from crm.rights import Actor, may

ROWS = 50


@dataclass(frozen=True)
class Kind:
    """What differs between lists: whose rows, how they are searched, which columns and orders there are."""

    name: str
    rows: Callable[[Actor], QuerySet[Any]]
    form: Callable[..., Any]
    found: Callable[[Actor, QuerySet[Any], str], search.Found]
    columns: Callable[[Actor], list[ListColumn]]
    usual: tuple[str, ...]
    usual_order: str
    title: Callable[[Any, Actor], str]
    title_sort: str
    link: Any
    counted: Callable[[int, str], str]


@dataclass(frozen=True)
class Shown:
    """The list as one visitor asked for it. `faults` are filters that could not be read: nothing rests on them."""

    kind: Kind
    actor: Actor
    asked: views.Asked
    form: Any
    subjects: dict[str, Subject]
    conditions: tuple[Condition, ...]
    faults: tuple[Refused, ...]
    narrowed: narrowing.Narrowed
    nearest: tuple[str, ...]
    known: tuple[ListColumn, ...]
    columns: tuple[ListColumn, ...]
    sort: tables.Order

    @property
    def is_filtered(self) -> bool:
        return bool(self.form.is_filtered() or self.conditions)


def shown(kind: Kind, actor: Actor, given: Any) -> Shown:
    asked = views.asked(actor, kind.name, given)
    subjects = conditions.subjects_of(kind.name, actor)
    wanted, faults = conditions.read(asked.parameters.get("where", []), subjects)
    form = kind.form(asked.query, actor=actor)
    words = form.words()
    rows = kind.rows(actor)
    found = kind.found(actor, rows, words) if words else search.Found(rows)
    meant, among = _narrowed(kind, actor, wanted, faults)
    known = (*kind.columns(actor), *columns.brought(kind.name, actor))
    chosen = _chosen(known, asked.columns or kind.usual)
    counted = None if found.counted is None else form.narrowed(found.counted).filter(meant)
    is_bare = counted is not None and not wanted and not form.is_narrowed() and actor.team_ids is None
    narrowed = narrowing.Narrowed(
        loaded(kind, form.narrowed(found.rows).filter(meant), chosen), among, counted, search.FEW * is_bare
    )
    sort = tables.order({"sort": asked.first("sort")}, headings(kind, actor, known), kind.usual_order)
    return Shown(
        kind, actor, asked, form, subjects, tuple(wanted), tuple(faults), narrowed, found.nearest, known, chosen, sort
    )


def _narrowed(kind: Kind, actor: Actor, wanted: list[Condition], faults: list[Refused]) -> tuple[Q, Any]:
    try:
        return conditions.narrowed(kind.name, actor, wanted)
    except Refused as fault:  # what a floor above cannot answer now
        faults.append(fault)
        return Q(pk__in=[]), None


def _chosen(known: Sequence[ListColumn], wanted: Iterable[str]) -> tuple[ListColumn, ...]:
    by_key = {one.key: one for one in known}
    return tuple(by_key[key] for key in dict.fromkeys(wanted) if key in by_key)[: columns.MOST]


def loaded(kind: Kind, rows: QuerySet[Any], chosen: Sequence[ListColumn]) -> QuerySet[Any]:
    """The rows with what the columns need, whatever their number."""
    needs = {name for one in chosen for name in one.needs}
    rows = rows.select_related(*sorted(needs)) if needs else rows
    if any(one.kind == "tags" for one in chosen):
        tagged = kind.link.objects.filter(tag__archived_at__isnull=True).select_related("tag").order_by("tag__name")
        rows = rows.prefetch_related(Prefetch("tagged", tagged, to_attr="links"))
    return rows


def headings(kind: Kind, actor: Actor, chosen: Sequence[ListColumn]) -> list[tables.Column]:
    """The columns as a table heads them, the name first; analysts do not sort by names."""
    named = kind.title_sort if kind.name != "customers" or may(actor, "customers.identify") else ""
    kinds = {"number": "number", "money": "number"}
    first = tables.Column(_("Name"), sort=named)
    return [first, *(tables.Column(one.label, kinds.get(one.kind, "text"), one.sort) for one in chosen)]


def page(one: Shown, cursor: str) -> tuple[Any, list[tuple[Any, str, list[Cell]]]]:
    """The page after the cursor, and its rows with their titles and cells."""
    found = narrowing.page(one.narrowed, order=str(one.sort), cursor=cursor, size=ROWS)
    values = columns.values(one.kind.name, one.actor, one.columns, found.rows)
    rows = [
        (row, one.kind.title(row, one.actor), columns.cells(one.columns, row, known))
        for row, known in zip(found.rows, values, strict=True)
    ]
    return found, rows


def file_rows(one: Shown, pieces: Iterable[list[Any]]) -> Iterator[list[Any]]:
    """Lines of a file: the title, then the columns as they are shown."""
    for piece in pieces:
        for row, known in zip(piece, columns.values(one.kind.name, one.actor, one.columns, piece), strict=True):
            yield [one.kind.title(row, one.actor), *(_plain(value) for value in known)]


def _plain(value: Any) -> Any:
    if isinstance(value, list) and value and hasattr(value[0], "name"):
        return ", ".join(tag.name for tag in value)
    return columns.plain(value)


def file_heading(one: Shown) -> list[str]:
    return [_("Name"), *(str(column.label) for column in one.columns)]
