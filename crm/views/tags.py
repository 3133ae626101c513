"""Tags: put on one customer or company and taken off, and the administrators' page of all tags."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import actions, figures, keyset, queries, tag_uses
from crm.access import ActorRequest, needs
from crm.actions.tags import KINDS
from crm.models import Company, Customer, Tag, TagColour
from crm.notices import notify
from crm.refusals import Refused
from crm.rights import Actor, may
from crm.tables import Column
from crm.views.places import back

MODELS: dict[str, Any] = {"customer": Customer, "company": Company}
MOST_OFFERED = 200
COLUMNS = (
    Column(gettext_lazy("Tag")),
    Column(gettext_lazy("Customers"), "number"),
    Column(gettext_lazy("Companies"), "number"),
    Column(gettext_lazy("Used by")),
)


# --- on one row ----------------------------------------------------------------------------------


def of_row(actor: Actor, noun: str, row: Any) -> dict[str, Any]:
    """What the strip of tags of a page needs."""
    links = KINDS[MODELS[noun]].link._default_manager.filter(tag=OuterRef("pk"), **{noun: row})
    may_tag = may(actor, "tags.change") and not getattr(row, "restricted_at", None)
    known = queries.tags(actor).annotate(is_worn=Exists(links)).order_by("-is_worn", "name")
    rows: list[Any] = list(known[:MOST_OFFERED])
    return {
        "tags": [(one, reverse(f"{noun}-tag-remove", args=[row.pk, one.slug])) for one in rows if one.is_worn],
        "offered": [one for one in rows if not one.is_worn],
        "may_tag": may_tag,
        "add_url": reverse(f"{noun}-tag-add", args=[row.pk]),
    }


def _row(request: ActorRequest, noun: str, pk: int) -> Any:
    rows = KINDS[MODELS[noun]].rows(request.actor)
    return get_object_or_404(rows, pk=min(pk, keyset.LARGEST_ID))


class NameForm(forms.Form):
    name = forms.CharField(max_length=60)


@require_POST
@needs("tags.change")
def add(request: ActorRequest, noun: str, pk: int) -> HttpResponse:
    """Put a tag on by its name; one that nobody has made yet is made."""
    row, form = _row(request, noun, pk), NameForm(request.POST)
    if form.is_valid():
        name = " ".join(form.cleaned_data["name"].split())
        known = queries.tags(request.actor).filter(name__iexact=name).first()
        _put_on(request, noun, row, known, name)
    return redirect(noun, row.pk)


@require_POST
@needs("tags.change")
def put_back(request: ActorRequest, noun: str, pk: int, slug: str) -> HttpResponse:
    """Put a tag on again that was taken off."""
    row = _row(request, noun, pk)
    _put_on(request, noun, row, get_object_or_404(queries.tags(request.actor), slug=slug), "")
    return redirect(noun, row.pk)


def _put_on(request: ActorRequest, noun: str, row: Any, tag: Tag | None, name: str) -> None:
    by: dict[str, Any] = {"by": request.actor, "at": timezone.now()}
    try:
        _refuse_frozen(row)
        tag = tag or actions.create_tag(name=name, **by)
        changed = actions.add_tag(tag, to=MODELS[noun], ids=[row.pk], **by)
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
        return
    told = _("“%(tag)s” was added.") if changed else _("“%(tag)s” was there already.")
    undo = reverse(f"{noun}-tag-remove", args=[row.pk, tag.slug]) if changed else ""
    notify(request, told % {"tag": tag.name}, undo_url=undo)


@require_POST
@needs("tags.change")
def remove(request: ActorRequest, noun: str, pk: int, slug: str) -> HttpResponse:
    """Take a tag off."""
    row, tag = _row(request, noun, pk), get_object_or_404(queries.tags(request.actor), slug=slug)
    try:
        _refuse_frozen(row)
        changed = actions.remove_tag(tag, to=MODELS[noun], ids=[row.pk], by=request.actor, at=timezone.now())
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
    else:
        undo = reverse(f"{noun}-tag-put-back", args=[row.pk, tag.slug]) if changed else ""
        notify(request, _("“%(tag)s” was taken off.") % {"tag": tag.name}, undo_url=undo)
    return redirect(noun, row.pk)


def _refuse_frozen(row: Any) -> None:
    if getattr(row, "restricted_at", None):
        raise Refused(_("Processing is restricted: nothing is changed."))


# --- all of them ---------------------------------------------------------------------------------


@require_safe
@needs("tags.manage")
def tags(request: ActorRequest) -> HttpResponse:
    """Every tag, on how many rows it is, and what else rests on it."""
    uses = tag_uses.by_tag(request.actor)
    rows = [(one, uses.get(one.slug, [])) for one in queries.counted_tags(request.actor)]
    answer = ngettext("%(n)s tag.", "%(n)s tags.", len(rows)) % {"n": figures.number(len(rows))}
    return render(request, "crm/tag_list.html", {"rows": rows, "columns": COLUMNS, "answer": answer})


class TagEditForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=60)
    colour = forms.ChoiceField(label=gettext_lazy("Colour"), choices=TagColour.choices)


class MergeForm(forms.Form):
    into = forms.ModelChoiceField(Tag.objects.none(), label=gettext_lazy("Merge into"), to_field_name="slug")

    def __init__(self, data: Any = None, *, actor: Actor, tag: Tag) -> None:
        super().__init__(data)
        self.fields["into"].queryset = queries.tags(actor).exclude(pk=tag.pk)  # type: ignore[attr-defined]


@require_http_methods(["GET", "HEAD", "POST"])
@needs("tags.manage")
def tag(request: ActorRequest, slug: str) -> HttpResponse:
    """Rename a tag or give it another colour; merge it into another; delete it."""
    actor, row = request.actor, get_object_or_404(queries.counted_tags(request.actor), slug=slug)
    form = TagEditForm(request.POST or None, initial={"name": row.name, "colour": row.colour})
    if form.is_valid():
        try:
            actions.change_tag(row, values=form.cleaned_data, by=actor, at=timezone.now())
        except Refused as fault:
            form.add_error(fault.path if fault.path in form.fields else None, fault.message)
        else:
            notify(request, _("Saved."))
            return redirect("tags")
    context = {
        "tag": row,
        "form": form,
        "merge_form": MergeForm(actor=actor, tag=row),
        "uses": tag_uses.by_tag(actor).get(row.slug, []),
        "crumbs": [(_("Tags"), reverse("tags"))],
        "answer": worn(row),
    }
    return render(request, "crm/tag.html", context, status=400 if form.is_bound else 200)


def worn(row: Any) -> str:
    """On how many rows it is."""
    people = ngettext("%(n)s customer", "%(n)s customers", row.customers) % {"n": figures.number(row.customers)}
    firms = ngettext("%(n)s company", "%(n)s companies", row.companies) % {"n": figures.number(row.companies)}
    return _("On %(people)s and %(firms)s.") % {"people": people, "firms": firms}


@require_POST
@needs("tags.manage")
def merge(request: ActorRequest, slug: str) -> HttpResponse:
    """Whatever has this tag gets another one instead."""
    row = get_object_or_404(queries.tags(request.actor), slug=slug)
    form = MergeForm(request.POST, actor=request.actor, tag=row)
    if not form.is_valid():
        notify(request, _("Choose another tag to merge into."), level=messages.ERROR)
        return redirect("tag", slug)
    into = form.cleaned_data["into"]
    told = _("“%(tag)s” is “%(into)s” now.") % {"tag": row.name, "into": into.name}
    return _moved(request, row, told, lambda **by: actions.merge_tags(row, into=into, **by))


@require_POST
@needs("tags.manage")
def delete(request: ActorRequest, slug: str) -> HttpResponse:
    """Out of every row and picker; nothing is lost until it is made anew."""
    row = get_object_or_404(queries.tags(request.actor), slug=slug)
    told = _("“%(tag)s” is deleted.") % {"tag": row.name}
    return _moved(request, row, told, lambda **by: actions.archive_tag(row, **by))


def _moved(request: ActorRequest, row: Tag, told: str, act: Any) -> HttpResponse:
    try:
        act(by=request.actor, at=timezone.now())
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
        return redirect("tag", row.slug)
    notify(request, told, undo_url=reverse("tag-restore", args=[row.slug]))
    return redirect("tags")


@require_POST
@needs("tags.manage")
def restore(request: ActorRequest, slug: str) -> HttpResponse:
    """Take a deletion or a merge back."""
    row = get_object_or_404(Tag, slug=slug)
    actions.restore_tag(row, by=request.actor, at=timezone.now())
    notify(request, _("“%(tag)s” is back.") % {"tag": row.name})
    return back(request, reverse("tags"))
