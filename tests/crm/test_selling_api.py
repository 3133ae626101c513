"""Tasks, calls and deals over the API: what the pages do, in the same scope and by the same rights."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from crm import access, actions, due
from crm.models import Deal, Event, LostReason, PipelineStage, Task
from tests.crm.conftest import NOW

JSON = "application/json"


@pytest.fixture
def signed_in() -> Callable[[Any], Client]:
    """The API as a signed-in page calls it."""

    def client(user: Any) -> Client:
        made = Client()
        made.force_login(user)
        return made

    return client


def test_a_task_goes_through_its_life(signed_in: Callable, make_customer: Callable, cast: SimpleNamespace) -> None:
    make_customer("C1", cast.north)
    client = signed_in(cast.anna)
    body = {"title": "Ring", "kind": "call", "customer": "C1", "due_on": "2026-12-01"}
    made = client.post("/api/v1/tasks/", body, content_type=JSON)
    assert made.status_code == 201, made.json()
    row = Task.objects.get()
    assert (row.due_at, row.has_time, row.owner) == (due.end_of(date(2026, 12, 1)), False, cast.anna)
    address = f"/api/v1/tasks/{row.pk}/"
    moved = client.patch(address, {"due_at": "2026-12-02T09:00:00+02:00"}, content_type=JSON).json()
    assert moved["has_time"] is True
    assert client.post(address + "snooze/", {"until": "2026-12-05"}, content_type=JSON).status_code == 200
    done = client.post(address + "finish/", {"outcome": "no_answer"}, content_type=JSON).json()
    assert (done["status"], done["outcome"]) == ("done", "no_answer")
    again = client.post(address + "finish/", {}, content_type=JSON)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "move_not_allowed")
    assert client.post(address + "reopen/").json()["status"] == "open"
    assert client.post(address + "cancel/").json()["status"] == "cancelled"
    found = client.get("/api/v1/tasks/?status=cancelled&customer=C1&ordering=due_at").json()["results"]
    assert [one["id"] for one in found] == [row.pk] and found[0]["due_at"].startswith("2026-12-05T09:00:00+02:00")


def test_bodies_never_reach_out_of_scope(signed_in: Callable, make_customer: Callable, cast: SimpleNamespace) -> None:
    make_customer("N", cast.north)
    theirs = make_customer("S", cast.south)
    bertil = access.of_user(cast.bertil)
    task = actions.create_task(values={"title": "x", "due_at": NOW, "customer": theirs}, by=bertil, at=NOW)
    values = {"title": "x", "customer": theirs, "amount": Decimal(1), "expected_on": date(2026, 12, 1)}
    deal = actions.create_deal(values=values, by=bertil, at=NOW)
    client = signed_in(cast.anna)
    told = [client.get(f"/api/v1/tasks/?deal={pk}") for pk in (deal.pk, deal.pk + 1, 2**63 - 1)]
    assert [(one.status_code, one.json()["results"]) for one in told] == [(200, [])] * 3
    assert [client.get(f"/api/v1/tasks/?deal={pk}").status_code for pk in (2**63, "x", "1.5")] == [400] * 3
    base = {"title": "x", "due_on": "2026-12-01"}
    bodies: list[tuple[str, dict[str, Any], str]] = [
        ("tasks", {**base, "customer": "S"}, "customer"),
        ("tasks", {**base, "deal": deal.pk}, "deal"),
        ("tasks", {**base, "owner": "bertil"}, "owner"),
        ("tasks", {**base, "due_at": "2026-12-01T09:00:00Z"}, "due_on"),
        ("tasks", {"title": "x"}, "due_at"),
        ("tasks", {**base, "status": "done"}, "status"),
        ("contacts", {"customer": "S", "outcome": "reached"}, "customer"),
        ("contacts", {"customer": "N", "outcome": "reached", "task": task.pk}, "task"),
        ("contacts", {"customer": "N", "outcome": "held"}, "outcome"),
        ("deals", {"title": "x", "customer": "S", "amount": "1", "expected_on": "2026-12-01"}, "customer"),
        ("deals", {"title": "x", "amount": "1", "expected_on": "2026-12-01"}, "customer"),
        ("deals", {"title": "x", "customer": "N", "amount": "-1", "expected_on": "2026-12-01"}, "amount"),
    ]
    for noun, body, place in bodies:
        response = client.post(f"/api/v1/{noun}/", body, content_type=JSON)
        assert (response.status_code, response.json()["error"]["path"]) == (400, place), (noun, body)
    for address in (f"tasks/{task.pk}/", f"deals/{deal.pk}/", f"deals/{deal.pk}/moves/"):
        assert client.get(f"/api/v1/{address}").status_code == 404
    for address in (f"tasks/{task.pk}/finish/", f"deals/{deal.pk}/win/"):
        assert client.post(f"/api/v1/{address}", {}, content_type=JSON).status_code == 404
    assert client.get("/api/v1/tasks/").json()["results"] == client.get("/api/v1/deals/").json()["results"] == []
    assert not Event.objects.exists()


def test_a_call_is_logged_and_followed(signed_in: Callable, make_customer: Callable, cast: SimpleNamespace) -> None:
    row = make_customer("N", cast.north)
    anna = access.of_user(cast.anna)
    asked = actions.create_task(values={"title": "x", "kind": "call", "due_at": NOW, "customer": row}, by=anna, at=NOW)
    body = {
        "customer": "N", "outcome": "call_back", "note": "After lunch", "task": asked.pk,
        "follow_up": {"title": "Again", "due_on": "2026-12-02"},
    }  # fmt: skip
    client = signed_in(cast.anna)
    said = {"content_type": JSON, "headers": {"Idempotency-Key": "1"}}
    first, again = (client.post("/api/v1/contacts/", body, **said) for _n in range(2))
    assert first.status_code == 201 and first.json() == again.json() and Event.objects.count() == 1
    follow = Task.objects.get(title="Again")
    assert first.json() == {"event": Event.objects.get().pk, "satisfied": [asked.pk], "follow_up": follow.pk}
    assert follow.source == "follow-up"


def test_a_deal_goes_through_its_stages(signed_in: Callable, make_customer: Callable, cast: SimpleNamespace) -> None:
    make_customer("N", cast.north)
    client = signed_in(cast.anna)
    stages = client.get("/api/v1/pipelines/").json()["results"][0]["stages"]
    assert [one["slug"] for one in stages] == list(PipelineStage.objects.values_list("slug", flat=True))
    body = {"title": "Bikes", "customer": "N", "amount": "100.50", "expected_on": "2026-12-24"}
    made = client.post("/api/v1/deals/", body, content_type=JSON).json()
    assert (made["stage"], made["pipeline"], made["amount"], made["currency"]) == ("new", "sales", "100.50", "EUR")
    address = f"/api/v1/deals/{made['id']}/"
    moved = client.post(address + "move/", {"stage": stages[2]["id"]}, content_type=JSON).json()
    assert moved["stage"] == "offer"
    refused = client.post(address + "lose/", {}, content_type=JSON)
    assert (refused.status_code, refused.json()["error"]["path"]) == (400, "reason")
    reasons = [one["slug"] for one in client.get("/api/v1/lost-reasons/").json()["results"]]
    lost = client.post(address + "lose/", {"reason": reasons[0], "note": "dear"}, content_type=JSON).json()
    assert (lost["status"], lost["lost_reason"], lost["lost_note"]) == ("lost", reasons[0], "dear")
    assert client.post(address + "move/", {"stage": stages[0]["id"]}, content_type=JSON).status_code == 409
    assert client.post(address + "reopen/").json()["status"] == "open"
    assert client.post(address + "win/").json()["status"] == "won"
    steps = [one["status"] for one in client.get(address + "moves/?ordering=id").json()["results"]]
    assert steps == ["open", "open", "lost", "open", "won"]
    assert LostReason.objects.count() == len(reasons) and Deal.objects.get().closed_at is not None


def test_analysts_get_no_words_nor_names(signed_in: Callable, make_customer: Callable, cast: SimpleNamespace) -> None:
    row, anna = make_customer("N", cast.north, last_name="Planted"), access.of_user(cast.anna)
    actions.create_task(
        values={"title": "Ring Planted", "note": "Planted", "due_at": NOW, "customer": row}, by=anna, at=NOW
    )
    values = {"title": "Planted", "customer": row, "amount": Decimal(7), "expected_on": date(2026, 12, 1)}
    actions.create_deal(values=values, by=anna, at=NOW)
    client = signed_in(cast.aino)
    for noun in ("tasks", "deals"):
        response = client.get(f"/api/v1/{noun}/")
        assert len(response.json()["results"]) == 1 and "lanted" not in response.content.decode()
        assert client.post(f"/api/v1/{noun}/", {}, content_type=JSON).status_code == 403
