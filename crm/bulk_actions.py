"""What may be done to many customers or companies at once: assign, tag, and what floors above add: a registry."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Model
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm import figures, queries
from crm.actions.assignment import assigned
from crm.actions.tags import add_tag, create_tag, remove_tag
from crm.models import Company, Customer, Tag, TagColour, Team, User
from crm.refusals import NotPossibleNow
from crm.rights import SALES, Actor, may

MOST_BY_SALES, MOST = 500, 50_000
Before = Mapping[int, Mapping[str, Any]]


@dataclass(frozen=True)
class BulkAction:
    """`form` takes data and actor and has `parameters()`, which JSON holds; `tell` and `told` say what will be and was
    done to how many; `do` returns the changed ids with what stood there, `undo` sets that back and counts. `list` is
    whose rows it changes.
    """

    key: str
    label: str | Promise
    right: str
    form: Callable[..., Any]
    tell: Callable[[Mapping[str, Any], int], str]
    told: Callable[[Mapping[str, Any], int], str]
    do: Callable[[Sequence[int], Mapping[str, Any], Actor, datetime], Before]
    undo: Callable[[Before, Mapping[str, Any], Actor, datetime], int]
    list: str = "customers"


ACTIONS: list[BulkAction] = []


def register(action: BulkAction) -> None:
    """Add an action; called once, from the AppConfig.ready of the floor that brings it."""
    ACTIONS.append(action)


def open_to(actor: Actor, of: str) -> list[BulkAction]:
    """What the actor may do to many rows of a list."""
    return [one for one in ACTIONS if one.list == of and may(actor, one.right)]


def named(key: str, actor: Actor, of: str) -> BulkAction | None:
    return next((one for one in open_to(actor, of) if one.key == key), None)


def most_at_once(actor: Actor) -> int:
    return MOST_BY_SALES if actor.role == SALES else MOST


def _n(n: int) -> dict[str, str]:
    return {"n": figures.number(n)}


# --- owner and team ------------------------------------------------------------------------------


class AssignForm(forms.Form):
    team = forms.ModelChoiceField(Team.objects.none(), label=gettext_lazy("Team"), required=False)
    owner = forms.ModelChoiceField(User.objects.none(), label=gettext_lazy("Owner"), required=False)

    def __init__(self, data: Any = None, *, actor: Actor) -> None:
        super().__init__(data)
        self.fields["team"].queryset = queries.teams(actor)  # type: ignore[attr-defined]
        self.fields["owner"].queryset = queries.users(actor)  # type: ignore[attr-defined]
        self.fields["team"].empty_label = self.fields["owner"].empty_label = _("As it is")  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.errors and not given.get("team") and not given.get("owner"):
            raise forms.ValidationError(_("Choose a team, an owner, or both."))
        return given

    def parameters(self) -> dict[str, Any]:
        return {f"{name}_id": row.pk for name, row in self.cleaned_data.items() if row}


def _names(parameters: Mapping[str, Any]) -> str:
    team = Team.objects.filter(pk=parameters.get("team_id", 0)).first()
    owner = User.objects.filter(pk=parameters.get("owner_id", 0)).first()
    return ", ".join(str(one) for one in (owner, team) if one)


def _tell_assign(parameters: Mapping[str, Any], n: int) -> str:
    words = ngettext("Give %(n)s customer to %(whom)s", "Give %(n)s customers to %(whom)s", n)
    return words % {**_n(n), "whom": _names(parameters)}


def _told_assign(parameters: Mapping[str, Any], n: int) -> str:
    words = ngettext("%(n)s customer was given to %(whom)s.", "%(n)s customers were given to %(whom)s.", n)
    return words % {**_n(n), "whom": _names(parameters)}


def _assign(ids: Sequence[int], parameters: Mapping[str, Any], by: Actor, at: datetime) -> Before:
    return assigned(ids, dict(parameters), by=by, at=at)


def _assign_back(before: Before, parameters: Mapping[str, Any], by: Actor, at: datetime) -> int:
    """What somebody has assigned anew since stays."""
    same: dict[tuple, list[int]] = defaultdict(list)
    for pk, row in before.items():
        same[tuple(sorted(row.items()))].append(pk)
    back = 0
    for stood, ids in same.items():
        still = [pk for i in range(0, len(ids), 2000) for pk in _still(ids[i : i + 2000], parameters, by)]
        back += len(assigned(still, dict(stood), by=by, at=at))
    return back


def _still(ids: Sequence[int], parameters: Mapping[str, Any], by: Actor) -> list[int]:
    return list(queries.customers(by).filter(pk__in=ids, **parameters).values_list("pk", flat=True))


# --- tags ----------------------------------------------------------------------------------------


class TagForm(forms.Form):
    """A tag that there is, or a new one."""

    tag = forms.ModelChoiceField(
        Tag.objects.none(), label=gettext_lazy("Tag"), required=False, to_field_name="slug", empty_label="–"
    )
    name = forms.CharField(label=gettext_lazy("Or a new tag"), max_length=60, required=False)
    colour = forms.ChoiceField(label=gettext_lazy("Its colour"), choices=TagColour.choices, required=False)

    def __init__(self, data: Any = None, *, actor: Actor) -> None:
        super().__init__(data)
        self.fields["tag"].queryset = queries.tags(actor)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.errors and bool(given.get("tag")) == bool(given.get("name")):
            raise forms.ValidationError(_("Choose a tag, or name a new one."))
        return given

    def parameters(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given["tag"]:
            return {"tag": given["tag"].slug}
        known = Tag.objects.filter(name__iexact=given["name"].strip(), archived_at__isnull=True).first()
        return {"tag": known.slug} if known else {"name": given["name"], "colour": given["colour"] or TagColour.GREY}


class KnownTagForm(forms.Form):
    tag = forms.ModelChoiceField(Tag.objects.none(), label=gettext_lazy("Tag"), to_field_name="slug")

    def __init__(self, data: Any = None, *, actor: Actor) -> None:
        super().__init__(data)
        self.fields["tag"].queryset = queries.tags(actor)  # type: ignore[attr-defined]

    def parameters(self) -> dict[str, Any]:
        return {"tag": self.cleaned_data["tag"].slug}


def _tag_name(parameters: Mapping[str, Any]) -> str:
    slug = parameters.get("tag")
    return str(Tag.objects.filter(slug=slug).first() or "") if slug else str(parameters["name"])


def _telling(sentence: Callable[[int], str]) -> Callable[[Mapping[str, Any], int], str]:
    return lambda parameters, n: sentence(n) % {**_n(n), "tag": _tag_name(parameters)}


def _tag_of(parameters: Mapping[str, Any], by: Actor, at: datetime) -> Tag:
    slug, name = parameters.get("tag"), parameters.get("name", "")
    known = Tag.objects.filter(slug=slug).first() if slug else Tag.objects.filter(name__iexact=name).first()
    if known and known.archived_at is None:
        return known
    if "colour" not in parameters:  # it was a tag that there was
        raise NotPossibleNow(_("There is no such tag any more."))
    return create_tag(name=name, colour=parameters["colour"], by=by, at=at)


def _put(to: type[Model]) -> Callable[..., Before]:
    def do(ids: Sequence[int], parameters: Mapping[str, Any], by: Actor, at: datetime) -> Before:
        return {pk: {} for pk in add_tag(_tag_of(parameters, by, at), to=to, ids=ids, by=by, at=at)}

    return do


def _take(to: type[Model]) -> Callable[..., Before]:
    def do(ids: Sequence[int], parameters: Mapping[str, Any], by: Actor, at: datetime) -> Before:
        return {pk: {} for pk in remove_tag(_tag_of(parameters, by, at), to=to, ids=ids, by=by, at=at)}

    return do


def _back(act: Callable[..., Before]) -> Callable[[Before, Mapping[str, Any], Actor, datetime], int]:
    return lambda before, parameters, by, at: len(act(list(before), parameters, by, at))


# Per list: the key, whose rows, and what will be and was done, for putting a tag on and for taking it off.
TAGGING: tuple[tuple[str, str, type[Model], tuple[Callable[[int], str], ...]], ...] = (
    ("", "customers", Customer, (
        lambda n: ngettext("Put the tag “%(tag)s” on %(n)s customer", "Put the tag “%(tag)s” on %(n)s customers", n),
        lambda n: ngettext("%(n)s customer has the tag “%(tag)s” now.",
                           "%(n)s more customers have the tag “%(tag)s” now.", n),
        lambda n: ngettext("Take the tag “%(tag)s” off %(n)s customer",
                           "Take the tag “%(tag)s” off %(n)s customers", n),
        lambda n: ngettext("The tag “%(tag)s” was taken off %(n)s customer.",
                           "The tag “%(tag)s” was taken off %(n)s customers.", n),
    )),
    ("-companies", "companies", Company, (
        lambda n: ngettext("Put the tag “%(tag)s” on %(n)s company", "Put the tag “%(tag)s” on %(n)s companies", n),
        lambda n: ngettext("%(n)s company has the tag “%(tag)s” now.",
                           "%(n)s more companies have the tag “%(tag)s” now.", n),
        lambda n: ngettext("Take the tag “%(tag)s” off %(n)s company",
                           "Take the tag “%(tag)s” off %(n)s companies", n),
        lambda n: ngettext("The tag “%(tag)s” was taken off %(n)s company.",
                           "The tag “%(tag)s” was taken off %(n)s companies.", n),
    )),
)  # fmt: skip

register(
    BulkAction(
        "assign", gettext_lazy("Assign"), "customers.assign", AssignForm, _tell_assign, _told_assign, _assign,
        _assign_back,
    )
)  # fmt: skip
for _key, _list, _to, _words in TAGGING:
    _tell_tag, _told_tag, _tell_untag, _told_untag = map(_telling, _words)
    register(
        BulkAction(
            f"tag{_key}", gettext_lazy("Add a tag"), "tags.change", TagForm, _tell_tag, _told_tag, _put(_to),
            _back(_take(_to)), _list,
        )
    )  # fmt: skip
    register(
        BulkAction(
            f"untag{_key}", gettext_lazy("Remove a tag"), "tags.change", KnownTagForm, _tell_untag, _told_untag,
            _take(_to), _back(_put(_to)), _list,
        )
    )  # fmt: skip
