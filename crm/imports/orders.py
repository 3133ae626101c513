"""Rows that become orders: lines gathered by order number, returns told apart, money decimal throughout."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.db import connection
from django.db.models import Count, Min, OuterRef, Subquery
from django.db.models.functions import Coalesce

from crm import bulk
from crm.imports.known import (
    NewCustomer,
    NewProduct,
    customer_ids,
    make_customers,
    make_products,
    product_ids,
)
from crm.imports.mapping import NUMBER_LENGTH, Mapping, OrderForm
from crm.imports.plans import EXAMPLES, Changes, Example, Plan, Reading, Stamp
from crm.imports.problems import HEADER_ROW, Problem
from crm.imports.stage import Chunk, StagedRow
from crm.imports.values import ValueProblem, moment, number, stored
from crm.models import AuditLine, Customer, Order, OrderLine
from crm.models.order import LARGEST_AMOUNT
from crm.statements import keep_statistics

is_grouped = True
BULK = 2000
MAX_LINES = 50_000
FOUR_PLACES = Decimal("0.0001")
THREE_PLACES = Decimal("0.001")
LARGEST = Decimal(10) ** 11
LARGEST_QUANTITY = Decimal(10) ** 10
ONE = Decimal(1)

# A line as it is compared: sku, description, quantity, unit amount, amount, at.
Line = tuple[str, str, Decimal, Decimal, Decimal, datetime | None]
TimedLine = tuple[str, str, Decimal, Decimal, Decimal, datetime]


@dataclass(slots=True)
class Parsed:
    """An order understood; `categories` by stock code, of those lines that name one."""

    row: int
    number: str
    kind: str
    customer_number: str
    customer_country: str
    ordered_at: datetime
    channel: str
    country: str
    lines: list[Line]
    total: Decimal
    categories: dict[str, str]


@dataclass
class Work:
    mapping: Mapping
    created: list[Parsed] = field(default_factory=list)
    changed: list[tuple[Order, Parsed, Changes]] = field(default_factory=list)
    customers: dict[str, int | None] = field(default_factory=dict)
    products: dict[str, int] = field(default_factory=dict)
    new_customers: dict[str, NewCustomer] = field(default_factory=dict)
    new_products: dict[str, NewProduct] = field(default_factory=dict)


@dataclass(frozen=True)
class Places:
    """Where the columns of an order stand in a row; -1 for none."""

    number: list[int]
    customer: list[int]
    ordered_at: int
    channel: int
    country: int
    customer_country: int
    sku: int
    description: int
    quantity: int
    unit_amount: int
    amount: int
    category: int


def prepare(mapping: Mapping, stamp: Stamp) -> None:
    """Nothing has to be there before the first order."""


def plan(chunk: Chunk, reading: Reading) -> Plan:
    """Gather the lines into orders and compare them with those of the same source and number."""
    form = _form(reading.mapping)
    result = Plan(work=Work(reading.mapping))
    parsed = list(_understood(chunk, reading, form, result))
    _find_customers(parsed, form, result)
    parsed = [order for order in parsed if _may_stay(order, form, result)]
    _find_products(parsed, form, result.work)
    existing = _existing(reading.mapping.source, [order.number for order in parsed])
    for order in parsed:
        _plan_order(order, existing.get(order.number), result)
    return result


def _form(mapping: Mapping) -> OrderForm:
    assert mapping.order is not None
    return mapping.order


def _plan_order(order: Parsed, existing: tuple[Order, list[Line]] | None, result: Plan) -> None:
    work: Work = result.work
    if existing is None:
        work.created.append(order)
        _note(result, "created", order, {"total": [None, stored(order.total)], "lines": [None, len(order.lines)]})
        result.counts["lines"] += len(order.lines)
        result.counts["guests"] += not order.customer_number
    elif changes := _changes(order, *existing, work.customers.get(order.customer_number)):
        work.changed.append((existing[0], order, changes))
        _note(result, "changed", order, changes)
    else:
        result.counts["unchanged"] += 1


def _note(result: Plan, verb: str, order: Parsed, changes: Changes) -> None:
    result.counts[verb] += 1
    if len(result.examples) < 2 * EXAMPLES:
        result.examples.append(Example(order.row, order.number, verb, changes))


def _changes(order: Parsed, existing: Order, lines: list[Line], customer_id: int | None) -> Changes:
    pairs = {
        "kind": (existing.kind, order.kind),
        "customer": (existing.customer_id, customer_id),
        "ordered_at": (existing.ordered_at.isoformat(), order.ordered_at.isoformat()),
        "channel": (existing.channel, order.channel),
        "country": (existing.country, order.country),
        "total_amount": (stored(existing.total_amount), stored(order.total)),
        "lines": (_as_json(lines), _as_json(order.lines)),
    }
    return {name: list(pair) for name, pair in pairs.items() if pair[0] != pair[1]}


def _as_json(lines: Iterable[Line]) -> list[list[Any]]:
    return [[stored(value) for value in line] for line in lines]


def _existing(source: str, numbers: list[str]) -> dict[str, tuple[Order, list[Line]]]:
    orders = {order.pk: order for order in Order.objects.filter(source=source, number__in=numbers)}
    lines: dict[int, list[Line]] = {pk: [] for pk in orders}
    columns = ("order_id", "sku", "description", "quantity", "unit_amount", "amount", "at")
    found = OrderLine.objects.filter(order__in=orders).order_by("order_id", "position") if orders else None
    for order_id, *line in found.values_list(*columns) if found is not None else ():
        lines[order_id].append(tuple(line))
    return {order.number: (order, lines[order.pk]) for order in orders.values()}


# --- customers and products the orders speak of ------------------------------------------------------


def _find_customers(parsed: list[Parsed], form: OrderForm, result: Plan) -> None:
    work: Work = result.work
    work.customers = customer_ids({order.customer_number for order in parsed if order.customer_number})
    if form.customer.unknown != "create":
        return
    for order in parsed:
        known = work.new_customers.get(order.customer_number)
        if not order.customer_number or order.customer_number in work.customers:
            continue
        if known is None or order.ordered_at < known.created_at:
            country = known.country if known else order.customer_country
            work.new_customers[order.customer_number] = NewCustomer(
                order.customer_number, country, order.ordered_at, order.row
            )


def _may_stay(order: Parsed, form: OrderForm, result: Plan) -> bool:
    """Whether the order has the customer it needs; an erased or unknown one may turn it into a guest's order."""
    work: Work = result.work
    name = order.customer_number
    if not name or name in work.new_customers or work.customers.get(name):
        return True
    if name in work.customers:
        result.problems.append(Problem(order.row, "", "erased", "this customer was erased; kept as a guest's order"))
    elif form.customer.unknown == "refuse":
        message = f"there is no customer {name}"
        result.problems.append(Problem(order.row, "", "unknown_customer", message, is_fatal=True))
        result.counts["refused"] += 1
        return False
    order.customer_number = ""
    return True


