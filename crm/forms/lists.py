"""Finding rows of a list: search, the filters that stand above it, and the filters that are added one by one."""

from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from crm import queries
from crm.lists import conditions
from crm.models import Company, CompanyTag, Customer, CustomerTag, Stage, Tag, Team, User
from crm.rights import Actor

NOBODY = "-"  # stands for no owner, where a name could stand


class ListForm(forms.Form):
    """Search and filters of a list; what is not valid filters nothing."""

    q = forms.CharField(required=False, max_length=120)
    team = forms.ModelChoiceField(
        Team.objects.none(), label=_("Team"), required=False, empty_label=_("Every team"), to_field_name="slug"
    )
    owner = forms.ChoiceField(label=_("Owner"), required=False)
    tag = forms.ModelChoiceField(
        Tag.objects.none(), label=_("Tag"), required=False, empty_label=_("Every tag"), to_field_name="slug"
    )
    link: Any = None
    whose = ""

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor = actor
        teams, tags = queries.teams(actor), queries.tags(actor)
        self.fields["team"].queryset, self.fields["tag"].queryset = teams, tags  # type: ignore[attr-defined]
        owners = [(one.username, str(one)) for one in owners_of(actor)]
        self.fields["owner"].choices = [("", _("Every owner")), (NOBODY, _("Without owner")), *owners]  # type: ignore[attr-defined]
        self.is_valid()

    def is_filtered(self) -> bool:
        return any(self.cleaned_data.get(name) for name in self.fields)

    def is_narrowed(self) -> bool:
        """Whether anything but the search is asked."""
        return any(self.cleaned_data.get(name) for name in self.fields if name != "q")

    def words(self) -> str:
        return self.cleaned_data.get("q", "").strip()

    def narrowed(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The rows by the filters that stand above the list, without the search."""
        given = self.cleaned_data
        if given.get("team"):
            rows = rows.filter(team=given["team"])
        if owner := given.get("owner"):
            rows = rows.filter(Q(owner__isnull=True) if owner == NOBODY else Q(owner__username=owner))
        if given.get("tag"):
            rows = rows.filter(having(self.link, self.whose, given["tag"]))
        return rows


class CustomersForm(ListForm):
    stage = forms.ChoiceField(label=_("Stage"), required=False, choices=[("", _("Every stage")), *Stage.choices])
    link, whose = CustomerTag, "customer"

    field_order = ["q", "stage", "team", "owner", "tag"]

    def narrowed(self, rows: QuerySet[Customer]) -> QuerySet[Customer]:
        stage = self.cleaned_data.get("stage")
        return super().narrowed(rows.filter(stage=stage) if stage else rows)


class CompaniesForm(ListForm):
    link, whose = CompanyTag, "company"

    def narrowed(self, rows: QuerySet[Company]) -> QuerySet[Company]:
        return super().narrowed(rows)


def having(link: Any, whose: str, tag: Tag) -> Exists:
    return Exists(link.objects.filter(tag=tag, **{whose: OuterRef("pk")}))


def owners_of(actor: Actor) -> QuerySet[User]:
    """Colleagues whose customers the actor may see."""
    rows = queries.users(actor)
    return rows if actor.team_ids is None else rows.filter(teams__in=actor.team_ids).distinct()


class ConditionForm(forms.Form):
    """The operator and value of a filter being added: its controls fit the kind of the subject."""

    operator = forms.ChoiceField(label=_("How"))
    value = forms.CharField(label=_("Value"), required=False, max_length=conditions.LONGEST)

    def __init__(self, subject: conditions.Subject) -> None:
        super().__init__()
        self.fields["operator"].choices = [(key, one.label) for key, one in conditions.operators_of(subject)]  # type: ignore[attr-defined]
        self.fields["value"] = VALUES.get(subject.kind, _text)(subject)


def _text(subject: conditions.Subject) -> forms.Field:
    kind = {"date": "date", "datetime": "date"}.get(subject.kind, "text")
    mode = {"inputmode": "decimal"} if subject.kind in ("number", "money") else {}
    label = f"{_('Value')} ({subject.unit})" if subject.unit else _("Value")
    return forms.CharField(label=label, required=False, widget=forms.TextInput({"type": kind, **mode}))


def _choice(subject: conditions.Subject) -> forms.Field:
    return forms.ChoiceField(label=_("Value"), required=False, choices=subject.choices)


def _truth(subject: conditions.Subject) -> forms.Field:
    return forms.ChoiceField(label=_("Value"), required=False, choices=conditions.TRUTHS)


VALUES = {"choice": _choice, "member": _choice, "truth": _truth}
