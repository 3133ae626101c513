"""The public data sets, imported once: published totals; then RFM and rule segments against pandas on the raw files."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Count

from crm.models import Customer, Import, Order, OrderLine
from crm.rights import machine
from profiles import actions as profile_actions
from profiles import queries as profile_queries
from segments import actions, evaluation
from segments.rules import needs
from tests.conftest import DATA

pytestmark = [pytest.mark.django_db, pytest.mark.data, pytest.mark.slow]
MAPPINGS = Path(__file__).resolve().parents[2] / "docs" / "mappings"
NOON = datetime(2011, 12, 10, 12, tzinfo=UTC)
AS_OF = datetime(2011, 12, 10, tzinfo=UTC)  # the shop's last day is over
SINCE_ALL = datetime(2014, 7, 1, tzinfo=UTC)  # by then everybody of either file is a customer
AFTER = pd.Timestamp(AS_OF).tz_convert("Europe/Helsinki")


@pytest.fixture(scope="module")
def shop(django_db_setup, django_db_blocker):
    """The orders of the online shop, in the database; everything is rolled back at the end."""
    with django_db_blocker.unblock(), transaction.atomic():
        import_file("orders", "online_retail.csv.gz")
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def engine(shop, django_db_blocker):
    """The warehouse over the shop and, beside it, the people of the marketing campaigns."""
    with django_db_blocker.unblock():
        import_file("customers", "marketing_campaign.csv")
        profile_actions.refresh(at=SINCE_ALL, full=True)
        return {at: evaluation.engine(at=at) for at in (AS_OF, SINCE_ALL)}


def import_file(kind: str, name: str) -> None:
    mapping = MAPPINGS / f"{name.partition('.')[0]}.json"
    call_command(f"import_{kind}", str(DATA / name), mapping=str(mapping), json=True, stdout=StringIO())
    connection.check_constraints()  # else PostgreSQL checks every row anew after each test


def sums(lines):
    """Added up here, exactly: SQLite adds decimals as floats."""
    rows = list(lines.values_list("order", "quantity", "amount"))
    return {
        "lines": len(rows),
        "quantity": sum(quantity for _, quantity, _ in rows),
        "amount": sum(amount for *_, amount in rows),
        "orders": len({order for order, *_ in rows}),
    }


def test_the_online_shop_gives_its_published_totals_and_defects(shop) -> None:
    run = Import.objects.get()
    assert run.status == "finished"
    assert sums(OrderLine.objects.all()) == {
        "lines": 541_909,
        "quantity": 5_176_450,
        "amount": Decimal("9747747.934"),
        "orders": 25_900,
    }
    assert Customer.objects.count() == 4372
    assert OrderLine.objects.values("sku").distinct().count() == 4070
    assert OrderLine.objects.filter(order__customer=None).count() == 135_080
    assert OrderLine.objects.filter(product=None).count() == 2995
    kinds = dict(Order.objects.filter(number__startswith="C").values_list("kind").annotate(Count("id")).order_by())
    assert kinds == {"return": 3836}
    assert OrderLine.objects.filter(order__kind="return", order__number__startswith="C").count() == 9288
    assert Order.objects.filter(number__startswith="A", kind="adjustment").count() == 3
    assert OrderLine.objects.filter(quantity__lt=0).count() == 10_624
    assert OrderLine.objects.filter(description="").count() == 1454
    assert Order.objects.exclude(country="").values("country").distinct().count() == 38
    assert run.counts["problems"] == {
        "exact_copy": 5268,
        "zero_price": 2515,
        "negative_price": 2,
        "several_times": 43,
        "several_countries": 8,
    }
    is_sale = {"order__kind": "sale", "order__customer__isnull": False, "quantity__gt": 0, "unit_amount__gt": 0}
    lines = OrderLine.objects.filter(**is_sale)
    sales = sums(lines)
    assert (sales["lines"], sales["amount"], sales["orders"]) == (397_884, Decimal("8911407.904"), 18_532)
    assert lines.values("order__customer").distinct().count() == 4338
    assert sum(Order.objects.values_list("total_amount", flat=True)) == Decimal("9747747.934")
    first = Order.objects.order_by("ordered_at").first()
    assert first.ordered_at == datetime(2010, 12, 1, 8, 26, tzinfo=UTC)


def sales_of(path) -> pd.DataFrame:
    """The usual sales filter: a known customer, no cancellation, positive quantity and price."""
    rows = pd.read_csv(path, dtype={"InvoiceNo": str, "CustomerID": str}, parse_dates=["InvoiceDate"])
    rows = rows[rows.CustomerID.notna() & ~rows.InvoiceNo.str.startswith("C")]
    rows = rows[(rows.Quantity > 0) & (rows.UnitPrice > 0)]
    return rows.assign(cents=(rows.Quantity * (rows.UnitPrice * 1000).round()).astype("int64"))


def test_rfm_of_the_online_shop_equals_pandas(shop) -> None:
    profile_actions.refresh(at=NOON)
    sales = sales_of(DATA / "online_retail.csv.gz")
    last_days = pd.to_datetime(
        sales.InvoiceDate.dt.tz_localize("Europe/London").dt.tz_convert("Europe/Helsinki").dt.date
    )
    expected = sales.assign(day=last_days).groupby("CustomerID").agg(
        frequency=("InvoiceNo", "nunique"), thousandths=("cents", "sum"), last=("day", "max")
    )  # fmt: skip
    expected["recency"] = (pd.Timestamp("2011-12-10") - expected["last"]).dt.days

    rows = profile_queries.select("select * from profile where frequency > 0").to_pandas()
    numbers = profile_queries.select("select customer_id, rfm_recency from profile").num_rows
    assert numbers == 4372
    assert len(rows) == len(expected) == 4338
    number_of = dict(Customer.objects.values_list("id", "number"))
    found = rows.assign(number=rows.customer_id.map(number_of)).set_index("number").sort_index()
    expected = expected.sort_index()
    assert list(found.index) == list(expected.index)
    assert (found.frequency == expected.frequency).all()
    assert (found.recency_days == expected.recency).all()
    assert [int(amount * 1000) for amount in found.monetary_amount] == expected.thousandths.tolist()

    worse = expected.frequency.rank(method="min") - 1
    assert (found.rfm_frequency == 1 + (worse * 5 // len(expected))).all()
    older = expected.recency.rank(method="min", ascending=False) - 1
    assert (found.rfm_recency == 1 + (older * 5 // len(expected))).all()
    assert set(found.rfm_cell.unique()) <= {
        "champions", "loyal", "potential_loyal", "new", "promising", "need_attention", "about_to_sleep", "at_risk",
        "cannot_lose", "hibernating",
    }  # fmt: skip


@cache
def people() -> pd.DataFrame:
    frame = pd.read_csv(DATA / "marketing_campaign.csv", dtype={"ID": str})
    return frame.set_index("ID")


@cache
def lines() -> pd.DataFrame:
    """Lines of sales to known customers; a number that begins with C or A is no sale."""
    frame = pd.read_csv(DATA / "online_retail.csv.gz", dtype=str).dropna(subset=["CustomerID"])
    frame = frame[~frame.InvoiceNo.str[0].isin(["C", "A"])]
    frame["at"] = pd.to_datetime(frame.InvoiceDate).dt.tz_localize("Europe/London")
    frame["pence"] = (frame.Quantity.astype(int) * (frame.UnitPrice.astype(float) * 1000).round()).astype(int)
    return frame


@cache
def orders() -> pd.DataFrame:
    grouped = lines().groupby("InvoiceNo")
    return grouped.agg(customer=("CustomerID", "first"), at=("at", "min"), pence=("pence", "sum"))


def recent(days: int) -> pd.DataFrame:
    """Orders since the firm's day began so many days ago."""
    return orders()[orders()["at"] >= (AFTER.normalize() - pd.Timedelta(days=days)).tz_convert("UTC")]


