"""Segments as files: taken out, compared with what stands here in words and in people, taken in, and taken back."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import notices, tables
from crm.access import ActorRequest, needs
from crm.keyset import LARGEST_ID
from crm.refusals import ManyRefused, Refused
from crm.rights import may
from segments import actions, definitions, queries, transfers, wording

SHOWN_FAULTS = 20
SHOWN_IMPORTS = 20
COLUMNS = (
    tables.Column(gettext_lazy("File")),
    tables.Column(gettext_lazy("Taken")),
    tables.Column(gettext_lazy("By")),
    tables.Column(gettext_lazy("What it did")),
    tables.Column(""),
)


class FileForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("File of segments"),
        help_text=gettext_lazy("JSON, as it was downloaded here or from another Kohde."),
        max_length=200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("segments.view")
def files(request: ActorRequest) -> HttpResponse:
    """Download definitions, and upload a file to see what it would change; below, files taken before."""
    if request.method == "POST":
        if not may(request.actor, "segments.change"):
            raise PermissionDenied
        return compared(request)
    return start(request, FileForm())


def start(request: ActorRequest, form: FileForm, faults: Any = ()) -> HttpResponse:
    context = {
        "form": form,
        "faults": faults,
        "count": queries.segments(request.actor).count(),
        "imports": [(row, wording.imported(row)) for row in queries.imports(request.actor)[:SHOWN_IMPORTS]],
        "columns": COLUMNS,
        "crumbs": crumbs(),
        "may_change": may(request.actor, "segments.change"),
    }
    is_refused = bool(faults) or form.is_bound
    return render(request, "segments/files.html", context, status=400 if is_refused else 200)


def crumbs(*, is_inside: bool = False) -> list[tuple[str, str]]:
    found = [(_("Segments"), reverse("segments"))]
    return [*found, (_("Segments as files"), reverse("segment-files"))] if is_inside else found


def compared(request: ActorRequest) -> HttpResponse:
    """The differences of an uploaded file, or of the one looked at before."""
    form = FileForm(request.POST, request.FILES)
    if "text" not in request.POST and not form.is_valid():
        return start(request, form)
    name, text = given(request, form)
    try:
        found = definitions.read_text(text, reserved=actions.RESERVED)
        if "apply" in request.POST:
            return taken(request, found, name)
        plan = transfers.plan(found, by=request.actor, at=timezone.now())
    except Refused as fault:
        return start(request, FileForm(), faults_of(fault))
    return reviewed(request, plan, name, text)


def given(request: ActorRequest, form: FileForm) -> tuple[str, str]:
    """Name and text of the file: uploaded, or carried along by the review."""
    if "text" in request.POST:
        return request.POST.get("name", "")[:200], request.POST["text"]
    file = form.cleaned_data["file"]
    return file.name, file.read(definitions.MOST_BYTES + 1).decode("utf-8-sig", "replace")


def reviewed(request: ActorRequest, plan: transfers.Plan, name: str, text: str, *, status: int = 200) -> HttpResponse:
    context = {
        "plan": plan,
        "answer": wording.planned(plan),
        "steps": [wording.step(one) for one in plan.steps if one.verb != transfers.SAME],
        "same": [one.name for one in plan.steps if one.verb == transfers.SAME],
        "name": name,
        "text": text,
        "crumbs": crumbs(is_inside=True),
    }
    return render(request, "segments/file_review.html", context, status=status)


def taken(request: ActorRequest, found: Any, name: str) -> HttpResponse:
    """Apply what was reviewed; when something has changed meanwhile, it is shown again."""
    now = timezone.now()
    try:
        row = transfers.import_segments(
            found, file_name=name, mark=request.POST.get("mark", ""), by=request.actor, at=now
        )
    except ManyRefused:
        raise
    except Refused as fault:
        notices.notify(request, fault.message, level=messages.WARNING)
        plan = transfers.plan(found, by=request.actor, at=now)
        return reviewed(request, plan, name, request.POST["text"], status=409)
    undo_url = reverse("segment-files-undo", args=[row.pk])
    notices.notify(request, _("The file was taken: %(what)s.") % {"what": wording.imported(row)}, undo_url=undo_url)
    return redirect("segments")


def faults_of(fault: Refused) -> list[tuple[str, str, str]]:
    """Place, reason and valid choices of each fault."""
    faults = fault.faults if isinstance(fault, ManyRefused) else [fault]
    return [(one.path, one.message, ", ".join((one.choices or [])[:12])) for one in faults[:SHOWN_FAULTS]]


@require_safe
@needs("segments.view")
def export(request: ActorRequest) -> HttpResponse:
    """The definitions of all segments, or of the ones named, as a JSON file."""
    slugs = [slug for slug in request.GET.get("slugs", "").replace("\0", "").split(",") if slug]
    rows = queries.segments(request.actor)
    rows = rows.filter(slug__in=slugs) if slugs else rows
    name = slugs[0] if len(slugs) == 1 and rows else "segments"
    return HttpResponse(
        definitions.text(transfers.exported(rows)),
        content_type="application/json; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.json"'},
    )


@require_POST
@needs("segments.change")
def undo(request: ActorRequest, pk: int) -> HttpResponse:
    """Give the segments their previous definitions."""
    row = get_object_or_404(queries.imports(request.actor), pk=min(pk, LARGEST_ID))
    try:
        transfers.undo_import(row=row, by=request.actor, at=timezone.now())
    except Refused as fault:
        notices.notify(request, fault.message, level=messages.ERROR)
    else:
        notices.notify(request, _("The file was taken back; the segments are as they were."))
    return redirect("segment-files")
