"""When tasks are due: whole days end at the firm's midnight, and open tasks are overdue, of today, or later."""

from calendar import monthrange
from datetime import date, datetime, time
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

LAST_SECOND = time(23, 59, 59)
LABELS = {"overdue": _("Overdue"), "today": _("Today"), "later": _("Later")}
TONES = {"overdue": "bad", "today": "warn", "later": "neutral"}


def zone() -> ZoneInfo:
    """The firm's zone: its days are the days of tasks, wherever somebody looks from."""
    return ZoneInfo(settings.FIRM_TIME_ZONE)


def end_of(day: date) -> datetime:
    """The last second of the firm's day, when a task for the whole day is due."""
    return datetime.combine(day, LAST_SECOND, zone())


def day_of(moment: datetime) -> date:
    """The firm's day of a moment."""
    return moment.astimezone(zone()).date()


Day = TypeVar("Day", bound=date)


def months_from(day: Day, months: int) -> Day:
    """The same day, and time, so many months later (before, when negative); of a shorter month its last one.

    >>> months_from(date(2026, 1, 31), 1), months_from(datetime(2026, 3, 31), -13)
    (datetime.date(2026, 2, 28), datetime.datetime(2025, 2, 28, 0, 0))
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return day.replace(year=year, month=month + 1, day=min(day.day, monthrange(year, month + 1)[1]))


def on_day(day: date, like: datetime, *, has_time: bool) -> datetime:
    """The same time of day as `like` on another day of the firm; the end of the day without a time."""
    return datetime.combine(day, like.astimezone(zone()).time(), zone()) if has_time else end_of(day)


def group_of(due_at: datetime, at: datetime) -> str:
    """overdue, today or later, as seen at a moment."""
    if due_at < at:
        return "overdue"
    return "today" if due_at <= end_of(day_of(at)) else "later"


def within(group: str, at: datetime) -> Q:
    """The condition on `due_at` of a group; `open` is all of them."""
    tonight = end_of(day_of(at))
    conditions: dict[str, Any] = {
        "open": Q(),
        "overdue": Q(due_at__lt=at),
        "today": Q(due_at__gte=at, due_at__lte=tonight),
        "now": Q(due_at__lte=tonight),
        "later": Q(due_at__gt=tonight),
    }
    return conditions[group]
