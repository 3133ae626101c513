"""Forms of the steps by which a campaign is planned: each a part of the editor, each saved by itself."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.forms import ALLOWED_RISES, KEYS, PLAIN, SHARES, USUAL_HOURS, USUAL_PRIORITY, CampaignForm
from crm.opened_forms import remember, touched

PARTS: dict[str, tuple[str, ...]] = {
    "goal": ("name", "description", "goal", "goal_event", "window_days", "purpose", "topic", "channel", "webhook"),
    "audience": ("include", "exclude"),
    "test": (
        "holdout_percent",
        "worthwhile_percent",
        "unsubscribe_percent",
        "complaint_percent",
        "waves",
        "wave_hours",
    ),
    "schedule": (
        "send_from",
        "send_until",
        "send_weekdays",
        "priority",
        "cost_per_message_amount",
        "from_name",
        "from_email",
        "reply_to",
    ),
}
USUAL = {"channel": "email", "priority": USUAL_PRIORITY, "waves": 1, "wave_hours": USUAL_HOURS}


class StepForm(CampaignForm):
    """The fields of one step."""

    def __init__(self, *args: Any, step: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in set(self.fields) - set(PARTS[step]):
            del self.fields[name]
        if self.initial:
            remember(self)

    def changes(self) -> dict[str, Any]:
        """The columns this step sets, as the actions take them: what somebody else saved meanwhile stays theirs."""
        mine = touched(self)
        given = {name: value for name, value in self.cleaned_data.items() if name in mine}
        plain = {name: given[name] or USUAL.get(name, given[name]) for name in PLAIN if name in given}
        shares = {name: given[field] / 100 for name, field in SHARES.items() if field in given}
        days = {"send_weekdays": "".join(sorted(given["send_weekdays"]))} if "send_weekdays" in given else {}
        return {**plain, **shares, **self.rails(mine), **days}

    def rails(self, mine: set[str]) -> dict[str, Any]:
        """The guardrails; the usual ones, which stand there from the start, are kept with the step's first saving."""
        names = {key: f"{key}_percent" for key in ALLOWED_RISES}
        is_kept = self.initial.get("guardrails") and mine.isdisjoint(names.values())
        if is_kept or self.fields.keys().isdisjoint(names.values()):
            return {}
        limits = {key: float(self.cleaned_data[name]) / 100 for key, name in names.items()}
        return {
            "guardrails": [{"key": key, "ceiling": limits[key], "allowed_rise": ALLOWED_RISES[key]} for key in names]
        }


class VersionForm(forms.Form):
    """What the test needs to know of a version; its texts are written elsewhere."""

    name = forms.CharField(label=_("What is different about it"), max_length=120, required=False)
    weight = forms.IntegerField(label=_("Weight"), min_value=1, max_value=1000, initial=1)
    is_mass = forms.BooleanField(
        label=_("One text for all"),
        required=False,
        help_text=_("Its readers get this very text whatever their segment: shows what segmenting earns."),
    )


Versions = forms.formset_factory(VersionForm, extra=0, max_num=len(KEYS), absolute_max=len(KEYS))
