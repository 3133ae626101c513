"""Periodic jobs run once per slot, however many timetables tick, and processes leave signs of life."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Max

from crm.models import Tick, WorkerBeat

ABANDONED_AFTER = timedelta(hours=1)  # a run that has not finished by then died; its slot may be taken again
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def slot_of(at: datetime, every: timedelta) -> datetime:
    """Start of the period of length `every` that holds `at`, counted from 1970 in UTC.

    >>> slot_of(datetime(2026, 11, 21, 12, 4, 59, tzinfo=UTC), timedelta(minutes=5)).isoformat()
    '2026-11-21T12:00:00+00:00'
    """
    return at - (at - EPOCH) % every


def run_once(job: str, work: Callable[[], object], *, slot: datetime, at: datetime) -> bool:
    """Do `work` unless somebody did or does it for this slot; return whether it was done here.

    An exception is kept in the slot's row and raised again; the job's next slot is its next chance.
    """
    tick = claim(job, slot=slot, at=at)
    if tick is None:
        return False
    try:
        work()
    except Exception as error:
        finish(tick, error=f"{type(error).__name__}: {error}")
        raise
    finish(tick)
    return True


def claim(job: str, *, slot: datetime, at: datetime) -> Tick | None:
    """The slot's row if it is now ours: new, or left unfinished for `ABANDONED_AFTER`."""
    with transaction.atomic():
        tick, is_new = Tick.objects.get_or_create(job=job, slot=slot, defaults={"started_at": at})
        abandoned = Tick.objects.filter(pk=tick.pk, finished_at=None, started_at__lt=at - ABANDONED_AFTER)
        return tick if is_new or abandoned.update(started_at=at) else None


def finish(tick: Tick, *, error: str = "") -> None:
    """Close the slot. The one place that asks the clock: a run's length is not known beforehand."""
    Tick.objects.filter(pk=tick.pk).update(finished_at=datetime.now(UTC), error=error)


def say_alive(name: str, *, kind: str, at: datetime) -> None:
    """Note that the process `name` (host:pid), a worker or a timetable, lived at `at`."""
    WorkerBeat.objects.update_or_create(name=name, defaults={"kind": kind, "seen_at": at})


def newest_tick(job: str) -> Tick | None:
    """The last slot of a job that was run to its end."""
    return Tick.objects.filter(job=job, finished_at__isnull=False).order_by("-slot").first()


def last_seen_at(kind: str) -> datetime | None:
    """When a process of this kind last said it lived; `None` if none ever did."""
    return WorkerBeat.objects.filter(kind=kind).aggregate(newest=Max("seen_at"))["newest"]


def forget_before(at: datetime) -> int:
    """Delete ticks and signs of life older than `at`; return how many rows went."""
    ticks, _ = Tick.objects.filter(slot__lt=at).delete()
    beats, _ = WorkerBeat.objects.filter(seen_at__lt=at).delete()
    return ticks + beats
