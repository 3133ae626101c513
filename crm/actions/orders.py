"""Orders with their lines and returns, recorded once per source and number; totals are checked to the last digit."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from crm import bulk
from crm.actions.identity import held
from crm.actions.touches import touch
from crm.actions.verdicts import DUPLICATE, REFUSED, STORED, Verdict
from crm.models import Import, Order, OrderKind, OrderLine, Product
from crm.models.order import LARGEST_AMOUNT
from crm.refusals import Refused
from crm.rights import Actor, require

EXACT = Decimal("0.0001")
CHUNK = 200
LINE_COLUMNS = ("quantity", "unit_amount", "amount", "sku", "description", "at")


@dataclass(frozen=True)
class NewLine:
    """One line: pieces (negative for a return) at a price per piece; `amount` is worked out when not given."""

    quantity: Decimal
    unit_amount: Decimal
    sku: str = ""
    description: str = ""
    amount: Decimal | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class NewOrder:
    """One order in one currency. `total_amount` is the sum of the lines: checked when given, needed without lines."""

    source: str
    number: str
    ordered_at: datetime
    currency: str
    lines: Sequence[NewLine] = field(default_factory=tuple)
    total_amount: Decimal | None = None
    customer_id: int | None = None
    kind: str = OrderKind.SALE
    channel: str = ""
    country: str = ""


class OrderRefused(Refused):
    """The order does not add up, or differs from the one already kept."""

    code = "order_invalid"


def record_order(order: NewOrder, *, by: Actor, at: datetime) -> tuple[Order, bool]:
    """Keep one order; the second part says whether it is new. Raises OrderRefused."""
    verdict = record_orders([order], by=by, at=at)[0]
    if verdict.status == REFUSED:
        raise OrderRefused(verdict.message, path=verdict.path, code=verdict.code)
    return Order.objects.get(source=order.source, number=order.number), verdict.status == STORED


def record_orders(
    orders: Sequence[NewOrder], *, by: Actor, at: datetime, import_run: Import | None = None
) -> list[Verdict]:
    """Keep many orders, one verdict each in the same order: stored, duplicate (the same again) or refused."""
    require(by, "orders.record")
    verdicts: list[Verdict] = []
    for start in range(0, len(orders), CHUNK):
        verdicts += _recorded(orders[start : start + CHUNK], by=by, at=at, import_run=import_run, first=start)
    return verdicts


@transaction.atomic
def _recorded(
    orders: Sequence[NewOrder], *, by: Actor, at: datetime, import_run: Import | None, first: int
) -> list[Verdict]:
    led = held(order.customer_id for order in orders)
    orders = [replace(order, customer_id=led.get(order.customer_id, order.customer_id)) for order in orders]
    kept = _kept(orders)
    verdicts, fresh = [], []
    for index, order in enumerate(orders, start=first):
        verdict, completed = _judged(order, kept, index)
        verdicts.append(verdict)
        if verdict.status == STORED:
            kept[order.source, order.number] = completed
            fresh.append(completed)
    _insert(fresh, at=at, import_run=import_run)
    if import_run is None:
        touch((order.customer_id for order in fresh), at=at)
    return verdicts


def _judged(order: NewOrder, kept: dict[tuple[str, str], NewOrder], index: int) -> tuple[Verdict, NewOrder]:
    try:
        order = complete(order)
    except OrderRefused as error:
        return Verdict(index, REFUSED, order.number, error.code, error.message, error.path), order
    before = kept.get((order.source, order.number))
    if before is None:
        return Verdict(index, STORED, order.number), order
    if before == order:
        return Verdict(index, DUPLICATE, order.number), order
    message = _("The source has another order of this number.")
    return Verdict(index, REFUSED, order.number, "number_taken", message, "number"), order


def complete(order: NewOrder) -> NewOrder:
    """The order with every amount worked out. Raises OrderRefused at the line or total that does not add up."""
    if not order.lines and order.total_amount is None:
        raise OrderRefused(_("Lines or a total are needed."), path="lines")
    lines = tuple(_complete_line(line, index) for index, line in enumerate(order.lines))
    total = sum((line.amount for line in lines if line.amount is not None), Decimal(0))
    if order.total_amount is not None and lines and order.total_amount != total:
        message = _("The lines sum up to %(total)s.") % {"total": total}
        raise OrderRefused(message, path="total_amount", code="total_differs")
    total = total if lines else order.total_amount or total
    if abs(total) >= LARGEST_AMOUNT:
        raise OrderRefused(_("The total is too large."), path="total_amount")
    return replace(order, lines=lines, total_amount=total.quantize(EXACT))


def _complete_line(line: NewLine, index: int) -> NewLine:
    worth = (line.quantity * line.unit_amount).quantize(EXACT)
    if line.amount is not None and line.amount != worth:
        message = _("Quantity × unit price is %(worth)s.") % {"worth": worth}
        raise OrderRefused(message, path=f"lines[{index}].amount", code="amount_differs")
    if max(abs(worth), abs(line.unit_amount)) >= LARGEST_AMOUNT:
        raise OrderRefused(_("The amount is too large."), path=f"lines[{index}].quantity")
    return replace(line, amount=worth)


def _kept(orders: Sequence[NewOrder]) -> dict[tuple[str, str], NewOrder]:
    """Orders already in the books under the same source and number, as they would be given."""
    same = Q(pk__in=[])
    for source in {order.source for order in orders}:
        same |= Q(source=source, number__in=[order.number for order in orders if order.source == source])
    rows = Order.objects.filter(same).prefetch_related("lines")
    return {(row.source, row.number): _as_given(row) for row in rows}


def _as_given(row: Order) -> NewOrder:
    columns = (
        "source",
        "number",
        "ordered_at",
        "currency",
        "total_amount",
        "customer_id",
        "kind",
        "channel",
        "country",
    )
    parts = ("quantity", "unit_amount", "sku", "description", "amount", "at")
    lines = tuple(NewLine(**{part: getattr(line, part) for part in parts}) for line in row.lines.all())
    return NewOrder(lines=lines, **{column: getattr(row, column) for column in columns})


def _insert(orders: Sequence[NewOrder], *, at: datetime, import_run: Import | None) -> None:
    rows = Order.objects.bulk_create([_order_row(order, at, import_run) for order in orders], batch_size=CHUNK)
    products = _products({line.sku for order in orders for line in order.lines})
    lines = (
        (row.pk, position, products.get(line.sku), *_line_values(line))
        for row, order in zip(rows, orders, strict=True)
        for position, line in enumerate(order.lines, start=1)
    )
    bulk.write(OrderLine, ("order", "position", "product", *LINE_COLUMNS), lines)


def _order_row(order: NewOrder, at: datetime, import_run: Import | None) -> Order:
    columns = {name: getattr(order, name) for name in NewOrder.__dataclass_fields__ if name != "lines"}
    return Order(**columns, import_run=import_run, created_at=at, updated_at=at)


def _line_values(line: NewLine) -> tuple[Any, ...]:
    assert line.amount is not None  # worked out when the order was completed
    money = (format(value, "f") for value in (line.quantity, line.unit_amount, line.amount))
    return (*money, line.sku, line.description, connection.ops.adapt_datetimefield_value(line.at))


def _products(skus: set[str]) -> dict[str, int]:
    wanted = sorted(skus - {""})
    found: dict[str, int] = {}
    for start in range(0, len(wanted), 500):
        found.update(Product.objects.filter(sku__in=wanted[start : start + 500]).values_list("sku", "id"))
    return found
