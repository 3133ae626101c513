"""Which rows of the database a snapshot is made of, and which of them may have changed since the last one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial

from django.conf import settings
from django.db.models import Expression, F, Model, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Coalesce
from django.utils.module_loading import import_string

from crm.joined import Joined
from crm.models import (
    AuditLine,
    Company,
    ConsentEntry,
    ConsentState,
    Customer,
    CustomerTag,
    Event,
    FieldDefinition,
    Order,
    OrderLine,
    Product,
    Suppression,
)

LATE_IDS = 10_000  # ids are given out before their rows become visible: read so many below the last one again
MONEY = "DECIMAL(16,4)"


@dataclass(frozen=True)
class Column:
    """A column of a snapshot: its name, the engine's type, and where its values come from."""

    name: str
    type: str
    value: str | Expression


@dataclass(frozen=True)
class Since:
    """How far the last snapshot had read: the time of the newest change, and the highest id per table.

    `moved` are the tables that may differ from what it read, `rewritten` those in which rows may have been updated or
    deleted, None when any may. In the `unsettled` ones somebody was in the middle of a change when it read, so rows
    with lower ids may have shown up since. `regrouped` are the customers whose rows may count as somebody else's now,
    as far as rows are not asked for by customer anyway. `is_timely`: the time since then changed nothing.
    """

    moment: datetime
    ids: dict[str, int]
    unsettled: frozenset[str] = frozenset()
    moved: frozenset[str] | None = None
    rewritten: frozenset[str] | None = None
    regrouped: frozenset[int] = frozenset()
    is_timely: bool = False

    def has_moved(self, *tables: str) -> bool:
        return self.moved is None or not self.moved.isdisjoint(tables)

    def is_rewritten(self, *tables: str) -> bool:
        return self.rewritten is None or not self.rewritten.isdisjoint(tables)

    def floor(self, name: str, model: type[Model]) -> int:
        is_settled = self.moved is not None and table_of(model) not in self.unsettled
        return self.ids.get(name, 0) - (0 if is_settled else LATE_IDS)


@dataclass(frozen=True)
class Source:
    """One table of a snapshot, copied from `rows`. The first column is its key.

    `changed` gives querysets that together hold every row that is new or different since; without it the table is
    read whole each time. `is_counted` compares the number of rows with the database's, so that deletions are noticed.
    """

    table: str
    rows: Callable[[], QuerySet]
    columns: tuple[Column, ...]
    changed: Callable[[QuerySet, Since], Iterable[QuerySet]] | None = None
    is_counted: bool = False

    @property
    def key(self) -> str:
        return self.columns[0].name

    def whole(self) -> QuerySet:
        return self.select(self.rows())

    @property
    def tables(self) -> frozenset[str]:
        """The tables its rows are read from."""
        return frozenset(alias.table_name for alias in self.whole().query.alias_map.values())

    def since(self, since: Since | None) -> list[QuerySet]:
        """All rows, or those that may have changed; a row may come more than once, none when nothing moved."""
        if since is None:
            return [self.whole()]
        if self.changed is None:
            return [self.whole()] if since.has_moved(*self.tables) else []
        return [self.select(queryset) for queryset in self.changed(self.rows(), since)]

    def select(self, queryset: QuerySet) -> QuerySet:
        return queryset.order_by().values_list(*(column.value for column in self.columns))


def text(field: str) -> Expression:
    """A value that may be missing or has no exact type on the way, as text; missing is the empty text."""
    return Coalesce(Cast(F(field), TextField()), Value(""), output_field=TextField())


def plain(type_: str, *names: str) -> tuple[Column, ...]:
    return tuple(Column(name, type_, name) for name in names)


def as_text(type_: str, *names: str) -> tuple[Column, ...]:
    return tuple(Column(name, type_, text(name)) for name in names)


def tags_of_customer() -> Expression:
    """The short names of a customer's tags in one cell. Whoever puts a tag on or takes it off changes the customer."""
    worn = CustomerTag.objects.filter(customer=OuterRef("pk"), tag__archived_at__isnull=True).order_by()
    words = Subquery(worn.values("customer").annotate(words=Joined("tag__slug", " ")).values("words"))
    return Coalesce(words, Value(""), output_field=TextField())


def table_of(model: type[Model]) -> str:
    return str(model._meta.db_table)


