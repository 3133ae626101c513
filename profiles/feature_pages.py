"""One feature on the page Data: how good it is, its values, who uses and may use it; and fields made and changed."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import actions as crm_actions
from crm import figures, notices
from crm.access import ActorRequest, needs
from crm.refusals import Refused
from crm.rights import Actor, may
from profiles import queries, uses, wording
from profiles.catalogue import Feature
from profiles.fields import column_of, definitions
from profiles.queries import Quality

SHOWN_VALUES = 12
LISTED = ("text", "choice", "list", "truth")


class ChoicesField(forms.CharField):
    """Choices, one on each line."""

    widget = forms.Textarea(attrs={"rows": 4})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        return [line.strip() for line in super().clean(value).splitlines() if line.strip()]


class FieldForm(forms.Form):
    """A field of the firm's own; what it is called in files, whose it is and its kind stay for ever."""

    label = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    label_fi = forms.CharField(label=gettext_lazy("Name in Finnish"), max_length=80, required=False)
    key = forms.CharField(
        label=gettext_lazy("Key"),
        max_length=60,
        help_text=gettext_lazy("In files, rules and the API: a-z, 0-9 and _, beginning with a letter. Stays for ever."),
    )
    entity = forms.ChoiceField(
        label=gettext_lazy("Whose"),
        choices=[("customer", gettext_lazy("Customer")), ("company", gettext_lazy("Company"))],
    )
    type = forms.ChoiceField(label=gettext_lazy("Kind"), choices=wording.KIND_CHOICES)
    dimension = forms.ChoiceField(label=gettext_lazy("Dimension"), choices=wording.DIMENSION_CHOICES)
    unit = forms.CharField(label=gettext_lazy("Unit"), max_length=20, required=False)
    choices = ChoicesField(
        label=gettext_lazy("Choices"), required=False, help_text=gettext_lazy("For the kind choice: one on each line.")
    )
    sensitivity = forms.ChoiceField(label=gettext_lazy("Who may use it"), choices=wording.SENSITIVITY_CHOICES)
    source = forms.CharField(label=gettext_lazy("Source"), max_length=80, required=False)

    def __init__(self, data: Any, *, field: Any = None) -> None:
        names = list(self.base_fields)
        super().__init__(data, initial={name: getattr(field, name) for name in names} if field else {})
        if field:
            for fixed in ("key", "entity", "type"):
                del self.fields[fixed]


@require_safe
@needs("features.view")
def feature(request: ActorRequest, key: str) -> HttpResponse:
    """One feature: figures, commonest values with their counts, what rests on it and what it may stand for."""
    one = queries.catalogue().get(key)
    if one is None or not queries.is_open_to(request.actor, one):
        raise Http404
    field = field_of(key)
    context = {
        "feature": one,
        "title": wording.label(one),
        "answer": answer(quality_of(key)),
        "facts": facts(one, quality_of(key)),
        "values": values(one, request.actor),
        "uses": uses.by_feature(request.actor).get(key, []),
        "told": stand_ins(one, request.actor),
        "field": field,
        "crumbs": [(_("Data"), reverse("data"))],
        "may_change": field is not None and may(request.actor, "fields.change"),
    }
    return render(request, "profiles/feature.html", context)


def found(pk: int) -> Any:
    """A definition by its number, archived ones too. Raises Http404."""
    one = next((one for one in definitions() if one.pk == pk), None)
    if one is None:
        raise Http404
    return one


def field_of(key: str) -> Any:
    """The definition behind a feature; None for built-in ones."""
    return next((one for one in definitions() if column_of(one) == key and one.archived_at is None), None)


def quality_of(key: str) -> Quality | None:
    try:
        return next((row for row in queries.quality() if row.feature.key == key), None)
    except queries.NoSnapshot:
        return None


def answer(quality: Quality | None) -> str:
    if quality is None:
        return _("Its values are known with the next refresh of the profiles, within a minute.")
    return _("Known of %(share)s of the customers.") % {"share": figures.share(quality.coverage_share)}


def facts(one: Feature, quality: Quality | None) -> list[tuple[str, Any]]:
    return [
        (_("Key"), one.key),
        (_("Dimension"), wording.dimension(one)),
        (_("Kind"), wording.kind(one)),
        (_("Unit"), one.unit or figures.MISSING),
        (_("Source"), wording.source(one)),
        (_("Valid"), figures.share(quality.valid_share) if quality else figures.MISSING),
        (_("Last changed"), figures.moment(quality.changed_at) if quality else figures.MISSING),
        (_("Known since"), figures.day(since(one.key))),
        (_("Who may use it"), wording.users(one)),
    ]


