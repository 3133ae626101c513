"""All rows of a list as a file: counted against the limits, written down in the audit, then written piece by piece."""

from datetime import datetime

from django.http import HttpResponseBase
from django.utils import timezone

from crm import actions
from crm.lists import files, narrowing, shown
from crm.lists.files import MOST_EXPORTED_BY_SALES
from crm.lists.shown import Shown
from crm.rights import SALES


def of_all(one: Shown, form: str, *, at: datetime) -> HttpResponseBase:
    """Every row that matches, in the columns shown. Raises Refused: a filter's fault, or too many rows."""
    if one.faults:
        raise one.faults[0]
    return of_rows(one, form, one.narrowed, how_many(one, form), at=at)


def how_many(one: Shown, form: str) -> int:
    """Rows of the file, counted as far as a limit needs it. Raises TooMany."""
    if one.actor.role == SALES:
        return len(narrowing.ids(one.narrowed, most=MOST_EXPORTED_BY_SALES))
    total = narrowing.total(one.narrowed)
    return total.n if total.is_exact or form == "csv" else one.narrowed.rows.order_by().count()


def of_rows(one: Shown, form: str, rows: narrowing.Narrowed, n: int, *, at: datetime) -> HttpResponseBase:
    if form == "xlsx":
        files.refuse_too_long(n)
    actions.note_export(list_name=one.kind.name, rows=n, filters=one.asked.kept, by=one.actor, at=at)
    lines = shown.file_rows(one, narrowing.every_row(rows))
    return files.response(one.kind.name, shown.file_heading(one), lines, kind=form, on=timezone.localdate(at), count=n)
