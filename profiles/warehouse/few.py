"""The rows of a few customers as a warehouse in memory: the same tables by the same statements, read just now."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final

import duckdb
from django.db.models import Q, QuerySet

from crm.addresses import NORMAL_FORMS, AddressRefused, address_key
from crm.models import Customer, OrderLine
from profiles.fields import definitions
from profiles.moments import Moment
from profiles.warehouse import building, extraction, profile, tables
from profiles.warehouse.sources import SOURCES, Source

Narrow = Callable[[QuerySet, Collection[int]], QuerySet]


@contextmanager
def holding(
    customer_ids: Collection[int], moment: Moment
) -> Iterator[tuple[duckdb.DuckDBPyConnection, frozenset[int]]]:
    """A small warehouse of these customers and everybody merged with them, as of now; and who they all are.

    Recorded histories are left out: the past is asked of snapshots.
    """
    everybody = with_merged(customer_ids)
    with duckdb.connect(config={"threads": "1"}) as db:
        db.execute("set TimeZone = 'UTC'")
        for source in SOURCES:
            take(db, source, everybody)
        db.execute(tables.CONSENT)
        building.write_reach(db)
        profile.create(db, moment, definitions())
        yield db, everybody


def with_merged(customer_ids: Collection[int]) -> frozenset[int]:
    """These customers, those they were merged into, and all that were merged into those."""
    known: frozenset[int] = frozenset()
    found = frozenset(customer_ids)
    while found != known:
        known = found
        near = Customer.objects.filter(Q(pk__in=known) | Q(merged_into__in=known)).values_list("pk", "merged_into")
        found = known | {one for pair in near for one in pair if one}
    return found


def take(db: duckdb.DuckDBPyConnection, source: Source, customer_ids: Collection[int]) -> None:
    rows = source.select(NARROW[source.table](source.rows(), customer_ids))
    stream = extraction.through_connection(extraction.sql_of(rows))
    building.FIRST.get(source.table, building.replace)(db, source, iter([stream]))


def of_customer(column: str) -> Narrow:
    return lambda rows, ids: rows.filter(**{f"{column}__in": ids})


def bought(rows: QuerySet, ids: Collection[int]) -> QuerySet:
    return rows.filter(pk__in=OrderLine.objects.filter(order__customer__in=ids).values("product"))


def employing(rows: QuerySet, ids: Collection[int]) -> QuerySet:
    return rows.filter(pk__in=Customer.objects.filter(pk__in=ids).values("company"))


def suppressing(rows: QuerySet, ids: Collection[int]) -> QuerySet:
    """Suppressions are known by keyed hashes of addresses: those of these customers."""
    people = Customer.objects.filter(pk__in=ids).values(*{column for column, _ in NORMAL_FORMS.values()})
    return rows.filter(address_key__in=[key for one in people for key in keys_of(one)])


def keys_of(addresses: dict[str, Any]) -> Iterator[str]:
    for channel, (column, _normal) in NORMAL_FORMS.items():
        try:
            yield address_key(channel, addresses[column])
        except AddressRefused:
            continue  # nothing that could stand on the list


NARROW: Final[dict[str, Narrow]] = {
    "customer_row": of_customer("pk"),
    "company_row": employing,
    "product_row": bought,
    "order_row": of_customer("customer"),
    "line_row": of_customer("order__customer"),
    "event_row": of_customer("customer"),
    "consent_row": of_customer("customer"),
    "suppression_row": suppressing,
    "consent_entry": lambda rows, ids: rows.filter(pk__lt=0),
    "change": lambda rows, ids: rows.filter(pk__lt=0),
}
