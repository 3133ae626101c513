"""What is done to many rows of a list at once: said first to how many, then done, and undone."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from crm import actions, bulk_actions, figures, keyset, queries
from crm.access import ActorRequest, needs
from crm.actions.bulk import KINDS
from crm.bulk_actions import BulkAction
from crm.lists import files, narrowing
from crm.lists.shown import Kind, Shown, shown
from crm.models import ListName
from crm.notices import notify
from crm.refusals import Refused
from crm.rights import Actor, may
from crm.views import lists


def offered(actor: Actor, kind: Kind) -> list[tuple[str, Any]]:
    """What the bar of a list offers for the ticked rows."""
    actions_ = [(action.key, action.label) for action in bulk_actions.open_to(actor, kind.name)]
    return actions_ + [(form, form.upper()) for form in files.FORMATS if may(actor, "exports.persons")]


@require_POST
@needs("customers.view")
def bulk(request: ActorRequest, kind: Kind) -> HttpResponseBase:
    """Say what would be done to how many; done when it is said again with its form."""
    given = request.POST
    one = shown(kind, request.actor, QueryDict(given.get("list", "")))
    back = f"{reverse(kind.name)}?{given.get('list', '')}"
    action = bulk_actions.named(given.get("action", ""), request.actor, kind.name)
    try:
        ids = chosen(one, given)
        if given.get("action") in ("csv", "xlsx"):
            return lists.ticked_file(request, one, ids, given["action"])
        if action is None or not ids:
            raise Refused(_("Tick rows first, and choose what to do."))
        return _asked(request, kind, action, ids, back)
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
        return redirect(back)


def chosen(one: Shown, given: QueryDict) -> list[int]:
    """The ticked rows in scope, or all that match. Raises TooMany, or the fault of a filter."""
    most = bulk_actions.most_at_once(one.actor)
    if given.get("all"):
        if one.faults:
            raise one.faults[0]
        return narrowing.ids(one.narrowed, most=most)
    asked = [keyset.row_id(text) for value in given.getlist("ids") for text in value.split(",")]
    ticked = sorted({pk for pk in asked if pk is not None})
    if len(ticked) > most:
        raise narrowing.TooMany(_("At most %(most)s at once.") % {"most": figures.number(most)})
    return narrowing.in_scope(one.kind.rows(one.actor), ticked)


def _asked(request: ActorRequest, kind: Kind, action: BulkAction, ids: list[int], back: str) -> HttpResponse:
    given = request.POST
    is_said = "said" in given
    form = action.form(given if is_said else None, actor=request.actor)
    if is_said and form.is_valid() and given["said"] == str(len(ids)):
        return _done(request, kind, action, ids, form.parameters(), back)
    context = {
        "action": action,
        "form": form,
        "url": reverse(f"{kind.name}-bulk"),
        "sentence": _("This concerns %(n)s.") % {"n": counted(kind, len(ids))},
        "button": f"{action.label}: {counted(kind, len(ids))}",
        "n": len(ids),
        "ids": "" if given.get("all") else ",".join(map(str, ids)),
        "is_all": bool(given.get("all")),
        "list": given.get("list", ""),
        "back": back,
        "has_grown": is_said and given["said"] != str(len(ids)),
        "some": [
            (row, reverse(KINDS[kind.name], args=[row.pk])) for row in kind.rows(request.actor).filter(pk__in=ids[:5])
        ],
        "crumbs": [(ListName(kind.name).label, back)],
    }
    return render(request, "crm/bulk.html", context, status=400 if is_said else 200)


def counted(kind: Kind, n: int) -> str:
    return kind.counted(n, figures.number(n))


def _done(
    request: ActorRequest, kind: Kind, action: BulkAction, ids: list[int], parameters: dict[str, Any], back: str
) -> HttpResponse:
    change = actions.change_many(action=action.key, ids=ids, parameters=parameters, by=request.actor, at=timezone.now())
    told = action.told(parameters, change.changed)
    if same := change.chosen - change.changed:
        told += " " + ngettext("%(n)s was so already.", "%(n)s were so already.", same) % {"n": figures.number(same)}
    undo = reverse(f"{kind.name}-bulk-undo", args=[change.pk]) if change.changed else ""
    notify(request, told, undo_url=undo)
    return redirect(back)


@require_POST
@needs("customers.view")
def bulk_undo(request: ActorRequest, kind: Kind, pk: int) -> HttpResponse:
    """Take a change of many back."""
    change = get_object_or_404(queries.bulk_changes(request.actor), pk=min(pk, keyset.LARGEST_ID))
    try:
        back = actions.undo_many(change, by=request.actor, at=timezone.now())
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
    else:
        notify(request, _("As before: %(n)s.") % {"n": counted(kind, back)})
    return redirect(came_from(request, reverse(kind.name)))


def came_from(request: ActorRequest, usual: str) -> str:
    """The list's own address that the visitor looks at."""
    last = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(last, {request.get_host()}) and usual in last
    return last if is_ours and "/bulk/" not in last else usual
