"""Orders and events: once per source and number, to the last digit, through merges, within scope."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from crm import access, actions, rights
from crm.actions import DUPLICATE, REFUSED, STORED, NewEvent, NewLine, NewOrder
from crm.actions.orders import complete
from crm.models import Event, Order, OrderLine, Product
from crm.rights import NotAllowed
from tests.crm.conftest import NOW

MACHINE = rights.machine("test")
LINE = NewLine(Decimal("2"), Decimal("1.25"), "A1", "Cup")


def order(number: str = "1", **more: object) -> NewOrder:
    return replace(NewOrder("shop", number, NOW, "EUR", (LINE,)), **more)  # type: ignore[arg-type]


def test_an_order_is_kept_with_its_lines_products_and_total(make_customer: Callable) -> None:
    product = Product.objects.create(sku="A1", created_at=NOW)
    lines = (LINE, NewLine(Decimal("-1"), Decimal("1.25"), "A1"), NewLine(Decimal("3"), Decimal("0.3333"), "POST"))
    row, is_new = actions.record_order(order(lines=lines, customer_id=make_customer("1").pk), by=MACHINE, at=NOW)
    assert is_new and row.total_amount == Decimal("2.2499")
    kept = list(row.lines.values_list("position", "amount", "product"))
    assert kept == [(1, Decimal("2.5"), product.pk), (2, Decimal("-1.25"), product.pk), (3, Decimal("0.9999"), None)]


def test_the_same_order_again_changes_nothing_and_another_of_its_number_is_refused(db: None) -> None:
    given_orders = [order("1"), order("1"), order("1", currency="SEK"), order("1", source="till")]
    assert [row.status for row in actions.record_orders(given_orders, by=MACHINE, at=NOW)] == [
        STORED, DUPLICATE, REFUSED, STORED,
    ]  # fmt: skip
    again = actions.record_orders(given_orders, by=MACHINE, at=NOW + timedelta(days=1))
    assert [row.status for row in again] == [DUPLICATE, DUPLICATE, REFUSED, DUPLICATE]
    assert again[2].code == "number_taken" and Order.objects.count() == 2 and OrderLine.objects.count() == 2


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"total_amount": Decimal("2.51")}, "total_amount"),
        ({"lines": ()}, "lines"),
        ({"lines": (LINE, replace(LINE, amount=Decimal("2.49")))}, "lines[1].amount"),
        ({"lines": (replace(LINE, quantity=Decimal("1e13")),)}, "lines[0].quantity"),
        ({"lines": (), "total_amount": Decimal("1e12")}, "total_amount"),
        ({"lines": (), "total_amount": Decimal("-999999999999.9999")}, "total_amount"),
        ({"lines": (NewLine(Decimal("0.001"), Decimal("999999999999.9999")),)}, "lines[0].quantity"),
    ],
)
def test_what_does_not_add_up_is_refused(more: dict, path: str, db: None) -> None:
    verdict = actions.record_orders([order(**more)], by=MACHINE, at=NOW)[0]
    assert (verdict.status, verdict.path) == (REFUSED, path) and not Order.objects.exists()


def test_whatever_amount_is_taken_can_be_read_again(db: None) -> None:
    """SQLite keeps fifteen digits: what it would round up to a thirteenth place before the point nobody could read."""
    most = Decimal("999999999999.9994")
    orders = [order("1", lines=(), total_amount=most), order("2", lines=(NewLine(Decimal(1), -most),))]
    events = [NewEvent("web", f"{value}", "cart", NOW, anonymous_id="v", value=value) for value in (most, most + 1)]
    assert [row.status for row in actions.record_orders(orders, by=MACHINE, at=NOW)] == [STORED, STORED]
    assert [row.status for row in actions.record_events(events, by=MACHINE, at=NOW)] == [STORED, REFUSED]
    read = [*Order.objects.values_list("total_amount", flat=True), *OrderLine.objects.values_list("amount", flat=True)]
    assert [abs(amount - most) < Decimal("0.001") for amount in map(abs, read)] == [True] * 3
    assert abs(Event.objects.get().value - most) < Decimal("0.001")


amounts = some.decimals(-1000, 1000, places=2)


@given(some.lists(some.tuples(some.decimals(-99, 99, places=3), amounts), min_size=1, max_size=20))
def test_the_total_is_the_sum_of_rounded_lines(pairs: list[tuple[Decimal, Decimal]]) -> None:
    done = complete(order(lines=tuple(NewLine(quantity, price) for quantity, price in pairs)))
    assert done.total_amount == sum(round(quantity * price, 4) for quantity, price in pairs)


def event(source_id: str = "1", **more: object) -> NewEvent:
    return replace(NewEvent("web", source_id, "page", NOW, anonymous_id="v1"), **more)  # type: ignore[arg-type]


def test_events_are_kept_once_with_a_verdict_each(db: None) -> None:
    bad = [event("3", type="order"), event("4", anonymous_id=""), event("5", occurred_at=NOW + timedelta(days=2))]
    bad.append(event("6", properties={"x": "y" * 40_000}))
    verdicts = actions.record_events([event("1"), event("1"), event("2"), *bad], by=MACHINE, at=NOW)
    assert [row.status for row in verdicts] == [STORED, DUPLICATE, STORED, REFUSED, REFUSED, REFUSED, REFUSED]
    assert [row.path for row in verdicts[3:]] == ["type", "customer", "occurred_at", "properties"]
    assert [row.index for row in verdicts] == list(range(7)) and Event.objects.count() == 2
    assert actions.record_events([event("2")], by=MACHINE, at=NOW)[0].status == DUPLICATE


def test_a_thousand_and_one_events_pass_chunk_borders(db: None) -> None:
    verdicts = actions.record_events([event(str(n)) for n in range(1001)], by=MACHINE, at=NOW)
    assert {row.status for row in verdicts} == {STORED} and Event.objects.count() == 1001


def test_numbers_lead_through_merges_and_never_out_of_scope(cast: SimpleNamespace, make_customer: Callable) -> None:
    kept, foreign = make_customer("kept", cast.north), make_customer("foreign", cast.south)
    make_customer("merged", cast.south, merged_into=kept)
    make_customer("erased", cast.north, erased_at=NOW)
    asked = ["kept", "merged", "erased", "foreign", "nobody", ""]
    assert actions.living_ids(asked, by=MACHINE) == {"kept": kept.pk, "merged": kept.pk, "foreign": foreign.pk}
    assert actions.living_ids(asked, by=access.of_user(cast.anna)) == {"kept": kept.pk, "merged": kept.pk}
    assert not actions.is_living(foreign.pk, by=access.of_user(cast.anna))


def test_only_admins_keys_and_machines_record_facts(cast: SimpleNamespace) -> None:
    for user in (cast.anna, cast.maija, cast.aino):
        with pytest.raises(NotAllowed):
            actions.record_events([event()], by=access.of_user(user), at=NOW)
        with pytest.raises(NotAllowed):
            actions.record_orders([order()], by=access.of_user(user), at=NOW)
