"""Sample values for the examples of the styleguide; for those who build pages, so in English only."""

from datetime import datetime, timedelta
from math import sin
from typing import Any

from django import forms
from django.utils import timezone

from crm.charts import Interval, Mark, Series, Step, Stream
from crm.tables import Column

TOKENS = ("ground", "surface", "sunken", "line", "ink", "quiet", "accent", "accent-tint", "good", "warn", "bad", "info")


class SampleForm(forms.Form):
    name = forms.CharField(label="Name", help_text="Shown in lists and reports.")
    channel = forms.ChoiceField(
        label="Channel",
        choices=[("email", "E-mail"), ("sms", "Text message")],
    )
    starts_on = forms.DateField(label="Starts on", widget=forms.DateInput({"type": "date"}))
    note = forms.CharField(label="Note", required=False, widget=forms.Textarea({"rows": 3}))
    has_hold_out = forms.BooleanField(label="Keep a hold-out", required=False)


def sample() -> dict[str, Any]:
    """Everything the examples draw, by the names they use."""
    now = timezone.now()
    sizes = [1100 + round(90 * sin(n / 2.2)) + 8 * n for n in range(18)]
    return {
        "now": now,
        "form": SampleForm({"name": "", "channel": "email"}, auto_id="sample_%s"),
        "other_form": SampleForm(auto_id="other_%s"),
        "happenings": _happenings(now),
        **_lists(),
        **_frame(),
        **_lines(sizes),
        **_shares(),
        **_movements(),
    }


def _lists() -> dict[str, Any]:
    return {
        "files": [("csv", "#"), ("xlsx", "#")],
        "columns": [
            Column("Name", sort="name"),
            Column("Town", sort="town"),
            Column("Orders", "number", sort="orders"),
            Column("Value", "number"),
        ],
        "people": [
            ("Aino Virtanen", "Tampere", 12, 1204.5),
            ("Eero Lahtinen", "Oulu", 7, 640),
            ("Linnea Sjöberg", "Vaasa", 3, 88.9),
        ],
        "actions": [("assign", "Assign"), ("export", "Export")],
        "facts": [("Owner", "Aino Virtanen"), ("Stage", "Regular"), ("Last order", "18.11.2026")],
    }


def _frame() -> dict[str, Any]:
    return {
        "crumbs": [("Segments", "#")],
        "steps": [("Goal", "#goal"), ("Audience", "#audience"), ("Messages", ""), ("Launch", "")],
        "undone": ["#audience"],
        "tabs": [
            ("Overview", "?", None),
            ("Members", "?tab=members", 1204),
            ("History", "?tab=history", None),
        ],
        "undo": "/styleguide/",
        "reasons": ["Not reviewed for 94 days", "Overlaps “Lapsed” by 61%", "No owner"],
    }


def _lines(sizes: list[int]) -> dict[str, Any]:
    return {
        "weeks": [f"Week {n}" for n in range(30, 48)],
        "sizes": sizes,
        "curve": sizes,
        "one_series": [Series("Members", sizes)],
        "with_estimate": [
            Series("Members", [*[None] * 9, *sizes[9:]]),
            Series("Before", [size if n in (0, 3, 6, 9) else None for n, size in enumerate(sizes)], 1, is_dashed=True),
        ],
        "variants": [
            Series("A", [2.1, 2.4, 2.2, 2.9, 3.1, 3.4]),
            Series("B", [2.0, 2.9, 3.4, 3.9, 4.4, 4.6]),
            Series("Hold-out", [1.4, 1.3, 1.5, 1.4, None, 1.6], "hold-out"),
        ],
        "days": ["1.11.", "2.11.", "3.11.", "4.11.", "5.11.", "6.11."],
    }


def _shares() -> dict[str, Any]:
    return {
        "reach": [
            Step("Match the rule", 1204),
            Step("Have an address", 1150, "no e-mail address", "#"),
            Step("Consent", 871, "no consent to marketing", "#"),
            Step("Not suppressed", 860, "on the suppression list", "#"),
            Step("Will get it", 774, "held out", "#"),
        ],
        "intervals": [
            Interval("Regulars", 0.021, 0.008, 0.034, "B is better", "good", "n = 4 210"),
            Interval("Prospects", 0.006, -0.011, 0.023, "No decision yet", "neutral", "n = 2 044"),
            Interval("Lapsed", -0.018, -0.031, -0.005, "A is better", "bad", "n = 3 877"),
            Interval("Guests", None, None, None, "Too few", "neutral", "n = 12"),
        ],
        "categories": [
            Mark("Wine", 48210, note="38% of all"),
            Mark("Meat", 31004),
            Mark("Fish", 12870),
            Mark("Sweets", 4020),
        ],
        "edges": [0, 20, 40, 60, 80, 100, 120],
        "counts": [120, 340, 410, 220, 90, 24],
    }


def _movements() -> dict[str, Any]:
    return {
        "groups_moved": ["Regulars", "Lapsed", "None of these"],
        "moved": [
            Stream(0, 0, 170),
            Stream(0, 1, 14),
            Stream(1, 0, 6),
            Stream(1, 1, 80),
            Stream(1, 2, 5),
            Stream(2, 0, 9),
        ],
        "points": [
            (g * 2.2 + sin(i * 7.3 + g), g % 2 * 1.8 + sin(i * 3.1 + g * 2), g, f"Customer {i}")
            for g in (1, 2, 3)
            for i in range(60)
        ],
        "groups": ["Big baskets", "Bargain hunters", "Newcomers"],
    }


def _happenings(now: datetime) -> list[dict[str, Any]]:
    rows = [
        (timedelta(minutes=12), "envelope-open", "Opened “Autumn wines”", "Campaign", ""),
        (timedelta(hours=3), "shopping-bag", "Ordered 4 products", "Web shop", "86,40 €"),
        (timedelta(days=2), "phone", "Call with Eero Lahtinen", "Sales", ""),
    ]
    return [
        {"at": now - before, "icon": icon, "words": words, "source": source, "figure": figure}
        for before, icon, words, source, figure in rows
    ]
