"""Filters for words of the rule language: {{ feature|said }}, {{ starter.dimension|dimension }}."""

from datetime import timedelta
from typing import Any

from django import template

from crm import figures
from segments import wording
from segments.rules.wording import CHANNELS

register = template.Library()
register.filter("said", wording.said)
register.filter("mean", wording.mean)


@register.filter
def dimension(key: str) -> str:
    return str(wording.DIMENSIONS.get(key, key))


@register.filter
def channel(key: str) -> str:
    """A channel in the visitor's language."""
    return CHANNELS[key][wording.is_finnish()] if key in CHANNELS else key


@register.filter
def initials(person: Any) -> str:
    """One or two letters for a face; a dot where the name may not be seen."""
    letters = "".join(name[:1] for name in (person.first_name, person.last_name) if name)
    return letters.upper() or "·"


@register.filter
def took(length: timedelta) -> str:
    """A short time in seconds: 0.2 s."""
    return f"{figures.number(length.total_seconds(), 1)} s"


@register.filter
def of(rows: dict[Any, Any], key: Any) -> Any:
    """What a mapping holds for a key."""
    return rows.get(key)
