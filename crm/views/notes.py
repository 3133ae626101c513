"""Notes on a customer's tab and a company's page: written, changed, pinned, deleted, and their files given out."""

from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import actions, keyset, note_files, noting, queries
from crm.access import ActorRequest, needs
from crm.forms.notes import NewNoteForm, NoteForm
from crm.models import Company, Customer, Note
from crm.notices import notify
from crm.refusals import Refused
from crm.rights import Actor, may
from crm.views import companies, customer

PAGE, PINNED = 30, 20


@require_safe
@needs("notes.view")
def customer_notes(request: ActorRequest, pk: int) -> HttpResponse:
    """The notes on one customer, pinned ones first."""
    return _customer_page(request, customer.found(request.actor, pk), NewNoteForm())


@require_POST
@needs("notes.change")
def customer_note_add(request: ActorRequest, pk: int) -> HttpResponse:
    """Write something down about a customer."""
    row, form = customer.found(request.actor, pk), NewNoteForm(request.POST, request.FILES)
    if form.is_valid() and _added(request, row, form):
        return redirect("customer-notes", row.pk)
    return _customer_page(request, row, form)


def _customer_page(request: ActorRequest, row: Customer, form: NewNoteForm) -> HttpResponse:
    actor, cursor = request.actor, request.GET.get("cursor", "")
    rows = noting.about(actor, customer=row)
    page = keyset.page_or_first(rows.filter(pinned_at=None), order="-id", cursor=cursor, size=PAGE)
    pinned = [] if cursor else list(rows.exclude(pinned_at=None).order_by("-pinned_at")[:PINNED])
    notes, is_frozen = [*pinned, *page.rows], bool(row.restricted_at)
    actions.see_mentions(notes, by=actor, at=timezone.now())
    context = {
        "customer": row,
        "notes": noting.shown(actor, notes, is_frozen=is_frozen),
        "more_url": customer.more_url(request, cursor=page.next_cursor) if page.next_cursor else "",
        "form": form,
        "add_url": reverse("customer-note-add", args=[row.pk]),
        "may_note": may(actor, "notes.change") and not is_frozen,
    }
    return render(request, "crm/customer_notes.html", context, status=400 if form.is_bound else 200)


@require_POST
@needs("notes.change")
def company_note_add(request: ActorRequest, pk: int) -> HttpResponse:
    """Write something down about a company."""
    row, form = companies.found(request.actor, pk), NewNoteForm(request.POST, request.FILES)
    if not form.is_valid() or not _added(request, row, form):
        notify(request, str(next(iter(form.errors.values()))[0]), level=messages.ERROR)
    return redirect("company", row.pk)


def _added(request: ActorRequest, subject: Customer | Company, form: NewNoteForm) -> bool:
    text, uploads = form.cleaned_data["text"], form.cleaned_data["files"]
    try:
        done = actions.add_note(subject, text=text, uploads=uploads, by=request.actor, at=timezone.now())
    except Refused as fault:
        form.add_error(fault.path if fault.path in form.fields else None, fault.message)
        return False
    _tell(request, done)
    return True


def _tell(request: ActorRequest, done: actions.Written) -> None:
    """Saved; and who was mentioned in vain."""
    said = [_("The note is saved.")]
    if done.strangers:
        words = ngettext(
            "%(names)s is nobody who may see it.", "%(names)s are nobody who may see it.", len(done.strangers)
        )
        said.append(words % {"names": ", ".join(f"@{name}" for name in done.strangers)})
    notify(request, " ".join(said), level=messages.WARNING if done.strangers else messages.SUCCESS)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("notes.change")
def note_edit(request: ActorRequest, pk: int) -> HttpResponse:
    """Change the words of one's own note."""
    row = found(request.actor, pk)
    form = NoteForm(request.POST if request.method == "POST" else None, initial={"text": row.text})
    if form.is_valid():
        try:
            _tell(request, actions.change_note(row, by=request.actor, at=timezone.now(), **form.cleaned_data))
            return redirect(address(row))
        except Refused as fault:
            form.add_error(None, fault.message)
    title, subject = _("Change the note"), str(row.customer or row.company)
    context = {"form": form, "title": title, "crumbs": [(subject, address(row))], "cancel_url": address(row)}
    return render(request, "crm/task_edit.html", context, status=400 if form.is_bound else 200)


@require_POST
@needs("notes.change")
def note_pin(request: ActorRequest, pk: int) -> HttpResponse:
    """Let it stand above the others, or no longer."""
    row, is_pinned = found(request.actor, pk), request.POST.get("off") != "yes"
    said = _("The note is pinned.") if is_pinned else _("The note is pinned no longer.")
    return _pressed(request, row, said, actions.pin_note, is_pinned=is_pinned)


@require_POST
@needs("notes.change")
def note_delete(request: ActorRequest, pk: int) -> HttpResponse:
    """Take a note away; the notice brings it back."""
    undo = reverse("note-restore", args=[pk])
    return _pressed(request, found(request.actor, pk), _("The note is deleted."), actions.delete_note, undo_url=undo)


@require_POST
@needs("notes.change")
def note_restore(request: ActorRequest, pk: int) -> HttpResponse:
    """Bring a deleted note back."""
    row = found(request.actor, pk, with_deleted=True)
    return _pressed(request, row, _("The note is back."), actions.restore_note)


def _pressed(request: ActorRequest, row: Note, said: str, do: Any, *, undo_url: str = "", **more: Any) -> HttpResponse:
    try:
        do(row, by=request.actor, at=timezone.now(), **more)
        notify(request, said, undo_url=undo_url)
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
    return redirect(address(row))


@require_safe
@needs("notes.view")
def note_file(request: ActorRequest, pk: int, file_id: int) -> FileResponse:
    """A file of a note, as a download only: a browser shall neither show nor run it."""
    row = get_object_or_404(found(request.actor, pk).files, pk=min(file_id, keyset.LARGEST_ID))
    try:
        content = note_files.path_of(row).open("rb")
    except Refused as fault:
        raise Http404(fault.message) from fault
    answer = FileResponse(content, as_attachment=True, filename=row.name, content_type="application/octet-stream")
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def found(actor: Actor, pk: int, *, with_deleted: bool = False) -> Note:
    """The note, when what it is about is in the actor's scope."""
    rows = queries.notes(actor, with_deleted=with_deleted).select_related("customer", "company")
    return get_object_or_404(rows, pk=min(pk, keyset.LARGEST_ID))


def address(row: Note) -> str:
    """Where the note stands."""
    return (
        reverse("customer-notes", args=[row.customer_id])
        if row.customer_id
        else reverse("company", args=[row.company_id])
    )
