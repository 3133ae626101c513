"""Texts kept for letters: the list of one's own and shared ones, and the form that keeps one."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns import letter_texts
from campaigns.correspondence import LONGEST, LONGEST_SUBJECT
from campaigns.models import LetterText
from crm import keyset
from crm.access import ActorRequest, needs
from crm.notices import notify
from crm.refusals import Refused
from crm.rights import ADMIN
from crm.tables import Column

COLUMNS = tuple(Column(label) for label in (gettext_lazy("Name"), gettext_lazy("Subject"), gettext_lazy("Kept by"), ""))


class TextForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    subject = forms.CharField(label=gettext_lazy("Subject"), max_length=LONGEST_SUBJECT, required=False)
    text = forms.CharField(
        label=gettext_lazy("Text"),
        max_length=LONGEST,
        strip=False,
        widget=forms.Textarea({"rows": 10}),
        help_text=gettext_lazy("The greeting and your signature stand around it by themselves."),
    )
    is_shared = forms.BooleanField(label=gettext_lazy("Colleagues may use it, too"), required=False)


@require_safe
@needs("letters.write")
def listing(request: ActorRequest) -> HttpResponse:
    """One's own texts and those that colleagues share."""
    rows = [(one, _is_mine(request, one)) for one in letter_texts.texts(request.actor)]
    return render(request, "campaigns/letter_texts.html", {"rows": rows, "columns": COLUMNS})


@require_http_methods(["GET", "HEAD", "POST"])
@needs("letters.write")
def new(request: ActorRequest) -> HttpResponse:
    """Keep a text."""
    return _kept(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("letters.write")
def edit(request: ActorRequest, pk: int) -> HttpResponse:
    """Change one's own."""
    return _kept(request, _changeable(request, letter_texts.texts(request.actor), pk))


def _kept(request: ActorRequest, row: LetterText | None) -> HttpResponse:
    begun = {name: getattr(row, name) for name in letter_texts.CHANGEABLE} if row else None
    form = TextForm(request.POST if request.method == "POST" else None, initial=begun)
    if form.is_valid():
        try:
            letter_texts.keep_text(form.cleaned_data, text=row, by=request.actor, at=timezone.now())
        except Refused as fault:
            form.add_error(fault.path if fault.path in form.fields else None, fault.message)
        else:
            notify(request, _("Saved."))
            return redirect("letter-texts")
    context: dict[str, Any] = {
        "form": form,
        "title": row.name if row else _("New text"),
        "crumbs": [(_("Texts for e-mails"), reverse("letter-texts"))],
    }
    return render(request, "campaigns/letter_text.html", context, status=400 if form.is_bound else 200)


@require_POST
@needs("letters.write")
def delete(request: ActorRequest, pk: int) -> HttpResponse:
    """Take one's own away."""
    row = _changeable(request, letter_texts.texts(request.actor), pk)
    return _moved(request, letter_texts.delete_text, row, _("“%(name)s” is deleted."), "letter-text-restore")


@require_POST
@needs("letters.write")
def restore(request: ActorRequest, pk: int) -> HttpResponse:
    """Bring it back."""
    row = _changeable(request, LetterText.objects.all(), pk)
    return _moved(request, letter_texts.restore_text, row, _("“%(name)s” is back."), "")


def _moved(request: ActorRequest, act: Any, row: LetterText, told: str, undo: str) -> HttpResponse:
    try:
        act(row, by=request.actor, at=timezone.now())
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
    else:
        notify(request, told % {"name": row.name}, undo_url=reverse(undo, args=[row.pk]) if undo else "")
    return redirect("letter-texts")


def _changeable(request: ActorRequest, rows: QuerySet[LetterText], pk: int) -> LetterText:
    """One that the user may change: their own; administrators bring back what they deleted of others, too."""
    row = get_object_or_404(rows, pk=min(pk, keyset.LARGEST_ID))
    if not _is_mine(request, row):
        raise Http404
    return row


def _is_mine(request: ActorRequest, row: LetterText) -> bool:
    return row.owner_id == request.user.pk or request.actor.role == ADMIN
