"""The form that enters and changes a customer."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from crm import actions
from crm.access import ActorRequest, needs
from crm.forms.customers import CustomerForm
from crm.models import Customer
from crm.notices import notify
from crm.refusals import ManyRefused, Refused
from crm.rights import Actor
from crm.views.customer import found


@require_http_methods(["GET", "HEAD", "POST"])
@needs("customers.change")
def customer_edit(request: ActorRequest, pk: int) -> HttpResponse:
    """Change what was given about a customer."""
    actor = request.actor
    row = found(actor, pk)
    if row.restricted_at:
        raise PermissionDenied
    return _edited(request, actor, row)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("customers.change")
def customer_new(request: ActorRequest) -> HttpResponse:
    """Enter a new customer."""
    return _edited(request, request.actor, None)


def _edited(request: HttpRequest, actor: Actor, row: Customer | None) -> HttpResponse:
    form = CustomerForm(request.POST or None, actor=actor, customer=row)
    if form.is_valid() and (saved := _saved(form, actor, row)):
        notify(request, _("Saved."))
        return redirect("customer", saved.pk)
    title = _("New customer") if row is None else str(row)
    back = reverse("customers") if row is None else reverse("customer", args=[row.pk])
    context = {"form": form, "title": title, "cancel_url": back, "crumbs": [(_("Customers"), reverse("customers"))]}
    return render(request, "crm/customer_edit.html", context, status=400 if form.is_bound else 200)


def _saved(form: CustomerForm, actor: Actor, row: Customer | None) -> Customer | None:
    now = timezone.now()
    try:
        if row is None:
            return actions.create_customer(values=form.values(), by=actor, at=now)
        return actions.change_customer(row, values=form.values(), by=actor, at=now)
    except Refused as error:
        for fault in error.faults if isinstance(error, ManyRefused) else [error]:
            form.refuse(fault)
        return None
