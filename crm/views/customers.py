"""Pages of customers: the list, and one page per customer."""

from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import get_language_info, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import actions, figures, keyset, moments, panels, queries, timeline
from crm.access import ActorRequest, needs
from crm.forms.customers import CustomerForm, FilterForm
from crm.models import ConsentState, Customer, FieldDefinition
from crm.notices import notify
from crm.refusals import ManyRefused, Refused
from crm.rights import Actor, may
from crm.tables import Column, order

COLUMNS = (
    Column(gettext_lazy("Name"), sort="last_name"),
    Column(gettext_lazy("Number")),
    Column(gettext_lazy("Stage")),
    Column(gettext_lazy("City")),
    Column(gettext_lazy("Team")),
    Column(gettext_lazy("Changed"), sort="updated_at"),
)
ROWS, HAPPENINGS = 50, 30
STAGE_TONES = {"prospect": "info", "occasional": "neutral", "regular": "good", "lapsed": "warn"}


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


@require_safe
@needs("customers.view")
def customer(request: ActorRequest, pk: int) -> HttpResponse:
    """Everything known about one customer: the timeline, given fields, consents, and what floors above add."""
    actor = request.actor
    row = _found(actor, pk)
    happenings, has_more = timeline.of_customer(actor, row, before=_before(request), most=HAPPENINGS)
    context = {
        "customer": row,
        "title": str(row),
        "crumbs": [(_("Customers"), reverse("customers"))],
        "tone": STAGE_TONES[row.stage],
        "answer": _answer(row),
        "happenings": happenings,
        "more_url": _with(request, before=happenings[-1].at.isoformat()) if has_more else "",
        "facts": _facts(actor, row),
        "given": _given(actor, row),
        "consents": _consents(actor, row),
        "may_withdraw": may(actor, "consents.withdraw"),
        "may_change": may(actor, "customers.change") and not row.restricted_at,
        "panels": panels.of_customer(actor, row.pk),
    }
    return render(request, "crm/customer.html", context)


def _found(actor: Actor, pk: int) -> Customer:
    if pk > keyset.LARGEST_ID:
        raise Http404
    return get_object_or_404(queries.customers(actor).select_related("company", "owner", "team"), pk=pk)


def _before(request: HttpRequest) -> datetime:
    try:
        asked = parse_datetime(request.GET.get("before", ""))
    except ValueError:
        asked = None
    return asked if asked and moments.is_tellable(asked) else timezone.now()


def _answer(row: Customer) -> str:
    notes = [(row.restricted_at, _("Processing is restricted.")), (row.objected_at, _("Objects to marketing."))]
    said = [words for is_so, words in notes if is_so]
    since = _("%(stage)s, customer since %(day)s.") % {
        "stage": row.get_stage_display(),
        "day": figures.day(row.created_at),
    }
    return " ".join([since, *said])


def _facts(actor: Actor, row: Customer) -> list[tuple[str, Any]]:
    who = [
        (_("E-mail"), row.email),
        (_("Phone"), row.phone),
        (_("Address"), " ".join(filter(None, [row.street, row.postal_code]))),
    ]
    return [
        (_("Number"), row.number),
        *(who if may(actor, "customers.identify") else []),
        (_("City"), row.city),
        (_("Country"), row.country),
        (_("Language"), _spoken(row.language)),
        (_("Company"), row.company),
        (_("Owner"), row.owner),
        (_("Team"), row.team),
    ]


def _spoken(code: str) -> str:
    """A language in words, as far as its code is known."""
    try:
        return str(get_language_info(code)["name_translated"]).capitalize()
    except KeyError:
        return code


def _given(actor: Actor, row: Customer) -> list[tuple[Any, list[tuple[str, str]]]]:
    """Custom fields with values, grouped by their dimension; special categories are noted as seen."""
    definitions = {field.key: field for field in queries.fields(actor)}
    shown = queries.shown_attributes(actor, row, definitions)
    actions.note_special_use(row, [definitions[key] for key in shown], by=actor, at=timezone.now())
    groups: dict[Any, list[tuple[str, str]]] = {}
    for key, field in definitions.items():
        if key in shown:
            groups.setdefault(field.get_dimension_display(), []).append((_label(actor, field), _words(shown[key])))
    return list(groups.items())


def _label(actor: Actor, field: FieldDefinition) -> str:
    label = field.label_fi if actor.language == "fi" and field.label_fi else field.label
    return f"{label} ({field.unit})" if field.unit else label


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return ", ".join(value) if isinstance(value, list) else str(value)


def _consents(actor: Actor, row: Customer) -> QuerySet[ConsentState]:
    if not may(actor, "consents.view"):
        return ConsentState.objects.none()
    return queries.consents(actor).filter(customer=row).order_by("purpose", "channel")


@require_POST
@needs("consents.withdraw")
def withdraw(request: ActorRequest, pk: int, state_id: int) -> HttpResponse:
    """Record that the customer opts out of one purpose by one channel."""
    actor = request.actor
    row = _found(actor, pk)
    state = get_object_or_404(queries.consents(actor), pk=min(state_id, keyset.LARGEST_ID), customer=row)
    now = timezone.now()
    actions.record_consent(
        row,
        purpose=state.purpose,
        channel=state.channel,
        act="withdrawn",
        said_at=now,
        source="page",
        evidence={"told_to": request.user.username},
        by=actor,
        at=now,
    )
    notify(request, _("The opt-out is recorded."))
    return redirect("customer", row.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("customers.change")
def customer_edit(request: ActorRequest, pk: int) -> HttpResponse:
    """Change what was given about a customer."""
    actor = request.actor
    row = _found(actor, pk)
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
