"""The whole UCI Online Retail file goes in over the API in batches, and comes to its published totals to the penny."""

import csv
import gzip
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import groupby, islice
from pathlib import Path

import pytest
from django.db.models import Count, Sum
from django.test import Client

from crm.models import Customer, Order, OrderKind, OrderLine
from tests.crm.conftest import NOW

BATCH = 500
KINDS = {"C": OrderKind.RETURN, "A": OrderKind.ADJUSTMENT}


def invoices(path: Path) -> Iterator[dict]:
    """Orders as a shop would send them, by invoice number; lines stay in the order of the file."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["InvoiceNo"])
    for number, lines in groupby(rows, key=lambda row: row["InvoiceNo"]):
        yield _order(number, list(lines))


def _order(number: str, rows: list[dict]) -> dict:
    return {
        "source": "online_retail",
        "number": number,
        "kind": KINDS.get(number[0], OrderKind.SALE),
        "customer": rows[0]["CustomerID"] or None,
        "ordered_at": f"{rows[0]['InvoiceDate']}+00:00",
        "currency": "GBP",
        "country": rows[0]["Country"],
        "lines": [
            {
                "sku": row["StockCode"],
                "description": row["Description"].strip(),
                "quantity": row["Quantity"],
                "unit_amount": row["UnitPrice"],
            }
            for row in rows
        ],
    }


@pytest.mark.slow(60)
@pytest.mark.data
def test_online_retail_comes_to_its_published_totals(data_dir: Path, caller: Callable[..., Client]) -> None:
    orders = list(invoices(data_dir / "online_retail.csv.gz"))
    numbers = {order["customer"] for order in orders if order["customer"]}
    Customer.objects.bulk_create([Customer(number=n, created_at=NOW, updated_at=NOW) for n in sorted(numbers)])
    client, waiting, stored = caller("orders:write"), iter(orders), 0
    while batch := list(islice(waiting, BATCH)):
        body = json.dumps({"orders": batch})
        answer = client.post("/api/v1/orders/bulk/", body, content_type="application/json").json()
        assert answer.get("refused") == 0, answer
        stored += answer["stored"]
    totals = OrderLine.objects.aggregate(lines=Count("id"), pieces=Sum("quantity"))
    assert (stored, totals["lines"], totals["pieces"]) == (25_900, 541_909, 5_176_450)
    assert round(Order.objects.aggregate(total=Sum("total_amount"))["total"], 4) == Decimal("9747747.9340")
    assert Order.objects.filter(kind=OrderKind.RETURN).count() == 3_836
    assert OrderLine.objects.filter(order__customer=None).count() == 135_080
    assert Order.objects.values("customer").exclude(customer=None).distinct().count() == 4_372
    again = client.post(
        "/api/v1/orders/bulk/", json.dumps({"orders": orders[:BATCH]}), content_type="application/json"
    ).json()
    assert (again["duplicate"], again["stored"], again["refused"]) == (BATCH, 0, 0)
