"""The customer's part of daily work: open tasks, and calls and meetings written down in two clicks."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from crm import actions, due, keyset, panels, queries
from crm.access import ActorRequest, needs
from crm.forms.tasks import ContactForm, QuickForm
from crm.models import Customer, Task, TaskStatus
from crm.notices import notify
from crm.refusals import Refused
from crm.rights import Actor, may
from crm.views.places import back
from crm.views.tasks import dressed, row_context

SHOWN, PAST = 20, 5


@require_safe
@needs("tasks.view")
def customer_tasks(request: ActorRequest, pk: int) -> HttpResponse:
    """What is to be done for one customer, and the buttons that write down a call or meeting."""
    actor, now = request.actor, timezone.now()
    row = _found(actor, pk)
    tasks = queries.tasks(actor).filter(customer=row).select_related("customer", "company", "owner", "deal")
    context = {
        "customer": row,
        "title": str(row),
        "crumbs": [(_("Customers"), reverse("customers")), (str(row), reverse("customer", args=[row.pk]))],
        "tasks": [dressed(one, now) for one in tasks.filter(status=TaskStatus.OPEN).order_by("due_at")[:SHOWN]],
        "past": [dressed(one, now) for one in tasks.filter(status=TaskStatus.DONE).order_by("-due_at")[:PAST]],
        "quick": QuickForm(initial={"day": due.day_of(now)}, auto_id="panel_%s"),
        "phone": row.phone if may(actor, "customers.identify") else "",
        **row_context(actor, now),
        "may_change": may(actor, "tasks.change") and not row.restricted_at,
        "address": reverse("customer", args=[row.pk]),
        "ways": panels.contacts(actor, row.pk),
    }
    name = "crm/customer_tasks_panel.html" if request.htmx else "crm/customer_tasks.html"
    return render(request, name, context)


@require_POST
@needs("tasks.change")
def contact_log(request: ActorRequest, pk: int) -> HttpResponse:
    """Write down a call or meeting that just took place, and plan what follows."""
    actor, now = request.actor, timezone.now()
    row = _found(actor, pk)
    form = ContactForm(request.POST)
    try:
        notify(request, _logged(form, row, _task(request, row), actor, now) if form.is_valid() else _faults(form))
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
    return back(request, reverse("customer", args=[row.pk]))


def _logged(form: ContactForm, row: Customer, task: Task | None, actor: Actor, now: Any) -> str:
    given = form.cleaned_data
    done = actions.log_contact(
        row,
        kind=given["kind"],
        outcome=given["outcome"],
        note=given["note"],
        task=task,
        follow_up=form.follow_up(now),
        by=actor,
        at=now,
    )
    if done.follow_up:
        return _("Written down; “%(title)s” is planned.") % {"title": done.follow_up}
    return _("Written down.")


def _faults(form: ContactForm) -> str:
    return _("Not written down: %(why)s") % {"why": " ".join(str(m) for found in form.errors.values() for m in found)}


def _task(request: ActorRequest, row: Customer) -> Task | None:
    pk = keyset.row_id(request.POST.get("task", ""))
    return get_object_or_404(queries.tasks(request.actor), pk=pk, customer=row) if pk is not None else None


def _found(actor: Actor, pk: int) -> Customer:
    if pk > keyset.LARGEST_ID:
        raise Http404
    return get_object_or_404(queries.customers(actor), pk=pk)
