"""Distinctions, spend by period and means of real rows against pandas."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from crm.models import Customer, Order
from crm.rights import machine
from profiles import actions as profile_actions
from segments import actions, distinctions, evaluation, ledger, worth

pytestmark = [pytest.mark.django_db(transaction=True)]
AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
BY = machine("test")


@pytest.fixture
def shop() -> pd.DataFrame:
    """120 customers with orders over three years; the even ones are on a list, and are richer and from Oulu."""
    chance, rows = np.random.default_rng(5), []
    for i in range(120):
        inside = i % 2 == 0
        city = chance.choice(["Oulu", "Turku", ""], p=[0.7, 0.2, 0.1] if inside else [0.2, 0.6, 0.2])
        buyer = Customer.objects.create(number=f"K{i}", city=city, created_at=AT, updated_at=AT)
        for n in range(int(chance.integers(0, 9))):
            at = AT - timedelta(hours=int(chance.integers(0, 24 * 1100)))
            amount = Decimal(int(chance.integers(100, 9_000)) * (3 if inside else 1)) / 100
            Order.objects.create(
                source="shop", number=f"{i}-{n}", customer=buyer, ordered_at=at, currency="EUR", total_amount=amount,
                created_at=AT, updated_at=AT,
            )  # fmt: skip
            rows.append((buyer.pk, inside, city, at, float(amount)))
        if not rows or rows[-1][0] != buyer.pk:
            rows.append((buyer.pk, inside, city, None, None))
    profile_actions.refresh(at=AT)
    return pd.DataFrame(rows, columns=["customer", "inside", "city", "at", "amount"])


def members(shop: pd.DataFrame) -> ledger.Ids:
    return ledger.ids(shop[shop.inside].customer.unique())


def test_distinctions_equal_those_of_pandas(shop) -> None:
    engine = evaluation.engine(at=AT)
    found = {(one.feature, one.value): one for one in distinctions.of_members(members(shop), engine, most=99)}
    people = shop.groupby("customer").agg(inside=("inside", "first"), city=("city", "first"), spend=("amount", "sum"))
    oulu = people.city == "Oulu"
    seen = found["city", "Oulu"]
    assert seen.inside == pytest.approx(oulu[people.inside].mean())
    assert seen.everyone == pytest.approx(oulu.mean())
    assert seen.lift == pytest.approx(oulu[people.inside].mean() / oulu.mean())
    assert seen.low < seen.inside < seen.high and seen.is_certain
    spend, own = people.spend, people.spend[people.inside]
    seen = found["monetary_amount", None]
    assert seen.strength == pytest.approx((own.mean() - spend.mean()) / spend.std())
    assert (seen.high - seen.inside) == pytest.approx(1.959964 * own.sem(), rel=1e-5)
    strengths = [abs(one.strength) for one in distinctions.of_members(members(shop), engine, most=99)]
    assert strengths == sorted(strengths, reverse=True)


def test_a_list_drawn_by_chance_is_told_apart_by_nothing_certain(shop) -> None:
    drawn = np.random.default_rng(1).choice(shop.customer.unique(), 30, replace=False)
    for one in distinctions.of_members(ledger.ids(drawn), evaluation.engine(at=AT), most=99):
        assert not one.low <= one.everyone <= one.high


def test_spend_by_period_and_means_equal_those_of_pandas(shop, settings) -> None:
    segment = actions.create_segment(name="Even", kind="static", by=BY, at=AT)
    empty = actions.create_segment(name="Empty", kind="static", by=BY, at=AT)
    actions.add_members(segment=segment, customers=members(shop).tolist(), by=BY, at=AT)
    engine = evaluation.engine(at=AT)
    bought = shop[shop.inside & shop["at"].notna()].copy()
    bought["day"] = pd.to_datetime(bought["at"], utc=True).dt.tz_convert(settings.FIRM_TIME_ZONE).dt.date
    found = worth.periods([segment.pk, empty.pk], engine)
    assert len(found[segment.pk]) == 13 and sum(one.orders for one in found[empty.pk]) == 0
    assert found[segment.pk][-1].last == AT.date() - timedelta(days=1)
    for one in found[segment.pk]:
        here = bought[(bought.day >= one.first) & (bought.day <= one.last)]
        year = timedelta(days=364)
        then = bought[(bought.day >= one.first - year) & (bought.day <= one.last - year)]
        assert (one.last - one.first).days == 27
        assert (one.orders, one.orders_before) == (len(here), len(then))
        assert (one.spend, one.spend_before) == pytest.approx((here.amount.sum(), then.amount.sum()))
    averages = {one.feature: one for one in worth.means([segment.pk, empty.pk], engine)[segment.pk]}
    basket = bought.groupby("customer").amount.mean()
    seen = averages["average_basket_amount"]
    assert (seen.people, seen.mean) == (len(basket), pytest.approx(basket.mean(), rel=1e-4))
    assert seen.high - seen.mean == pytest.approx(1.959964 * basket.sem(), rel=1e-4)
    assert all(one.mean is None for one in worth.means([empty.pk], engine)[empty.pk])
