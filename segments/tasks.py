"""Celery doors of segments: each looks at rows, does what is due, and may run twice."""

import contextlib
from collections.abc import Iterable

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from crm.rights import machine
from segments import actions, queries
from segments.rules.errors import RuleError

POKE_LASTS = 60  # seconds; by then the timetable has taken them


@shared_task
def refresh_due() -> None:
    """Bring every due segment in line with its rule."""
    actions.refresh_segments(at=timezone.now())


@shared_task
def refresh_awaited(slugs: list[str]) -> None:
    """Refresh the segments that somebody waits for; before the profiles are built the timetable takes them."""
    with contextlib.suppress(queries.NotEvaluable):
        actions.refresh_awaited(slugs=slugs, at=timezone.now())


def poke_refresh(slugs: Iterable[str]) -> None:
    """Tell a worker which segments became due; a lost poke costs a minute."""
    with contextlib.suppress(OperationalError):
        refresh_awaited.apply_async([sorted(slugs)], retry=False, expires=POKE_LASTS)


def poke_look_back(segment_id: int, which: str) -> None:
    """Let a worker look for a segment's sizes of the past; a page that waits pokes again where that is lost."""
    with contextlib.suppress(OperationalError):
        look_back.apply_async([segment_id, which], retry=False, expires=POKE_LASTS)


@shared_task
def look_back(segment_id: int, which: str) -> None:
    """What today's rule would have found on past days, for the pages that show it."""
    if segment := queries.segments(machine("look back")).filter(pk=segment_id).first():
        with contextlib.suppress(queries.NotEvaluable, RuleError):
            queries.look_back(segment, which, at=timezone.now())


@shared_task
def measure() -> None:
    """Measure what takes a pass over memberships and profiles, for the health of every segment."""
    actions.measure_segments(at=timezone.now())


@shared_task
def follow_customers() -> None:
    """Evaluate the customers that changed; a poke from the web, or from the timetable for those whose poke was lost."""
    for _ in actions.follow_customers(clock=timezone.now):
        pass


@shared_task
def run_clustering(clustering_id: int) -> None:
    """Find the groups somebody asked for."""
    actions.run_clustering(clustering_id=clustering_id, at=timezone.now())


@shared_task
def sweep_clusterings() -> None:
    """Take up clusterings that nobody was poked for."""
    for clustering_id in queries.waiting_clusterings():
        actions.run_clustering(clustering_id=clustering_id, at=timezone.now())
