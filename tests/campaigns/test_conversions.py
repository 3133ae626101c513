"""Conversions equal what a plain reading of the orders says, hold-out included, however often they are read."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from campaigns.conversions import attribute, attribute_due
from campaigns.models import Message, Response
from chaos.sink import Sink
from crm.imports.undo import undo_import
from crm.models import Event, Import, Order, Touch
from tests.campaigns.conftest import launched, sent

pytestmark = pytest.mark.django_db(transaction=True)


def order(customer, number, at, amount="10.00", **values):
    values = {"kind": "sale", "currency": "EUR", **values}
    return Order.objects.create(
        source="shop", number=number, customer=customer, ordered_at=at, total_amount=amount, created_at=at,
        updated_at=timezone.now(), **values,
    )  # fmt: skip


def test_orders_in_the_window_count_once_and_for_the_hold_out_too(new_customer, new_campaign, sink: Sink):
    people = [new_customer(n) for n in range(20)]
    absent = new_customer(99, consent=False)
    run = sent(launched(new_campaign([*people, absent], holdout_share="0.5", window_days=7)))
    start = run.sealed_at
    counted = 0
    for n, person in enumerate([*people, absent]):
        for days in (-1, 0, 1, 6.99, 7, 30):
            order(person, f"{n}-{days}", start + timedelta(days=days), amount=f"{n + 1}.50")
            counted += person != absent and 0 <= days < 7
    order(people[0], "usd", start, currency="USD")
    order(people[0], "back", start, kind="return", amount="-3")
    assert attribute(run, at=timezone.now()) == counted + 1
    assert attribute_due(at=timezone.now()) == 0
    rows = Response.objects.filter(kind="conversion")
    assert rows.count() == counted + 1 == 61
    assert sum(row.amount or 0 for row in rows) == sum(3 * Decimal(f"{n + 1}.50") for n in range(20))
    assert rows.filter(message__state="held_out").count() in (30, 31)
    late = order(people[1], "late", start + timedelta(days=2))
    assert attribute_due(at=timezone.now()) == 1
    late.delete()
    assert rows.count() == 61


def test_events_of_the_campaigns_own_type_count(new_customer, new_campaign, sink: Sink):
    people = [new_customer(n) for n in range(4)]
    run = sent(launched(new_campaign(people, goal="event", goal_event="booking")))
    for n, kind in enumerate(["booking", "booking", "page"]):
        Event.objects.create(
            source="web", source_id=str(n), type=kind, customer=people[n], occurred_at=run.sealed_at,
            received_at=timezone.now(),
        )  # fmt: skip
    assert attribute(run, at=timezone.now()) == 2
    assert set(Message.objects.filter(responses__kind="conversion").values_list("customer", flat=True)) == {
        people[0].pk,
        people[1].pk,
    }


def test_those_whom_the_message_reached_have_their_conversions_as_events(new_customer, new_campaign, sink: Sink):
    people = [new_customer(n) for n in range(20)]
    run = sent(launched(new_campaign(people, holdout_share="0.5", window_days=7)))
    for n, person in enumerate(people):
        order(person, f"{n}-early", run.sealed_at)  # before the message left
        order(person, f"{n}-late", run.sealed_at + timedelta(days=1), amount="12.50")
    now = run.sealed_at + timedelta(days=2)
    assert attribute(run, at=now) == 40
    told = Event.objects.filter(source="campaigns", type="conversion")
    reached = set(Message.objects.filter(run=run, state="sent").values_list("customer", flat=True))
    assert {one.customer_id for one in told} == reached and len(told) == len(reached) == 10
    assert {(one.value, one.properties["campaign"], one.properties["by"]) for one in told} == {
        (Decimal("12.50"), "autumn", "human")
    }
    assert set(Touch.objects.values_list("customer_id", flat=True)) >= reached
    attribute_due(at=now)
    assert told.count() == 10


def test_the_event_of_a_conversion_goes_with_the_import_that_brought_its_order(new_customer, new_campaign, sink: Sink):
    person, now = new_customer(1), timezone.now()
    run = sent(launched(new_campaign([person])))
    brought_by = Import.objects.create(kind="orders", file_name="orders.csv", status="finished", created_at=now)
    order(person, "late", run.sealed_at + timedelta(days=1), import_run=brought_by)
    attribute(run, at=run.sealed_at + timedelta(days=2))
    assert Event.objects.get(type="conversion").import_run == brought_by
    undo_import(import_id=brought_by.pk, by=None, clock=timezone.now)
    assert not Response.objects.exists() and not Event.objects.exists()


def test_a_campaign_that_counts_conversions_brings_forth_none_itself(new_customer, new_campaign, sink: Sink):
    person = new_customer(1)
    run = sent(launched(new_campaign([person], goal="event", goal_event="conversion")))
    Event.objects.create(
        source="web", source_id="1", type="conversion", customer=person, occurred_at=run.sealed_at + timedelta(days=1),
        received_at=timezone.now(),
    )  # fmt: skip
    assert [attribute(run, at=timezone.now()) for _ in range(3)] == [1, 0, 0]
