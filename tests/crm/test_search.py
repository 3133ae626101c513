"""Search by beginnings agrees with a plain reading of every customer, for few matches and for many."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from crm import keyset, search
from crm.models import Customer

PEOPLE = [
    ("1001", "Aada", "Virtanen"), ("1002", "aada", "virtanen"), ("1003", "Åke", "Öberg"), ("2001", "Ville", "Aalto"),
    ("2%02", "Percy", "50% off"), ("2_03", "Under", "A_b"), ("V9", "Nina", "Å"), ("x1", "Vi", "Rtanen"),
]  # fmt: skip
TEXTS = ["aada", "AADA", "vi", "virt", "100", "åke", "Åke", "öb", "2%", "2_", "5", "50%", "a_", "aada virt", "vi rt"]


def read_plainly(text: str) -> set[str]:
    """What a person expects, from the rows alone."""
    first, _blank, last = text.lower().partition(" ")
    if last:
        return {
            number
            for number, given, family in PEOPLE
            if (given.lower().startswith(first) and family.lower().startswith(last))
            or family.lower().startswith(text.lower())
        }
    return {
        number
        for number, given, family in PEOPLE
        if number.startswith(text) or given.lower().startswith(first) or family.lower().startswith(first)
    }


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.django_db
def test_few_matches_are_those_of_a_plain_reading(text: str, make_customer: Callable) -> None:
    for number, given, family in PEOPLE:
        make_customer(number, first_name=given, last_name=family)
    found = search.found(Customer.objects.all(), text, by_name=True)
    assert {row.number for row in found} == read_plainly(text)


@pytest.mark.django_db
def test_many_matches_are_met_on_the_way_through_the_order(make_customer: Callable, monkeypatch: Any) -> None:
    monkeypatch.setattr(search, "FEW", 3)
    for index in range(5):
        make_customer(f"N{index}", first_name="Aada", last_name=f"Virtanen{index}")
    for text in ("virt", "aada virt", "N"):
        assert search.found(Customer.objects.all(), text, by_name=True).count() == 5, text


@pytest.mark.django_db
def test_beginnings_are_looked_up_in_an_index() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # which reads a table this small from end to end, where it may
            cursor.execute("SET LOCAL enable_seqscan = off")
    plan = Customer.objects.filter(search.close("virt")).order_by().explain()
    assert "SCAN crm" not in plan and "Seq Scan" not in plan
    for index in ("customer_last_name_begins", "customer_first_name_begins", "customer_phone"):
        assert index in plan


@pytest.mark.django_db
def test_every_row_comes_once_by_id_piece_after_piece(make_customer: Callable, django_assert_num_queries: Any) -> None:
    made = [make_customer(f"N{index}").pk for index in range(7)]
    with django_assert_num_queries(4):
        assert [row.pk for row in keyset.every_row(Customer.objects.all(), size=3)] == made
