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

from campaigns import queries
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


@dataclass(frozen=True)
class Day:
    day: date
    is_of_month: bool
    is_today: bool
    entries: tuple[Entry, ...]


@require_safe
@needs("campaigns.view")
def calendar(request: ActorRequest) -> HttpResponse:
    """One month, weeks from Monday."""
    first = month_of(request.GET.get("month", ""))
    weeks = Calendar().monthdatescalendar(first.year, first.month)
    entries = entries_of(weeks[0][0], weeks[-1][-1])
    today = timezone.localdate()
    context = {
        "crumbs": [(_("Campaigns"), reverse("campaigns"))],
        "title": format_date(first, "LLLL yyyy", locale=figures.locale()),
        "names": [get_day_names("short", locale=figures.locale())[n] for n in range(7)],
        "weeks": [[Day(one, one.month == first.month, one == today, tuple(entries[one])) for one in week]
                  for week in weeks],
        "before": f"{first - timedelta(days=1):%Y-%m}",
        "after": f"{first + timedelta(days=31):%Y-%m}",
        "days": sum(len(found) for found in entries.values()),
    }  # fmt: skip
    return render(request, "campaigns/calendar.html", context)


def month_of(text: str) -> date:
    """The first day of the month written as 2026-11; this month for anything else."""
    try:
        asked = datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 – a month has no zone
    except ValueError:
        return timezone.localdate().replace(day=1)
    return asked if FIRST_YEAR <= asked.year <= LAST_YEAR else timezone.localdate().replace(day=1)


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
    return Entry(campaign, places.TONES[CampaignStatus(campaign.status)], figures.clock(at), until)
