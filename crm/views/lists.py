"""What the pages of lists share: their context, their files, their columns, their saved views."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from crm import actions, figures
from crm.access import ActorRequest
from crm.forms.lists import ConditionForm
from crm.lists import conditions, files, narrowing, shown, views, whole
from crm.lists.files import MOST_EXPORTED_BY_SALES
from crm.lists.shown import Kind, Shown
from crm.models import Sharing
from crm.notices import notify
from crm.refusals import Refused
from crm.rights import SALES, may

SAFE = require_safe


def context(request: ActorRequest, one: Shown, name: str) -> dict[str, Any]:
    """All that the frame of a list shows."""
    path, parameters = reverse(name), one.asked.parameters
    page, rows = shown.page(one, request.GET.get("cursor", ""))
    total = None if request.GET.get("cursor") else narrowing.total(one.narrowed)
    adding = one.subjects.get(request.GET.get("add", ""))
    return {
        "shown": one,
        "form": one.form,
        "page": page,
        "rows": rows,
        "total": total,
        "total_words": one.kind.counted(total.n, str(total)) if total else "",
        "all_words": _("All %(n)s that match") % {"n": total} if total and total.n > len(rows) else "",
        "columns_url": f"{name}-columns",
        "answer": answer(one, total),
        "columns": shown.headings(one.kind, one.actor, one.columns),
        "sort": one.sort,
        "more_url": _more(request, page.next_cursor),
        "is_filtered": one.is_filtered,
        "list_url": path,
        "clear_url": path + "?view=" if one.asked.usual_view else path,
        "chips": [
            (condition.words, views.address(path, parameters, where=without(one, i), add=None))
            for i, condition in enumerate(one.conditions)
        ],
        "kept": kept(parameters),
        "groups": grouped(one.subjects.values()),
        "adding": adding,
        "condition_form": ConditionForm(adding) if adding else None,
        "operators": [(key, operator.takes) for key, operator in conditions.operators_of(adding)] if adding else [],
        "column_groups": column_groups(one),
        "views": [(view, f"{path}?view={view.pk}", view == one.asked.view) for view in one.asked.views],
        "view": one.asked.view,
        "is_own_view": bool(one.asked.view and one.asked.view.owner_id == request.user.pk),
        "is_usual_view": bool(one.asked.view and one.asked.view.pk == one.asked.usual_view),
        "all_url": path + "?view=" if one.asked.usual_view else path,
        "sharings": Sharing.choices,
        "files": [(kind, file_address(name, kind, one)) for kind in files.FORMATS],
        "may_export": may(one.actor, "exports.persons"),
        "list_name": one.kind.name,
        "query": request.GET.urlencode(),
    }


def file_address(name: str, kind: str, one: Shown) -> str:
    columns = list(one.asked.columns) or None
    return views.address(reverse(f"{name}-file", args=[kind]), one.asked.parameters, add=None, columns=columns)


def answer(one: Shown, total: narrowing.Total | None) -> str:
    """How many there are, and how they were found when nothing is written as asked."""
    if total is None:
        return ""
    if one.nearest:
        names = ", ".join(one.nearest)
        return _("Nothing is written “%(text)s”. Nearest: %(names)s.") % {"text": one.form.words(), "names": names}
    return ""


def without(one: Shown, position: int) -> list[str] | None:
    """The conditions but one, as the address says them; an empty one keeps a view's own from coming back."""
    left = [str(condition) for i, condition in enumerate(one.conditions) if i != position]
    return left or ([""] if one.asked.view else None)


def kept(parameters: Any) -> Iterator[tuple[str, str]]:
    """What a form of the page sends along with its own fields."""
    for name in ("view", "sort", "where", "columns"):
        for value in parameters.get(name, []):
            yield name, value


def grouped(subjects: Any) -> list[tuple[str, list[Any]]]:
    ordered = sorted(subjects, key=lambda one: (one.group, one.label))
    return [(group, list(ones)) for group, ones in groupby(ordered, key=lambda one: one.group)]


def column_groups(one: Shown) -> list[tuple[str, list[tuple[Any, bool]]]]:
    """Every column, ticked when it is shown; those shown come first, in their order."""
    keys = {column.key for column in one.columns}
    first = [(_("Shown"), [(column, True) for column in one.columns])]
    rest = sorted((column for column in one.known if column.key not in keys), key=lambda one: str(one.group))
    groups = groupby(rest, key=lambda one: str(one.group))
    return first + [(group, [(column, False) for column in columns]) for group, columns in groups]


def _more(request: ActorRequest, cursor: str) -> str:
    if not cursor:
        return ""
    query = request.GET.copy()
    query["cursor"] = cursor
    return f"{request.path}?{query.urlencode()}"


# --- files ---------------------------------------------------------------------------------------


def file(request: ActorRequest, kind: Kind, form: str, *, back: str) -> HttpResponseBase:
    """All rows that match, in the columns shown."""
    if form not in files.FORMATS:
        raise Http404
    one = shown.shown(kind, request.actor, request.GET)
    try:
        return whole.of_all(one, form, at=timezone.now())
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
        return redirect(f"{reverse(back)}?{request.GET.urlencode()}")


def ticked_file(request: ActorRequest, one: Shown, ids: list[int], form: str) -> HttpResponseBase:
    """The ticked rows, in the columns shown."""
    if not may(one.actor, "exports.persons"):
        raise Refused(_("You may not take out customers as files."))
    if one.actor.role == SALES and len(ids) > MOST_EXPORTED_BY_SALES:
        most = figures.number(MOST_EXPORTED_BY_SALES)
        raise narrowing.TooMany(_("At most %(most)s customers may be exported at once.") % {"most": most})
    rows = shown.loaded(one.kind, one.kind.rows(one.actor), one.columns)
    return whole.of_rows(
        one, form, narrowing.Narrowed(rows, np.array(ids, dtype=np.int64)), len(ids), at=timezone.now()
    )


# --- columns -------------------------------------------------------------------------------------


def choose_columns(request: ActorRequest, list_name: str, name: str) -> HttpResponse:
    """With a view the columns stand in the address until the view is saved; else they are kept for the visitor."""
    chosen, query = request.POST.getlist("columns"), QueryDict(request.POST.get("list", ""), mutable=True)
    query.pop("cursor", None)
    query.pop("columns", None)
    if query.get("view"):
        query.setlist("columns", chosen)
    else:
        actions.choose_columns(list_name=list_name, columns=chosen, by=request.actor)
    return redirect(f"{reverse(name)}?{query.urlencode()}" if query else reverse(name))