def changed_customers(since: Since) -> list[QuerySet]:
    """Ids of customers that changed, and of those merged into them; none when there can be none.

    As unions and one after the other: with OR between subqueries PostgreSQL compares every customer with every change.
    """
    touched: list[QuerySet] = []
    if since.has_moved(table_of(Customer)):
        touched.append(Customer.objects.filter(updated_at__gte=since.moment).values_list("id", flat=True))
        new = Customer.objects.filter(id__gt=since.floor("customer_row", Customer))
        touched.append(new.values_list("id", flat=True))
    if since.has_moved(table_of(AuditLine)):
        heard_of = AuditLine.objects.filter(kind="customer", id__gt=since.floor("change", AuditLine))
        touched.append(heard_of.values_list("object_id", flat=True))
    if not touched:
        return []
    first, *others = (queryset.order_by() for queryset in touched)
    changed = first.union(*others) if others else first
    merged = Customer.objects.filter(merged_into__in=changed)
    return [changed, merged.order_by().values_list("id", flat=True)]


def with_merged(customer_ids: Iterable[int]) -> frozenset[int]:
    """These customers, those they were merged into, and all that were merged into those."""
    known: frozenset[int] = frozenset()
    found = frozenset(customer_ids)
    while found != known:
        known = found
        near = Customer.objects.filter(Q(pk__in=known) | Q(merged_into__in=known)).values_list("pk", "merged_into")
        found = known | {one for pair in near for one in pair if one}
    return found


def by_customer(time: str, name: str, customer: str, rows: QuerySet, since: Since) -> list[QuerySet]:
    """New rows; and, when rows were rewritten, the touched ones and every row of a customer that changed: merges and
    erasures move rows silently."""
    found = [rows.filter(id__gt=since.floor(name, rows.model))] if since.has_moved(table_of(rows.model)) else []
    if not since.is_rewritten(table_of(rows.model)):
        return found + of_regrouped(customer, rows, since)
    touched = rows.filter(**{f"{time}__gte": since.moment})
    return [*found, touched, *(rows.filter(**{f"{customer}__in": one}) for one in changed_customers(since))]


def of_regrouped(customer: str, rows: QuerySet, since: Since) -> list[QuerySet]:
    """The snapshot knows a row by the customer it counts as: where that may have changed it is read again."""
    return [rows.filter(**{f"{customer}__in": sorted(since.regrouped)})] if since.regrouped else []


def changed_orders(rows: QuerySet, since: Since) -> list[QuerySet]:
    """Those, and orders to which lines came; an order whose lines were rewritten says so itself."""
    lines = table_of(OrderLine)
    if since.is_rewritten(lines):
        since = replace(since, rewritten=since.rewritten and since.rewritten | {table_of(Order)})
    found = by_customer("updated_at", "order_row", "customer", rows, since)
    if since.has_moved(lines) and not since.is_rewritten(lines):
        new = OrderLine.objects.filter(id__gt=since.floor("line_row", OrderLine))
        found.append(rows.filter(id__in=new.order_by().values("order")))
    return found


def touched_customers(rows: QuerySet, since: Since) -> list[QuerySet]:
    return [rows.filter(id__in=changed) for changed in changed_customers(since)]


def new_lines(name: str, rows: QuerySet, since: Since) -> list[QuerySet]:
    """Of a table that only grows."""
    is_moved = since.has_moved(table_of(rows.model))
    return [rows.filter(id__gt=since.floor(name, rows.model))] if is_moved else []


def lines_of_changed(name: str, customer: str, rows: QuerySet, since: Since) -> list[QuerySet]:
    """Of a table that only grows, but whose rows a merge hands over."""
    handed_over = changed_customers(since) if since.is_rewritten(table_of(rows.model)) else []
    return [*new_lines(name, rows, since), *(rows.filter(**{f"{customer}__in": one}) for one in handed_over)]


def touched_lines(rows: QuerySet, since: Since) -> list[QuerySet]:
    orders = changed_orders(Order.objects.all(), since)
    return [rows.filter(order__in=touched.order_by().values("id")) for touched in orders]