def _find_products(parsed: list[Parsed], form: OrderForm, work: Work) -> None:
    """The products to make: name and category are the first that a line gives."""
    wanted: dict[str, NewProduct] = {}
    for order in parsed:
        for sku, description, *_ in order.lines:
            known = wanted.get(sku)
            if sku and not (known and known.name and known.category) and _is_product(sku, form):
                category = order.categories.get(sku, "")
                wanted[sku] = NewProduct(
                    sku, (known and known.name) or description, (known and known.category) or category
                )
    work.products = product_ids(wanted)
    work.new_products = {sku: product for sku, product in wanted.items() if sku not in work.products}


def _is_product(sku: str, form: OrderForm) -> bool:
    return form.product_codes is None or bool(form.product_codes.match(sku))


# --- writing ---------------------------------------------------------------------------------------


def write(plan: Plan, stamp: Stamp) -> None:
    """Create and change the orders of the plan, with the customers and products they need."""
    work: Work = plan.work
    source = work.mapping.source
    work.customers |= make_customers(work.new_customers.values(), source, stamp)
    work.products |= make_products(work.new_products.values(), stamp)
    made = _make_orders(work, stamp)
    for order, parsed, _changes in work.changed:
        _set(order, parsed, work, stamp)
    Order.objects.bulk_update(
        [order for order, *_ in work.changed],
        ["kind", "customer", "ordered_at", "channel", "country", "total_amount", "updated_at"],
        batch_size=BULK,
    )
    OrderLine.objects.filter(order__in=[order for order, _, changes in work.changed if "lines" in changes]).delete()
    pairs = [(made[parsed.number], parsed) for parsed in work.created]
    pairs += [(order.pk, parsed) for order, parsed, changes in work.changed if "lines" in changes]
    bulk.write(OrderLine, LINE_COLUMNS, _line_rows(pairs, work))
    AuditLine.objects.bulk_create([_audit(order, changes, stamp) for order, _, changes in work.changed])


