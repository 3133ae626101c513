"""Reminders of tasks: sent once when due, in the owner's language, and again when the mail server was away."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone
from django.utils.module_loading import import_string

from config.timetable import BY_NAME
from crm import access, actions, reminders
from crm.models import Task
from tests.crm.conftest import NOW

HOUR = timedelta(hours=1)


@pytest.fixture
def plan(cast: SimpleNamespace) -> Callable[..., Task]:
    def make(**more: Any) -> Task:
        values = {"title": "Ring Aada", "due_at": NOW + HOUR, "has_time": True, "remind_at": NOW, **more}
        return actions.create_task(values=values, by=access.of_user(cast.anna), at=NOW - HOUR)

    return make


def test_a_reminder_leaves_once_when_it_is_due(plan: Callable, cast: SimpleNamespace) -> None:
    row = plan()
    assert reminders.remind(at=NOW - HOUR) == 0
    assert reminders.remind(at=NOW) == 1 and reminders.remind(at=NOW) == 0
    (letter,) = mail.outbox
    assert letter.to == [cast.anna.email] and letter.subject == "Reminder: Ring Aada"
    assert f"/tasks/{row.pk}/" in letter.body and "21 Nov 2026, 15:00" in letter.body


def test_the_letter_speaks_the_owners_language(plan: Callable, cast: SimpleNamespace) -> None:
    cast.anna.language = "fi"
    cast.anna.save()
    subject, body = reminders.letter(plan(note="secret"))
    assert subject.startswith("Muistutus:") and "21.11.2026 klo 15.00" in body and "secret" not in body


def test_what_is_done_or_nobodys_is_not_reminded_of(plan: Callable, cast: SimpleNamespace) -> None:
    actions.finish_task(plan(), by=access.of_user(cast.anna), at=NOW)
    plan(owner=None)
    assert reminders.remind(at=NOW) == 0 and mail.outbox == []


def test_putting_off_moves_the_reminder_along(plan: Callable, cast: SimpleNamespace) -> None:
    row = plan()
    reminders.remind(at=NOW)
    row = actions.snooze_task(row, until=(NOW + timedelta(days=2)).date(), by=access.of_user(cast.anna), at=NOW)
    assert row.remind_at == NOW + timedelta(days=2) and row.reminded_at is None


def test_a_mail_server_that_was_away_is_tried_again(plan: Callable, monkeypatch: Any) -> None:
    plan()

    def away(*_args: Any, **_more: Any) -> int:
        raise ConnectionRefusedError

    monkeypatch.setattr(reminders, "send_mail", away)
    assert reminders.remind(at=NOW) == 0
    monkeypatch.undo()
    assert reminders.remind(at=NOW + HOUR) == 1


def test_the_timetable_looks_every_minute(plan: Callable) -> None:
    plan(due_at=timezone.now(), remind_at=timezone.now() - HOUR)
    job = BY_NAME["remind-of-tasks"]
    assert job.every == timedelta(minutes=1)
    import_string(job.task).apply()
    assert len(mail.outbox) == 1
