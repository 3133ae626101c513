"""Orders from files: the published totals of two transaction logs, and small files with one fault each."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import pandas
import pytest
from django.db import DataError, connection
from django.db.models import Count, Max, Min, Sum
from django.utils import timezone

from crm.imports.runs import check_import, queue_import, run_import
from crm.imports.undo import undo_import
from crm.models import AuditLine, Customer, Order, OrderLine, Product

pytestmark = pytest.mark.django_db


def sums(lines=None):
    """Added up here, exactly: SQLite adds decimals as floats."""
    lines = OrderLine.objects.all() if lines is None else lines
    rows = list(lines.values_list("order", "quantity", "amount"))
    return {
        "lines": len(rows),
        "quantity": sum(quantity for _, quantity, _ in rows),
        "amount": sum(amount for *_, amount in rows),
        "orders": len({order for order, *_ in rows}),
    }


@pytest.mark.data
def test_the_cdnow_sample_gives_its_published_totals(load, data_dir, saved_mapping):
    run = load("orders", data_dir / "cdnow" / "CDNOW_sample.txt", saved_mapping("cdnow_sample"))
    assert sums() == {"lines": 6919, "quantity": 16479, "amount": Decimal("244091.94"), "orders": 6696}
    assert Customer.objects.count() == 2357
    assert run.counts["created"] == 6696  # several purchases of one day are one order
    again = load("orders", data_dir / "cdnow" / "CDNOW_sample.txt", saved_mapping("cdnow_sample"))
    assert again.counts["unchanged"] == 6696
    assert "changed" not in again.counts


@pytest.mark.data
def test_the_cdnow_sample_agrees_with_the_published_summary(load, data_dir, saved_mapping):
    """Repeat purchase days to 1997-09-30 and time between first and last, as Fader and Hardie count them."""
    load("orders", data_dir / "cdnow" / "CDNOW_sample.txt", saved_mapping("cdnow_sample"))
    published = pandas.read_csv(data_dir / "cdnow" / "cdnow_customers_summary.csv").set_index("ID")
    log = pandas.read_csv(data_dir / "cdnow" / "CDNOW_sample.txt", sep=r"\s+", header=None, dtype=str)
    sample_ids = dict(zip("CDNOW-" + log[0], log[1].astype(int), strict=True))
    seen = Order.objects.filter(ordered_at__lt=datetime(1997, 10, 1, tzinfo=UTC)).values_list("customer__number")
    for number, days, first, last in seen.annotate(Count("id"), Min("ordered_at"), Max("ordered_at")):
        row = published.loc[sample_ids[number]]
        assert row.frequency == days - 1
        assert abs(row.recency - (last - first).days / 7) < 0.01


@pytest.mark.data
@pytest.mark.slow
def test_the_cdnow_master_gives_its_published_totals(load, data_dir, saved_mapping):
    load("orders", data_dir / "cdnow" / "CDNOW_master.txt", saved_mapping("cdnow_master"))
    found = sums()
    assert (found["lines"], found["quantity"], found["amount"]) == (69659, 167881, Decimal("2500315.63"))
    assert Customer.objects.count() == 23570
    if connection.vendor == "postgresql":  # whose planner believed in empty tables
        assert all(believed(model) > 10_000 for model in (Customer, Order, AuditLine))


def believed(model):
    """How many rows PostgreSQL takes a table to have when it plans."""
    with connection.cursor() as cursor:
        cursor.execute("select reltuples from pg_class where oid = %s::regclass", [model._meta.db_table])
        return cursor.fetchone()[0]


SHOP = {
    "number": "order",
    "source": "shop",
    "currency": "EUR",
    "style": {"time_zone": "Europe/Helsinki"},
    "customer": "customer",
    "ordered_at": "at",
    "line": {"sku": "sku", "quantity": "pieces", "unit_amount": "price"},
    "kinds": {"prefixes": {"C": "return"}},
}
HEADING = "order,customer,at,sku,pieces,price\n"


def shop(*rows):
    return (HEADING + "".join(row + "\n" for row in rows)).encode()


def test_lines_of_an_order_need_not_stand_together(load):
    load(
        "orders",
        shop("1,7,2025-07-01 12:00,A,2,1.50", "2,8,2025-07-01 13:00,B,1,10", "1,7,2025-07-01 12:00,B,1,10"),
        SHOP,
    )
    order = Order.objects.get(number="1")
    assert (order.total_amount, order.customer.number) == (Decimal("13"), "7")
    assert order.ordered_at == datetime(2025, 7, 1, 9, tzinfo=UTC)
    assert list(order.lines.values_list("position", "sku", "amount")) == [(1, "A", 3), (2, "B", 10)]
    assert Order.objects.count() == 2


def test_groups_are_never_cut_at_the_end_of_a_chunk(load, monkeypatch):
    monkeypatch.setattr("crm.imports.runs.CHUNK", 2)
    rows = [f"{number % 5},7,2025-07-01,A,{number},1" for number in range(40)]
    run = load("orders", shop(*rows), SHOP)
    assert run.cursor == 40
    assert dict(Order.objects.values_list("number").annotate(Sum("lines__quantity"))) == {
        str(order): sum(number for number in range(40) if number % 5 == order) for order in range(5)
    }


def test_a_negative_total_or_a_prefix_makes_a_return(load):
    load("orders", shop("1,7,2025-07-01,A,1,5", "C2,7,2025-07-02,A,-1,5", "3,7,2025-07-03,A,-1,5"), SHOP)
    assert dict(Order.objects.values_list("number", "kind")) == {"1": "sale", "C2": "return", "3": "return"}


def test_one_bad_line_refuses_its_whole_order_and_no_other(load):
    run = load(
        "orders",
        shop("1,7,2025-07-01,A,1,5", "1,7,2025-07-01,B,many,5", "2,7,soon,A,1,5", "3,8,2025-07-01,A,1,5"),
        SHOP,
    )
    assert list(Order.objects.values_list("number", flat=True)) == ["3"]
    assert {(problem.row, problem.column, problem.code) for problem in run.problems.filter(is_fatal=True)} == {
        (3, "pieces", "not_a_number"),
        (4, "at", "not_a_date"),
    }
    assert Customer.objects.get().number == "8"


def test_orders_without_a_customer_are_those_of_guests(load):
    run = load("orders", shop("1,,2025-07-01,A,1,5"), SHOP)
    assert Order.objects.get().customer is None
    assert run.counts["guests"] == 1


def test_unknown_customers_can_be_refused(load):
    mapping = {**SHOP, "customer": {"number": "customer", "unknown": "refuse"}}
    run = load("orders", shop("1,7,2025-07-01,A,1,5"), mapping)
    assert not Order.objects.exists()
    assert run.problems.get(is_fatal=True).code == "unknown_customer"


def test_orders_of_a_merged_customer_go_to_the_one_it_was_merged_into(load):
    load("orders", shop("1,7,2025-07-01,A,1,5", "2,8,2025-07-01,A,1,5"), SHOP)
    Customer.objects.filter(number="8").update(merged_into=Customer.objects.get(number="7"))
    load("orders", shop("3,8,2025-07-03,A,1,5"), SHOP)
    assert Order.objects.get(number="3").customer.number == "7"


def test_a_customer_made_from_orders_begins_with_the_earliest_of_the_file(load, monkeypatch):
    monkeypatch.setattr("crm.imports.runs.CHUNK", 1)
    load("orders", shop("1,7,2025-07-02,A,1,5", "2,7,2025-07-01,A,1,5", "3,7,2025-07-03,A,1,5"), SHOP)
    assert Customer.objects.get().created_at == datetime(2025, 6, 30, 21, tzinfo=UTC)


def test_a_changed_order_is_replaced_and_undo_brings_it_back(load):
    load("orders", shop("1,7,2025-07-01,A,2,1.5", "1,7,2025-07-01,B,1,10"), SHOP)
    before = list(OrderLine.objects.values_list("sku", "quantity", "amount", "product__sku"))
    run = load("orders", shop("1,8,2025-07-01,A,3,1.5"), SHOP)
    order = Order.objects.get()
    assert (order.total_amount, order.customer.number) == (Decimal("4.5"), "8")
    line = AuditLine.objects.get(kind="order")
    assert line.changes["total_amount"] == ["13", "4.5"]
    undone = undo_import(import_id=run.pk, by=None, clock=timezone.now)
    order.refresh_from_db()
    assert (order.total_amount, order.customer.number) == (Decimal("13"), "7")
    assert list(OrderLine.objects.values_list("sku", "quantity", "amount", "product__sku")) == before
    assert not Customer.objects.filter(number="8").exists()
    assert undone.undo["orders restored"] == 1


def test_undo_of_orders_takes_their_customers_and_products_along(load):
    run = load("orders", shop("1,7,2025-07-01,A,2,1.5", "2,8,2025-07-01,B,1,10"), SHOP)
    undo_import(import_id=run.pk, by=None, clock=timezone.now)
    assert not Order.objects.exists()
    assert not OrderLine.objects.exists()
    assert not Customer.objects.exists()
    assert not Product.objects.exists()


def test_undo_keeps_an_order_that_a_later_import_changed_and_says_so(load):
    run = load("orders", shop("1,7,2025-07-01,A,2,1.5", "2,7,2025-07-01,B,1,10"), SHOP)
    load("orders", shop("1,7,2025-07-01,A,3,1.5"), SHOP)
    undo_import(import_id=run.pk, by=None, clock=timezone.now)
    assert Order.objects.get().number == "1"
    assert Customer.objects.get().number == "7"
    assert "order 1 was changed since" in run.problems.get(code="changed_since").message


def test_exact_copies_are_kept_and_reported(load):
    run = load("orders", shop("1,7,2025-07-01,A,1,5", "1,7,2025-07-01,A,1,5"), SHOP)
    assert Order.objects.get().total_amount == 10
    assert run.problems.get(code="exact_copy").row == 3


def test_amounts_follow_from_totals_when_the_file_has_no_prices(load):
    mapping = {**SHOP, "line": {"quantity": "pieces", "amount": "price"}}
    load("orders", shop("1,7,2025-07-01,,3,10"), mapping)
    line = OrderLine.objects.get()
    assert (line.amount, line.unit_amount) == (Decimal("10"), Decimal("3.3333"))
    again = load("orders", shop("1,7,2025-07-01,,3,10"), mapping)
    assert again.counts["unchanged"] == 1
    assert Counter(again.counts["problems"]) == {}


def test_lines_give_the_products_they_make_their_category(load):
    text = b"""order,customer,at,sku,name,group,price
