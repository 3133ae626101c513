"""The warehouse as a whole: a snapshot of a few rows."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from crm.models import Customer, Event, Order, OrderLine
from profiles import actions, queries

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)


def customer(number: str, **more) -> Customer:
    made = {"created_at": AT - timedelta(days=500), "updated_at": AT - timedelta(days=1), **more}
    return Customer.objects.create(number=number, **made)


def order(customer: Customer, days_ago: int, *amounts: str, kind: str = "sale", **more) -> Order:
    when = AT - timedelta(days=days_ago)
    made = Order.objects.create(
        source="shop", number=f"{kind}{customer.pk}-{days_ago}", kind=kind, customer=customer, ordered_at=when,
        currency="EUR", total_amount=sum(map(Decimal, amounts)), created_at=when, updated_at=AT, **more,
    )  # fmt: skip
    for position, amount in enumerate(amounts):
        quantity = -1 if Decimal(amount) < 0 else 1
        OrderLine.objects.create(order=made, position=position, quantity=quantity,
                                 unit_amount=abs(Decimal(amount)), amount=amount)  # fmt: skip
    return made


def profile_of(made: Customer) -> dict:
    (row,) = queries.select("from profile where customer_id = ?", parameters=[made.pk]).to_pylist()
    return row


@pytest.mark.django_db
def test_a_snapshot_holds_one_profile_per_live_customer():
    ada = customer("1", city="Turku", birth_date="1990-11-02", email="ada@Example.com")
    gone = customer("2", erased_at=AT)
    customer("3", merged_into=ada)
    order(ada, 100, "10.00", "2.50")
    order(ada, 40, "30.0000")
    order(ada, 10, "-30.00", kind="return")
    Event.objects.create(source="web", source_id="1", type="page", customer=ada, occurred_at=AT - timedelta(days=3),
                         received_at=AT)  # fmt: skip
    Event.objects.create(source="web", source_id="2", type="page", customer=gone, occurred_at=AT, received_at=AT)

    done = actions.refresh(at=AT)

    assert done.is_full
    assert done.snapshot.counts["profile"] == 1
    row = profile_of(ada)
    assert row["city"] == "Turku"
    assert row["age"] == 35
    assert row["email_domain"] == "example.com"
    assert (row["frequency"], row["monetary_amount"]) == (2, Decimal("42.5000"))
    assert row["recency_days"] == 40
    assert row["days_between_orders"] == 60
    assert row["visits_7d"] == 1
    assert row["returns"] == 1
    assert row["journey_stage"] == "occasional"
    types = queries.select("select type, count(*) n from event group by type order by type").to_pylist()
    assert types == [{"type": "order", "n": 2}, {"type": "page", "n": 1}, {"type": "return", "n": 1}]


@pytest.mark.django_db
def test_the_next_snapshot_takes_what_changed():
    ada, bo = customer("1"), customer("2", city="Oulu")
    order(ada, 30, "5.00")
    order(bo, 20, "7.00")
    actions.refresh(at=AT)
    Customer.objects.filter(pk=bo.pk).update(merged_into=ada, updated_at=AT)
    later = actions.refresh(at=AT + timedelta(minutes=5))
    assert not later.is_full
    assert later.snapshot.counts["profile"] == 1
    assert profile_of(ada)["monetary_amount"] == Decimal("12")
