"""Small forms on the tabs of a customer's page."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm import timeline
from crm.models import Channel, ConsentAct, Purpose
from crm.rights import Actor, may


def _day() -> forms.DateInput:
    return forms.DateInput({"type": "date"}, format="%Y-%m-%d")


class TimelineForm(forms.Form):
    """Which happenings are shown; what is not valid narrows nothing."""

    kind = forms.ChoiceField(label=_("What"), required=False)
    since = forms.DateField(label=_("Since"), required=False, widget=_day())
    until = forms.DateField(label=_("Until"), required=False, widget=_day())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = [(key, kind.label) for key, kind in timeline.KINDS.items()]
        self.fields["kind"].choices = [("", _("Everything")), *kinds]  # type: ignore[attr-defined]
        self.is_valid()

    def is_filtered(self) -> bool:
        return any(self.cleaned_data.get(name) for name in self.fields)


class ConsentForm(forms.Form):
    """What a customer said about one purpose and channel; a grant takes the right to record it, and its evidence."""

    purpose = forms.ChoiceField(label=_("What for"), choices=Purpose.choices)
    channel = forms.ChoiceField(label=_("By which channel"), choices=Channel.choices)
    act = forms.ChoiceField(label=_("They said"), choices=ConsentAct.choices, initial=ConsentAct.WITHDRAWN)
    evidence = forms.CharField(
        label=_("How and where they said it"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("The proof: needed when something is granted."),
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may(actor, "consents.grant"):
            self.fields["act"].choices = [(ConsentAct.WITHDRAWN, ConsentAct.WITHDRAWN.label)]  # type: ignore[attr-defined]
