"""Writing down what customers give."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from crm import queries
from crm.models import Customer, FieldDefinition, FieldType, Stage, Team
from crm.opened_forms import remember, touched
from crm.refusals import Refused
from crm.rights import Actor, may

COLUMNS = (
    "number", "first_name", "last_name", "email", "phone", "language", "birth_date", "street", "postal_code", "city",
    "country", "stage",
)  # fmt: skip


class CustomerForm(forms.Form):
    """The columns people type, and the firm's own fields after them."""

    number = forms.CharField(label=_("Number"), max_length=64)
    first_name = forms.CharField(label=_("First name"), max_length=120, required=False)
    last_name = forms.CharField(label=_("Last name"), max_length=120, required=False)
    email = forms.EmailField(label=_("E-mail"), max_length=254, required=False)
    phone = forms.CharField(label=_("Phone"), max_length=40, required=False)
    language = forms.ChoiceField(label=_("Language"), required=False)
    birth_date = forms.DateField(
        label=_("Birth date"), required=False, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    )
    street = forms.CharField(label=_("Street address"), max_length=200, required=False)
    postal_code = forms.CharField(label=_("Postal code"), max_length=20, required=False)
    city = forms.CharField(label=_("City"), max_length=120, required=False)
    country = forms.CharField(label=_("Country"), max_length=60, required=False)
    stage = forms.ChoiceField(label=_("Stage"), choices=Stage.choices)

    def __init__(self, data: Any = None, *, actor: Actor, customer: Customer | None) -> None:
        super().__init__(data, initial=_initial(customer))
        spoken = [("", "–"), ("fi", _("Finnish")), ("sv", _("Swedish")), ("en", _("English"))]
        kept = customer.language if customer else ""
        self.fields["language"].choices = spoken + [(kept, kept)] * (kept not in dict(spoken))  # type: ignore[attr-defined]
        self.definitions = {field.key: field for field in queries.fields(actor)}
        for key, definition in self.definitions.items():
            self.fields[f"attributes.{key}"] = FIELDS[definition.type](definition)
        self._offer_teams(actor, customer)
        if customer:
            remember(self)

    def _offer_teams(self, actor: Actor, customer: Customer | None) -> None:
        if may(actor, "customers.assign") or (customer is None and actor.team_ids and len(actor.team_ids) > 1):
            teams = _teams(actor)
            self.fields["team"] = forms.ModelChoiceField(teams, label=_("Team"), required=actor.team_ids is not None)

    def values(self) -> dict[str, Any]:
        """What the form says, as the action wants it; an emptied custom field is taken away."""
        given = {name: value for name, value in self.cleaned_data.items() if name in touched(self)}
        asked = {key: f"attributes.{key}" for key in self.definitions}
        attributes = {key: _kept(given[name]) for key, name in asked.items() if name in given}
        columns = {name: given[name] for name in [*COLUMNS, "team"] if name in given}
        return {**columns, "attributes": attributes}

    def refuse(self, fault: Refused) -> None:
        """Show what the action refused beside its field."""
        place = fault.path if fault.path in self.fields else None
        self.add_error(place, fault.message)


def _initial(customer: Customer | None) -> dict[str, Any]:
    if customer is None:
        return {"stage": Stage.PROSPECT}
    columns = {name: getattr(customer, name) for name in [*COLUMNS, "team"]}
    given = {f"attributes.{key}": _shown(value) for key, value in customer.attributes.items()}
    return {**columns, **given}


def _shown(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list) else value


def _kept(value: Any) -> Any:
    return None if value in ("", None, []) else value


def _teams(actor: Actor) -> QuerySet[Team]:
    return Team.objects.all() if actor.team_ids is None else Team.objects.filter(pk__in=actor.team_ids)


class TruthField(forms.TypedChoiceField):
    """Yes, no, or not known."""

    def __init__(self, **more: Any) -> None:
        choices = [("", "–"), ("True", _("Yes")), ("False", _("No"))]
        super().__init__(choices=choices, coerce=lambda text: text == "True", empty_value=None, **more)


class ListField(forms.CharField):
    """Texts with commas between them."""

    def clean(self, value: Any) -> list[str]:
        return [part.strip() for part in (super().clean(value) or "").split(",") if part.strip()]


def _common(definition: FieldDefinition) -> dict[str, Any]:
    unit = f" ({definition.unit})" if definition.unit else ""
    return {"label": f"{definition.label}{unit}", "required": False}


def _choices(definition: FieldDefinition) -> list[tuple[str, str]]:
    return [("", "–"), *((choice, choice) for choice in definition.choices)]


FIELDS: dict[str, Any] = {
    FieldType.TEXT: lambda d: forms.CharField(max_length=2000, **_common(d)),
    FieldType.NUMBER: lambda d: forms.DecimalField(**_common(d)),
    FieldType.MONEY: lambda d: forms.DecimalField(decimal_places=4, **_common(d)),
    FieldType.DATE: lambda d: forms.DateField(
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"), **_common(d)
    ),
    FieldType.DATETIME: lambda d: forms.DateTimeField(**_common(d)),
    FieldType.TRUTH: lambda d: TruthField(**_common(d)),
    FieldType.CHOICE: lambda d: forms.ChoiceField(choices=_choices(d), **_common(d)),
    FieldType.LIST: lambda d: ListField(**_common(d)),
}