def since(key: str) -> Any:
    try:
        return queries.recorded_since().features.get(key)
    except queries.NoSnapshot:
        return None


def values(one: Feature, actor: Actor) -> list[tuple[str, int]]:
    """The commonest values and how many customers have each; not of what identifies a person."""
    if one.kind not in LISTED or one.key in queries.IDENTIFYING:
        return []
    try:
        return [
            (wording.written(_alone(value, one), one), n)
            for value, n in queries.value_counts(one.key, limit=SHOWN_VALUES)
        ]
    except (queries.NoSnapshot, queries.EngineError):
        return []


def _alone(value: Any, one: Feature) -> Any:
    return [value] if one.kind == "list" else value


def stand_ins(one: Feature, actor: Actor) -> list[str]:
    """Features that tell this guarded one, or guarded ones that this tells; only what the actor may see."""
    try:
        found = queries.proxies()
    except (queries.NoSnapshot, queries.EngineError):
        return []
    known = queries.catalogue()
    pairs = [
        (row, known.get(row.other if row.feature == one.key else row.feature))
        for row in found
        if one.key in (row.feature, row.other)
    ]
    told = _("%(name)s (Cramér’s V %(strength)s)")
    return [
        told % {"name": wording.label(other), "strength": figures.number(row.strength, 2)}
        for row, other in pairs
        if other is not None and queries.is_open_to(actor, other)
    ]


# --- fields of the firm's own --------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@needs("fields.change")
def new(request: ActorRequest) -> HttpResponse:
    """Define a field."""
    form = FieldForm(request.POST or None)
    if form.is_valid():
        try:
            made = crm_actions.define_field(values=form.cleaned_data, by=request.actor, at=timezone.now())
        except Refused as fault:
            form.add_error(fault.path if fault.path in form.fields else None, fault.message)
        else:
            notices.notify(request, _("“%(name)s” is a field now.") % {"name": made.label})
            return redirect("feature", column_of(made))
    return drawn(request, form, _("New field"), reverse("data"))


@require_http_methods(["GET", "HEAD", "POST"])
@needs("fields.change")
def change(request: ActorRequest, pk: int) -> HttpResponse:
    """Change what a field is called, its dimension, choices and sensitivity."""
    field = found(pk)
    if field.archived_at:
        raise Http404
    form = FieldForm(request.POST or None, field=field)
    if form.is_valid():
        try:
            crm_actions.change_field(field, values=form.cleaned_data, by=request.actor, at=timezone.now())
        except Refused as fault:
            form.add_error(fault.path if fault.path in form.fields else None, fault.message)
        else:
            notices.notify(request, _("Saved."))
            return redirect("feature", column_of(field))
    return drawn(request, form, _("Change the field"), reverse("feature", args=[column_of(field)]))


def drawn(request: ActorRequest, form: FieldForm, title: str, cancel_url: str) -> HttpResponse:
    context = {"form": form, "title": title, "cancel_url": cancel_url, "crumbs": [(_("Data"), reverse("data"))]}
    return render(request, "profiles/field.html", context, status=400 if form.is_bound else 200)


@require_POST
@needs("fields.change")
def archive(request: ActorRequest, pk: int) -> HttpResponse:
    """Take a field out of forms, rules and the API; its values stay, and it can be brought back."""
    field = found(pk)
    if users := uses.by_feature(request.actor).get(column_of(field)):
        told = _("Not archived: these use it: %(names)s.") % {
            "names": ", ".join(dict.fromkeys(one.name for one in users))
        }
        notices.notify(request, told, level=messages.ERROR)
        return redirect("feature", column_of(field))
    crm_actions.archive_field(field, by=request.actor, at=timezone.now())
    undo_url = reverse("field-restore", args=[field.pk])
    notices.notify(request, _("“%(name)s” is archived; its values stay.") % {"name": field.label}, undo_url=undo_url)
    return redirect("data")


@require_POST
@needs("fields.change")
def restore(request: ActorRequest, pk: int) -> HttpResponse:
    """Undo of archiving."""
    field = crm_actions.restore_field(found(pk), by=request.actor, at=timezone.now())
    notices.notify(request, _("“%(name)s” is back.") % {"name": field.label})
    return redirect("feature", column_of(field))
