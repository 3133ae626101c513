"""Tasks of the house itself: running a line of the timetable, and sweeping its old ticks."""

from datetime import timedelta

from celery import current_app, shared_task
from django.utils import timezone

from config.timetable import BY_NAME
from crm import timetable

TICKS_ARE_KEPT = timedelta(days=14)


@shared_task
def run_job(name: str) -> None:
    """Run the job in this process, once per slot. An unknown name is a poke from an older release: nothing is due."""
    job = BY_NAME.get(name)
    if job is None:
        return
    now = timezone.now()
    timetable.run_once(name, current_app.tasks[job.task], slot=timetable.slot_of(now, job.every), at=now)


@shared_task
def forget_old_ticks() -> None:
    timetable.forget_before(timezone.now() - TICKS_ARE_KEPT)
