"""What members spent before the send: read at the sealing, the same whatever comes later, gone when they are erased."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from django.utils import timezone

from campaigns.conversions import attribute
from campaigns.forgetting import forget_erased
from campaigns.models import Message
from campaigns.results import evidence
from crm.actions import erase_customer
from crm.models import Customer, Order
from tests.campaigns.conftest import AT, BY, launched

pytestmark = pytest.mark.django_db


def buy(customers, rng, *, start, end):
    """Two orders each on average, between so many days from now; some are returns, some in another currency."""
    Order.objects.bulk_create(
        Order(
            source="shop", number=f"{start}-{one.pk}-{n}", customer=one, kind=rng.choice(["sale", "return"]),
            currency=rng.choice(["EUR", "EUR", "SEK"]), total_amount=f"{rng.integers(-500, 9000) / 100:.2f}",
            ordered_at=timezone.now() + timedelta(days=float(rng.uniform(start, end))), created_at=AT, updated_at=AT,
        )
        for one in customers
        for n in range(rng.poisson(2))
    )  # fmt: skip


@pytest.fixture
def run(new_customer, new_campaign):
    """A sealed run by revenue: sixty members, some held out, two of them without consent, who had bought for years."""
    customers = [new_customer(n, consent=n > 1) for n in range(60)]
    buy(customers, np.random.default_rng(4), start=-500, end=-1)
    return launched(new_campaign(customers, goal="revenue", holdout_share="0.3"))


def spent_in_the_year_before(run):
    """The same by pandas, from the raw rows."""
    rows = pd.DataFrame(Order.objects.values("customer_id", "currency", "ordered_at", "total_amount"))
    rows = rows[(rows["currency"] == "EUR") & (rows["ordered_at"] < run.sealed_at)]
    rows = rows[rows["ordered_at"] >= run.sealed_at - timedelta(days=365)]
    return {who: amount for who, amount in rows.groupby("customer_id")["total_amount"].sum().items() if amount}


def kept(run):
    rows = Message.objects.filter(run=run, past_amount__isnull=False)
    return dict(rows.values_list("customer_id", "past_amount"))


def sums(run):
    return sorted((row.arm, row.people, *map(float, row.with_past.sums())) for row in evidence.rows(run, []))


def test_each_member_who_was_dealt_a_place_keeps_what_they_spent_in_the_year_before(run):
    skipped = set(Message.objects.filter(run=run, state="skipped").values_list("customer_id", flat=True))
    assert len(skipped) == 2
    expected = {who: amount for who, amount in spent_in_the_year_before(run).items() if who not in skipped}
    assert kept(run) == expected
    held_out = set(Message.objects.filter(run=run, state="held_out").values_list("customer_id", flat=True))
    assert held_out & set(expected)


def test_a_report_reads_the_same_from_the_messages_as_from_the_orders(run):
    buy(Customer.objects.all(), np.random.default_rng(5), start=0.01, end=5)
    attribute(run, at=timezone.now())
    run.refresh_from_db()
    told = sums(run)
    Message.objects.update(past_amount=None)
    del run.plan["past_days"]  # as runs of earlier versions are
    assert any(one[-1] for one in told)
    for one, other in zip(told, sums(run), strict=True):
        assert one[:2] == other[:2]
        assert one[2:] == pytest.approx(other[2:])


def test_orders_that_reach_us_late_change_nothing_of_what_was_spent_before(run):
    told = sums(run)
    buy(Customer.objects.all(), np.random.default_rng(6), start=-300, end=-2)
    assert sums(run) == told


def test_a_run_that_revenue_does_not_decide_keeps_none(new_customer, new_campaign):
    customers = [new_customer(n) for n in range(3)]
    buy(customers, np.random.default_rng(4), start=-50, end=-1)
    run = launched(new_campaign(customers))
    assert not kept(run)
    assert "past_days" not in run.plan


def test_what_somebody_spent_is_gone_from_their_messages_once_they_are_erased(run):
    who = next(iter(kept(run)))
    Message.objects.filter(customer=who).update(address_key="", code="", state="held_out")
    erase_customer(Customer.objects.get(pk=who), by=BY, at=timezone.now())
    assert forget_erased(at=timezone.now()) == 1
    assert who not in kept(run)
    assert forget_erased(at=timezone.now()) == 0


def test_a_sum_beyond_what_money_holds_keeps_no_run_from_being_sealed(new_customer, new_campaign):
    customers = [new_customer(n) for n in range(3)]
    Order.objects.bulk_create(
        Order(
            source="shop", number=f"{n}", customer=customers[0], currency="EUR", total_amount="900000000000",
            ordered_at=timezone.now() - timedelta(days=9), created_at=AT, updated_at=AT,
        )
        for n in range(2)
    )  # fmt: skip
    run = launched(new_campaign(customers, goal="revenue"))
    assert run.expected == 3
    assert kept(run) == {customers[0].pk: Decimal("999999999999")}
