"""Every line of the timetable names a task that exists, and pokes more often than it is due."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from config import tasks, timetable
from config.celery import app
from crm.models import Tick


@pytest.mark.parametrize("job", timetable.JOBS, ids=lambda job: job.name)
def test_every_job_names_a_task_without_arguments(job: timetable.Job) -> None:
    app.loader.import_default_modules()
    assert job.task in app.tasks
    assert app.tasks[job.task].run.__code__.co_argcount == 0


def test_names_are_unique_and_fit_their_column() -> None:
    assert len(timetable.BY_NAME) == len(timetable.JOBS)
    assert all(len(job.name) <= Tick._meta.get_field("job").max_length for job in timetable.JOBS)


def test_even_a_daily_job_is_poked_every_twenty_seconds() -> None:
    daily = timetable.poke(timetable.Job("daily", every=timedelta(days=1), task="t"))
    assert daily["schedule"] == 20
    assert daily["options"]["expires"] == 20


@pytest.mark.django_db
def test_a_job_poked_twice_in_a_slot_runs_once_and_again_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []

    @app.task(name="tests.count")
    def count() -> None:
        runs.append(1)

    job = timetable.Job("count", every=timedelta(minutes=5), task="tests.count")
    monkeypatch.setitem(timetable.BY_NAME, "count", job)
    for minute, expected in ((0, 1), (1, 1), (4, 1), (5, 2)):
        with time_machine.travel(datetime(2026, 11, 21, 12, minute, tzinfo=UTC), tick=False):
            tasks.run_job("count")
        assert len(runs) == expected


@pytest.mark.django_db
def test_a_poke_for_a_job_of_an_older_release_does_nothing() -> None:
    tasks.run_job("gone")
    assert not Tick.objects.exists()


def test_every_task_that_needs_no_arguments_is_on_the_timetable() -> None:
    app.loader.import_default_modules()
    floors = ("crm", "profiles", "segments", "campaigns", "config")
    ours = [task for name, task in app.tasks.items() if name.partition(".")[0] in floors]
    assert {task.name for task in ours if not task.run.__code__.co_argcount} == {job.task for job in timetable.JOBS}
