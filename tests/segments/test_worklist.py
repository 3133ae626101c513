"""The worklist: who stands on it and why, by which ways, and how people are put off."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from crm import access, actions, due
from crm.models import AuditLine, Customer, Event, Order, Task
from crm.refusals import Refused
from crm.rights import machine
from profiles import actions as profile_actions
from segments import putting_off, worklist
from segments.models import Membership, Segment, WorklistMark

BY = machine("test")
AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def person(cast: SimpleNamespace) -> Callable[..., Customer]:
    """A customer of team North that can be called."""

    def make(number: str, **more: Any) -> Customer:
        usual = {"team": cast.north, "phone": "+358401234567", "created_at": AT, "updated_at": AT}
        return Customer.objects.create(number=number, **{**usual, **more})

    return make


@pytest.fixture
def anna_(cast: SimpleNamespace) -> Any:
    return access.of_user(cast.anna)


def told(actor: Any, at: datetime = AT) -> dict[str, list[str]]:
    """Customer numbers in the order of the list, each with the keys of its reasons."""
    return {one.customer.number: [r.key for r in one.reasons] for one in worklist.entries(actor, at=at)}


def promise(customer: Customer, actor: Any, days: int = 0, at: datetime = AT) -> Task:
    values = {"title": "Ring", "kind": "call", "customer": customer, "due_at": due.end_of(due.day_of(at + days * DAY))}
    return actions.create_task(values=values, by=actor, at=at)


def buys(customer: Customer, *days_ago: int, amount: int = 10) -> None:
    for days in days_ago:
        Order.objects.create(
            source="shop", number=f"{customer.number}-{days}", customer=customer, ordered_at=AT - days * DAY,
            currency="EUR", total_amount=Decimal(amount), created_at=AT, updated_at=AT,
        )  # fmt: skip


# --- reasons -------------------------------------------------------------------------------------


def test_promises_and_deals_of_ones_own_stand_on_the_list(person: Callable, anna_: Any, cast: Any) -> None:
    promise(person("today"), anna_)
    promise(person("late"), anna_, days=-2)
    promise(person("later"), anna_, days=2)
    promise(person("others", team=cast.south), access.of_user(cast.bertil))
    for number, days in (("closes", 3), ("missed", -1), ("far", 30)):
        values = {"title": "Bikes", "customer": person(number), "amount": 1, "expected_on": (AT + days * DAY).date()}
        actions.create_deal(values=values, by=anna_, at=AT)
    assert told(anna_) == {
        "late": ["promised"], "today": ["promised"], "missed": ["deal"], "closes": ["deal"],
    }  # fmt: skip


def test_entering_a_segment_is_news_for_three_days_but_not_its_founding(person: Callable, anna_: Any) -> None:
    everyone = {"version": 1, "where": {"all": []}}
    old = Segment.objects.create(slug="old", name="Eager", rule=everyone, created_at=AT - 9 * DAY, updated_at=AT)
    new = Segment.objects.create(slug="new", name="New", rule=everyone, created_at=AT - DAY, updated_at=AT)
    for number, segment, days in (("came", old, 2), ("long ago", old, 5), ("founding", new, 1)):
        Membership.objects.create(
            segment=segment, customer=person(number), entered_at=AT - days * DAY, entered_reason="matched"
        )
    (entry,) = worklist.entries(anna_, at=AT)
    assert entry.customer.number == "came" and entry.reasons[0].words == "Entered “Eager” 2 days ago"


@pytest.mark.django_db(transaction=True)
def test_what_people_did_is_read_from_the_warehouse(person: Callable, anna_: Any, cast: Any) -> None:
    buys(person("slowed"), 320, 300, 280, 260, 140)
    buys(person("slowed, richer"), 320, 300, 280, 260, 140, amount=500)
    buys(person("in rhythm"), 80, 60, 40, 20, 5)
    buys(person("theirs", team=cast.south), 320, 300, 280, 260, 140, amount=900)
    buys(person("bertil's", owner=cast.bertil), 320, 300, 280, 260, 140)
    cart = person("cart")
    event = {"source": "web", "type": "cart", "customer": cart, "received_at": AT}
    Event.objects.create(source_id="1", occurred_at=AT - 2 * DAY, **event)
    profile_actions.refresh(at=AT)
    found = told(anna_)
    assert next(iter(found)) == "slowed, richer" and set(found) == {"slowed", "slowed, richer", "cart"}
    assert found["slowed"] == ["slowed"] and found["cart"] == ["cart"]
    words = {one.customer.number: one.reasons[0].words for one in worklist.entries(anna_, at=AT)}
    assert words["slowed"] == "Regular who has slowed down: 140 days since the last order, usually 45"
    assert words["cart"] == "Left a cart behind 2 days ago"


def test_a_call_gives_a_rest_that_promises_do_not_know(person: Callable, anna_: Any) -> None:
    segment = Segment.objects.create(
        slug="s", name="S", rule={"version": 1, "where": {"all": []}}, created_at=AT - 9 * DAY, updated_at=AT
    )
    for number in ("called", "promised"):
        row = person(number)
        Membership.objects.create(segment=segment, customer=row, entered_at=AT - DAY, entered_reason="matched")
        actions.log_contact(row, kind="call", outcome="reached", by=anna_, at=AT - DAY)
    promise(row, anna_)
    assert list(told(anna_)) == ["promised"]
    assert told(anna_, AT + 7 * DAY) == {"promised": ["promised"]}  # the entry is no news any more


def test_a_deal_that_closes_rests_for_the_day_of_a_call(person: Callable, anna_: Any) -> None:
    row = person("closes")
    values = {"title": "Bikes", "customer": row, "amount": 1, "expected_on": (AT + 3 * DAY).date()}
    actions.create_deal(values=values, by=anna_, at=AT)
    actions.log_contact(row, kind="call", outcome="reached", by=anna_, at=AT)
    assert told(anna_, AT + timedelta(hours=1)) == {}
    assert told(anna_, AT + DAY) == {"closes": ["deal"]}
    promise(row, anna_)
    assert told(anna_, AT + timedelta(hours=1)) == {"closes": ["promised", "deal"]}


# --- ways ----------------------------------------------------------------------------------------


def test_ways_follow_consent_objection_and_suppression(person: Callable, anna_: Any) -> None:
    def say(customer: Customer, channel: str, act: str) -> None:
        said = {"purpose": "marketing", "channel": channel, "act": act, "said_at": AT - DAY, "source": "t"}
        actions.record_consent(customer, **said, evidence={"form": "x"}, by=BY, at=AT - DAY)

    plain = person("plain", email="a@example.fi")
    keen, shy = person("keen", email="b@example.fi"), person("shy", email="c@example.fi", phone="+358401111111")
    blocked = person("blocked", phone="+358409999999", street="Road 1")
    against = person("against", objected_at=AT, street="Road 1")
    say(keen, "email", "granted")
    say(shy, "phone", "withdrawn")
    actions.suppress(channel="phone", address="+358409999999", reason="manual", source="t", by=BY, at=AT)
    ways = worklist.ways_of([plain, keen, shy, blocked, against], at=AT)
    found = {row.number: {w.channel for w in ways[row.pk] if w.is_open} for row in (plain, keen, shy, blocked, against)}
    assert found == {
        "plain": {"phone"},
        "keen": {"phone", "email"},
        "shy": set(),
        "blocked": {"post"},
        "against": set(),
    }
    why = {w.channel: w.why_not for w in ways[plain.pk]}
    assert why == {"phone": "", "email": "no consent", "sms": "no consent", "post": "no address"}


def test_who_objects_stands_on_the_list_only_for_a_promise(person: Callable, anna_: Any) -> None:
    row = person("against", objected_at=AT)
    segment = Segment.objects.create(
        slug="s", name="S", rule={"version": 1, "where": {"all": []}}, created_at=AT - 9 * DAY, updated_at=AT
    )
    Membership.objects.create(segment=segment, customer=row, entered_at=AT - DAY, entered_reason="matched")
    assert told(anna_) == {}
    promise(row, anna_)
    assert list(told(anna_)) == ["against"]


# --- putting off ---------------------------------------------------------------------------------


def test_who_is_put_off_comes_back_when_the_day_begins(person: Callable, anna_: Any, cast: Any) -> None:
    row = person("1")
    promise(row, anna_)
    until = due.day_of(AT) + 3 * DAY
    mark = putting_off.put_off(row, reason="later", until=until, by=anna_, at=AT)
    assert told(anna_) == {} and mark.until_at + timedelta(seconds=1) == due.end_of(until) - DAY + timedelta(seconds=1)
    assert list(told(anna_, AT + 3 * DAY)) == ["1"]
    putting_off.take_back(mark, by=anna_, at=AT)
    assert list(told(anna_)) == ["1"] and AuditLine.objects.filter(kind="worklist mark").count() == 2
    for reason, day in (("because", None), ("later", date(2026, 11, 21)), ("later", date(2030, 1, 1))):
        with pytest.raises(Refused):
            putting_off.put_off(row, reason=reason, until=day, by=anna_, at=AT)
    stranger = person("theirs", team=cast.south)
    with pytest.raises(Refused):
        putting_off.put_off(stranger, reason="later", by=anna_, at=AT)


# --- pages ---------------------------------------------------------------------------------------


def test_the_page_acts_in_place(person: Callable, anna_: Any, cast: Any) -> None:
    now = timezone.now()
    row = person("1", first_name="Aada", last_name="Virtanen")
    promise(row, anna_, at=now)
    client = Client()
    client.force_login(cast.anna)
    page = client.get("/worklist/").content.decode()
    assert "Aada Virtanen" in page and "Promised for today: Ring" in page and "tel:+358401234567" in page
    few = client.get("/worklist/today/").content.decode()  # on the first page: who, why, by which ways, and when last
    assert "Aada Virtanen" in few and "Promised for today: Ring" in few and "no contact yet" in few
    assert "tel:+358401234567" in few and "Allowed: Phone · E-mail: no address · SMS: no consent" in few
    client.post(f"/worklist/customers/{row.pk}/put-off/", {"reason": "no_need"})
    page = client.get("/worklist/").content.decode()
    mark = WorklistMark.objects.get()
    assert "1 person is put off." in page and f"/worklist/marks/{mark.pk}/take-back/" in page
    client.post(f"/worklist/marks/{mark.pk}/take-back/")
    given = {"kind": "call", "outcome": "reached", "next": "/worklist/"}
    assert client.post(f"/customers/{row.pk}/contacts/", given)["Location"] == "/worklist/"
    assert "Nobody waits to be contacted" in client.get("/worklist/").content.decode()
    given = {"title": "Offer", "kind": "email", "day": "2026-12-01", "customer": row.pk, "source": "worklist"}
    client.post("/tasks/quick/", given)
    assert Task.objects.get(title="Offer").source == "worklist"


def test_nobody_touches_anothers_list(person: Callable, anna_: Any, cast: Any) -> None:
    row = person("1")
    mark = putting_off.put_off(row, reason="later", by=anna_, at=timezone.now())
    client = Client()
    client.force_login(cast.bertil)
    assert client.post(f"/worklist/customers/{row.pk}/put-off/", {"reason": "later"}).status_code == 404
    assert client.post(f"/worklist/marks/{mark.pk}/take-back/").status_code == 404
    assert WorklistMark.objects.count() == 1


def test_the_list_takes_as_many_queries_for_many_as_for_few(
    person: Callable, anna_: Any, django_assert_max_num_queries: Any
) -> None:
    for n in range(20):
        promise(person(str(n)), anna_)
    with django_assert_max_num_queries(21):
        assert len(worklist.entries(anna_, at=AT)) == 20


@pytest.mark.django_db(transaction=True)
def test_the_warehouse_is_asked_once_while_profiles_stay_the_same(
    person: Callable, anna_: Any, monkeypatch: Any
) -> None:
    buys(person("slowed"), 320, 300, 280, 260, 140)
    profile_actions.refresh(at=AT)
    asked: list[Any] = []
    select = worklist.profile_queries.select
    monkeypatch.setattr(worklist.profile_queries, "select", lambda *a, **k: asked.append(a) or select(*a, **k))
    assert told(anna_) == told(anna_) == {"slowed": ["slowed"]}
    assert len(asked) == 2, "who, and what is known of them"
    promise(person("late"), anna_, days=-2)
    assert list(told(anna_)) == ["late", "slowed"], "what was promised meanwhile stands on it at once"
    buys(person("slowed too"), 320, 300, 280, 260, 140, amount=90)
    profile_actions.refresh(at=AT + timedelta(minutes=1))
    assert list(told(anna_)) == ["late", "slowed too", "slowed"]
