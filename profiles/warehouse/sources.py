"""Which rows of the database a snapshot is made of, and which of them may have changed since the last one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db.models import Expression, F, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Coalesce
from django.utils.module_loading import import_string

from crm.models import AuditLine, Company, ConsentState, Customer, Event, Order, OrderLine, Product, Suppression

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
    """How far the last snapshot had read: the time of the newest change, and the highest id per table."""

    moment: datetime
    ids: dict[str, int]

    def floor(self, table: str) -> int:
        return self.ids.get(table, 0) - LATE_IDS


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

    def since(self, since: Since | None) -> list[QuerySet]:
        """All rows, or those that may have changed; a row may come more than once."""
        if since is None or self.changed is None:
            return [self.whole()]
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


def changed_customers(since: Since) -> QuerySet:
    """Ids of customers that changed, and of those merged into them."""
    heard_of = AuditLine.objects.filter(kind="customer", id__gt=since.floor("change")).values("object_id")
    changed = Customer.objects.filter(
        Q(updated_at__gte=since.moment) | Q(id__gt=since.floor("customer_row")) | Q(id__in=heard_of)
    ).values("id")
    return Customer.objects.filter(Q(id__in=changed) | Q(merged_into__in=changed)).values("id")


def by_customer(time: str, table: str, customer: str, rows: QuerySet, since: Since) -> list[QuerySet]:
    """New and touched rows, and every row of a customer that changed: merges and erasures move rows silently."""
    return [
        rows.filter(id__gt=since.floor(table)),
        rows.filter(**{f"{time}__gte": since.moment}),
        rows.filter(**{f"{customer}__in": changed_customers(since)}),
    ]


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
        changed=lambda rows, since: [rows.filter(id__in=changed_customers(since))],
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
        changed=lambda rows, since: [rows.filter(id__gt=since.floor("change"))],
    ),
)


def contributed() -> tuple[Source, ...]:
    """Sources of upper floors, named in the settings as dotted paths, so that no lower floor knows them."""
    return tuple(import_string(path) for path in getattr(settings, "WAREHOUSE_SOURCES", ()))


def all_sources() -> tuple[Source, ...]:
    return SOURCES + contributed()


def newest(values: Iterable[Any]) -> Any:
    return max((value for value in values if value is not None), default=None)
