"""The list of customers: searched, filtered, sorted, with columns to choose, taken out as a file."""

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.access import ActorRequest, needs
from crm.lists.kinds import CUSTOMERS
from crm.lists.shown import shown
from crm.rights import Actor, may
from crm.views import bulk, lists


@lists.SAFE
@needs("customers.view")
def customers(request: ActorRequest) -> HttpResponse:
    """The customers of the visitor's teams: searched, filtered, sorted, page after page."""
    actor, one = request.actor, shown(CUSTOMERS, request.actor, request.GET)
    context = {
        **lists.context(request, one, "customers"),
        "may_create": may(actor, "customers.change"),
        "search_label": search_label(actor),
        "bulk": bulk.offered(actor, CUSTOMERS),
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
