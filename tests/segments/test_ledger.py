"""The ledger against a plain-Python reading of the same changes."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
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
