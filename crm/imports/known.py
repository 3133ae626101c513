"""Customers and products that orders and events speak of: found in bulk, made when the mapping wants it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from crm import bulk
from crm.actions.identity import held
from crm.addresses import erased_number
from crm.imports.plans import Stamp
from crm.models import AuditLine, Customer, Product

BULK = 500


@dataclass(frozen=True)
class NewCustomer:
    """A customer known by number only, made from its first order or event."""

    number: str
    country: str
    created_at: datetime
    row: int


@dataclass(frozen=True)
class NewProduct:
    sku: str
    name: str
    category: str


def customer_ids(numbers: Iterable[str]) -> dict[str, int | None]:
    """Ids by number; a merged customer gives the one it was merged into, an erased one None."""
    wanted = set(numbers)
    found = Customer.objects.filter(number__in=wanted).values_list("number", "pk", "merged_into", "erased_at")
    ids = {number: None if erased_at else merged or pk for number, pk, merged, erased_at in found}
    led = held(ids.values())
    ids = {number: led.get(pk) for number, pk in ids.items()}
    return {**dict.fromkeys(erased(wanted - ids.keys())), **ids}


def erased(numbers: Iterable[str]) -> dict[str, Customer]:
    """Erased customers by the numbers they had, where only a keyed hash of the number was kept."""
    hashed = {erased_number(number): number for number in numbers}
    rows = Customer.objects.filter(number__in=hashed, erased_at__isnull=False)
    return {hashed[row.number]: row for row in rows}


def product_ids(skus: Iterable[str]) -> dict[str, int]:
    return dict(Product.objects.filter(sku__in=set(skus)).values_list("sku", "pk"))


def make_customers(new: Iterable[NewCustomer], source: str, stamp: Stamp) -> dict[str, int]:
    """Create them with their audit lines; gives their ids by number."""
    made = Customer.objects.bulk_create(
        [
            Customer(
                number=one.number,
                country=one.country[:60],
                source=source,
                created_at=one.created_at,
                updated_at=stamp.at,
            )
            for one in new
        ],
        batch_size=BULK,
    )
    _audit("customer", [(one.pk, {"number": [None, one.number]}) for one in made], stamp)
    return {customer.number: customer.pk for customer in made}


def make_products(new: Iterable[NewProduct], stamp: Stamp) -> dict[str, int]:
    """Create them with their audit lines; gives their ids by stock code."""
    made = Product.objects.bulk_create(
        [Product(sku=one.sku, name=one.name[:200], category=one.category[:80], created_at=stamp.at) for one in new],
        batch_size=BULK,
    )
    _audit("product", [(one.pk, {"sku": [None, one.sku]}) for one in made], stamp)
    return {product.sku: product.pk for product in made}


def _audit(kind: str, made: list[tuple[int, dict]], stamp: Stamp) -> None:
    at = connection.ops.adapt_datetimefield_value(stamp.at)
    same = kind, "created", at, stamp.by and stamp.by.pk, "import", stamp.run.pk
    columns = ("kind", "verb", "at", "by", "source", "import_run", "object_id", "changes")
    bulk.write(AuditLine, columns, ((*same, pk, json.dumps(changes)) for pk, changes in made))
