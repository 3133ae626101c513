"""Calls taken back: what the writing made goes, what changed since stays, the audit keeps both; only one's own."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from crm import access, actions, queries, timeline
from crm.models import AuditLine, Customer, Event, Task, Touch
from crm.refusals import Refused

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
FOLLOW = {"title": "Send the offer", "kind": "todo", "due_at": NOW + timedelta(days=2)}


@pytest.fixture
def anna_(cast: Any) -> Any:
    return access.of_user(cast.anna)


@pytest.fixture
def person(cast: Any) -> Customer:
    return Customer.objects.create(number="1", first_name="Aada", team=cast.north, created_at=NOW, updated_at=NOW)


@pytest.fixture
def asked(person: Customer, anna_: Any) -> Task:
    values = {"title": "Ring", "kind": "call", "customer": person, "due_at": NOW}
    return actions.create_task(values=values, by=anna_, at=NOW)


def call(person: Customer, actor: Any, at: datetime = NOW, **more: Any) -> actions.Contact:
    return actions.log_contact(person, kind="call", outcome="reached", by=actor, at=at, **more)


def verbs(kind: str, pk: int) -> list[str]:
    return list(AuditLine.objects.filter(kind=kind, object_id=pk).order_by("pk").values_list("verb", flat=True))


def test_all_that_the_writing_made_is_taken_back(person: Customer, asked: Task, anna_: Any) -> None:
    done = call(person, anna_, follow_up=FOLLOW)
    Touch.objects.all().delete()
    back = actions.take_back_contact(done.event, by=anna_, at=NOW + timedelta(minutes=1))
    assert not Event.objects.exists() and list(Task.objects.all()) == [asked] == list(back.reopened)
    asked.refresh_from_db()
    assert (asked.status, asked.outcome, asked.done_at) == ("open", "", None)
    assert timeline.last_contacts(anna_, [person.pk]) == {}
    assert verbs("customer", person.pk)[-2:] == ["call logged", "call taken back"]
    assert verbs("task", done.follow_up.pk) == ["created", "removed"]
    assert Touch.objects.filter(customer_id=person.pk).exists()  # segments and profiles look at her again


def test_a_task_changed_since_stays(person: Customer, asked: Task, anna_: Any) -> None:
    done = call(person, anna_, follow_up=FOLLOW)
    actions.change_task(done.follow_up, values={"title": "Send two offers"}, by=anna_, at=NOW)
    actions.change_task(asked, values={"note": "She likes blue"}, by=anna_, at=NOW)
    back = actions.take_back_contact(done.event, by=anna_, at=NOW)
    assert not Event.objects.exists() and back.kept.title == "Send two offers" and back.reopened == ()
    asked.refresh_from_db()
    assert (asked.status, Task.objects.count()) == ("done", 2)


def test_only_who_wrote_it_takes_it_back_once_and_within_a_day(person: Customer, cast: Any, anna_: Any) -> None:
    event = call(person, anna_).event
    for user in (cast.adele, cast.bertil):
        with pytest.raises(Refused):
            actions.take_back_contact(event, by=access.of_user(user), at=NOW)
    with pytest.raises(actions.ChangedSince):
        actions.take_back_contact(event, by=anna_, at=NOW + timedelta(hours=25))
    assert Event.objects.count() == 1
    actions.take_back_contact(event, by=anna_, at=NOW + timedelta(hours=23))
    with pytest.raises(actions.ChangedSince):
        actions.take_back_contact(event, by=anna_, at=NOW + timedelta(hours=23))


def test_nothing_else_that_happened_is_taken_back(person: Customer, anna_: Any) -> None:
    event = Event.objects.create(
        source="telephone", source_id="call-1-2-x", type="call", customer=person, occurred_at=NOW, received_at=NOW
    )
    with pytest.raises(actions.ChangedSince):
        actions.take_back_contact(event, by=anna_, at=NOW)
    assert actions.contacts_of(queries.events(anna_)).count() == 0


def test_the_notice_takes_a_call_back(as_: Callable, person: Customer, cast: Any) -> None:
    client, there = as_("anna"), f"/customers/{person.pk}/"
    client.post(f"{there}contacts/", {"kind": "call", "outcome": "agreed", "next_title": "Send the offer"})
    undo = f"{there}contacts/{Event.objects.get().pk}/undo/"
    assert undo in client.get(there).content.decode()
    assert as_("adele").post(undo).status_code == 302 and Event.objects.count() == 1
    assert as_("bertil").post(undo).status_code == 404
    stood = {"Referer": "http://testserver/worklist/"}
    assert client.post(undo, headers=stood)["Location"] == "/worklist/"
    assert (Event.objects.count(), Task.objects.count()) == (0, 0)
    assert client.post(undo).status_code == 404


def test_a_task_done_by_a_call_is_open_again(as_: Callable, person: Customer, cast: Any, anna_: Any) -> None:
    values = {"title": "Ring", "kind": "call", "customer": person, "due_at": timezone.now()}
    row, client = actions.create_task(values=values, by=anna_, at=timezone.now()), as_("anna")
    client.post(f"/tasks/{row.pk}/done/", {"outcome": "reached"})
    undo = f"/customers/{person.pk}/contacts/{Event.objects.get().pk}/undo/"
    assert undo in client.get("/tasks/").content.decode()
    assert client.post(undo).status_code == 302
    row.refresh_from_db()
    assert row.status == "open" and not Event.objects.exists()


def test_the_timeline_offers_it_to_who_wrote_it_for_a_day(as_: Callable, person: Customer, cast: Any) -> None:
    client = as_("anna")
    client.post(f"/customers/{person.pk}/contacts/", {"kind": "call", "outcome": "reached", "note": "Blue"})
    event = Event.objects.get()
    undo = f"/customers/{person.pk}/contacts/{event.pk}/undo/"
    client.get(f"/customers/{person.pk}/")  # the notice passes
    pages = (f"/customers/{person.pk}/", f"/customers/{person.pk}/timeline/")
    assert [undo in client.get(page).content.decode() for page in pages] == [True, True]
    told = client.get(pages[1]).content.decode()
    assert "<dt>Outcome</dt><dd>Reached</dd>" in told and "<dt>Written down by</dt><dd>anna</dd>" in told
    assert not any(undo in as_("adele").get(page).content.decode() for page in pages)
    Event.objects.update(occurred_at=timezone.now() - timedelta(hours=25))
    assert not any(undo in client.get(page).content.decode() for page in pages)
    Event.objects.update(occurred_at=timezone.now() - timedelta(hours=23))
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.anna)
    page = strict.get(pages[1]).content.decode()
    token = re.search(r'undo/"><input type="hidden" name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    assert strict.post(undo, {"csrfmiddlewaretoken": token}).status_code == 302
    assert not Event.objects.exists()


def test_over_the_api(as_: Callable, person: Customer, cast: Any) -> None:
    client = as_("anna")
    body = {"customer": person.number, "outcome": "reached"}
    made = client.post("/api/v1/contacts/", body, content_type="application/json").json()
    assert as_("bertil").delete(f"/api/v1/contacts/{made['event']}/").status_code == 404
    assert as_("adele").delete(f"/api/v1/contacts/{made['event']}/").status_code == 409
    assert client.delete(f"/api/v1/contacts/{made['event']}/").status_code == 204
    assert not Event.objects.exists()
