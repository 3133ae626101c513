"""Forms of campaigns: the editor with its versions, the schedule, the test message."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Q
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from campaigns.channels import CHANNELS
from campaigns.content import composition, fields, matrix
from campaigns.content.composition import Source
from campaigns.models import Campaign, Goal, Topic, WebhookTarget
from crm import figures
from crm.form_fields import RowsField
from segments import queries as segment_queries

KEYS = "ABCDEF"
USUAL_PRIORITY, USUAL_HOURS = 5, 24
CLOCK = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
PURPOSES = (("marketing", _("Marketing: consent needed")), ("service", _("Service: about an order or a contract")))


class SegmentChoice(RowsField):
    """Ticks with the size of each segment."""

    widget = forms.CheckboxSelectMultiple

    def label_from_instance(self, segment: Any) -> str:
        return f"{segment.name} ({figures.number(segment.size)})"


class CampaignForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)
    description = forms.CharField(label=_("What it should bring about"), required=False)
    channel = forms.ChoiceField(
        label=_("Channel"), choices=[(one.key, one.label) for one in CHANNELS.values()], initial="email", required=False
    )
    webhook: Any = forms.ModelChoiceField(
        label=_("Webhook target"), queryset=None, required=False, help_text=_("For the channel webhook only.")
    )
    purpose = forms.ChoiceField(label=_("Purpose"), choices=PURPOSES)
    topic: Any = forms.ModelChoiceField(
        label=_("Topic"),
        queryset=None,
        required=False,
        empty_label=_("No topic of its own"),
        help_text=_("Who does not want it gets nothing about it."),
    )
    include = SegmentChoice(
        label=_("To"), queryset=None, error_messages={"required": _("Choose at least one segment.")}
    )
    exclude = SegmentChoice(label=_("Except"), queryset=None, required=False)
    goal = forms.ChoiceField(label=_("Goal"), choices=Goal, help_text=_("What decides between the versions."))
    goal_event = forms.CharField(
        label=_("Event that counts"), initial="order", max_length=60, help_text=_("order, or the type of an event.")
    )
    window_days = forms.IntegerField(label=_("Days in which it counts"), min_value=1, max_value=365, initial=14)
    holdout_percent = forms.DecimalField(
        label=_("Hold-out, %"),
        min_value=0,
        max_value=90,
        decimal_places=2,
        initial=10,
        help_text=_("Deliberately not contacted: shows what would have come anyway."),
    )
    unsubscribe_percent = forms.DecimalField(
        label=_("At most unsubscribed, %"),
        min_value=0,
        max_value=100,
        decimal_places=2,
        initial=2,
        help_text=_("A version that is surely above it cannot win."),
    )
    complaint_percent = forms.DecimalField(
        label=_("At most complained, %"),
        min_value=0,
        max_value=100,
        decimal_places=2,
        initial=Decimal("0.3"),
        help_text=_("Mailbox providers begin to block at 0.3%."),
    )
    worthwhile_percent = forms.DecimalField(
        label=_("Worth acting on, % of the usual"),
        min_value=0,
        max_value=500,
        decimal_places=2,
        initial=10,
        help_text=_("A smaller effect changes nothing you would do; then either version will do."),
    )
    waves = forms.IntegerField(
        label=_("Waves"),
        min_value=1,
        max_value=10,
        initial=1,
        required=False,
        help_text=_("1: everybody at once. More: later waves get more of what works so far."),
    )
    wave_hours = forms.IntegerField(
        label=_("Hours between waves"), min_value=1, max_value=336, initial=24, required=False
    )
    cost_per_message_amount = forms.DecimalField(
        label=_("Cost per message"), min_value=0, max_digits=12, decimal_places=4, initial=0
    )
    priority = forms.IntegerField(
        label=_("Priority"),
        min_value=1,
        max_value=9,
        initial=USUAL_PRIORITY,
        required=False,
        help_text=_("1–9: who may get only one of two messages gets the higher one."),
    )
    send_from = forms.TimeField(
        label=_("Not before"), required=False, widget=CLOCK, help_text=_("By the clock where the recipient lives.")
    )
    send_until = forms.TimeField(label=_("Not after"), required=False, widget=CLOCK)
    send_weekdays = forms.MultipleChoiceField(
        label=_("Weekdays"),
        required=False,
        choices=[(str(day), WEEKDAYS[day - 1]) for day in range(1, 8)],
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None ticked: every day."),
    )
    from_name = forms.CharField(label=_("From name"), max_length=120, required=False)
    from_email = forms.EmailField(label=_("From address"), required=False)
    reply_to = forms.EmailField(label=_("Reply to"), required=False)

    def __init__(self, *args: Any, actor: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.segments = segment_queries.segments(actor).order_by("name")
        self.fields["webhook"].queryset = WebhookTarget.objects.filter(is_active=True)  # type: ignore[attr-defined]
        self.fields["topic"].queryset = Topic.objects.filter(  # type: ignore[attr-defined]
            Q(is_offered=True) | Q(pk=getattr(self.initial.get("topic"), "pk", None))
        )
        for name in ("include", "exclude"):
            self.fields[name].queryset = self.segments  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """A window has two ends."""
        given = super().clean() or {}
        if bool(given.get("send_from")) != bool(given.get("send_until")):
            self.add_error("send_until", _("Give both hours, or neither."))
        return given

    def changes(self) -> dict[str, Any]:
        """The columns of the campaign as the actions take them."""
        given = {name: value for name, value in self.cleaned_data.items() if name in PLAIN}
        rails = [
            {"key": key, "ceiling": float(self.cleaned_data[f"{key}_percent"]) / 100, "allowed_rise": rise}
            for key, rise in ALLOWED_RISES.items()
        ]
        given["channel"] = given["channel"] or "email"
        given["priority"] = given["priority"] or USUAL_PRIORITY
        given["waves"], given["wave_hours"] = given["waves"] or 1, given["wave_hours"] or USUAL_HOURS
        given["send_weekdays"] = "".join(sorted(self.cleaned_data["send_weekdays"]))
        shares = {name: self.cleaned_data[field] / 100 for name, field in SHARES.items()}
        return {**given, **shares, "guardrails": rails}


SHARES = {"holdout_share": "holdout_percent", "worthwhile_lift": "worthwhile_percent"}
ALLOWED_RISES = {"unsubscribe": 0.005, "complaint": 0.001}
USUAL_CEILINGS = {"unsubscribe": 0.02, "complaint": 0.003}
PLAIN = (
    "name",
    "description",
    "channel",
    "webhook",
    "purpose",
    "topic",
    "goal",
    "goal_event",
    "window_days",
    "waves",
    "wave_hours",
    "cost_per_message_amount",
    "priority",
    "send_from",
    "send_until",
    "from_name",
    "from_email",
    "reply_to",
)


class VariantForm(forms.Form):
    name = forms.CharField(label=_("What is different about it"), max_length=120, required=False)
    weight = forms.IntegerField(label=_("Weight"), min_value=1, max_value=1000, initial=1)
    is_mass = forms.BooleanField(
        label=_("One text for all"),
        required=False,
        help_text=_("Its readers get this very text whatever their segment: shows what segmenting earns."),
    )
    subject = forms.CharField(label=_("Subject"), max_length=250, required=False)
    preheader = forms.CharField(
        label=_("Preheader"), max_length=250, required=False, help_text=_("The line shown after the subject.")
    )
    html = forms.CharField(label=_("HTML"), required=False, widget=forms.Textarea(attrs={"rows": 10, "class": "mono"}))
    text = forms.CharField(
        label=_("Plain text"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Empty: made from the HTML."),
    )

    def __init__(self, *args: Any, channel: str = "email", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.channel = channel if channel in CHANNELS else "email"

    def clean(self) -> dict[str, Any]:
        """Every fault of the text at its place."""
        given = super().clean() or {}
        if self.empty_permitted and not self.has_changed():
            return given
        parts = {name: given.get(name, "") for name in ("subject", "preheader", "html", "text")}
        source = Source(**parts, short=matrix.short_form(self.channel))
        for fault in composition.faults(source, fields.names()):
            self.add_error(fault.part if fault.part in self.fields else None, str(fault))
        return given


Variants = forms.formset_factory(
    VariantForm, extra=1, min_num=1, validate_min=True, max_num=len(KEYS), absolute_max=len(KEYS), can_delete=True
)


def variants_of(formset: Any) -> list[dict[str, Any]]:
    """The versions as the actions take them; keys A, B, C … in their order."""
    kept = [form.cleaned_data for form in formset if is_kept(form)]
    return [
        {"key": key, **{name: value for name, value in given.items() if name != "DELETE"}}
        for key, given in zip(KEYS, kept, strict=False)
    ]


def is_kept(form: forms.Form) -> bool:
    """Whether the form holds a version: filled in and not ticked for removal."""
    given = getattr(form, "cleaned_data", {})
    return bool(form.has_changed() or form.initial) and bool(given) and not given.get("DELETE")


def initial_of(campaign: Campaign) -> dict[str, Any]:
    """What the editor shows of a saved campaign."""
    rails = {one["key"]: one for one in campaign.guardrails}
    ceilings = {key: rails.get(key, {}).get("ceiling", usual) for key, usual in USUAL_CEILINGS.items()}
    return {
        **{name: getattr(campaign, name) for name in PLAIN},
        "send_weekdays": list(campaign.send_weekdays),
        "guardrails": campaign.guardrails,
        "include": list(campaign.include.values_list("pk", flat=True)),
        "exclude": list(campaign.exclude.values_list("pk", flat=True)),
        **{field: percent(getattr(campaign, name)) for name, field in SHARES.items()},
        **{f"{key}_percent": round(ceiling * 100, 2) for key, ceiling in ceilings.items()},
    }


def percent(share: Decimal) -> Decimal:
    """A share as per cent, without zeros nobody wrote."""
    return (share * 100).normalize() + Decimal(0)


def initial_variants(campaign: Campaign) -> list[dict[str, Any]]:
    names: Iterable[str] = VariantForm.base_fields
    return [{name: getattr(one, name) for name in names} for one in campaign.variants.all()]


class ScheduleForm(forms.Form):
    send_at = forms.DateTimeField(
        label=_("Send at"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )

    def clean_send_at(self) -> Any:
        if self.cleaned_data["send_at"] <= timezone.now():
            raise forms.ValidationError(_("Give a time that is still to come."))
        return self.cleaned_data["send_at"]
