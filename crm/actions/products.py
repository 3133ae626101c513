"""Products, known by their stock code."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from crm.actions.audit import audit, created, difference
from crm.actions.rows import cleaned
from crm.models import Product
from crm.rights import Actor, require

COLUMNS = ("sku", "name", "category", "price_amount", "cost_amount", "currency")


@transaction.atomic
def record_product(*, values: Mapping[str, Any], by: Actor, at: datetime) -> tuple[Product, bool]:
    """Add a product, or change the given columns of the one with this stock code; the second part says if new."""
    require(by, "orders.record")
    read = cleaned(Product, {"sku": "", **values}, COLUMNS)
    row, is_new = Product.objects.get_or_create(sku=read["sku"], defaults={**read, "created_at": at})
    changes = created(read) if is_new else difference(row, read)
    if changes and not is_new:
        Product.objects.filter(pk=row.pk).update(**read)
        row.refresh_from_db()
    if changes:
        verb = "created" if is_new else "changed"
        audit(kind="product", object_id=row.pk, verb=verb, changes=changes, by=by, at=at)
    return row, is_new
