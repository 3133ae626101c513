"""The first page: what changed, what is late, what runs now, and where a newcomer begins."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from campaigns import queries as campaign_queries
from config.vital_signs import SILENT_AFTER
from crm import access, figures, timetable
from crm import queries as crm_queries
from crm.rights import Actor, may
from segments import queries as segment_queries

WEEK = timedelta(days=7)
MOST = 6
RUNNING = ("running", "undoing", "checking", "queued", "sending", "scheduled", "paused")


@dataclass(frozen=True)
class Item:
    """One line: words with an address, a figure beside it, and the tone of its meaning."""

    words: str
    url: str
    figure: str = ""
    note: str = ""
    tone: str = "neutral"


@dataclass(frozen=True)
class Step:
    """One step on the way to a first decision."""

    words: str
    url: str
    is_done: bool


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """What matters to this role now; every line leads to where it can be acted on."""
    actor, now = access.of_request(request), timezone.now()
    late = list(lateness(actor, at=now))
    steps = first_steps(actor)
    context = {
        "answer": answer(late),
        "changed": [*moved_segments(actor, at=now), *finished_imports(actor, at=now)],
        "late": late,
        "running": [*running_imports(actor), *running_campaigns(actor)],
        "steps": steps if not all(step.is_done for step in steps) else [],
    }
    return render(request, "home.html", context)


def answer(late: list[Item]) -> str:
    if not late:
        return _("All is up to date.")
    return ngettext("%(n)s thing needs attention.", "%(n)s things need attention.", len(late)) % {"n": len(late)}


# --- what changed --------------------------------------------------------------------------------


def moved_segments(actor: Actor, *, at: datetime) -> list[Item]:
    """The segments whose size changed most in a week, the largest change first."""
    found = list(segment_queries.segments(actor))
    today = timezone.localdate(at)
    curves = segment_queries.size_curves([one.pk for one in found], first=today - WEEK, last=today)
    changes = [(one, curves[one.pk][-1].size - curves[one.pk][0].size) for one in found if one.created_at < at - WEEK]
    moved = sorted((pair for pair in changes if pair[1]), key=lambda pair: -abs(pair[1]))[:MOST]
    told = _("%(size)s members; the figure is the change in a week")
    return [
        Item(
            one.name,
            reverse("segment", args=[one.slug]),
            figures.signed(change),
            told % {"size": figures.number(curves[one.pk][-1].size)},
        )
        for one, change in moved
    ]


def finished_imports(actor: Actor, *, at: datetime) -> Iterator[Item]:
    if not may(actor, "imports.view"):
        return
    for one in crm_queries.imports(actor).filter(finished_at__gt=at - WEEK).order_by("-finished_at")[:3]:
        note = figures.ago(one.finished_at, at)
        yield Item(one.file_name, reverse("import", args=[one.pk]), one.get_status_display(), note)


# --- what is late --------------------------------------------------------------------------------


def lateness(actor: Actor, *, at: datetime) -> Iterator[Item]:
    """What has stopped or waits too long: the machinery, segments, imports, campaigns."""
    yield from silent_parts(actor, at=at)
    for one in segment_queries.segments(actor):
        if one.error:
            yield Item(one.name, reverse("segment", args=[one.slug]), _("Failing"), one.error, "bad")
        elif segment_queries.is_stale(one, at=at) and one.refreshed_at:
            note = _("last refreshed %(when)s") % {"when": figures.ago(one.refreshed_at, at)}
            yield Item(one.name, reverse("segment", args=[one.slug]), _("Stale"), note, "warn")
    yield from failed_imports(actor, at=at)
    yield from paused_campaigns(actor)


def silent_parts(actor: Actor, *, at: datetime) -> Iterator[Item]:
    """A worker or timetable that has not been heard of: then nothing is refreshed or sent."""
    if not may(actor, "health.view"):
        return
    labels = {"worker": _("No worker is running"), "timetable": _("The timetable is not running")}
    for kind, label in labels.items():
        seen_at = timetable.last_seen_at(kind)
        if seen_at is None or at - seen_at > SILENT_AFTER:
            note = _("Segments are not refreshed and nothing is sent until it runs.")
            yield Item(label, "", figures.ago(seen_at, at) if seen_at else "", note, "bad")


def failed_imports(actor: Actor, *, at: datetime) -> Iterator[Item]:
    if may(actor, "imports.view"):
        for one in crm_queries.imports(actor).filter(status="failed", created_at__gt=at - WEEK)[:3]:
            yield Item(one.file_name, reverse("import", args=[one.pk]), one.get_status_display(), one.error, "bad")


def paused_campaigns(actor: Actor) -> Iterator[Item]:
    for one in seen_campaigns(actor, "paused"):
        run = campaign_queries.latest_run(one)
        yield Item(one.name, reverse("campaign", args=[one.pk]), _("Paused"), run.pause_reason if run else "", "warn")


# --- what runs -----------------------------------------------------------------------------------


def running_imports(actor: Actor) -> Iterator[Item]:
    if not may(actor, "imports.view"):
        return
    for one in crm_queries.imports(actor).filter(status__in=RUNNING)[:MOST]:
        done = f"{figures.number(one.cursor)} / {figures.number(one.rows_total)}"
        yield Item(one.file_name, reverse("import", args=[one.pk]), done, one.get_status_display(), "info")


def running_campaigns(actor: Actor) -> Iterator[Item]:
    for one in seen_campaigns(actor, "sending", "scheduled"):
        run = campaign_queries.latest_run(one)
        share = figures.share(campaign_queries.progress(run).done_share, 0) if run else ""
        yield Item(one.name, reverse("campaign", args=[one.pk]), share, one.get_status_display(), "info")


def seen_campaigns(actor: Actor, *statuses: str) -> Iterable[Any]:
    return campaign_queries.campaigns().filter(status__in=statuses)[:MOST] if may(actor, "campaigns.view") else ()


# --- where to begin ------------------------------------------------------------------------------


def first_steps(actor: Actor) -> list[Step]:
    """From own file to first campaign, for those who may do all of it."""
    if not (may(actor, "imports.run") and may(actor, "segments.change") and may(actor, "campaigns.launch")):
        return []
    launched = campaign_queries.campaigns().exclude(status__in=("draft", "cancelled"))
    return [
        Step(_("Import your customers"), reverse("import-new"), crm_queries.customers(actor).exists()),
        Step(_("Draw a segment of them"), reverse("segment-new"), segment_queries.segments(actor).exists()),
        Step(_("Launch a campaign and learn what works"), reverse("campaign-begin"), launched.exists()),
    ]
