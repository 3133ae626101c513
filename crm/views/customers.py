"""Pages of customers: the list, and the form that enters and changes one."""

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from crm import actions, keyset, queries
from crm.access import ActorRequest, needs
from crm.forms.customers import CustomerForm, FilterForm
from crm.models import Customer
from crm.notices import notify
from crm.refusals import ManyRefused, Refused
from crm.rights import Actor, may
from crm.tables import Column, order
from crm.templatetags.customers import STAGE_TONES
from crm.views.customer import found

COLUMNS = (
    Column(gettext_lazy("Name"), sort="last_name"),
    Column(gettext_lazy("Number")),
    Column(gettext_lazy("Stage")),
    Column(gettext_lazy("City")),
    Column(gettext_lazy("Team")),
    Column(gettext_lazy("Changed"), sort="updated_at"),
)
ROWS = 50


@require_safe
@needs("customers.view")
def customers(request: ActorRequest) -> HttpResponse:
    """The customers of the visitor's teams: searched, filtered, sorted, page after page."""
    actor = request.actor
    form = FilterForm(request.GET, actor=actor)
    sort = order(request.GET, _columns(actor), "-updated_at")
    page = _page(form.rows(queries.customers(actor).select_related("team")), str(sort), request.GET.get("cursor", ""))
    context = {
        "form": form,
        "columns": _columns(actor),
        "sort": sort,
        "page": page,
        "more_url": _with(request, cursor=page.next_cursor) if page.next_cursor else "",
        "may_create": may(actor, "customers.change"),
        "is_filtered": form.is_filtered(),
        "tones": STAGE_TONES,
    }
    return render(request, "crm/customers.html", context)


def _columns(actor: Actor) -> tuple[Column, ...]:
    named = may(actor, "customers.identify")
    return COLUMNS if named else tuple(Column(c.label) if c.sort == "last_name" else c for c in COLUMNS)


def _page(rows: QuerySet[Customer], sort: str, cursor: str) -> keyset.Page:
    return keyset.page_or_first(rows, order=sort, cursor=cursor, size=ROWS)


def _with(request: HttpRequest, **changes: str) -> str:
    query = request.GET.copy()
    for name, value in changes.items():
        query[name] = value
    return f"{request.path}?{query.urlencode()}"


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
