"""A periodic job runs once per slot, whatever ticks, dies or fails."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm import timetable
from crm.models import Tick, WorkerBeat

NOON = datetime(2026, 11, 21, 12, 3, 20, tzinfo=UTC)
SLOT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MOMENTS = st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(MOMENTS, st.integers(1, 86_400))
def test_a_slot_holds_its_moment_and_begins_at_a_multiple_of_its_length(at: datetime, seconds: int) -> None:
    every = timedelta(seconds=seconds)
    slot = timetable.slot_of(at, every)
    assert slot <= at < slot + every
    assert slot.timestamp() % seconds == 0


@pytest.mark.django_db
def test_run_once_runs_the_first_and_refuses_the_second() -> None:
    runs: list[int] = []
    assert timetable.run_once("job", lambda: runs.append(1), slot=SLOT, at=NOON)
    assert not timetable.run_once("job", lambda: runs.append(2), slot=SLOT, at=NOON)
    assert runs == [1]
    assert Tick.objects.get().finished_at is not None


@pytest.mark.django_db
def test_another_slot_or_job_runs_again() -> None:
    for job, slot in (("a", SLOT), ("b", SLOT), ("a", SLOT + timedelta(minutes=5))):
        assert timetable.run_once(job, lambda: None, slot=slot, at=NOON)


@pytest.mark.django_db
def test_a_failed_run_keeps_its_error_and_is_not_repeated_in_its_slot() -> None:
    with pytest.raises(ZeroDivisionError):
        timetable.run_once("job", lambda: 1 / 0, slot=SLOT, at=NOON)
    assert Tick.objects.get().error == "ZeroDivisionError: division by zero"
    assert not timetable.run_once("job", lambda: None, slot=SLOT, at=NOON)


@pytest.mark.django_db
def test_a_run_that_died_is_taken_over_after_an_hour_and_not_before() -> None:
    assert timetable.claim("job", slot=SLOT, at=NOON) is not None
    soon, late = NOON + timedelta(minutes=59), NOON + timedelta(minutes=61)
    assert not timetable.run_once("job", lambda: None, slot=SLOT, at=soon)
    assert timetable.run_once("job", lambda: None, slot=SLOT, at=late)


@pytest.mark.django_db
def test_signs_of_life_keep_one_row_per_process() -> None:
    for minute in range(3):
        timetable.say_alive("host:1", kind="worker", at=SLOT + timedelta(minutes=minute))
    assert WorkerBeat.objects.get().seen_at == SLOT + timedelta(minutes=2)


@pytest.mark.django_db
def test_forgetting_deletes_the_old_and_keeps_the_new() -> None:
    for day in range(20):
        timetable.claim("job", slot=SLOT - timedelta(days=day), at=NOON)
    assert timetable.forget_before(SLOT - timedelta(days=14)) == 5
    assert Tick.objects.count() == 15