1,17,2026-01-02,a,Axe,,5
2,17,2026-01-02,a,,Tools,5
2,17,2026-01-02,b,Bag,Bags,5
"""
    line = {"sku": "sku", "description": "name", "category": "group", "unit_amount": "price"}
    mapping = {"number": "order", "customer": "customer", "ordered_at": "at", "currency": "EUR", "line": line}
    load("orders", text, mapping)
    found = Product.objects.order_by("sku").values_list("sku", "name", "category")
    assert list(found) == [("a", "Axe", "Tools"), ("b", "Bag", "Bags")]


def test_an_order_with_an_unclosed_quotation_mark_is_left_out_whole_and_no_other(load):
    text = b"""order,customer,at,sku,price
1,17,2026-01-02,a,5
2,17,2026-01-02,"b,5
2,17,2026-01-02,c,5
3,18,2026-01-02,d,5
"""
    mapping = {
        "number": "order", "customer": "customer", "ordered_at": "at", "currency": "EUR",
        "line": {"sku": "sku", "unit_amount": "price"},
    }  # fmt: skip
    run = load("orders", text, mapping)
    assert sorted(Order.objects.values_list("number", flat=True)) == ["1", "3"]
    assert run.counts["refused"] == 1
    opened = run.problems.get(code="unclosed_quote")
    assert (opened.row, opened.is_fatal) == (3, False) and "line 3" in opened.message


def test_an_order_whose_lines_are_too_much_together_is_left_out(load):
    """Money has twelve places before the point: PostgreSQL refuses more, SQLite keeps what nothing can read."""
    run = load("orders", shop(*[f"1,7,2025-07-01,A{n},1,90000000000" for n in range(12)], "2,7,2025-07-01,B,1,5"), SHOP)
    assert run.status == "finished", run.error
    assert list(run.problems.filter(code="too_large").values_list("row", flat=True)) == [2]
    assert list(Order.objects.values_list("number", "total_amount")) == [("2", Decimal(5))]


def test_amounts_of_more_places_than_money_has_are_the_same_when_they_come_again(load):
    mapping = {**SHOP, "line": {"sku": "sku", "quantity": "pieces", "amount": "price"}}
    rows = shop("1,7,2025-07-01,A,1,1.23456", "1,7,2025-07-01,B,1,1.23454")
    load("orders", rows, mapping)
    assert Order.objects.get().total_amount == Decimal("2.4691")
    assert load("orders", rows, mapping).counts["unchanged"] == 1


def test_what_the_database_refuses_for_good_is_not_tried_for_ever(begin, monkeypatch):
    run = begin("orders", shop("1,7,2025-07-01,A,1,2"), SHOP)
    queue_import(import_id=run.pk, at=timezone.now())

    def refuse(*_):
        raise DataError("numeric field overflow")

    monkeypatch.setattr("crm.imports.orders.write", refuse)
    with pytest.raises(DataError):
        run_import(import_id=run.pk, clock=timezone.now)
    run.refresh_from_db()
    assert (run.status, run.lease_until) == ("failed", None)
    assert "numeric field overflow" in run.error


def test_a_dry_run_that_stops_says_so_and_leaves_the_import_to_be_changed(begin, monkeypatch):
    run = begin("orders", shop("1,7,2025-07-01,A,1,2"), SHOP)
    monkeypatch.setattr("crm.imports.orders.plan", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        check_import(import_id=run.pk, at=timezone.now())
    run.refresh_from_db()
    assert (run.status, run.lease_until) == ("uploaded", None)
    assert "ZeroDivisionError" in run.error
