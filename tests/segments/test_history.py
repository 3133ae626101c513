"""Sizes of the past against counting the intervals by hand."""

from datetime import UTC, date, datetime, timedelta

import pytest

from segments import history
from segments.models import Membership
from tests.segments.test_ledger import a_segment, customers

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def interval(segment, customer: int, first: int, last: int | None) -> None:
    Membership.objects.create(
        segment=segment,
        customer_id=customer,
        entered_at=NOON + timedelta(days=first),
        left_at=None if last is None else NOON + timedelta(days=last),
    )


def test_size_curve_counts_the_intervals_open_at_the_end_of_each_day() -> None:
    segment, people = a_segment(), customers(3)
    interval(segment, people[0], -10, None)
    interval(segment, people[1], 0, 2)
    interval(segment, people[1], 3, None)
    interval(segment, people[2], 1, 1)
    curve = history.size_curve(segment.pk, first=date(2026, 4, 30), last=date(2026, 5, 4))
    assert [row.size for row in curve] == [1, 2, 2, 1, 2]
    assert [row.entered for row in curve] == [0, 1, 1, 0, 1]
    assert [row.left for row in curve] == [0, 0, 1, 1, 0]


def test_size_curve_uses_the_days_of_the_firm(settings) -> None:
    settings.FIRM_TIME_ZONE = "Pacific/Auckland"  # noon UTC is already the next day there
    segment, people = a_segment(), customers(1)
    interval(segment, people[0], 0, None)
    curve = history.size_curve(segment.pk, first=date(2026, 5, 1), last=date(2026, 5, 2))
    assert [row.size for row in curve] == [0, 1]


def test_as_of_finds_who_was_in_on_the_day() -> None:
    segment, people = a_segment(), customers(2)
    interval(segment, people[0], 0, 5)
    interval(segment, people[1], 4, None)
    on = lambda day: set(history.as_of(segment.pk, NOON + timedelta(days=day)).values_list("customer_id", flat=True))  # noqa: E731
    assert [on(-1), on(0), on(4), on(5)] == [set(), {people[0]}, set(people), {people[1]}]


def test_movement_counts_since_a_moment() -> None:
    segment, people = a_segment(), customers(2)
    interval(segment, people[0], 0, 5)
    interval(segment, people[1], 4, None)
    assert history.movement(segment.pk, since=NOON + timedelta(days=2)) == (1, 1)
