"""Finding deals, and writing down what they are about."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import due, queries, search
from crm.forms.tasks import CompanyField, CustomerField, DayField, people_input
from crm.models import Deal, DealStatus, Pipeline, PipelineStage
from crm.opened_forms import remember, touched
from crm.refusals import Refused
from crm.rights import Actor, may

USUAL_DAYS = 30


class FilterForm(forms.Form):
    """Search and filters of deals; what is not valid filters nothing."""

    q = forms.CharField(required=False, max_length=120)
    whose = forms.ChoiceField(
        label=gettext_lazy("Whose"),
        required=False,
        choices=[("", gettext_lazy("Mine")), ("all", gettext_lazy("My teams'"))],
    )
    status = forms.ChoiceField(
        label=gettext_lazy("Status"),
        required=False,
        choices=[("", gettext_lazy("Open")), ("won", gettext_lazy("Won")), ("lost", gettext_lazy("Lost"))],
    )
    stage = forms.ModelChoiceField(
        PipelineStage.objects.none(),
        label=gettext_lazy("Stage"),
        required=False,
        empty_label=gettext_lazy("Every stage"),
    )

    def __init__(self, *args: Any, actor: Actor, pipeline: Pipeline, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor, self.pipeline = actor, pipeline
        self.fields["stage"].queryset = queries.stages(actor).filter(pipeline=pipeline)  # type: ignore[attr-defined]
        if not may(actor, "deals.change"):
            self.fields["whose"].choices = [("", _("Everybody's"))]  # type: ignore[attr-defined]
        elif actor.team_ids is None:
            self.fields["whose"].choices = [("", _("Mine")), ("all", _("Everybody's"))]  # type: ignore[attr-defined]
        self.is_valid()

    @property
    def is_own(self) -> bool:
        return may(self.actor, "deals.change") and self.cleaned_data.get("whose", "") != "all"

    def is_filtered(self) -> bool:
        return any(self.cleaned_data.get(name) for name in self.fields)

    def scope(self) -> QuerySet[Deal]:
        """Deals of the pipeline of whoever was asked for, whatever their status."""
        rows = queries.deals(self.actor).filter(stage__pipeline=self.pipeline)
        return rows.filter(owner=self.actor.user) if self.is_own else rows

    def matching(self) -> QuerySet[Deal]:
        """Those of them that the words mean."""
        words = self.cleaned_data.get("q", "").strip()
        if not words or not may(self.actor, "customers.identify"):
            return self.scope()
        people = search.found(queries.customers(self.actor), words, by_name=True)
        meant = Q(title__icontains=words) | Q(customer__in=people.values("pk")) | Q(company__name__istartswith=words)
        return self.scope().filter(meant)

    def rows(self) -> QuerySet[Deal]:
        rows, given = self.matching(), self.cleaned_data
        if given.get("stage"):
            rows = rows.filter(stage=given["stage"])
        return rows.filter(status=given.get("status") or DealStatus.OPEN)


class DealForm(forms.Form):
    """What a deal is about; its stage is moved on its page and on the board."""

    title = forms.CharField(label=gettext_lazy("What might be sold"), max_length=200)
    amount = forms.DecimalField(label=gettext_lazy("Amount"), min_value=0, max_digits=16, decimal_places=2)
    currency = forms.RegexField(r"^[A-Z]{3}$", label=gettext_lazy("Currency"), max_length=3)
    expected_on = DayField(label=gettext_lazy("Expected on"))
    chance = forms.IntegerField(
        label=gettext_lazy("Probability, %"),
        required=False,
        min_value=0,
        max_value=100,
        help_text=gettext_lazy("Leave it empty to use that of the stage."),
    )
    note = forms.CharField(
        label=gettext_lazy("Note"), required=False, max_length=4000, widget=forms.Textarea({"rows": 4})
    )

    def __init__(
        self, data: Any = None, *, actor: Actor, deal: Deal | None, about: dict[str, Any], at: datetime
    ) -> None:
        usual = {
            "currency": settings.FIRM_CURRENCY,
            "expected_on": due.day_of(at + timedelta(days=USUAL_DAYS)),
            "owner": actor.user.pk,
            **about,
        }
        super().__init__(data, initial=_initial(deal) if deal else usual)
        self.fields["customer"] = CustomerField(
            actor, label=_("Customer"), help_text=_("Name, number, e-mail or phone."), widget=people_input("customers")
        )
        self.fields["company"] = CompanyField(
            actor, label=_("Company"), help_text=_("Name or number."), widget=people_input("companies")
        )
        self.fields["owner"] = forms.ModelChoiceField(
            queries.colleagues(actor, present=deal.owner_id if deal else None), label=_("Owner"), required=False
        )
        if deal is None:
            stages = queries.stages(actor).select_related("pipeline")
            self.fields["stage"] = forms.ModelChoiceField(
                stages, label=_("Stage"), required=False, empty_label=_("The first")
            )
        self.order_fields(("title", "customer", "company", "amount", "currency", "expected_on", "stage", "chance"))
        if deal:
            remember(self)

    def values(self) -> dict[str, Any]:
        """What the form says, as the action wants it."""
        given = {name: value for name, value in self.cleaned_data.items() if name in touched(self)}
        columns = ("title", "amount", "currency", "expected_on", "note", "customer", "company", "owner")
        values = {name: given[name] for name in columns if name in given}
        if "chance" in given:
            values["probability_share"] = None if given["chance"] is None else Decimal(given["chance"]) / 100
        return values

    def refuse(self, fault: Refused) -> None:
        """Show what the action refused beside its field."""
        place = {"probability_share": "chance"}.get(fault.path, fault.path)
        self.add_error(place if place in self.fields else None, fault.message)


def _initial(deal: Deal) -> dict[str, Any]:
    columns = ("title", "amount", "currency", "expected_on", "note", "owner")
    return {
        **{name: getattr(deal, name) for name in columns},
        "chance": None if deal.probability_share is None else round(deal.probability_share * 100),
        "customer": deal.customer.number if deal.customer else "",
        "company": deal.company.number if deal.company else "",
    }


class LostForm(forms.Form):
    """Why a deal is lost."""

    note = forms.CharField(
        label=gettext_lazy("More on it"), required=False, max_length=1000, widget=forms.Textarea({"rows": 2})
    )

    def __init__(self, data: Any = None, *, actor: Actor) -> None:
        super().__init__(data)
        self.fields["reason"] = forms.ModelChoiceField(
            queries.lost_reasons(actor), label=_("Why it is lost"), widget=forms.RadioSelect, empty_label=None
        )
        self.order_fields(("reason", "note"))
