"""Filing a request about personal data, and deciding it."""

from django import forms
from django.utils.translation import gettext_lazy as _

from crm.forms.tasks import DayField
from crm.models import CameBy, RequestKind, RequestState


class RequestForm(forms.Form):
    """Which right the person uses, and how the firm heard of it."""

    kind = forms.ChoiceField(label=_("Which right they use"), choices=RequestKind.choices)
    came_by = forms.ChoiceField(label=_("How it came"), choices=CameBy.choices)
    asked_on = DayField(label=_("Day on which it came"))
    words = forms.CharField(
        label=_("What they asked"), required=False, max_length=4000, widget=forms.Textarea({"rows": 3})
    )


class ExtensionForm(forms.Form):
    """Why it takes longer."""

    because = forms.CharField(
        label=_("Why it takes two months more"),
        max_length=1000,
        widget=forms.Textarea({"rows": 3}),
        help_text=_("The law allows it once, for what is complex or many; tell the person why within the first month."),
    )


class DecisionForm(forms.Form):
    """Done, or refused with the reason."""

    state = forms.ChoiceField(label=_("Decision"), choices=RequestState.choices[1:])
    outcome = forms.CharField(
        label=_("What was done, or why not"), required=False, max_length=1000, widget=forms.Textarea({"rows": 3})
    )
