"""Sample values for the examples of the styleguide."""

from datetime import datetime, timedelta
from math import sin
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.charts import Interval, Mark, Series, Step
from crm.tables import Column

TOKENS = ("ground", "surface", "sunken", "line", "ink", "quiet", "accent", "accent-tint", "good", "warn", "bad", "info")


class SampleForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), help_text=gettext_lazy("Shown in lists and reports."))
    channel = forms.ChoiceField(
        label=gettext_lazy("Channel"),
        choices=[("email", gettext_lazy("E-mail")), ("sms", gettext_lazy("Text message"))],
    )
    starts_on = forms.DateField(label=gettext_lazy("Starts on"), widget=forms.DateInput({"type": "date"}))
    note = forms.CharField(label=gettext_lazy("Note"), required=False, widget=forms.Textarea({"rows": 3}))
    has_hold_out = forms.BooleanField(label=gettext_lazy("Keep a hold-out"), required=False)


def sample() -> dict[str, Any]:
    """Everything the examples draw, by the names they use."""
    now = timezone.now()
    weeks = [f"{_('Week')} {n}" for n in range(30, 48)]
    sizes = [1100 + round(90 * sin(n / 2.2)) + 8 * n for n in range(18)]
    return {
        "now": now,
        "form": SampleForm({"name": "", "channel": "email"}, auto_id="sample_%s"),
        "other_form": SampleForm(auto_id="other_%s"),
        "columns": [
            Column(_("Name"), sort="name"),
            Column(_("Town"), sort="town"),
            Column(_("Orders"), "number", sort="orders"),
            Column(_("Value"), "number"),
        ],
        "people": [
            ("Aino Virtanen", "Tampere", 12, 1204.5),
            ("Eero Lahtinen", "Oulu", 7, 640),
            ("Linnea Sjöberg", "Vaasa", 3, 88.9),
        ],
        "actions": [("assign", _("Assign")), ("export", _("Export"))],
        "crumbs": [(_("Segments"), "#")],
        "weeks": weeks,
        "sizes": sizes,
        "curve": sizes,
        "one_series": [Series(_("Members"), sizes)],
        "variants": [
            Series("A", [2.1, 2.4, 2.2, 2.9, 3.1, 3.4]),
            Series("B", [2.0, 2.9, 3.4, 3.9, 4.4, 4.6]),
            Series(_("Hold-out"), [1.4, 1.3, 1.5, 1.4, None, 1.6], "hold-out"),
        ],
        "days": ["1.11.", "2.11.", "3.11.", "4.11.", "5.11.", "6.11."],
        "reach": [
            Step(_("Match the rule"), 1204),
            Step(_("Have an address"), 1150, _("54 have no e-mail address"), "#"),
            Step(_("Consent"), 871, _("279 have not consented to marketing"), "#"),
            Step(_("Not suppressed"), 860, _("11 are on the suppression list"), "#"),
            Step(_("Will get it"), 774, _("86 are held out"), "#"),
        ],
        "intervals": [
            Interval(_("Regulars"), 0.021, 0.008, 0.034, _("B is better"), "good", "n = 4 210"),
            Interval(_("Prospects"), 0.006, -0.011, 0.023, _("No decision yet"), "neutral", "n = 2 044"),
            Interval(_("Lapsed"), -0.018, -0.031, -0.005, _("A is better"), "bad", "n = 3 877"),
            Interval(_("Guests"), None, None, None, _("Too few"), "neutral", "n = 12"),
        ],
        "categories": [
            Mark(_("Wine"), 48210, note=_("38% of all")),
            Mark(_("Meat"), 31004),
            Mark(_("Fish"), 12870),
            Mark(_("Sweets"), 4020),
        ],
        "edges": [0, 20, 40, 60, 80, 100, 120],
        "counts": [120, 340, 410, 220, 90, 24],
        "points": [
            (g * 2.2 + sin(i * 7.3 + g), g % 2 * 1.8 + sin(i * 3.1 + g * 2), g, f"{_('Customer')} {i}")
            for g in (1, 2, 3)
            for i in range(60)
        ],
        "groups": [_("Big baskets"), _("Bargain hunters"), _("Newcomers")],
        "happenings": _happenings(now),
        "facts": [(_("Owner"), "Aino Virtanen"), (_("Stage"), _("Regular")), (_("Last order"), "18.11.2026")],
        "steps": [(_("Goal"), "#"), (_("Audience"), "#"), (_("Messages"), ""), (_("Launch"), "")],
        "tabs": [
            (_("Overview"), "?", None),
            (_("Members"), "?tab=members", 1204),
            (_("History"), "?tab=history", None),
        ],
        "undo": "/styleguide/",
        "reasons": [_("Not reviewed for 94 days"), _("Overlaps “Lapsed” by 61%"), _("No owner")],
    }


def _happenings(now: datetime) -> list[dict[str, Any]]:
    rows = [
        (timedelta(minutes=12), "envelope-open", _("Opened “Autumn wines”"), _("Campaign"), ""),
        (timedelta(hours=3), "shopping-bag", _("Ordered 4 products"), _("Web shop"), "86,40 €"),
        (timedelta(days=2), "phone", _("Call with Eero Lahtinen"), _("Sales"), ""),
    ]
    return [
        {"at": now - before, "icon": icon, "words": words, "source": source, "figure": figure}
        for before, icon, words, source, figure in rows
    ]
