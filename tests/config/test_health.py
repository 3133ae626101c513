"""/live asks nobody; /ready says what is missing, and 503 only for what pages cannot do without."""

import re
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config import health
from crm import timetable
from crm.rights import machine
from segments import actions as segment_actions
from segments.models import Segment


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


# --- the page and the metrics --------------------------------------------------------------------


def scraped(client: Client, **more: object) -> dict[str, float]:
    """The metrics as a parser that is not ours reads them: name and labels to value."""
    text = client.get("/metrics", **more).content.decode()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _blank, value in (line.rpartition(" ") for line in lines)}


@pytest.mark.django_db
def test_metrics_tell_what_waits_and_how_late_it_is(client: Client) -> None:
    now = timezone.now()
    timetable.say_alive("host:1", kind="worker", at=now - timedelta(seconds=90))
    rule = {"version": 1, "where": {"everyone": True}}
    segment_actions.create_segment(name="Late one", rule=rule, by=machine("test"), at=now)
    Segment.objects.update(due_at=now - timedelta(hours=2))
    timetable.run_once("forget", lambda: None, slot=now, at=now)
    found = scraped(client)
    assert 89 <= found['kohde_process_seen_age_seconds{kind="worker"}'] <= 100
    assert 7199 <= found['kohde_segment_late_seconds{segment="late-one"}'] <= 7210
    assert found["kohde_segments_on_time"] == 0 and found["kohde_messages_unknown"] == 0
    assert found['kohde_job_age_seconds{job="forget"}'] < 10 and found["kohde_disk_free_bytes"] > 1000
    assert 'kohde_process_seen_age_seconds{kind="timetable"}' not in found


@pytest.mark.django_db
def test_every_metric_says_what_it_is(client: Client) -> None:
    text = client.get("/metrics").content.decode()
    told = set(re.findall(r"^# HELP (\w+) \S", text, re.MULTILINE))
    typed = set(re.findall(r"^# TYPE (\w+) gauge$", text, re.MULTILINE))
    named = set(re.findall(r"^(kohde_\w+)", text, re.MULTILINE))
    assert named <= told == typed


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("more", "status"),
    [({}, 200), ({"REMOTE_ADDR": "10.0.0.7"}, 403), ({"headers": {"X-Forwarded-For": "127.0.0.1"}}, 403)],
)
def test_without_a_token_only_this_machine_is_answered(client: Client, more: dict, status: int) -> None:
    assert client.get("/metrics", **more).status_code == status


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name",
    [
        "X-Real-IP",
        "Forwarded",
        "X-Forwarded-Host",
        "Via",
        "CF-Connecting-IP",
        "True-Client-IP",
        "X-Original-Forwarded-For",
    ],
)
def test_what_a_proxy_passed_on_is_not_of_this_machine(client: Client, name: str) -> None:
    assert client.get("/metrics", headers={name: "127.0.0.1"}).status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize(("sent", "status"), [("Bearer s3cret", 200), ("Bearer wrong", 403), ("", 403)])
def test_with_a_token_the_token_alone_counts(client: Client, settings: object, sent: str, status: int) -> None:
    settings.METRICS_TOKEN = "s3cret"  # type: ignore[attr-defined]
    assert client.get("/metrics", headers={"Authorization": sent}).status_code == status


@pytest.mark.django_db
def test_the_page_answers_first_and_names_what_is_silent(client: Client, maija: object) -> None:
    client.force_login(maija)  # type: ignore[arg-type]
    page = client.get("/settings/health/").content.decode()
    assert "Worker, Timetable: not heard of." in page and "never seen" in page and "Segments refreshed" in page


@pytest.mark.django_db
def test_the_page_costs_the_same_for_many_segments(client: Client, maija: object) -> None:
    client.force_login(maija)  # type: ignore[arg-type]
    now, rule = timezone.now(), {"version": 1, "where": {"everyone": True}}

    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            client.get("/settings/health/")
        return len(found)

    segment_actions.create_segment(name="One", rule=rule, by=machine("test"), at=now)
    few = queries()
    for n in range(8):
        segment_actions.create_segment(name=f"More {n}", rule=rule, by=machine("test"), at=now)
    assert queries() == few <= 36
