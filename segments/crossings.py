"""Who is in several segments, then and now: the combinations of segments there are, counted in one pass."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import connection
from django.db.models import BigIntegerField, Case, Q, QuerySet, Sum, Value, When
from scipy.cluster import hierarchy

from segments.history import at_moment
from segments.models import Membership

BITS = 60  # segments per whole number of the database
NOW: tuple[datetime | None, ...] = (None,)


@dataclass(frozen=True)
class Patterns:
    """Combinations of segments and how many customers are in each.

    `inside`: bool, shape (patterns, moments, segments); `counts`: int64, shape (patterns,).
    """

    inside: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True)
class Overlap:
    """Sizes, shape (k,), and shared members, shape (k, k), of k segments."""

    sizes: np.ndarray
    shared: np.ndarray

    @property
    def jaccard(self) -> np.ndarray:
        """Shared members ÷ members of either (Jaccard 1912); 0 where both are empty."""
        either = self.sizes[:, None] + self.sizes[None, :] - self.shared
        return np.divide(self.shared, either, out=np.zeros(self.shared.shape), where=either > 0)

    @property
    def share(self) -> np.ndarray:
        """Row i, column j: the share of the members of i who are in j too; 0 where i is empty."""
        wide = np.broadcast_to(self.sizes[:, None], self.shared.shape)
        return np.divide(self.shared, wide, out=np.zeros(self.shared.shape), where=wide > 0)

    def lift(self, everyone: int) -> np.ndarray:
        """How many times as many are in both as would be if the two had nothing to do with each other; 0 where one is
        empty."""
        expected = self.sizes[:, None] * self.sizes[None, :] / max(everyone, 1)
        return np.divide(self.shared, expected, out=np.zeros(self.shared.shape), where=expected > 0)

    def alike(self) -> list[int]:
        """Positions so that like segments stand beside each other: average linkage on 1 − Jaccard, leaves in order."""
        if len(self.sizes) < 3:
            return list(range(len(self.sizes)))
        far = 1 - self.jaccard
        tree = hierarchy.linkage(far[np.triu_indices(len(far), 1)], "average", optimal_ordering=True)
        return [int(i) for i in hierarchy.leaves_list(tree)]

    def taken(self, order: Sequence[int]) -> "Overlap":
        """The same for the segments in another order, or for some of them."""
        return Overlap(self.sizes[order], self.shared[np.ix_(order, order)])


@dataclass(frozen=True)
class Flows:
    """Who moved between k segments from one moment to another; people, not intervals.

    `moved`[i, j]: left i and came into j. `stayed`[i]: in i at both. `away`[i]: left i and came into none of the
    others. `fresh`[j]: came into j and left none. `before` and `after` are the sizes; all of shape (k,).
    """

    before: np.ndarray
    after: np.ndarray
    stayed: np.ndarray
    moved: np.ndarray
    away: np.ndarray
    fresh: np.ndarray


def patterns(segment_ids: Sequence[int], moments: Sequence[datetime | None] = NOW) -> Patterns:
    """The combinations of the segments at each moment (None is now): one aggregate over the ledger."""
    words = [ids for _moment in moments for ids in _words(segment_ids)]
    if not segment_ids:
        return Patterns(np.zeros((0, len(moments), 0), dtype=bool), np.zeros(0, dtype=np.int64))
    sql, parameters = _per_customer(segment_ids, moments).query.sql_with_params()
    columns = ", ".join(f"w{i}" for i in range(len(words)))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns}, COUNT(*) FROM ({sql}) AS one GROUP BY {columns}", parameters)
        rows = cursor.fetchall()
    masks = np.array([[int(word) for word in row[:-1]] for row in rows], dtype=np.int64).reshape(-1, len(words))
    bits = [(masks[:, i, None] >> np.arange(len(ids))) & 1 for i, ids in enumerate(words)]
    inside = np.concatenate(bits, axis=1).astype(bool).reshape(len(rows), len(moments), len(segment_ids))
    return Patterns(inside, np.array([row[-1] for row in rows], dtype=np.int64))


def _words(segment_ids: Sequence[int]) -> list[Sequence[int]]:
    return [segment_ids[i : i + BITS] for i in range(0, len(segment_ids), BITS)]


def _is_open(moment: datetime | None) -> Q:
    return Q(left_at__isnull=True) if moment is None else at_moment(moment)


def _per_customer(segment_ids: Sequence[int], moments: Sequence[datetime | None]) -> QuerySet:
    """A row per customer: for each moment and 60 segments a whole number whose bits say which they were in."""
    around = Q()
    for moment in moments:
        around |= _is_open(moment)
    rows = Membership.objects.filter(around, segment_id__in=segment_ids).order_by().values("customer_id")
    columns = [(moment, ids) for moment in moments for ids in _words(segment_ids)]
    sums = {f"w{i}": _mask(ids, moment) for i, (moment, ids) in enumerate(columns)}
    return rows.annotate(**sums).values(*sums)


def _mask(segment_ids: Sequence[int], moment: datetime | None) -> Sum:
    """A customer has at most one open interval per segment, so that the sum of the bits is their union."""
    is_open = _is_open(moment)
    whens = [When(is_open & Q(segment_id=pk), then=Value(1 << i)) for i, pk in enumerate(segment_ids)]
    return Sum(Case(*whens, default=Value(0), output_field=BigIntegerField()))


def overlap(segment_ids: Sequence[int], *, at: datetime | None = None) -> Overlap:
    """How many members each two of the segments share, now or at a moment."""
    found = patterns(segment_ids, [at])
    inside = found.inside[:, 0, :].astype(np.int64)
    shared = (inside * found.counts[:, None]).T @ inside
    return Overlap(np.diag(shared).copy(), shared)


def flows(segment_ids: Sequence[int], *, since: datetime, until: datetime | None = None) -> Flows:
    """Who moved between the segments from `since` to `until` (None is now)."""
    found = patterns(segment_ids, [since, until])
    before, after = found.inside[:, 0, :], found.inside[:, 1, :]
    left, came = before & ~after, after & ~before
    counts = found.counts
    return Flows(
        before=counts @ before,
        after=counts @ after,
        stayed=counts @ (before & after),
        moved=(left * counts[:, None]).T @ came.astype(np.int64),
        away=counts @ (left & ~came.any(axis=1, keepdims=True)),
        fresh=counts @ (came & ~left.any(axis=1, keepdims=True)),
    )