def those(condition: pd.Series) -> set[str]:
    return set(condition[condition].index)


def spent(frame: pd.DataFrame) -> pd.Series:
    return frame.groupby("customer").pence.sum()


def count(frame: pd.DataFrame) -> pd.Series:
    return frame.groupby("customer").size()


def bought(code: str) -> set[str]:
    return set(lines().CustomerID[lines().StockCode == code])


def everyone() -> set[str]:
    raw = pd.read_csv(DATA / "online_retail.csv.gz", dtype=str, usecols=["CustomerID"])
    return set(raw.CustomerID.dropna())


P = people
FEATURE, EVENT = "feature", "event"
SEGMENTS = {
    "one value": (
        {"feature": "education", "op": "is", "value": "PhD"},
        lambda: those(P().Education == "PhD"),
    ),
    "nested groups": (
        {"all": [
            {"any": [{"feature": "kidhome", "op": "at_least", "value": 1}, {"feature": "teenhome", "op": "at_least", "value": 1}]},
            {"feature": "income", "op": "between", "value": [30000, 60000]},
        ]},
        lambda: those(((P().Kidhome >= 1) | (P().Teenhome >= 1)) & P().Income.between(30000, 60000)),
    ),
    "missing answers no": (
        {"all": [{"feature": "income", "op": "less_than", "value": 20000}]},
        lambda: those(P().Income < 20000),
    ),
    "not is a true complement, missing included": (
        {"all": [{"feature": "year_birth", "op": "is_present"}, {"not": {"feature": "income", "op": "at_least", "value": 20000}}]},
        lambda: those(~(P().Income >= 20000) & P().Year_Birth.ge(1910) | P().Year_Birth.lt(1910) & ~(P().Income >= 20000)),
    ),
    "missing on request": (
        {"all": [{"feature": "education", "op": "is_present"}, {"feature": "income", "op": "at_least", "value": 80000, "missing": "yes"}]},
        lambda: those(~(P().Income < 80000)),
    ),
    "is missing": (
        {"all": [{"feature": "kidhome", "op": "is_present"}, {"feature": "income", "op": "is_missing"}]},
        lambda: those(P().Income.isna()),
    ),
    "one of several": (
        {"feature": "marital_status", "op": "one_of", "value": ["Married", "Together"]},
        lambda: those(P().Marital_Status.isin(["Married", "Together"])),
    ),
    "a date": (
        {"all": [{"feature": "education", "op": "is_present"}, {"feature": "created_at", "op": "from", "value": "2014-01-01"}]},
        lambda: those(pd.to_datetime(P().Dt_Customer) >= "2014-01-01"),
    ),
    "none of": (
        {"all": [{"feature": "education", "op": "none_of", "value": ["Basic", "2n Cycle"]}, {"feature": "mnt_wines", "op": "more_than", "value": 1000}]},
        lambda: those(~P().Education.isin(["Basic", "2n Cycle"]) & (P().MntWines > 1000)),
    ),
    "count of orders in a window": (
        {"event": "order", "op": "at_least", "value": 3, "window": {"last_days": 90}},
        lambda: those(count(recent(90)) >= 3),
    ),
    "sum of orders in a window": (
        {"event": "order", "measure": "sum", "of": "value", "op": "more_than", "value": 1000, "window": {"last_days": 180}},
        lambda: those(spent(recent(180)) > 1_000_000),
    ),
    "average order": (
        {"event": "order", "measure": "average", "of": "value", "op": "at_least", "value": 500},
        lambda: those(spent(orders()) >= 500_000 * count(orders())),
    ),
    "lapsed: bought, not lately": (
        {"all": [
            {"event": "order", "op": "at_least", "value": 2},
            {"not": {"event": "order", "window": {"last_days": 180}}},
        ]},
        lambda: those(count(orders()) >= 2) - set(recent(180).customer),
    ),
    "largest order": (
        {"event": "order", "measure": "maximum", "of": "value", "op": "at_least", "value": 5000},
        lambda: those(orders().groupby("customer").pence.max() >= 5_000_000),
    ),
    "bought a product": (
        {"event": "order_line", "where": [{"property": "sku", "op": "is", "value": "85123A"}]},
        lambda: bought("85123A"),
    ),
    "bought one product and never another": (
        {"all": [
            {"event": "order_line", "where": [{"property": "sku", "op": "is", "value": "22423"}]},
            {"not": {"event": "order_line", "where": [{"property": "sku", "op": "is", "value": "85123A"}]}},
        ]},
        lambda: bought("22423") - bought("85123A"),
    ),
    "never bought": (
        {"not": {"event": "order"}},
        lambda: everyone() - set(orders().customer),
    ),
    "days since the latest order": (
        {"event": "order", "measure": "days_since", "op": "at_most", "value": 7},
        lambda: set(recent(7).customer),
    ),
    "country and orders": (
        {"all": [{"feature": "country", "op": "is", "value": "Germany"}, {"event": "order", "op": "at_least", "value": 5}]},
        lambda: those(count(orders()) >= 5) & set(Customer.objects.filter(country="Germany").values_list("number", flat=True)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SEGMENTS)
def test_rule_finds_exactly_the_members_that_pandas_finds(engine, name: str) -> None:
    where, oracle = SEGMENTS[name]
    rule = actions.check_rule({"version": 1, "where": where}, by=machine("test"))
    at = AS_OF if needs.needs(rule).event_types else SINCE_ALL
    found = engine[at].customers(rule)
    numbers = dict(Customer.objects.values_list("pk", "number"))
    members, expected = {numbers[pk] for pk in found.tolist()}, oracle()
    assert 0 < len(expected) < len(numbers)
    assert (len(members - expected), len(expected - members)) == (0, 0), sorted(members ^ expected)[:10]