ORDER_COLUMNS = ("number", "kind", "customer", "ordered_at", "channel", "country", "total_amount",
                 "source", "currency", "import_run", "created_at", "updated_at")  # fmt: skip


def _make_orders(work: Work, stamp: Stamp) -> dict[str, int]:
    """Create the new orders; gives their ids by number."""
    as_time, source = connection.ops.adapt_datetimefield_value, work.mapping.source
    same = source, _form(work.mapping).currency, stamp.run.pk, as_time(stamp.at), as_time(stamp.at)
    rows = (
        (one.number, one.kind, _customer_id(one, work), as_time(one.ordered_at), one.channel, one.country,
         format(one.total, "f"), *same)
        for one in work.created
    )  # fmt: skip
    bulk.write(Order, ORDER_COLUMNS, rows)
    made = Order.objects.filter(source=source, number__in=[one.number for one in work.created])
    return dict(made.values_list("number", "pk"))


def _customer_id(parsed: Parsed, work: Work) -> int | None:
    return work.customers.get(parsed.customer_number) if parsed.customer_number else None


def _set(order: Order, parsed: Parsed, work: Work, stamp: Stamp) -> None:
    order.kind = parsed.kind
    order.customer_id = _customer_id(parsed, work)
    order.ordered_at = parsed.ordered_at
    order.channel = parsed.channel
    order.country = parsed.country
    order.total_amount = parsed.total
    order.updated_at = stamp.at


LINE_COLUMNS = ("order", "position", "product", "sku", "description", "quantity", "unit_amount", "amount", "at")


def _line_rows(pairs: Iterable[tuple[int, Parsed]], work: Work) -> Iterator[tuple[Any, ...]]:
    as_time = connection.ops.adapt_datetimefield_value
    for order_id, parsed in pairs:
        for position, (sku, description, quantity, unit_amount, amount, at) in enumerate(parsed.lines, 1):
            product = work.products.get(sku)
            money = format(quantity, "f"), format(unit_amount, "f"), format(amount, "f")
            yield order_id, position, product, sku, description, *money, as_time(at)


def _audit(order: Order, changes: Changes, stamp: Stamp) -> AuditLine:
    return AuditLine(
        kind="order",
        object_id=order.pk,
        verb="changed",
        changes=changes,
        at=stamp.at,
        by=stamp.by,
        source="import",
        import_run=stamp.run,
    )


def finish(stamp: Stamp) -> list[Problem]:
    """Let the relationship of each customer made here begin with the earliest order; report on customers."""
    for model in (Customer, Order, AuditLine):
        keep_statistics(model, stamp.run.counts.get("created", 0))
    made = AuditLine.objects.filter(import_run=stamp.run, kind="customer", verb="created").values("object_id")
    orders = Order.objects.filter(customer=OuterRef("pk")).order_by().values("customer")
    earliest = orders.annotate(first=Min("ordered_at")).values("first")
    Customer.objects.filter(pk__in=made).update(created_at=Coalesce(Subquery(earliest), "created_at"))
    return [_travelled(number, countries) for number, countries in _several_countries(stamp)]


def _several_countries(stamp: Stamp) -> Iterable[tuple[str, int]]:
    """Customers whose sales in this import went to more than one country."""
    sales = Order.objects.filter(import_run=stamp.run, kind="sale", customer__isnull=False).exclude(country="")
    counted = sales.order_by().values("customer__number").annotate(countries=Count("country", distinct=True))
    return counted.filter(countries__gt=1).values_list("customer__number", "countries")


