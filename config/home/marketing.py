"""For marketers and analysts: segments and their health, campaigns that run, decisions that wait, lessons."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns import queries as campaign_queries
from config.home.lines import MOST, Item
from crm import figures
from crm.rights import Actor, may
from segments import queries as segment_queries

WEEK = timedelta(days=7)
RECENT = timedelta(days=60)
GRADE_TONES = {"A": "good", "B": "good", "C": "warn", "D": "bad", "E": "bad"}


def moved_segments(actor: Actor, at: datetime) -> list[Item]:
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


def weak_segments(actor: Actor, at: datetime) -> list[Item]:
    """Segments with the worst grades, each with its worst reason."""
    found = list(segment_queries.segments(actor))
    graded = segment_queries.health(found, at=at)
    weak = sorted(
        ((graded[one.pk], one) for one in found if graded[one.pk].grade > "B"), key=lambda pair: pair[0].grade
    )
    return [
        Item(
            one.name,
            reverse("segment", args=[one.slug]),
            health.grade,
            next(iter(health.reasons), ""),
            GRADE_TONES[health.grade],
        )
        for health, one in sorted(weak, key=lambda pair: pair[0].grade, reverse=True)[:MOST]
    ]


def running_campaigns(actor: Actor, at: datetime) -> Iterator[Item]:
    """Campaigns that are being sent, and those due next."""
    for one in seen_campaigns(actor, "sending", "paused", "scheduled"):
        run = last_run(one)
        share = figures.share(campaign_queries.progress(run).done_share, 0) if run else ""
        tone = "warn" if one.status == "paused" else "info"
        yield Item(
            one.name,
            reverse("campaign", args=[one.pk]),
            share or figures.moment(one.send_at),
            one.get_status_display(),
            tone,
        )


def open_decisions(actor: Actor, at: datetime) -> Iterator[Item]:
    """Tests that ended lately and were neither rolled out nor written down; what each found comes a moment later."""
    if not may(actor, "reports.view"):
        return
    for one in campaign_queries.undecided(since=at - RECENT)[:MOST]:
        yield Item(
            one.name, reverse("campaign-report", args=[one.pk]),
            lazy_url=reverse("campaign-sentence", args=[one.pk]), note=_("Reading the results …"),
        )  # fmt: skip


def reports(actor: Actor, at: datetime) -> Iterator[Item]:
    """The last campaigns with results, each with its answer."""
    for one in campaign_queries.campaigns().filter(status="finished").order_by("-pk")[:MOST]:
        yield Item(
            one.name, reverse("campaign-report", args=[one.pk]),
            lazy_url=reverse("campaign-sentence", args=[one.pk]), note=_("Reading the results …"),
        )  # fmt: skip


def lessons(actor: Actor, at: datetime) -> Iterator[Item]:
    """The last lines of the notebook."""
    for one in campaign_queries.lessons()[:MOST]:
        yield Item(one.text, reverse("notebook"), "", one.campaign.name if one.campaign else "")


def last_run(campaign: Any) -> Any:
    """The campaign's last run, off the runs that were read with it."""
    return max(campaign.runs.all(), key=lambda run: run.pk, default=None)


def seen_campaigns(actor: Actor, *statuses: str) -> Iterable[Any]:
    return campaign_queries.campaigns().filter(status__in=statuses)[:MOST] if may(actor, "campaigns.view") else ()
