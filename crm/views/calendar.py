"""The calendar of tasks: a month or a week, meetings and calls by their hour; a plain list on a phone."""

from calendar import Calendar
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from babel.dates import format_date, get_day_names
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from crm import due, figures, queries
from crm.access import ActorRequest, needs
from crm.models import Task, TaskStatus
from crm.rights import Actor, may
from crm.views.tasks import dressed

FIRST_YEAR, LAST_YEAR = 2000, 2099
MOST_SHOWN = 500  # in one view; a day shows the rest in the list
MOST_OF_A_DAY = 6
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Day:
    day: date
    name: str
    is_other: bool
    is_today: bool
    tasks: tuple[Task, ...]
    more: int


@require_safe
@needs("tasks.view")
def tasks_calendar(request: ActorRequest) -> HttpResponse:
    """One month or one week, from Monday."""
    is_week, on = request.GET.get("view") == "week", day_of(request.GET.get("on", ""))
    weeks = _weeks(on, is_week)
    everybody = request.GET.get("whose") == "all" or not may(request.actor, "tasks.change")
    found = _by_day(request.actor, weeks[0][0], weeks[-1][-1], everybody=everybody)
    view, whose = ("week" if is_week else "month"), ("all" if everybody else "mine")
    context = {
        "crumbs": [(_("Tasks"), reverse("tasks"))],
        "title": _title(weeks, on, is_week),
        "names": [get_day_names("short", locale=figures.locale())[n] for n in range(7)],
        "weeks": [[_day(one, on, found[one], is_week) for one in week] for week in weeks],
        "is_week": is_week,
        "before": _address(view, on - WEEK if is_week else on.replace(day=1) - timedelta(days=1), whose),
        "after": _address(view, on + WEEK if is_week else on.replace(day=28) + timedelta(days=4), whose),
        "today_url": _address(view, None, whose),
        "views": [
            (_("Month"), _address("month", on, whose), None),
            (_("Week"), _address("week", on, whose), None),
        ],
        "view_url": _address(view, on, whose),
        "whose": [(_("Mine"), _address(view, on, "mine")), (_("My teams'"), _address(view, on, "all"))]
        if may(request.actor, "tasks.change")
        else [],
        "whose_url": _address(view, on, whose),
        "is_empty": not any(found.values()),
        "may_change": may(request.actor, "tasks.change"),
    }
    return render(request, "crm/tasks_calendar.html", context)


def day_of(text: str) -> date:
    """The day written as 2026-11-27; today for anything else."""
    today = due.day_of(timezone.now())
    try:
        asked = date.fromisoformat(text)
    except ValueError:
        return today
    return asked if FIRST_YEAR <= asked.year <= LAST_YEAR else today


def _weeks(on: date, is_week: bool) -> list[list[date]]:
    if is_week:
        monday = on - timedelta(days=on.weekday())
        return [[monday + timedelta(days=n) for n in range(7)]]
    return Calendar().monthdatescalendar(on.year, on.month)


def _by_day(actor: Actor, first: date, last: date, *, everybody: bool) -> dict[date, list[Task]]:
    now = timezone.now()
    rows = queries.tasks(actor) if everybody else queries.tasks(actor).filter(owner=actor.user)
    rows = rows.exclude(status=TaskStatus.CANCELLED)
    rows = rows.filter(due_at__gt=due.end_of(first - timedelta(days=1)), due_at__lte=due.end_of(last))
    found: dict[date, list[Task]] = defaultdict(list)
    for row in rows.select_related("customer", "company", "owner").order_by("due_at", "id")[:MOST_SHOWN]:
        found[due.day_of(row.due_at)].append(dressed(row, now))
    return found


def _day(one: date, on: date, rows: list[Task], is_week: bool) -> Day:
    most = MOST_SHOWN if is_week else MOST_OF_A_DAY
    return Day(
        one,
        format_date(one, "EEEE d.M." if figures.locale() == "fi" else "EEEE d MMM", locale=figures.locale()),
        not is_week and one.month != on.month,
        one == due.day_of(timezone.now()),
        tuple(rows[:most]),
        max(0, len(rows) - most),
    )


def _title(weeks: list[list[date]], on: date, is_week: bool) -> str:
    if is_week:
        return _("Week %(number)s, %(first)s – %(last)s") % {
            "number": weeks[0][0].isocalendar().week,
            "first": figures.day(weeks[0][0]),
            "last": figures.day(weeks[0][-1]),
        }
    return format_date(on, "LLLL yyyy", locale=figures.locale()).capitalize()


def _address(view: str, on: date | None, whose: str) -> str:
    asked: dict[str, Any] = {"view": view, **({"on": on.isoformat()} if on else {}), "whose": whose}
    return reverse("tasks-calendar") + "?" + "&".join(f"{name}={value}" for name, value in asked.items())
