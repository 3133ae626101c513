"""The timetable: which task looks for due rows how often. Times are UTC; a slot counts from 1970."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

POKE = "config.tasks.run_job"
LONGEST_WAIT = timedelta(seconds=20)  # so that a lost poke, or a slot missed while nothing ran, costs no more


@dataclass(frozen=True)
class Job:
    """One line of the timetable. `task` takes no arguments, looks at rows and does what is due."""

    name: str
    every: timedelta
    task: str


JOBS = (
    Job("sweep-imports", every=timedelta(minutes=1), task="crm.tasks.sweep_imports"),
    Job("gather-words", every=timedelta(minutes=1), task="crm.tasks.gather_words"),
    Job("remind-of-tasks", every=timedelta(minutes=1), task="crm.tasks.remind"),
    Job("tell-news", every=timedelta(minutes=1), task="crm.tasks.tell_news"),
    Job("call-webhooks", every=timedelta(minutes=1), task="crm.tasks.call_hooks"),
    Job("refresh-profiles", every=timedelta(minutes=1), task="profiles.tasks.refresh"),
    Job("refresh-segments", every=timedelta(minutes=1), task="segments.tasks.refresh_due"),
    Job("measure-segments", every=timedelta(hours=1), task="segments.tasks.measure"),
    Job("follow-customers", every=timedelta(minutes=1), task="segments.tasks.follow_customers"),
    Job("sweep-campaigns", every=timedelta(minutes=1), task="campaigns.tasks.sweep_campaigns"),
    Job("check-outside", every=timedelta(minutes=10), task="campaigns.tasks.check_outside"),
    Job("find-clusters", every=timedelta(minutes=1), task="segments.tasks.sweep_clusterings"),
    Job("find-duplicates", every=timedelta(days=1), task="crm.tasks.find_duplicates"),
    Job("forget", every=timedelta(hours=1), task="crm.tasks.forget"),
    Job("forget-in-surveys", every=timedelta(hours=1), task="profiles.tasks.forget"),
    Job("expire-answers", every=timedelta(hours=1), task="profiles.tasks.expire_answers"),
    Job("forget-in-campaigns", every=timedelta(hours=1), task="campaigns.tasks.forget"),
    Job("forget-old-ticks", every=timedelta(days=1), task="config.tasks.forget_old_ticks"),
)
BY_NAME = {job.name: job for job in JOBS}


def beat_schedule() -> dict[str, dict[str, Any]]:
    """The same table for Celery beat. It pokes more often than a job is due; the slot decides whether the job runs."""
    return {job.name: poke(job) for job in JOBS}


def poke(job: Job) -> dict[str, Any]:
    """A poke that nobody took before the next one is due is dropped: the next says the same."""
    seconds = min(job.every, LONGEST_WAIT).total_seconds()
    return {"task": POKE, "args": [job.name], "schedule": seconds, "options": {"expires": seconds}}
