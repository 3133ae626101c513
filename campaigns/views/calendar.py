"""The calendar: which campaigns leave on which day of a month, and how long their orders count."""

from calendar import Calendar
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from babel.dates import format_date, get_day_names
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from campaigns import queries, scheduling
from campaigns.models import Campaign, CampaignStatus
from campaigns.views import places
from crm import figures
from crm.access import ActorRequest, needs

FIRST_YEAR, LAST_YEAR = 2000, 2099


@dataclass(frozen=True)
class Entry:
    """A campaign on the day it leaves, or left."""

    campaign: Campaign
    tone: str
    clock: str
    until: str
    is_missed: bool


@dataclass(frozen=True)
class Day:
    day: date
    is_of_month: bool
    is_today: bool
    entries: tuple[Entry, ...]


@require_safe
@needs("campaigns.view")
def calendar(request: ActorRequest) -> HttpResponse:
    """One month, or one week, from Monday."""
    span = week_of(request.GET["week"]) if "week" in request.GET else month_of(request.GET.get("month", ""))
    weeks = span.weeks
    entries = entries_of(weeks[0][0], weeks[-1][-1])
    today = timezone.localdate()
    context = {
        "crumbs": [(_("Campaigns"), reverse("campaigns"))],
        "title": span.title,
        "span": span,
        "names": [get_day_names("short", locale=figures.locale())[n] for n in range(7)],
        "weeks": [[Day(one, span.holds(one), one == today, tuple(entries[one])) for one in week]
                  for week in weeks],
        "days": sum(len(found) for found in entries.values()),
    }  # fmt: skip
    return render(request, "campaigns/calendar.html", context)


@dataclass(frozen=True)
class Span:
    """What is shown: its days in weeks, and the addresses before, now, after, and of the other way to look."""

    title: str
    weeks: list[list[date]]
    month: int | None
    before: str
    now: str
    after: str
    other: str
    is_week: bool = False

    def holds(self, day: date) -> bool:
        return self.month is None or day.month == self.month


def month_of(text: str) -> Span:
    """The month written as 2026-11; this month for anything else."""
    first = (read(text, "%Y-%m") or timezone.localdate()).replace(day=1)
    return Span(
        title=format_date(first, "LLLL yyyy", locale=figures.locale()),
        weeks=Calendar().monthdatescalendar(first.year, first.month),
        month=first.month,
        before=f"?month={first - timedelta(days=1):%Y-%m}",
        now="?month=",
        after=f"?month={first + timedelta(days=31):%Y-%m}",
        other=f"?week={first if first.month != timezone.localdate().month else timezone.localdate():%Y-%m-%d}",
    )


def week_of(text: str) -> Span:
    """The week of the day written as 2026-11-27; this week for anything else."""
    day = read(text, "%Y-%m-%d") or timezone.localdate()
    first = day - timedelta(days=day.weekday())
    days = [first + timedelta(days=n) for n in range(7)]
    said = {"number": first.isocalendar().week, "start": figures.day(first), "end": figures.day(days[-1])}
    return Span(
        title=_("Week %(number)s: %(start)s – %(end)s") % said,
        weeks=[days],
        month=None,
        before=f"?week={first - timedelta(days=7):%Y-%m-%d}",
        now="?week=",
        after=f"?week={first + timedelta(days=7):%Y-%m-%d}",
        other=f"?month={first:%Y-%m}",
        is_week=True,
    )


def read(text: str, form: str) -> date | None:
    """The day that was written, in years a calendar is asked for."""
    try:
        asked = datetime.strptime(text, form).date()  # noqa: DTZ007 – a day has no zone
    except ValueError:
        return None
    return asked if FIRST_YEAR <= asked.year <= LAST_YEAR else None


def entries_of(start: date, end: date) -> dict[date, list[Entry]]:
    """What leaves in these days, by day in the visitor's zone."""
    low, high = (timezone.make_aware(datetime.combine(one, time())) for one in (start, end + timedelta(days=1)))
    waiting = Q(status=CampaignStatus.SCHEDULED, send_at__gte=low, send_at__lt=high)
    left = Q(runs__sealed_at__gte=low, runs__sealed_at__lt=high)
    found: dict[date, list[Entry]] = defaultdict(list)
    for one in queries.campaigns().filter(waiting | left).distinct():
        for at in moments(one, low, high):
            found[timezone.localdate(at)].append(entry(one, at))
    return {day: sorted(entries, key=lambda one: one.clock) for day, entries in found.items()} | {
        day: [] for day in (start + timedelta(days=n) for n in range((end - start).days + 1)) if day not in found
    }


def moments(campaign: Campaign, low: datetime, high: datetime) -> list[Any]:
    """When it leaves, or left, in this stretch."""
    left = [run.sealed_at for run in campaign.runs.all() if run.sealed_at and low <= run.sealed_at < high]
    is_waiting = campaign.status == CampaignStatus.SCHEDULED and campaign.send_at and low <= campaign.send_at < high
    return [*left, campaign.send_at] if is_waiting else left


def entry(campaign: Campaign, at: datetime) -> Entry:
    until = figures.day(at + timedelta(days=campaign.window_days))
    is_missed = at == campaign.send_at and scheduling.was_missed(campaign, timezone.now())
    tone = "bad" if is_missed else places.TONES[CampaignStatus(campaign.status)]
    return Entry(campaign, tone, figures.clock(at), until, is_missed)
