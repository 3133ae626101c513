"""The list of customers: searched, filtered, sorted, with columns to choose, taken out as a file, changed in bulk."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from crm import actions, bulk_actions, figures, keyset, queries
from crm.access import ActorRequest, needs
from crm.bulk_actions import BulkAction
from crm.lists import files, narrowing
from crm.lists.kinds import CUSTOMERS
from crm.lists.shown import Shown, shown
from crm.notices import notify
from crm.refusals import Refused
from crm.rights import Actor, may
from crm.views import lists


@lists.SAFE
@needs("customers.view")
def customers(request: ActorRequest) -> HttpResponse:
    """The customers of the visitor's teams: searched, filtered, sorted, page after page."""
    actor, one = request.actor, shown(CUSTOMERS, request.actor, request.GET)
    context = {
        **lists.context(request, one, "customers"),
        "may_create": may(actor, "customers.change"),
        "search_label": search_label(actor),
        "bulk": [(action.key, action.label) for action in bulk_actions.open_to(actor)]
        + [(kind, kind.upper()) for kind in files.FORMATS if may(actor, "exports.persons")],
    }
    return render(request, "crm/customers.html", context)


def search_label(actor: Actor) -> str:
    if may(actor, "customers.identify"):
        return _("Name, number, e-mail, phone or company")
    return _("Customer number")


@lists.SAFE
@needs("exports.persons")
def customers_file(request: ActorRequest, kind: str) -> HttpResponseBase:
    """The customers that match, as a file; written into the audit."""
    return lists.file(request, CUSTOMERS, kind, back="customers")


@require_POST
@needs("customers.view")
def customers_columns(request: ActorRequest) -> HttpResponse:
    """Keep which columns the visitor wants to see."""
    return lists.choose_columns(request, CUSTOMERS.name, "customers")


# --- many at once --------------------------------------------------------------------------------


@require_http_methods(["POST"])
@needs("customers.view")
def bulk(request: ActorRequest) -> HttpResponseBase:
    """Say what would be done to how many; done when it is said again with its form."""
    given = request.POST
    one = shown(CUSTOMERS, request.actor, QueryDict(given.get("list", "")))
    back = f"{reverse('customers')}?{given.get('list', '')}"
    action = bulk_actions.named(given.get("action", ""), request.actor)
    try:
        ids = chosen(one, given)
        if given.get("action") in ("csv", "xlsx"):
            return lists.ticked_file(request, one, ids, given["action"])
        if action is None or not ids:
            raise Refused(_("Tick the customers first, and choose what to do."))
        return _asked(request, action, ids, back)
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
        return redirect(back)


def chosen(one: Shown, given: QueryDict) -> list[int]:
    """The ticked customers in scope, or all that match. Raises TooMany, or the fault of a filter."""
    most = bulk_actions.most_at_once(one.actor)
    if given.get("all"):
        if one.faults:
            raise one.faults[0]
        return narrowing.ids(one.narrowed, most=most)
    asked = [keyset.row_id(text) for value in given.getlist("ids") for text in value.split(",")]
    ticked = sorted({pk for pk in asked if pk is not None})
    if len(ticked) > most:
        raise narrowing.TooMany(_("At most %(most)s customers at once.") % {"most": figures.number(most)})
    pieces = (ticked[i : i + narrowing.FEW] for i in range(0, len(ticked), narrowing.FEW))
    rows = queries.customers(one.actor).order_by("pk")
    return [pk for piece in pieces for pk in rows.filter(pk__in=piece).values_list("pk", flat=True)]


def _asked(request: ActorRequest, action: BulkAction, ids: list[int], back: str) -> HttpResponse:
    given = request.POST
    is_said = "said" in given
    form = action.form(given if is_said else None, actor=request.actor)
    if is_said and form.is_valid() and given["said"] == str(len(ids)):
        return _done(request, action, ids, form.parameters(), back)
    context = {
        "action": action,
        "form": form,
        "sentence": sentence(action, len(ids)),
        "n": len(ids),
        "ids": "" if given.get("all") else ",".join(map(str, ids)),
        "is_all": bool(given.get("all")),
        "list": given.get("list", ""),
        "back": back,
        "has_grown": is_said and given["said"] != str(len(ids)),
        "some": queries.customers(request.actor).filter(pk__in=ids[:5]),
        "crumbs": [(_("Customers"), back)],
    }
    return render(request, "crm/bulk.html", context, status=400 if is_said else 200)


def sentence(action: BulkAction, n: int) -> str:
    told = ngettext("This concerns %(n)s customer.", "This concerns %(n)s customers.", n)
    return told % {"n": figures.number(n)}


def _done(
    request: ActorRequest, action: BulkAction, ids: list[int], parameters: dict[str, Any], back: str
) -> HttpResponse:
    change = actions.change_many(
        action=action.key, customers=ids, parameters=parameters, by=request.actor, at=timezone.now()
    )
    told = action.told(parameters, change.changed)
    if same := change.chosen - change.changed:
        told += " " + ngettext("%(n)s was so already.", "%(n)s were so already.", same) % {"n": figures.number(same)}
    undo = reverse("customers-bulk-undo", args=[change.pk]) if change.changed else ""
    notify(request, told, undo_url=undo)
    return redirect(back)


@require_POST
@needs("customers.view")
def bulk_undo(request: ActorRequest, pk: int) -> HttpResponse:
    """Take a change of many back."""
    change = get_object_or_404(queries.bulk_changes(request.actor), pk=min(pk, keyset.LARGEST_ID))
    try:
        back = actions.undo_many(change, by=request.actor, at=timezone.now())
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
    else:
        told = ngettext("%(n)s customer is as before.", "%(n)s customers are as before.", back)
        notify(request, told % {"n": figures.number(back)})
    return redirect(came_from(request))


def came_from(request: ActorRequest) -> str:
    """The list's own address that the visitor looks at."""
    last = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(last, {request.get_host()}) and reverse("customers") in last
    return last if is_ours and "/bulk/" not in last else reverse("customers")
