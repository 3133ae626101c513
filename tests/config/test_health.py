"""/live asks nobody; /ready says what is missing, and 503 only for what pages cannot do without."""

from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from config import health
from crm import timetable


def test_live_needs_no_database(client: Client) -> None:
    assert client.get("/live").json() == {"live": True}


@pytest.mark.django_db
def test_ready_is_ready_without_a_worker_but_says_so(client: Client) -> None:
    answer = client.get("/ready")
    assert answer.status_code == 200
    assert answer.json()["checks"] == {
        "database": "ok",
        "migrations": "ok",
        "worker": "never seen",
        "timetable": "never seen",
    }


@pytest.mark.django_db
def test_a_worker_is_ok_while_it_speaks_and_silent_after(client: Client) -> None:
    now = timezone.now()
    timetable.say_alive("host:1", kind="worker", at=now)
    timetable.say_alive("host:2", kind="timetable", at=now - timedelta(minutes=7, seconds=5))
    checks = client.get("/ready").json()["checks"]
    assert (checks["worker"], checks["timetable"]) == ("ok", "silent for 7 minutes")


def test_a_database_that_is_away_means_503_and_when_to_ask_again(client: Client, monkeypatch: object) -> None:
    def away() -> str:
        raise DatabaseError

    monkeypatch.setattr(health, "CHECKS", {"database": away, "migrations": lambda: "ok"})
    answer = client.get("/ready")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer.json() == {
        "ready": False,
        "checks": {"database": "the database does not answer", "migrations": "ok"},
    }


@pytest.mark.django_db
def test_waiting_migrations_mean_503(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda *_: [1, 2])
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"] == "2 migrations wait: run manage.py prepare"


def test_the_icon_that_browsers_ask_for_is_there(client: Client) -> None:
    assert client.get("/favicon.ico")["Location"].endswith(".svg")


def test_neither_answers_to_a_post(client: Client) -> None:
    assert client.post("/live").status_code == client.post("/ready").status_code == 405