def _travelled(number: str, countries: int) -> Problem:
    message = f"customer {number} has sales to {countries} countries"
    return Problem(HEADER_ROW, "", "several_countries", message)


# --- understanding the rows of an order ----------------------------------------------------------------


def _understood(chunk: Chunk, reading: Reading, form: OrderForm, result: Plan) -> Iterator[Parsed]:
    places = _places(reading, form)
    for _, group in groupby(chunk, key=lambda line: line.key):
        rows = list(group)
        problems: list[Problem] = []
        order = _parse(rows, places, reading, form, problems)
        result.problems += problems
        if order is None or any(problem.is_fatal for problem in problems):
            result.counts["refused"] += 1
        else:
            result.counts["warned"] += bool(problems)
            yield order


def _places(reading: Reading, form: OrderForm) -> Places:
    return Places(
        number=reading.places(reading.mapping.key.columns),
        customer=reading.places(form.customer.key.columns) if form.customer.key else [],
        ordered_at=reading.place(form.ordered_at),
        channel=reading.place(form.channel),
        country=reading.place(form.country),
        customer_country=reading.place(form.customer.country),
        sku=reading.place(form.sku),
        description=reading.place(form.description),
        quantity=reading.place(form.quantity),
        unit_amount=reading.place(form.unit_amount),
        amount=reading.place(form.amount),
        category=reading.place(form.category),
    )


def _parse(
    rows: list[StagedRow], places: Places, reading: Reading, form: OrderForm, problems: list[Problem]
) -> Parsed | None:
    """The order of these rows; what is wrong goes into `problems`. One bad line refuses the whole order."""
    problems += _group_problems(rows, reading)
    if problems:
        return None
    head, cells = rows[0], rows[0].cells
    parsed = [line for row in rows if (line := _line(row, places, reading, form, problems))]
    if any(problem.is_fatal for problem in problems):
        return None
    times = {line[-1] for line in parsed}
    ordered_at = min(times)
    if len(times) > 1:
        problems.append(
            Problem(head.row, form.ordered_at, "several_times", f"order {head.key} has lines at {len(times)} times")
        )
    lines: list[Line] = [(*line[:-1], None if line[-1] == ordered_at else line[-1]) for line in parsed]
    problems += _copies(rows, head.key)
    total = sum((line[4] for line in lines), Decimal(0))
    if abs(total) >= LARGEST_AMOUNT:
        message = f"{total} is too large for an order; the whole order is left out"
        problems.append(Problem(head.row, form.amount or form.unit_amount, "too_large", message, is_fatal=True))
        return None
    return Parsed(
        row=head.row,
        number=head.key,
        kind=_kind(head.key, total, lines, form),
        customer_number=_customer_number(rows, places, form, problems),
        customer_country=_cell(cells, places.customer_country, 60),
        ordered_at=ordered_at,
        channel=_cell(cells, places.channel, 30) or form.channel_value,
        country=_cell(cells, places.country, 60),
        lines=lines,
        total=total,
        categories=_categories(rows, places),
    )


def _categories(rows: list[StagedRow], places: Places) -> dict[str, str]:
    if places.category < 0:
        return {}
    pairs = ((_cell(row.cells, places.sku, 64), _cell(row.cells, places.category, 80)) for row in rows)
    return {sku: category for sku, category in pairs if category}


def _group_problems(rows: list[StagedRow], reading: Reading) -> Iterator[Problem]:
    width, key = len(reading.columns), " + ".join(reading.mapping.key.columns)
    first = rows[0]
    for row in rows:
        if len(row.cells) != width:
            message = f"the row has {len(row.cells)} cells, the header {width}; the whole order is left out"
            yield Problem(row.row, "", "wrong_width", message, is_fatal=True)
    if first.key.startswith("\x1f"):
        yield Problem(first.row, key, "missing_number", "the row has no order number", is_fatal=True)
    elif len(first.key) > NUMBER_LENGTH:
        yield Problem(first.row, key, "too_long", f"a number has at most {NUMBER_LENGTH} characters", is_fatal=True)
    elif len(rows) > MAX_LINES:
        yield Problem(first.row, key, "too_many_lines", f"an order has at most {MAX_LINES} lines", is_fatal=True)


