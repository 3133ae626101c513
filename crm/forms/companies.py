"""Writing down what is known of a company."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm import queries
from crm.forms.customers import FIELDS
from crm.models import Company
from crm.opened_forms import remember, touched
from crm.refusals import Refused
from crm.rights import Actor, may

COLUMNS = ("number", "name", "business_id", "industry", "employees", "city", "country", "website")


class CompanyForm(forms.Form):
    """The columns people type, and the firm's own fields of companies after them."""

    number = forms.CharField(label=_("Number"), max_length=64)
    name = forms.CharField(label=_("Name"), max_length=200)
    business_id = forms.CharField(label=_("Business id"), max_length=20, required=False)
    industry = forms.CharField(label=_("Industry"), max_length=80, required=False)
    employees = forms.IntegerField(label=_("Employees"), min_value=0, max_value=10_000_000, required=False)
    city = forms.CharField(label=_("City"), max_length=120, required=False)
    country = forms.CharField(label=_("Country"), max_length=60, required=False)
    website = forms.URLField(label=_("Website"), required=False, assume_scheme="https")

    def __init__(self, data: Any = None, *, actor: Actor, company: Company | None) -> None:
        super().__init__(data, initial=_initial(company))
        self.definitions = {field.key: field for field in queries.fields(actor, "company")}
        for key, definition in self.definitions.items():
            self.fields[f"attributes.{key}"] = FIELDS[definition.type](definition)
        if may(actor, "customers.assign") or (company is None and actor.team_ids and len(actor.team_ids) > 1):
            is_needed = actor.team_ids is not None
            self.fields["team"] = forms.ModelChoiceField(queries.teams(actor), label=_("Team"), required=is_needed)
        if may(actor, "customers.assign"):
            self.fields["owner"] = forms.ModelChoiceField(
                queries.users(actor, present=company.owner_id if company else None), label=_("Owner"), required=False
            )
        if company:
            remember(self)

    def values(self) -> dict[str, Any]:
        """What the form says, as the action wants it; an emptied custom field is taken away."""
        given = {name: value for name, value in self.cleaned_data.items() if name in touched(self)}
        asked = {key: f"attributes.{key}" for key in self.definitions}
        attributes = {key: _kept(given[name]) for key, name in asked.items() if name in given}
        columns = {name: given[name] for name in [*COLUMNS, "team", "owner"] if name in given}
        return {**columns, "attributes": attributes}

    def refuse(self, fault: Refused) -> None:
        """Show what the action refused beside its field."""
        self.add_error(fault.path if fault.path in self.fields else None, fault.message)


def _initial(company: Company | None) -> dict[str, Any]:
    if company is None:
        return {}
    columns = {name: getattr(company, name) for name in [*COLUMNS, "team", "owner"]}
    shown = {key: ", ".join(one) if isinstance(one, list) else one for key, one in company.attributes.items()}
    return {**columns, **{f"attributes.{key}": value for key, value in shown.items()}}


def _kept(value: Any) -> Any:
    return None if value in ("", None, []) else value
