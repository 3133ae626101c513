"""Overlap and flows against Python sets, over generated ledgers."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from segments import crossings
from segments.models import Membership, Segment
from tests.segments.test_ledger import customers

pytestmark = pytest.mark.django_db
START = datetime(2026, 5, 1, tzinfo=UTC)
DAYS = 30


def segments(count: int) -> list[Segment]:
    made = [
        Segment(slug=f"s{i}", name=f"S{i}", kind="static", created_at=START, updated_at=START) for i in range(count)
    ]
    return Segment.objects.bulk_create(made)


def ledger(found: list[Segment], people: list[int], seed: int) -> list[tuple[int, int, datetime, datetime | None]]:
    """Random intervals that do not overlap within a segment and a customer."""
    chance, rows = np.random.default_rng(seed), []
    for one in found:
        for person in people:
            days = np.sort(chance.choice(DAYS * 2, size=2 * int(chance.integers(0, 3)), replace=False)).tolist()
            times = [START + timedelta(hours=12 * day) for day in days]
            ends = [*times[1::2][:-1], None if chance.random() < 0.5 else times[-1]] if times else []
            rows += [(one.pk, person, first, last) for first, last in zip(times[::2], ends, strict=True)]
    Membership.objects.bulk_create(
        Membership(segment_id=one, customer_id=person, entered_at=first, left_at=last)
        for one, person, first, last in rows
    )
    return rows


def members(rows, segment: int, moment: datetime) -> set[int]:
    return {p for one, p, first, last in rows if one == segment and first <= moment and (last is None or last > moment)}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_overlap_equals_that_of_sets(seed) -> None:
    found, people = segments(5), customers(30)
    rows = ledger(found, people, seed)
    moment = START + timedelta(days=11, hours=12)
    sets = [members(rows, one.pk, moment) for one in found]
    alike = crossings.overlap([one.pk for one in found], at=moment)
    for i, mine in enumerate(sets):
        for j, theirs in enumerate(sets):
            assert alike.shared[i, j] == len(mine & theirs)
            assert alike.jaccard[i, j] == pytest.approx(len(mine & theirs) / (len(mine | theirs) or 1))
            assert alike.share[i, j] == pytest.approx(len(mine & theirs) / (len(mine) or 1))


@pytest.mark.parametrize("seed", [4, 5])
def test_flows_equal_those_of_sets(seed) -> None:
    found, people = segments(4), customers(40)
    rows = ledger(found, people, seed)
    since, until = START + timedelta(days=5), START + timedelta(days=20)
    before, after = ([members(rows, one.pk, moment) for one in found] for moment in (since, until))
    left, came = ([a - b for a, b in zip(*pair, strict=True)] for pair in ((before, after), (after, before)))
    moved = crossings.flows([one.pk for one in found], since=since, until=until)
    assert moved.moved.tolist() == [[len(mine & theirs) for theirs in came] for mine in left]
    assert moved.away.tolist() == [len(mine - set().union(*came)) for mine in left]
    assert moved.fresh.tolist() == [len(theirs - set().union(*left)) for theirs in came]
    assert moved.stayed.tolist() == [len(a & b) for a, b in zip(before, after, strict=True)]
    assert (moved.before.tolist(), moved.after.tolist()) == ([len(a) for a in before], [len(b) for b in after])


def test_more_segments_than_a_number_has_bits_are_counted_in_one_question(django_assert_num_queries) -> None:
    found, people = segments(70), customers(3)
    rows = ledger(found, people, 6)
    moment = START + timedelta(days=9)
    with django_assert_num_queries(1):
        alike = crossings.overlap([one.pk for one in found], at=moment)
    sets = [members(rows, one.pk, moment) for one in found]
    assert alike.shared.tolist() == [[len(a & b) for b in sets] for a in sets]


def test_no_segments_have_nothing_in_common() -> None:
    assert crossings.overlap([]).shared.shape == (0, 0)


def test_lift_is_what_is_shared_over_what_chance_would_share() -> None:
    alike = crossings.Overlap(np.array([40, 50, 0]), np.array([[40, 30, 0], [30, 50, 0], [0, 0, 0]]))
    assert alike.lift(100)[0, 1] == pytest.approx((30 / 40) / (50 / 100))
    assert alike.lift(100)[0, 2] == 0


def test_like_segments_stand_beside_each_other() -> None:
    shared = np.full((4, 4), 1) + np.diag([99, 99, 99, 99])
    shared[0, 2] = shared[2, 0] = shared[1, 3] = shared[3, 1] = 80
    order = crossings.Overlap(np.array([100] * 4), shared).alike()
    assert {frozenset(order[:2]), frozenset(order[2:])} == {frozenset((0, 2)), frozenset((1, 3))}