SOURCES: tuple[Source, ...] = (
    Source(
        "customer_row",
        Customer.objects.all,
        (
            *plain("BIGINT", "id", "merged_into_id", "company_id", "owner_id", "team_id"),
            *plain("VARCHAR", "email", "phone", "street", "postal_code", "city", "country"),
            *plain("VARCHAR", "language", "time_zone", "gender", "stage", "source"),
            *as_text("DATE", "birth_date"),
            *plain("TIMESTAMP", "created_at", "updated_at"),
            *as_text("TIMESTAMP", "erased_at", "restricted_at", "objected_at"),
            *plain("BOOLEAN", "is_test"),
            *as_text("VARCHAR", "attributes"),
            Column("tags", "VARCHAR", tags_of_customer()),
        ),
        changed=touched_customers,
        is_counted=True,
    ),
    Source(
        "company_row",
        Company.objects.all,
        (
            *plain("BIGINT", "id"),
            *plain("VARCHAR", "name", "industry", "city", "country"),
            *plain("BIGINT", "employees"),
            *as_text("VARCHAR", "attributes"),
        ),
    ),
    Source(
        "product_row",
        Product.objects.all,
        (
            *plain("BIGINT", "id"),
            *plain("VARCHAR", "sku", "name", "category", "currency"),
            *as_text(MONEY, "cost_amount"),
        ),
    ),
    Source(
        "order_row",
        Order.objects.all,
        (
            *plain("BIGINT", "id", "customer_id"),
            *plain("VARCHAR", "kind"),
            Column("ts", "TIMESTAMP", "ordered_at"),
            *plain("VARCHAR", "channel", "currency", "country", "source"),
            *as_text(MONEY, "total_amount"),
            *plain("TIMESTAMP", "updated_at"),
        ),
        changed=changed_orders,
        is_counted=True,
    ),
    Source(
        "line_row",
        OrderLine.objects.all,
        (
            *plain("BIGINT", "id", "order_id", "product_id"),
            *plain("VARCHAR", "sku"),
            *as_text(MONEY, "quantity", "unit_amount", "amount"),
            Column("ts", "TIMESTAMP", text("at")),
        ),
        changed=touched_lines,
    ),
    Source(
        "event_row",
        lambda: Event.objects.filter(customer__isnull=False),
        (
            *plain("BIGINT", "id", "customer_id"),
            *plain("VARCHAR", "type"),
            Column("ts", "TIMESTAMP", "occurred_at"),
            *as_text(MONEY, "value"),
            *plain("VARCHAR", "channel", "category"),
            *as_text("VARCHAR", "properties"),
            *plain("VARCHAR", "source"),
            *plain("TIMESTAMP", "received_at"),
        ),
        changed=partial(by_customer, "received_at", "event_row", "customer"),
        is_counted=True,
    ),
    Source(
        "consent_row",
        ConsentState.objects.all,
        (
            *plain("BIGINT", "id", "customer_id"),
            *plain("VARCHAR", "purpose", "channel"),
            *plain("BOOLEAN", "is_granted"),
            *plain("TIMESTAMP", "since_at"),
            *as_text("TIMESTAMP", "expires_at"),
            *plain("TIMESTAMP", "updated_at"),
        ),
        changed=partial(by_customer, "updated_at", "consent_row", "customer"),
        is_counted=True,
    ),
    Source(
        "consent_entry",
        ConsentEntry.objects.all,
        (
            *plain("BIGINT", "id", "customer_id"),
            *plain("VARCHAR", "purpose", "channel", "act"),
            Column("ts", "TIMESTAMP", "at"),
            *as_text("TIMESTAMP", "expires_at"),
        ),
        changed=partial(lines_of_changed, "consent_entry", "customer"),
    ),
    Source(
        "suppression_row",
        Suppression.objects.all,
        (*plain("BIGINT", "id"), *plain("VARCHAR", "channel", "address_key")),
    ),
    Source(
        "change",
        lambda: AuditLine.objects.filter(kind="customer"),
        (
            *plain("BIGINT", "id"),
            Column("customer_id", "BIGINT", "object_id"),
            *as_text("VARCHAR", "changes"),
            Column("ts", "TIMESTAMP", "at"),
        ),
        changed=partial(new_lines, "change"),
    ),
)


def contributed() -> tuple[Source, ...]:
    """Sources of upper floors, named in the settings as dotted paths, so that no lower floor knows them."""
    return tuple(import_string(path) for path in getattr(settings, "WAREHOUSE_SOURCES", ()))


def all_sources() -> tuple[Source, ...]:
    return SOURCES + contributed()


def watched_tables() -> frozenset[str]:
    """Every table whose rows a snapshot follows from."""
    return tables_behind(all_sources())


@cache
def tables_behind(sources: tuple[Source, ...]) -> frozenset[str]:
    return frozenset({table_of(FieldDefinition)}.union(*(source.tables for source in sources)))
