"""Filters for numbers, money and times: {{ order.total|money:order.currency }}, {{ at|when }}."""

from datetime import date, datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from crm import figures

register = template.Library()
for written in (
    figures.number,
    figures.money,
    figures.share,
    figures.signed,
    figures.day,
    figures.clock,
    figures.moment,
):
    register.filter(written.__name__, written)
register.filter("figure", figures.figure)
register.filter("span", figures.span)


@register.filter
def when(value: datetime | None) -> str | SafeString:
    """Relative time with the exact one behind it: <time title="21 Nov 2026, 12:04">4 minutes ago</time>."""
    if value is None:
        return figures.MISSING
    words = figures.ago(value, timezone.now())
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), figures.moment(value), words)


@register.filter
def on(value: date | None) -> str | SafeString:
    """A day as a time element: <time datetime="2026-11-21">21 Nov 2026</time>."""
    if value is None:
        return figures.MISSING
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), figures.day(value))
