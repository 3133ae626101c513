"""Requests about personal data: filed on the customer's tab, listed by their due day, decided by administrators."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from crm import actions, due, figures, keyset, queries
from crm.access import ActorRequest, needs
from crm.forms.requests import DecisionForm, RequestForm
from crm.models import RequestState
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


@require_safe
@needs("privacy.view")
def requests(request: ActorRequest) -> HttpResponse:
    """Open requests, the most urgent first; or all those decided, the newest first."""
    actor, today = request.actor, due.day_of(timezone.now())
    rows, is_closed = queries.privacy_requests(actor), request.GET.get("state") == "closed"
    open_ones = rows.filter(state=RequestState.OPEN)
    late = open_ones.filter(due_on__lt=today).count()
    shown = rows.exclude(state=RequestState.OPEN) if is_closed else open_ones
    order = "-id" if is_closed else "due_on"
    page = keyset.page_or_first(
        shown.select_related("customer", "filed_by"), order=order, cursor=request.GET.get("cursor", ""), size=PAGE
    )
    waiting = open_ones.count()
    told = ngettext("%(n)s request is open", "%(n)s requests are open", waiting) % {"n": figures.number(waiting)}
    overdue = ngettext("%(n)s is overdue", "%(n)s are overdue", late) % {"n": figures.number(late)}
    context = {
        "answer": f"{told}, {overdue}." if late else f"{told}.",
        "columns": COLUMNS,
        "rows": page.rows,
        "today": today,
        "is_closed": is_closed,
        "more_url": more_url(request, cursor=page.next_cursor) if page.next_cursor else "",
    }
    return render(request, "crm/privacy_requests.html", context)


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
    rows = queries.privacy_requests(request.actor).select_related("customer")
    row, address = get_object_or_404(rows, pk=min(pk, keyset.LARGEST_ID)), reverse("privacy-requests")
    form = DecisionForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            actions.decide_request(row, by=request.actor, at=timezone.now(), **form.cleaned_data)
        except Refused as fault:
            form.add_error(fault.path if fault.path in form.fields else None, fault.message)
        else:
            notify(request, _("The decision is written down."))
            return redirect(address)
    title = f"{row.get_kind_display()} · {row.customer}"
    return _form(request, form, title, [(_("Privacy requests"), address)], address)


def _form(request: ActorRequest, form: Any, title: str, crumbs: Any, address: str) -> HttpResponse:
    context = {"form": form, "title": title, "crumbs": crumbs, "cancel_url": address}
    return render(request, "crm/task_edit.html", context, status=400 if form.is_bound else 200)
