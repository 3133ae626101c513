"""Conversions equal what a plain reading of the orders says, hold-out included, however often they are read."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from campaigns.conversions import attribute, attribute_due
from campaigns.models import Message, Response
from chaos.sink import Sink
from crm.models import Event, Order
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
