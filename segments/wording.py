"""What pages say about segments: movement, distinctions and sizes in words of the visitor's language."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from crm import figures
from profiles.catalogue import Feature
from segments.clusters import Distinction
from segments.history import DaySize

DIMENSIONS = {
    "demographic": gettext_lazy("Demographic"),
    "geographic": gettext_lazy("Geographic"),
    "psychographic": gettext_lazy("Psychographic"),
    "behavioural": gettext_lazy("Behavioural"),
    "technographic": gettext_lazy("Technographic"),
    "economic": gettext_lazy("Economic"),
    "social": gettext_lazy("Social"),
    "life_situation": gettext_lazy("Life situation"),
    "market_position": gettext_lazy("Market position"),
    "cultural": gettext_lazy("Cultural"),
}
WEEK = 7


@dataclass(frozen=True)
class Compared:
    """One distinction ready to draw: members against everyone, widths in per cent of the larger."""

    label: str
    inside: str
    everyone: str
    inside_width: float
    everyone_width: float
    sentence: str


def is_finnish() -> bool:
    return (get_language() or "en").startswith("fi")


def said(row: Any) -> str:
    """The label of a feature, operator, measure or starter in the visitor's language."""
    return str((is_finnish() and row.label_fi) or row.label)


def answer(size: int, curve: tuple[DaySize, ...]) -> str:
    """Size and movement of the last seven days in one sentence."""
    told = ngettext("%(n)s customer is in it", "%(n)s customers are in it", size) % {"n": figures.number(size)}
    change = since_last_week(curve)
    if change is None:
        return f"{told}."
    if change == 0:
        return _("%(size)s, as many as a week ago.") % {"size": told}
    more = ngettext("%(n)s more than a week ago", "%(n)s more than a week ago", change)
    fewer = ngettext("%(n)s fewer than a week ago", "%(n)s fewer than a week ago", -change)
    return f"{told}, {(more if change > 0 else fewer) % {'n': figures.number(abs(change))}}."


def since_last_week(curve: tuple[DaySize, ...]) -> int | None:
    """Change of size over seven days; None while there is no week to compare with."""
    return curve[-1].size - curve[-1 - WEEK].size if len(curve) > WEEK else None


def compared(row: Distinction, features: Mapping[str, Feature]) -> Compared:
    """A distinction in figures a person knows: shares of a value, or means of a number."""
    feature = features[row.feature]
    label = said(feature) if row.value is None else f"{said(feature)}: {value_words(row.value)}"
    most = max(abs(row.inside), abs(row.everyone)) or 1
    inside, everyone = written(row.inside, row.value, feature), written(row.everyone, row.value, feature)
    told = _("%(label)s: %(inside)s here, %(everyone)s of everyone.")
    return Compared(
        label,
        inside,
        everyone,
        round(abs(row.inside) / most * 100, 1),
        round(abs(row.everyone) / most * 100, 1),
        told % {"label": label, "inside": inside, "everyone": everyone},
    )


def written(amount: float, value: str | None, feature: Feature) -> str:
    """A share for values and truths, otherwise the mean in the feature's own unit."""
    if value is not None or feature.kind == "truth":
        return figures.share(amount, 0)
    if feature.kind == "money":
        return figures.money(amount, feature.unit or None, 0 if abs(amount) >= 100 else 2)
    return f"{figures.number(amount, 0 if abs(amount) >= 100 else 1)} {feature.unit}".strip()


def value_words(value: Any) -> str:
    """A stored value as people read it: yes or no for a truth, spaces for the underscores of a key."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value).replace("_", " ")


def late(seconds: int) -> str:
    """How late a run began; empty when it was on time within a minute."""
    return figures.span(timedelta(seconds=seconds)) if seconds >= 60 else ""
