"""Which rows of the database a snapshot is made of, and which of them may have changed since the last one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial

from django.conf import settings
from django.db.models import Expression, F, Model, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Coalesce
from django.utils.module_loading import import_string

from crm.models import (
    AuditLine,
    Company,
    ConsentEntry,
    ConsentState,
    Customer,
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

    `moved` are the tables that may differ from what it read, None when any may. In the `unsettled` ones somebody was in
    the middle of a change when it read, so rows with lower ids may have shown up since.
    """

    moment: datetime
    ids: dict[str, int]
    unsettled: frozenset[str] = frozenset()
    moved: frozenset[str] | None = None

    def has_moved(self, *tables: str) -> bool:
        return self.moved is None or not self.moved.isdisjoint(tables)

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


def table_of(model: type[Model]) -> str:
    return str(model._meta.db_table)


def changed_customers(since: Since) -> QuerySet | None:
    """Ids of customers that changed, and of those merged into them; None when there can be none."""
    touched = Q()
    if since.has_moved(table_of(Customer)):
        touched |= Q(updated_at__gte=since.moment) | Q(id__gt=since.floor("customer_row", Customer))
    if since.has_moved(table_of(AuditLine)):
        heard_of = AuditLine.objects.filter(kind="customer", id__gt=since.floor("change", AuditLine))
        touched |= Q(id__in=heard_of.values("object_id"))
    if not touched:
        return None
    changed = Customer.objects.filter(touched).values("id")
    return Customer.objects.filter(Q(id__in=changed) | Q(merged_into__in=changed)).values("id")


def by_customer(time: str, name: str, customer: str, rows: QuerySet, since: Since) -> list[QuerySet]:
    """New and touched rows, and every row of a customer that changed: merges and erasures move rows silently."""
    found = []
    if since.has_moved(table_of(rows.model)):
        found = [rows.filter(id__gt=since.floor(name, rows.model)), rows.filter(**{f"{time}__gte": since.moment})]
    if (changed := changed_customers(since)) is not None:
        found.append(rows.filter(**{f"{customer}__in": changed}))
    return found


def touched_customers(rows: QuerySet, since: Since) -> list[QuerySet]:
    changed = changed_customers(since)
    return [] if changed is None else [rows.filter(id__in=changed)]


def new_lines(name: str, rows: QuerySet, since: Since) -> list[QuerySet]:
    """Of a table that only grows."""
    is_moved = since.has_moved(table_of(rows.model))
    return [rows.filter(id__gt=since.floor(name, rows.model))] if is_moved else []


def lines_of_changed(name: str, customer: str, rows: QuerySet, since: Since) -> list[QuerySet]:
    """Of a table that only grows, but whose rows a merge hands over."""
    changed = changed_customers(since)
    return [*new_lines(name, rows, since), *([] if changed is None else [rows.filter(**{f"{customer}__in": changed})])]


def touched_lines(rows: QuerySet, since: Since) -> list[QuerySet]:
    orders = by_customer("updated_at", "order_row", "customer", Order.objects.all(), since)
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
    Source("product_row", Product.objects.all, (*plain("BIGINT", "id"), *plain("VARCHAR", "sku", "name", "category"))),
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
        changed=partial(by_customer, "updated_at", "order_row", "customer"),
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
