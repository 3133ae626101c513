"""Lists of work as files: the rows that the filters of a page leave, as CSV or for Excel, written down in the audit."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from crm import actions, figures
from crm.access import ActorRequest
from crm.lists import files
from crm.lists.columns import plain
from crm.lists.files import MOST_EXPORTED_BY_SALES
from crm.notices import notify
from crm.refusals import Refused
from crm.rights import SALES

PERSONS = "exports.persons"
AT_ONCE = 2_000
NOT_TOLD = ("cursor", "q")  # what was searched names persons, and the audit outlives their erasure


@dataclass(frozen=True)
class Sheet:
    """A list as a file: its name, the page it is taken from, its columns, and the right it takes."""

    name: str
    page: str
    columns: tuple[tuple[Any, Callable[[Any], Any]], ...]
    right: str


def links(request: ActorRequest, address: str, *of: Any) -> list[tuple[str, str]]:
    """Format and address of each file of what the page shows, from its first row on."""
    query = request.GET.copy()
    query.pop("cursor", None)
    asked = f"?{query.urlencode()}" if query else ""
    return [(kind, reverse(address, args=[*of, kind]) + asked) for kind in files.FORMATS]


def download(
    request: ActorRequest, sheet: Sheet, rows: QuerySet[Any] | Sequence[Any], kind: str, *, of: Sequence[Any] = ()
) -> HttpResponseBase:
    """The file; what is too long for it is said on the page it was asked from, whose address takes `of`."""
    if kind not in files.FORMATS:
        raise Http404
    now, n = timezone.now(), rows.count() if isinstance(rows, QuerySet) else len(rows)
    try:
        refuse_too_many(request, sheet, n)
        if kind == "xlsx":
            files.refuse_too_long(n)
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
        return redirect(f"{reverse(sheet.page, args=of)}?{request.GET.urlencode()}")
    asked = {name: value for name, value in request.GET.items() if name not in NOT_TOLD}
    actions.note_export(list_name=sheet.name, rows=n, filters=asked, by=request.actor, at=now, right=sheet.right)
    heading = [str(label) for label, _cell in sheet.columns]
    lines = ([plain(cell(row)) for _label, cell in sheet.columns] for row in _each(rows))
    return files.response(sheet.name, heading, lines, kind=kind, on=timezone.localdate(now), count=n)


def _each(rows: QuerySet[Any] | Sequence[Any]) -> Iterable[Any]:
    return rows.iterator(chunk_size=AT_ONCE) if isinstance(rows, QuerySet) else rows


def refuse_too_many(request: ActorRequest, sheet: Sheet, n: int) -> None:
    """Sales take so many persons at once and no more, whatever list they stand in."""
    if sheet.right == PERSONS and request.actor.role == SALES and n > MOST_EXPORTED_BY_SALES:
        most = figures.number(MOST_EXPORTED_BY_SALES)
        raise Refused(_("At most %(most)s rows may be exported at once.") % {"most": most})
