"""The ledger against a plain-Python reading of the same changes."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from crm.models import Customer
from segments import ledger
from segments.models import Membership, Segment

START = datetime(2026, 5, 1, 12, tzinfo=UTC)


def customers(count: int) -> list[int]:
    Customer.objects.bulk_create(Customer(number=f"L{i}", created_at=START, updated_at=START) for i in range(count))
    return list(Customer.objects.order_by("id").values_list("id", flat=True))


def a_segment(slug: str = "regulars") -> Segment:
    return Segment.objects.create(slug=slug, name=slug, kind="static", created_at=START, updated_at=START)


@pytest.mark.parametrize(("one", "other"), [([], []), ([1], []), ([1, 2, 9], [2, 3, 9, 12]), ([7], [1, 2, 3])])
def test_how_many_are_in_both(one, other):
    shared = len(set(one) & set(other))
    assert ledger.in_both(ledger.ids(one), ledger.ids(other)) == shared
    assert ledger.in_both(ledger.ids(other), ledger.ids(one)) == shared


class LedgerFollowsEveryChange(TestCase):
    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.sets(st.integers(0, 11)), min_size=1, max_size=6))
    def test_intervals_tell_who_was_in_at_any_moment(self, wanted_by_day: list[set[int]]) -> None:
        people = customers(12)
        segment = a_segment()
        for day, wanted in enumerate(wanted_by_day):
            ledger.replace(
                segment,
                ledger.ids(people[i] for i in wanted),
                at=START + timedelta(days=day),
                entered_reason="matched",
                left_reason="no_longer",
                version=day + 1,
            )
        for day, wanted in enumerate(wanted_by_day):
            moment = START + timedelta(days=day, hours=1)
            rows = Membership.objects.filter(segment=segment, entered_at__lte=moment).exclude(left_at__lte=moment)
            assert sorted(rows.values_list("customer_id", flat=True)) == sorted(people[i] for i in wanted)
        assert segment.size == len(wanted_by_day[-1])


@pytest.mark.django_db
def test_replace_reports_only_the_difference() -> None:
    people = customers(4)
    segment = a_segment()
    again = {"at": START, "entered_reason": "added", "left_reason": "removed", "version": None}
    assert ledger.replace(segment, ledger.ids(people[:3]), **again) == ledger.Movement(3, 3, 0)
    assert ledger.replace(segment, ledger.ids(people[1:]), **again) == ledger.Movement(3, 1, 1)
    assert ledger.replace(segment, ledger.ids(people[1:]), **again) == ledger.Movement(3, 0, 0)
    assert segment.ledger_version == 2


@pytest.mark.django_db
@pytest.mark.parametrize("is_changed", [False, True])
def test_what_was_read_before_the_lock_counts_only_while_the_ledger_has_the_same_version(is_changed: bool) -> None:
    people = customers(4)
    segment = a_segment()
    again = {"at": START, "entered_reason": "added", "left_reason": "removed", "version": None}
    ledger.replace(segment, ledger.ids(people[:2]), **again)
    segment.save()
    read = ledger.read(segment.pk)
    assert (read.version, read.members.tolist()) == (1, people[:2])
    if is_changed:
        ledger.replace(segment, ledger.ids(people[1:3]), **again)
    moved = ledger.replace(segment, ledger.ids(people[2:]), known=read, **again)
    assert moved == ledger.Movement(2, *(1, 1) if is_changed else (2, 2))
    rows = Membership.objects.filter(left_at=None).order_by("customer_id").values_list("customer_id", flat=True)
    assert list(rows) == people[2:]


@pytest.mark.django_db
def test_close_says_that_a_leaver_was_erased() -> None:
    people = customers(2)
    segment = a_segment()
    ledger.open_(segment.pk, ledger.ids(people), at=START, reason="added", version=None)
    Customer.objects.filter(pk=people[0]).update(erased_at=START)
    ledger.close(segment.pk, np.array(people), at=START, reason="no_longer", version=3)
    assert list(Membership.objects.order_by("customer_id").values_list("left_reason", "left_version")) == [
        ("erased", 3),
        ("no_longer", 3),
    ]


@pytest.mark.django_db
def test_the_ids_of_a_queryset_are_sorted_and_may_be_none() -> None:
    people = customers(12)
    newest_first = Customer.objects.filter(number__in=["L3", "L11", "L7"]).order_by("-number")
    assert ledger.ids_of(newest_first).tolist() == [people[3], people[7], people[11]]
    assert ledger.ids_of(Customer.objects.filter(number="none")).tolist() == []


@pytest.mark.django_db
@pytest.mark.parametrize("asked", [{"customer": 7}, {"customer__in": [7, 8, 9]}, {"customer": 7, "segment": 3}])
def test_a_customer_is_found_in_the_ledger_without_reading_all_of_it(asked) -> None:
    """Whatever the index looks like there: PostgreSQL has the customer first, SQLite looks into each segment."""
    with connection.cursor() as cursor:
        cursor.execute(INDEX[connection.vendor])
        columns = [name for (name,) in cursor.fetchall()]
    first = "customer_id" if connection.vendor == "postgresql" else "segment_id"
    assert (columns[0], set(columns)) == (first, {"customer_id", "segment_id"})
    if connection.vendor == "sqlite":
        plan = Membership.objects.filter(**asked).order_by().explain()
        assert "SCAN" not in plan and "customer_id=?" in plan


INDEX = {
    "sqlite": "SELECT name FROM pragma_index_info('membership_customer') ORDER BY seqno",
    "postgresql": "SELECT attname FROM pg_attribute WHERE attrelid = 'membership_customer'::regclass ORDER BY attnum",
}
