"""The rows of a few customers as a warehouse in memory: the same tables by the same statements, read just now."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Final

import duckdb
from django.db.models import QuerySet

from crm.addresses import COLUMNS, keys_of
from crm.models import Customer, OrderLine
from profiles.fields import definitions
from profiles.moments import Moment
from profiles.warehouse import building, extraction, profile, tables
from profiles.warehouse.sources import SOURCES, Source, with_merged

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
    people = Customer.objects.filter(pk__in=ids).only(*COLUMNS)
    keys = [key for one in people for key in keys_of(one).values()]
    return rows.filter(
        address_key__in=["", *keys]
    )  # whoever has no address at all asks for no row, not for no statement


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