def _line(
    row: StagedRow, places: Places, reading: Reading, form: OrderForm, problems: list[Problem]
) -> TimedLine | None:
    cells, style = row.cells, reading.mapping.style
    column = form.ordered_at
    try:
        at = moment(cells[places.ordered_at], style)
        column = form.quantity
        quantity = number(cells[places.quantity], style) if form.quantity else ONE
        column = form.unit_amount or form.amount
        unit_amount, amount = _amounts(cells, places, form, quantity, reading)
        _refuse_large(quantity, unit_amount, amount)
    except ValueProblem as problem:
        message = f"{problem}; the whole order is left out"
        problems.append(Problem(row.row, column, problem.code, message, is_fatal=True))
        return None
    if unit_amount <= 0:
        problems.append(_price_problem(row, form, unit_amount))
    return _cell(cells, places.sku, 64), _cell(cells, places.description, 200), quantity, unit_amount, amount, at


def _amounts(
    cells: list[str], places: Places, form: OrderForm, quantity: Decimal, reading: Reading
) -> tuple[Decimal, Decimal]:
    """Unit price and amount; the one that the file leaves out follows from the other."""
    style = reading.mapping.style
    if not form.amount:
        unit_amount = number(cells[places.unit_amount], style)
        return unit_amount, _fitting(quantity * unit_amount)
    amount = _fitting(number(cells[places.amount], style))
    if form.unit_amount:
        return number(cells[places.unit_amount], style), amount
    return _fitting(amount / quantity) if quantity else amount, amount


def _fitting(amount: Decimal) -> Decimal:
    return amount.quantize(FOUR_PLACES) if int(amount.as_tuple().exponent) < -4 and amount < LARGEST else amount


def _refuse_large(quantity: Decimal, unit_amount: Decimal, amount: Decimal) -> None:
    if abs(quantity) >= LARGEST_QUANTITY or max(abs(unit_amount), abs(amount)) >= LARGEST:
        raise ValueProblem("too_large", f"{max(quantity, unit_amount, amount, key=abs)} is too large for an order")
    if quantity != quantity.quantize(THREE_PLACES) or unit_amount != unit_amount.quantize(FOUR_PLACES):
        raise ValueProblem("too_precise", "a quantity has at most 3 decimals, a price at most 4")


def _price_problem(row: StagedRow, form: OrderForm, unit_amount: Decimal) -> Problem:
    code = "zero_price" if unit_amount == 0 else "negative_price"
    return Problem(row.row, form.unit_amount or form.amount, code, f"the price is {stored(unit_amount)}; kept")


def _copies(rows: list[StagedRow], key: str) -> Iterator[Problem]:
    """Exact copies may be real repeats: they are kept and reported."""
    seen: dict[tuple[str, ...], int] = {}
    for row in rows:
        earlier = seen.setdefault(tuple(row.cells), row.row)
        if earlier != row.row:
            yield Problem(row.row, "", "exact_copy", f"an exact copy of row {earlier} of order {key}; kept")


def _kind(key: str, total: Decimal, lines: list[Line], form: OrderForm) -> str:
    for prefix, kind in form.prefixes.items():
        if key.startswith(prefix):
            return kind
    if total < 0:
        return form.negative_total
    if form.negative_quantity and all(line[2] < 0 for line in lines):
        return form.negative_quantity
    return "sale"


def _customer_number(rows: list[StagedRow], places: Places, form: OrderForm, problems: list[Problem]) -> str:
    key = form.customer.key
    if key is None:
        return ""
    numbers = dict.fromkeys(key.of(row.cells, places.customer) for row in rows)
    numbers.pop("", None)
    if len(numbers) > 1:
        message = f"order {rows[0].key} names {len(numbers)} customers; the first counts"
        problems.append(Problem(rows[0].row, " + ".join(key.columns), "several_customers", message))
    return next(iter(numbers), "")


def _cell(cells: list[str], place: int, longest: int) -> str:
    return cells[place].strip()[:longest] if place >= 0 else ""
