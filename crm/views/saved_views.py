"""Saved views of lists: saved, changed, deleted with the way back, and chosen to open a list with."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from crm import actions, keyset, queries
from crm.access import ActorRequest, needs
from crm.lists import conditions, views
from crm.models import ListName, SavedView, Sharing
from crm.notices import notify
from crm.refusals import Refused
from crm.rights import may


def _known(list_name: str) -> str:
    if list_name not in ListName.values:
        raise Http404
    return list_name


@require_POST
@needs("customers.view")
def save(request: ActorRequest, list_name: str) -> HttpResponse:
    """Keep what the list shows: into the view it began from when `view` names it, else as a new one."""
    asked = views.asked(request.actor, _known(list_name), QueryDict(request.POST.get("list", "")))
    values = {"query": asked.kept, "columns": list(asked.columns), "sort": asked.first("sort")}
    try:
        row = _saved(request, asked, list_name, values)
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
        return redirect(views.address(reverse(list_name), asked.parameters))
    return redirect(f"{reverse(list_name)}?view={row.pk}")


def _saved(request: ActorRequest, asked: views.Asked, list_name: str, values: dict[str, Any]) -> SavedView:
    by, now, given = request.actor, timezone.now(), request.POST
    if given.get("view") and asked.view:
        row = actions.change_view(asked.view, values=values, by=by, at=now)
        notify(request, _("The view “%(name)s” is changed.") % {"name": row.name})
        return row
    named = {"name": given.get("name", ""), "sharing": given.get("sharing") or Sharing.NOBODY}
    row = actions.save_view(list_name=list_name, values={**values, **named}, by=by, at=now)
    notify(request, _("The view “%(name)s” is saved.") % {"name": row.name})
    return row


@require_POST
@needs("customers.view")
def delete(request: ActorRequest, pk: int) -> HttpResponse:
    """Take one's own view away."""
    row = get_object_or_404(queries.views(request.actor), pk=min(pk, keyset.LARGEST_ID))
    try:
        actions.delete_view(row, by=request.actor, at=timezone.now())
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
    else:
        told = _("The view “%(name)s” is deleted.") % {"name": row.name}
        notify(request, told, undo_url=reverse("view-restore", args=[row.pk]))
    return redirect(f"{reverse(row.list_name)}?view=")


@require_POST
@needs("customers.view")
def restore(request: ActorRequest, pk: int) -> HttpResponse:
    """Bring back what was deleted."""
    own = {} if may(request.actor, "users.change") else {"owner": request.user}  # whoever may delete may restore
    row = get_object_or_404(SavedView, pk=min(pk, keyset.LARGEST_ID), **own)
    actions.restore_view(row, by=request.actor, at=timezone.now())
    notify(request, _("The view “%(name)s” is back.") % {"name": row.name})
    return redirect(f"{reverse(row.list_name)}?view={row.pk}")


@require_POST
@needs("customers.view")
def usual(request: ActorRequest, list_name: str) -> HttpResponse:
    """Open the list with this view from now on; without one, with every row."""
    wanted = keyset.row_id(request.POST.get("view", ""))
    known = queries.views(request.actor, _known(list_name))
    view = get_object_or_404(known, pk=wanted) if wanted is not None else None
    actions.choose_view(list_name=list_name, view=view, by=request.actor)
    told = _("The list opens with “%(name)s”.") % {"name": view.name} if view else _("The list opens with every row.")
    notify(request, told)
    return redirect(f"{reverse(list_name)}?view={view.pk}" if view else reverse(list_name))


@require_safe
@needs("customers.view")
def condition(request: ActorRequest, list_name: str) -> HttpResponse:
    """Put a filter into the address of the list; what cannot be read is said and filters nothing."""
    path, given = reverse(_known(list_name)), request.GET
    query = QueryDict(given.get("list", ""), mutable=True)
    query.pop("cursor", None)
    query.pop("add", None)
    text = ":".join([given.get("key", ""), given.get("operator", ""), given.get("value", "")])
    try:
        one = conditions.condition(text, conditions.subjects_of(list_name, request.actor))
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
        query["add"] = given.get("key", "")
    else:
        asked = views.asked(request.actor, list_name, query)
        query.setlist("where", [*(text for text in asked.parameters.get("where", []) if text), str(one)])
    return redirect(f"{path}?{query.urlencode()}")
