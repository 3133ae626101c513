"""Named lists: customers put together by hand, by their numbers or by ticks."""

import re
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from crm import notices
from crm import queries as crm_queries
from crm.access import ActorRequest, needs
from crm.keyset import row_id
from crm.refusals import Refused
from crm.rights import Actor
from segments import actions
from segments.models import Segment, SegmentKind
from segments.views.detail import found

MOST_NUMBERS = 10_000
MOST_TOLD = 5


class NumbersField(forms.Field):
    """Customer numbers separated by spaces, commas or lines, as pasted from a sheet."""

    widget = forms.Textarea(attrs={"rows": 5, "class": "mono"})

    def to_python(self, value: Any) -> list[str]:
        numbers = [one for one in re.split(r"[\s,;]+", value or "") if one]
        return list(dict.fromkeys(numbers))

    def validate(self, value: list[str]) -> None:
        super().validate(value)
        if len(value) > MOST_NUMBERS:
            raise forms.ValidationError(_("At most %(most)s numbers at once.") % {"most": MOST_NUMBERS})

    def run_validators(self, value: Any) -> None:
        """Each number is checked against the customers instead."""


class NamedListForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    description = forms.CharField(
        label=gettext_lazy("What it is for"), required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    numbers = NumbersField(
        label=gettext_lazy("Customer numbers"),
        required=False,
        help_text=gettext_lazy("One on each line, or separated by spaces or commas. You can add more later."),
    )


class NumbersForm(forms.Form):
    numbers = NumbersField(label=gettext_lazy("Customer numbers"))


@require_http_methods(["GET", "HEAD", "POST"])
@needs("segments.change")
def new(request: ActorRequest) -> HttpResponse:
    """Make a named list, with its first members if their numbers are given."""
    form = NamedListForm(request.POST or None)
    if form.is_valid():
        one, now = form.cleaned_data, timezone.now()
        try:
            made = actions.create_segment(
                name=one["name"], description=one["description"], kind=SegmentKind.STATIC, by=request.actor, at=now
            )
        except Refused as fault:
            form.add_error("name", fault.message)
        else:
            add_numbers(request, made, one["numbers"])
            return redirect("segment-members", made.slug)
    context = {"form": form, "crumbs": [(_("Segments"), reverse("segments"))], "cancel_url": reverse("segments")}
    return render(request, "segments/named_list.html", context, status=400 if form.is_bound else 200)


@require_POST
@needs("segments.change")
def add(request: ActorRequest, slug: str) -> HttpResponse:
    """Put the customers of the pasted numbers on the list."""
    one, form = found(request.actor, slug), NumbersForm(request.POST)
    if form.is_valid():
        add_numbers(request, one, form.cleaned_data["numbers"])
    else:
        notices.notify(request, _("Paste at least one customer number."), level=messages.WARNING)
    return redirect("segment-members", one.slug)


@require_POST
@needs("segments.change")
def remove(request: ActorRequest, slug: str) -> HttpResponse:
    """Take the ticked customers off the list."""
    one = found(request.actor, slug)
    ids = (row_id(text) for text in request.POST.getlist("ids")[:MOST_NUMBERS])
    ticked = [one for one in ids if one is not None]
    try:
        moved = actions.remove_members(segment=one, customers=ticked, by=request.actor, at=timezone.now())
    except Refused as fault:
        notices.notify(request, fault.message, level=messages.ERROR)
        return redirect("segment-members", one.slug)
    told = ngettext("%(n)s customer was taken off.", "%(n)s customers were taken off.", moved.left)
    notices.notify(request, told % {"n": moved.left})
    return redirect("segment-members", one.slug)


def add_numbers(request: ActorRequest, one: Segment, numbers: list[str]) -> None:
    """Add whom the actor knows by these numbers; say how many, and which numbers nobody has."""
    if not numbers:
        return
    known = ids_of(request.actor, numbers)
    try:
        moved = actions.add_members(segment=one, customers=known.values(), by=request.actor, at=timezone.now())
    except Refused as fault:
        notices.notify(request, fault.message, level=messages.ERROR)
        return
    told = ngettext("%(n)s customer was added.", "%(n)s customers were added.", moved.entered)
    notices.notify(request, told % {"n": moved.entered})
    say_unknown(request, [number for number in numbers if number not in known])


def say_unknown(request: HttpRequest, unknown: list[str]) -> None:
    if not unknown:
        return
    shown = ", ".join(unknown[:MOST_TOLD]) + (" …" if len(unknown) > MOST_TOLD else "")
    told = ngettext("Nobody has this number: %(numbers)s.", "Nobody has these numbers: %(numbers)s.", len(unknown))
    notices.notify(request, told % {"numbers": shown}, level=messages.WARNING)


def ids_of(actor: Actor, numbers: list[str]) -> dict[str, int]:
    """Number → id of the customers the actor may see."""
    rows = crm_queries.customers(actor)
    parts = (numbers[i : i + 500] for i in range(0, len(numbers), 500))
    return {number: pk for part in parts for number, pk in rows.filter(number__in=part).values_list("number", "pk")}
