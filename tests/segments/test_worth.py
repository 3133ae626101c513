"""Distinctions, spend by period and means of real rows against pandas."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from crm.models import Customer, Event, Order, OrderLine, Product
from crm.rights import machine
from profiles import actions as profile_actions
from profiles.models import Question, Survey
from segments import actions, distinctions, evaluation, ledger, wording, worth
from segments.rules import reading

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


def test_what_was_sold_before_the_data_begin_is_not_known_and_no_zero(shop) -> None:
    segment = actions.create_segment(name="Even", kind="static", by=BY, at=AT)
    actions.add_members(segment=segment, customers=members(shop).tolist(), by=BY, at=AT)
    began = AT - timedelta(days=364 + 60)
    Order.objects.filter(ordered_at__lt=began).delete()
    profile_actions.refresh(at=AT, full=True)
    found = worth.periods([segment.pk], evaluation.engine(at=AT))[segment.pk]
    first = min(Order.objects.values_list("ordered_at", flat=True)).date()
    for one in found:
        assert one.spend is not None
        is_known = one.first - timedelta(days=364) > first
        assert (one.spend_before is not None, one.orders_before is not None) == (is_known, is_known)
    assert {one.spend_before is None for one in found} == {True, False}
    told = wording.season(found)
    assert "year before" in told and "52 weeks" not in told
    early = [worth.Period(one.first, one.last, one.spend, 1, None, None) for one in found]
    assert "no sales are known" in wording.season(early)
    nothing = [worth.Period(one.first, one.last, None, None, None, None) for one in found]
    assert "not known" in wording.season(nothing)


@pytest.fixture
def shop_with_costs() -> pd.DataFrame:
    """40 customers, the even ones on a list; lines of products with and without a cost, in two currencies."""
    chance, rows = np.random.default_rng(7), []
    products = [
        Product.objects.create(sku="A", cost_amount=Decimal("7.25"), currency="EUR", created_at=AT),
        Product.objects.create(sku="B", cost_amount=Decimal(20), created_at=AT),
        Product.objects.create(sku="C", cost_amount=None, created_at=AT),
        Product.objects.create(sku="D", cost_amount=Decimal(4), currency="SEK", created_at=AT),
    ]
    odds = [0.55, 0.35, 0.05, 0.05]
    for i in range(40):
        buyer = Customer.objects.create(number=f"K{i}", created_at=AT, updated_at=AT)
        for n in range(12):
            at = AT - timedelta(hours=int(chance.integers(0, 24 * 700)))
            order = Order.objects.create(
                source="shop", number=f"{i}-{n}", customer=buyer, ordered_at=at, currency="EUR", total_amount=1,
                created_at=AT, updated_at=AT,
            )  # fmt: skip
            for position in range(int(chance.integers(1, 4))):
                which, pieces = int(chance.choice(4, p=odds)), int(chance.integers(-1, 4))
                price = int(chance.integers(0, 60))
                OrderLine.objects.create(order=order, position=position, product=products[which], quantity=pieces,
                                         unit_amount=price, amount=price * pieces)  # fmt: skip
                cost = (7.25, 20.0, np.nan, np.nan)[which]
                rows.append((buyer.pk, i % 2 == 0, order.pk, at, pieces, price, price * pieces - pieces * cost))
    profile_actions.refresh(at=AT)
    return pd.DataFrame(rows, columns=["customer", "inside", "order", "at", "pieces", "price", "margin"])


def test_margins_equal_those_of_pandas(shop_with_costs, settings) -> None:
    segment = actions.create_segment(name="Even", kind="static", by=BY, at=AT)
    actions.add_members(segment=segment, customers=members(shop_with_costs).tolist(), by=BY, at=AT)
    engine, bought = evaluation.engine(at=AT), shop_with_costs
    bought = bought[(bought.pieces > 0) & (bought.price > 0)]
    orders = bought.groupby("order").agg(
        customer=("customer", "first"), inside=("inside", "first"), at=("at", "first"),
        margin=("margin", lambda them: them.sum(skipna=False)),
    )  # fmt: skip
    orders["day"] = pd.to_datetime(orders["at"], utc=True).dt.tz_convert(settings.FIRM_TIME_ZONE).dt.date
    assert orders.margin.isna().any() and orders.margin.notna().any()
    first = pd.to_datetime(shop_with_costs["at"].min(), utc=True).tz_convert(settings.FIRM_TIME_ZONE).date()
    for one in worth.periods([segment.pk], engine)[segment.pk]:
        for days, margin in ((timedelta(0), one.margin), (timedelta(days=364), one.margin_before)):
            here = orders[orders.inside & (orders.day >= one.first - days) & (orders.day <= one.last - days)].margin
            is_known = one.first - days >= first and here.notna().any()
            assert margin == (pytest.approx(here.sum()) if is_known else None)
    year = orders[orders.day >= AT.date() - timedelta(days=365)]
    each = year.groupby("customer").margin.sum(min_count=1)
    assert engine.frame(["margin_365d_amount"]).margin_365d_amount.dropna().to_dict() == pytest.approx(
        each.dropna().to_dict()
    )
    rule = {
        "version": 1,
        "where": {"event": "order", "measure": "sum", "of": "margin", "op": "more_than", "value": 150},
    }
    whole = orders.groupby("customer").margin.sum()
    assert engine.customers(reading.read_rule(rule, evaluation.known())).tolist() == sorted(whole[whole > 150].index)


def test_satisfaction_by_quarter_equals_that_of_pandas_and_a_few_answers_are_not_told(settings) -> None:
    survey = Survey.objects.create(slug="how", title="How", created_at=AT)
    for position, (key, kind) in enumerate([("nps", "nps"), ("rating", "rating"), ("else", "text")]):
        Question.objects.create(survey=survey, key=key, kind=kind, text=key, position=position)
    chance, rows = np.random.default_rng(3), []
    people = [Customer.objects.create(number=f"K{i}", created_at=AT, updated_at=AT).pk for i in range(60)]
    for n in range(900):
        who, key = int(chance.choice(people)), ["nps", "rating"][n % 2]
        answer = int(chance.integers(0, 11) if key == "nps" else chance.integers(1, 6))
        at = AT - timedelta(minutes=int(chance.integers(0, 60 * 24 * 500)))
        Event.objects.create(
            customer_id=who, type="answer", occurred_at=at, received_at=at, value=answer, source="survey",
            source_id=str(n), category="how", properties={"survey": "how", "question": key, "answer": str(answer)},
        )  # fmt: skip
        rows.append((who, key, at, answer))
    profile_actions.refresh(at=AT)
    segment = actions.create_segment(name="Some", kind="static", by=BY, at=AT)
    inside = people[:45]
    actions.add_members(segment=segment, customers=inside, by=BY, at=AT)
    frame = pd.DataFrame(rows, columns=["who", "key", "at", "answer"])
    frame["day"] = pd.to_datetime(frame["at"], utc=True).dt.tz_convert(settings.FIRM_TIME_ZONE).dt.date
    frame = frame[frame.who.isin(inside)].sort_values("at")
    found = worth.quarters([segment.pk], evaluation.engine(at=AT))[segment.pk]
    assert [(one.last - one.first).days for one in found] == [90] * 4
    told = []
    for one in found:
        for days, scores in ((timedelta(0), one.scores), (timedelta(days=364), one.scores_before)):
            here = frame[(frame.day >= one.first - days) & (frame.day <= one.last - days)]
            last = here.groupby(["who", "key"]).answer.last().unstack().reindex(columns=["nps", "rating"])
            nps = 100 * ((last.nps >= 9).sum() - (last.nps <= 6).sum()) / max(last.nps.notna().sum(), 1)
            rating = (last.rating >= 4).sum() / max(last.rating.notna().sum(), 1)
            for key, value in (("nps", nps), ("rating", rating)):
                is_told = last[key].notna().sum() >= 30
                told.append(is_told)
                assert (scores[key] is not None) == is_told
                assert not is_told or scores[key].value == pytest.approx(value)
    assert {True, False} == set(told)


def test_where_nobody_was_asked_there_is_no_satisfaction() -> None:
    Customer.objects.create(number="K", created_at=AT, updated_at=AT)
    profile_actions.refresh(at=AT)
    assert worth.quarters([1], evaluation.engine(at=AT)) == {1: ()}


@pytest.mark.parametrize(("now", "before", "told"), [
    (110, 100, "10% more"), (90, 100, "10% less"), (5, 0, "more"), (0, 0, "no more"), (-3, -9, "more"),
    (-9, -3, "no more"), (-50, 100, "150% less"),
])  # fmt: skip
def test_per_cent_are_told_of_gains_only(now, before, told) -> None:
    assert wording.against(now, before) == told
