"""Imports: upload a file, say what its columns mean, see what would happen, watch it happen, take it back."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import actions, keyset, queries, tasks
from crm.access import ActorRequest, needs
from crm.forms.imports import TARGETS, DocumentForm, PartsForm, UploadForm, choices_from
from crm.imports import report
from crm.imports.editing import column_rows, columns_of, edited_columns
from crm.imports.files import FileError, path_of
from crm.imports.suggestion import preview
from crm.imports.wording import told
from crm.lists import downloads
from crm.models import Import
from crm.models.customer import Dimension, FieldType
from crm.notices import notify
from crm.refusals import Refused
from crm.tables import Column

ONLY_FORMS = require_http_methods(["GET", "HEAD", "POST"])
COLUMNS = (
    Column(gettext_lazy("File")),
    Column(gettext_lazy("Rows are")),
    Column(gettext_lazy("State")),
    Column(gettext_lazy("Rows"), "number"),
    Column(gettext_lazy("By")),
    Column(gettext_lazy("When")),
)
SHEET = downloads.Sheet(
    "imports",
    "imports",
    (
        (gettext_lazy("File"), lambda one: one.file_name),
        (gettext_lazy("Rows are"), lambda one: one.get_kind_display()),
        (gettext_lazy("State"), lambda one: one.get_status_display()),
        (gettext_lazy("Rows"), lambda one: one.rows_total),
        (gettext_lazy("By"), lambda one: one.created_by or ""),
        (gettext_lazy("When"), lambda one: one.created_at),
    ),
    "imports.view",
)
PAGE = 50


@require_safe
@needs("imports.view")
def imports(request: ActorRequest) -> HttpResponse:
    """All imports, the newest first."""
    rows = queries.imports(request.actor).select_related("created_by")
    page = keyset.page_or_first(rows, order="-id", cursor=request.GET.get("cursor", ""), size=PAGE)
    files = downloads.links(request, "imports-file") if page.rows else []
    return render(request, "crm/imports.html", {"page": page, "columns": COLUMNS, "files": files})


@require_safe
@needs("imports.view")
def imports_file(request: ActorRequest, kind: str) -> HttpResponseBase:
    """All imports as a file."""
    rows = queries.imports(request.actor).select_related("created_by").order_by("-id")
    return downloads.download(request, SHEET, rows, kind)


@ONLY_FORMS
@needs("imports.run")
def import_new(request: ActorRequest) -> HttpResponse:
    """Upload a file."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if form.is_valid():
        try:
            run = _upload(form.cleaned_data, request)
        except Refused as refusal:
            form.add_error("mapping" if refusal.code == "mapping" else "file", told(str(refusal)))
        else:
            return redirect("import-mapping", run.pk)
    return render(request, "crm/import_new.html", {"form": form}, status=400 if form.is_bound else 200)


def _upload(cleaned: dict[str, Any], request: ActorRequest) -> Import:
    upload = actions.upload_file
    if cleaned["mapping"] is not None:
        upload = partial(actions.start_import, mapping=cleaned["mapping"])
    file = cleaned["file"]
    return upload(kind=cleaned["kind"], file=file, name=file.name, by=request.actor, at=timezone.now())


@require_safe
@needs("imports.view")
def import_detail(request: ActorRequest, pk: int) -> HttpResponse:
    """One import: what it would do, how far it is, or what it did."""
    run = get_object_or_404(queries.imports(request.actor).select_related("created_by"), pk=pk)
    return render(request, "crm/import.html", {"run": run, "report": report.of(run), "columns": report.COLUMNS})


@ONLY_FORMS
@needs("imports.run")
def import_mapping(request: ActorRequest, pk: int) -> HttpResponse:
    """Say what each column means, beside sample values of the file."""
    run = get_object_or_404(queries.imports(request.actor), pk=pk)
    try:
        sample = preview(path_of(run.file_path), run.file_name)
    except FileError as refusal:
        notify(request, told(str(refusal)), level=40)
        return redirect("import", pk)
    rows = column_rows(run.mapping, sample) if run.kind == "customers" else []
    is_document = "document" in request.POST
    posted = request.POST or None
    parts = PartsForm(None if is_document else posted, kind=run.kind, document=run.mapping, columns=sample.columns)
    written = json.dumps(run.mapping, ensure_ascii=False, indent=2)
    document = DocumentForm(posted if is_document else None, initial={"document": written})
    form = document if is_document else parts
    if form.is_valid():
        mapping = document.cleaned_data["document"] if is_document else parts.edited()
        if rows and not is_document:
            mapping = edited_columns(mapping, choices_from(request.POST, rows), sample)
        try:
            actions.change_mapping(import_id=pk, mapping=mapping, by=request.actor, at=timezone.now())
            actions.check_import(import_id=pk, by=request.actor, at=timezone.now())
        except Refused as refusal:
            form.add_error(None, told(str(refusal)))
        else:
            tasks.poke_import(pk)
            return redirect("import", pk)
    context = {
        "run": run,
        "rows": rows,
        "sample": sample,
        "unused": [] if rows else sorted(set(sample.columns) - columns_of(run.mapping)),
        "parts": parts,
        "document": document,
        "targets": TARGETS,
        "types": FieldType.choices,
        "dimensions": Dimension.choices,
        "firm_zone": settings.FIRM_TIME_ZONE,
    }
    return render(request, "crm/import_mapping.html", context, status=400 if form.errors else 200)


@require_POST
@needs("imports.run")
def import_check(request: ActorRequest, pk: int) -> HttpResponse:
    return _ask(request, pk, actions.check_import)


@require_POST
@needs("imports.run")
def import_start(request: ActorRequest, pk: int) -> HttpResponse:
    return _ask(request, pk, actions.run_import)


@require_POST
@needs("imports.run")
def import_undo(request: ActorRequest, pk: int) -> HttpResponse:
    return _ask(request, pk, actions.undo_import)


def _ask(request: ActorRequest, pk: int, action: Callable[..., None]) -> HttpResponse:
    """Ask for something that a worker does, poke it, and show how it goes."""
    get_object_or_404(queries.imports(request.actor), pk=pk)
    try:
        action(import_id=pk, by=request.actor, at=timezone.now())
    except Refused as refusal:
        notify(request, told(str(refusal)), level=40)
    else:
        tasks.poke_import(pk)
    return redirect("import", pk)


@require_safe
@needs("imports.view")
def import_problems(request: ActorRequest, pk: int) -> StreamingHttpResponse:
    """The problems as CSV."""
    run = get_object_or_404(queries.imports(request.actor), pk=pk)
    response = StreamingHttpResponse(report.problems_csv(run), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="import-{run.pk}-problems.csv"'
    return response
