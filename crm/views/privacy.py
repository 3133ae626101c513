"""A person's rights on their page: everything taken out, processing frozen, objection, erasure."""

from typing import Any

from django.http import FileResponse, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import actions, figures, holdings, queries, takeout
from crm.access import ActorRequest, needs
from crm.models import Customer
from crm.notices import notify
from crm.rights import may
from crm.views.customer import found


@require_safe
@needs("privacy.file")
def privacy(request: ActorRequest, pk: int) -> HttpResponse:
    """What is held, and what may be done about it."""
    row = found(request.actor, pk)
    context = {"customer": row, "may_execute": may(request.actor, "privacy.execute"), "held": held(row)}
    context["requests"] = queries.privacy_requests(request.actor).filter(customer=row).order_by("-id")[:20]
    return render(request, "crm/privacy.html", context)


def held(row: Customer) -> list[tuple[Any, str]]:
    """How many rows of each kind there are."""
    ids = holdings.in_line(row)
    counted = [(one.label, one.rows(ids).count()) for one in holdings.every() if one.columns]
    return [(capfirst(label), figures.number(count)) for label, count in counted if count]


@require_POST
@needs("privacy.execute")
def export(request: ActorRequest, pk: int) -> FileResponse:
    """Everything held about the person as a zip file; that it was taken out is written down."""
    row = found(request.actor, pk)
    file = takeout.archive(row, language=row.language or request.actor.language)
    actions.note_takeout(row, by=request.actor, at=timezone.now())
    return FileResponse(file, as_attachment=True, filename=f"customer-{row.pk}.zip", content_type="application/zip")


@require_POST
@needs("privacy.file")
def object_to(request: ActorRequest, pk: int) -> HttpResponse:
    """The person objects to marketing and profiling: at once, without anybody's leave."""
    row = found(request.actor, pk)
    actions.record_objection(row, by=request.actor, at=timezone.now())
    notify(request, _("The objection is recorded: no marketing and no profiling from now on."))
    return redirect("customer-privacy", row.pk)


@require_POST
@needs("privacy.execute")
def restrict(request: ActorRequest, pk: int) -> HttpResponse:
    """Freeze processing, or lift that again."""
    row, now = found(request.actor, pk), timezone.now()
    if request.POST.get("lift"):
        actions.lift_restriction(row, by=request.actor, at=now)
        notify(request, _("The restriction is lifted."))
    else:
        actions.restrict_customer(row, by=request.actor, at=now)
        notify(request, _("Processing is restricted."))
    return redirect("customer-privacy", row.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("privacy.execute")
def erase(request: ActorRequest, pk: int) -> HttpResponse:
    """Say exactly what goes and what stays; erase once the number is typed."""
    row = found(request.actor, pk)
    typed = request.POST.get("number", "").strip()
    if request.method == "POST" and typed == row.number:
        actions.erase_customer(row, by=request.actor, at=timezone.now())
        notify(request, _("The person's data are erased."))
        return redirect("customers")
    is_wrong = request.method == "POST"
    context = {"customer": row, "held": held(row), "is_wrong": is_wrong}
    return render(request, "crm/erase.html", context, status=400 if is_wrong else 200)
