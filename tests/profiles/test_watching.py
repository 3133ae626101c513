"""The database tells which tables changed, whoever changes them."""

from datetime import UTC, datetime

import pytest
from django.db import connection

from crm.models import Customer, Event, Product
from profiles.warehouse import watching

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
TABLES = ("crm_customer", "crm_event", "crm_product")


def customer(number: str) -> Customer:
    return Customer.objects.create(number=number, created_at=AT, updated_at=AT)


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


CHANGES = {
    "one row": lambda: customer("3"),
    "many rows": lambda: Customer.objects.bulk_create(
        Customer(number=str(n), created_at=AT, updated_at=AT) for n in range(10, 13)
    ),
    "an update that leaves the times": lambda: Customer.objects.update(city="Turku"),
    "a deletion": lambda: Customer.objects.filter(number="2").delete(),
    "a deletion and an insertion": lambda: (Customer.objects.filter(number="1").delete(), customer("1")),
    "a statement by hand": lambda: run("update crm_customer set city = 'Oulu'"),
}
ONLY_NEW = (CHANGES["one row"], CHANGES["many rows"])


@pytest.mark.django_db
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_of_a_table_moves_its_number_and_no_other(change):
    customer("1")
    customer("2")
    watching.watch(TABLES)
    before = watching.numbers(TABLES)
    list(Customer.objects.all())
    Event.objects.count()
    assert watching.numbers(TABLES) == before
    change()
    after = watching.numbers(TABLES)
    assert {table for table in TABLES if after[table] != before[table]} == {"crm_customer"}
    rewritten = {table for table in TABLES if after[watching.rewriting(table)] != before[watching.rewriting(table)]}
    assert rewritten == (set() if change in ONLY_NEW else {"crm_customer"})


@pytest.mark.django_db
def test_a_table_that_lost_its_watch_has_no_number_and_gets_another_one():
    watching.watch(TABLES)
    before = watching.numbers(TABLES)
    drop = {"sqlite": "drop trigger watch_crm_product_update",
            "postgresql": "drop trigger warehouse_watch on crm_product"}  # fmt: skip
    run(drop[connection.vendor])
    assert watching.numbers(TABLES).keys() & set(TABLES) == {"crm_customer", "crm_event"}
    Product.objects.create(sku="s", created_at=AT)
    watching.watch(TABLES)
    after = watching.numbers(TABLES)
    assert after["crm_product"] != before["crm_product"]
    lost = {"crm_product": 0, watching.rewriting("crm_product"): 0}
    assert {**after, **lost} == {**before, **lost}
