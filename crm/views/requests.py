"""Requests about personal data: filed on the customer's tab, listed by their due day, decided by administrators."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from crm import actions, due, figures, keyset, queries
from crm.access import ActorRequest, needs
from crm.forms.requests import DecisionForm, ExtensionForm, RequestForm
from crm.lists import downloads
from crm.models import PrivacyRequest, RequestState
from crm.notices import notify
from crm.refusals import Refused
from crm.tables import Column
from crm.views.customer import found, more_url

PAGE = 50
COLUMNS = (
    Column(gettext_lazy("Customer")),
    Column(gettext_lazy("Which right")),
    Column(gettext_lazy("Filed")),
    Column(gettext_lazy("Due")),
    Column(gettext_lazy("State")),
)


SHEET = downloads.Sheet(
    "privacy-requests",
    "privacy-requests",
    (
        (gettext_lazy("Customer"), lambda one: one.customer.number if one.customer.erased_at else str(one.customer)),
        (gettext_lazy("Which right"), lambda one: one.get_kind_display()),
        (gettext_lazy("Filed"), lambda one: one.asked_on),
        (gettext_lazy("Due"), lambda one: one.due_on),
        (gettext_lazy("State"), lambda one: one.get_state_display()),
        (gettext_lazy("Outcome"), lambda one: one.outcome),
    ),
    downloads.PERSONS,
)


@require_safe
@needs("privacy.view")
def requests(request: ActorRequest) -> HttpResponse:
    """Open requests, the most urgent first; or all those decided, the newest first."""
    actor, today = request.actor, due.day_of(timezone.now())
    open_ones = queries.privacy_requests(actor).filter(state=RequestState.OPEN)
    late, is_closed = open_ones.filter(due_on__lt=today).count(), _is_closed(request)
    page = keyset.page_or_first(_shown(request), order=_order(request), cursor=request.GET.get("cursor", ""), size=PAGE)
    waiting, address = open_ones.count(), reverse("privacy-requests")
    told = ngettext("%(n)s request is open", "%(n)s requests are open", waiting) % {"n": figures.number(waiting)}
    overdue = ngettext("%(n)s is overdue", "%(n)s are overdue", late) % {"n": figures.number(late)}
    context = {
        "answer": f"{told}, {overdue}." if late else f"{told}.",
        "columns": COLUMNS,
        "rows": page.rows,
        "today": today,
        "tabs": [(_("Open ones"), address, waiting), (_("Decided ones"), f"{address}?state=closed", None)],
        "current": f"{address}?state=closed" if is_closed else address,
        "files": downloads.links(request, "privacy-requests-file"),
        "more_url": more_url(request, cursor=page.next_cursor) if page.next_cursor else "",
    }
    return render(request, "crm/privacy_requests.html", context)


@require_safe
@needs("privacy.view")
def requests_file(request: ActorRequest, kind: str) -> HttpResponseBase:
    """Those of the open tab as a file."""
    return downloads.download(request, SHEET, _shown(request).order_by(_order(request), "pk"), kind)


def _is_closed(request: ActorRequest) -> bool:
    return request.GET.get("state") == "closed"


def _order(request: ActorRequest) -> str:
    return "-id" if _is_closed(request) else "due_on"


def _shown(request: ActorRequest) -> QuerySet[PrivacyRequest]:
    """The open ones, or all those decided."""
    rows = queries.privacy_requests(request.actor).select_related("customer", "filed_by")
    return rows.exclude(state=RequestState.OPEN) if _is_closed(request) else rows.filter(state=RequestState.OPEN)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("privacy.file")
def request_new(request: ActorRequest, pk: int) -> HttpResponse:
    """File what a person asked about their data."""
    row, now, address = found(request.actor, pk), timezone.now(), reverse("customer-privacy", args=[pk])
    is_sent = request.method == "POST"
    form = RequestForm(request.POST if is_sent else None, initial={"asked_on": due.day_of(now)})
    if form.is_valid():
        try:
            filed = actions.file_request(row, by=request.actor, at=now, **form.cleaned_data)
        except Refused as fault:
            form.add_error(fault.path if fault.path in form.fields else None, fault.message)
        else:
            notify(request, _("The request is filed; it is due on %(day)s.") % {"day": figures.day(filed.due_on)})
            return redirect(address)
    return _form(request, form, _("File a request"), [(str(row), address)], address)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("privacy.execute")
def request_decide(request: ActorRequest, pk: int) -> HttpResponse:
    """Done, or refused with the reason."""
    form = DecisionForm(request.POST if request.method == "POST" else None)
    return _changed(request, pk, form, actions.decide_request, _("The decision is written down."))


@require_http_methods(["GET", "HEAD", "POST"])
@needs("privacy.execute")
def request_extend(request: ActorRequest, pk: int) -> HttpResponse:
    """Two months more, with the reason."""
    form = ExtensionForm(request.POST if request.method == "POST" else None)
    return _changed(request, pk, form, actions.extend_request, _("The request is due two months later."))


def _changed(request: ActorRequest, pk: int, form: Any, act: Any, told: str) -> HttpResponse:
    rows = queries.privacy_requests(request.actor).select_related("customer")
    row, address = get_object_or_404(rows, pk=min(pk, keyset.LARGEST_ID)), reverse("privacy-requests")
    if form.is_valid():
        try:
            act(row, by=request.actor, at=timezone.now(), **form.cleaned_data)
        except Refused as fault:
            form.add_error(fault.path if fault.path in form.fields else None, fault.message)
        else:
            notify(request, told)
            return redirect(address)
    title = f"{row.get_kind_display()} · {row.customer}"
    return _form(request, form, title, [(_("Privacy requests"), address)], address)


def _form(request: ActorRequest, form: Any, title: str, crumbs: Any, address: str) -> HttpResponse:
    context = {"form": form, "title": title, "crumbs": crumbs, "cancel_url": address}
    return render(request, "crm/task_edit.html", context, status=400 if form.is_bound else 200)
