"""What has stopped or waits too long: the machinery, segments, imports, campaigns."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import queries as campaign_queries
from config.home.lines import MOST, Item
from config.home.marketing import last_run, seen_campaigns
from config.vital_signs import SILENT_AFTER
from crm import due, figures, timetable
from crm import queries as crm_queries
from crm.rights import Actor, may
from segments import queries as segment_queries

WEEK = timedelta(days=7)


def answer(late: list[Item]) -> str:
    if not late:
        return _("Nothing has stopped, nothing is late.")
    return ngettext("%(n)s thing needs attention.", "%(n)s things need attention.", len(late)) % {"n": len(late)}


def lateness(actor: Actor, *, at: datetime) -> Iterator[Item]:
    """The worst of everything first to last: machinery, requests, segments, imports, campaigns."""
    yield from silent_parts(actor, at=at)
    yield from due_requests(actor, at=at)
    yield from late_segments(actor, at=at)
    yield from failed_imports(actor, at=at)
    yield from paused_campaigns(actor)
    yield from awaited_approvals(actor, at=at)


def silent_parts(actor: Actor, *, at: datetime) -> Iterator[Item]:
    """A worker or timetable that has not been heard of: then nothing is refreshed or sent."""
    if not may(actor, "health.view"):
        return
    labels = {"worker": _("No worker is running"), "timetable": _("The timetable is not running")}
    for kind, label in labels.items():
        seen_at = timetable.last_seen_at(kind)
        if seen_at is None or at - seen_at > SILENT_AFTER:
            note = _("Segments are not refreshed and nothing is sent until it runs.")
            yield Item(label, reverse("health"), figures.ago(seen_at, at) if seen_at else "", note, "bad")


def due_requests(actor: Actor, *, at: datetime) -> Iterator[Item]:
    """How many requests about personal data must be answered within a week, or should have been."""
    if not may(actor, "privacy.execute"):
        return
    today = due.day_of(at)
    rows = crm_queries.privacy_requests(actor).filter(state="open", due_on__lte=today + WEEK)
    if first := rows.order_by("due_on").values_list("due_on", flat=True).first():
        tone = "bad" if first < today else "warn"
        note = _("the first by %(day)s") % {"day": figures.day(first)}
        yield Item(_("Privacy requests due"), reverse("privacy-requests"), figures.number(rows.count()), note, tone)


def late_segments(actor: Actor, *, at: datetime) -> Iterator[Item]:
    """Segments that fail, or whose members are too old to send by."""
    for one in segment_queries.segments(actor):
        if one.error:
            yield Item(one.name, reverse("segment", args=[one.slug]), _("Failing"), one.error, "bad")
        elif segment_queries.is_stale(one, at=at) and one.refreshed_at:
            note = _("last refreshed %(when)s") % {"when": figures.ago(one.refreshed_at, at)}
            yield Item(one.name, reverse("segment", args=[one.slug]), _("Stale"), note, "warn")


def failed_imports(actor: Actor, *, at: datetime) -> Iterator[Item]:
    if may(actor, "imports.view"):
        for one in crm_queries.imports(actor).filter(status="failed", created_at__gt=at - WEEK)[:3]:
            yield Item(one.file_name, reverse("import", args=[one.pk]), one.get_status_display(), one.error, "bad")


def paused_campaigns(actor: Actor) -> Iterator[Item]:
    for one in seen_campaigns(actor, "paused"):
        run = last_run(one)
        yield Item(one.name, reverse("campaign", args=[one.pk]), _("Paused"), run.pause_reason if run else "", "warn")


def awaited_approvals(actor: Actor, *, at: datetime) -> Iterator[Item]:
    """Campaigns that wait for the reader's approval."""
    for one in campaign_queries.awaiting_approval(actor)[:MOST]:
        asked = _("asked by %(who)s, %(when)s") % {"who": one.asked_by or "–", "when": figures.ago(one.asked_at, at)}
        yield Item(one.name, reverse("campaign-launch", args=[one.pk]), _("Waits for my approval"), asked, "warn")
