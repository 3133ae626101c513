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
from crm.views.places import back, returned
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
    if not form.is_valid():
        notify(request, _faults(form))
        return back(request, reverse("customer", args=[row.pk]))
    try:
        done = _logged(form, row, _task(request, row), actor, now)
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
    else:
        said = _("Written down; “%(title)s” is planned.") % {"title": done.follow_up} if done.follow_up else ""
        notify(request, said or _("Written down."), undo_url=undo_address(done))
    return back(request, reverse("customer", args=[row.pk]))


def undo_address(done: actions.Contact) -> str:
    """Where a call or meeting just written down is taken back."""
    return reverse("contact-undo", args=[done.event.customer_id, done.event.pk])


@require_POST
@needs("tasks.change")
def contact_undo(request: ActorRequest, pk: int, event: int) -> HttpResponse:
    """Take back what one wrote down oneself, with all that the writing made."""
    actor = request.actor
    rows = actions.contacts_of(queries.events(actor)).filter(customer=min(pk, keyset.LARGEST_ID))
    row = get_object_or_404(rows, pk=min(event, keyset.LARGEST_ID))
    try:
        done = actions.take_back_contact(row, by=actor, at=timezone.now())
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
    else:
        kept = _("Taken back; “%(title)s” was changed since and stays.") % {"title": done.kept} if done.kept else ""
        notify(request, kept or _("Taken back."))
    return returned(request, reverse("customer", args=[pk]))


def _logged(form: ContactForm, row: Customer, task: Task | None, actor: Actor, now: Any) -> actions.Contact:
    given = form.cleaned_data
    return actions.log_contact(
        row,
        kind=given["kind"],
        outcome=given["outcome"],
        note=given["note"],
        task=task,
        follow_up=form.follow_up(now),
        by=actor,
        at=now,
    )


def _faults(form: ContactForm) -> str:
    return _("Not written down: %(why)s") % {"why": " ".join(str(m) for found in form.errors.values() for m in found)}


def _task(request: ActorRequest, row: Customer) -> Task | None:
    pk = keyset.row_id(request.POST.get("task", ""))
    return get_object_or_404(queries.tasks(request.actor), pk=pk, customer=row) if pk is not None else None


def _found(actor: Actor, pk: int) -> Customer:
    if pk > keyset.LARGEST_ID:
        raise Http404
    return get_object_or_404(queries.customers(actor), pk=pk)
