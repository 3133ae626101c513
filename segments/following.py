"""The live part: customers that changed are evaluated within seconds, by the same compiled rules over their own rows.

Rows are the truth: touches say who changed (`crm.models.Touch`), whoever evaluates takes a small batch, and deletes the
touches in the transaction that writes the ledger. Evaluation stands outside of that transaction. What it saw still
holds if the touches are the same when the segments are locked; where they are not, somebody else has evaluated the
customer or must do so again, and nothing is written. So workers may be killed, and two may do the same.
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from django.db import transaction
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from crm import actions as crm_actions
from crm import queries as crm_queries
from profiles import queries as profile_queries
from segments import evaluation, ledger
from segments.models import Followed, FollowLease, Membership, MembershipReason, Segment, SegmentKind
from segments.rules import needs, reading, tree
from segments.rules.errors import RuleError

if TYPE_CHECKING:
    from crm.models import Touch

log = logging.getLogger(__name__)
BATCH = 500  # touches
LEASE = timedelta(seconds=60)
LOOKED_AT_AGAIN = timedelta(minutes=10)
KEPT_SNAPSHOTS = 10
EVERY_SEGMENT = "segments"

Touches = Mapping[int, Sequence["Touch"]]


# --- which segments can be followed ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """A segment with its rule, if single customers can be followed; else the reason why only the refresh can tell."""

    segment: Segment
    rule: tree.Rule | None
    uses: frozenset[str] = frozenset()
    obstacle: str | Promise = ""
    names: tuple[str, ...] = ()


def standings() -> list[Standing]:
    """Every live segment that a rule decides, each after those its rule names."""
    rows = Segment.objects.filter(archived_at__isnull=True).exclude(kind=SegmentKind.STATIC)
    by_slug = {segment.slug: segment for segment in rows}
    known, found = evaluation.known(), dict[str, Standing]()
    uses = {slug: evaluation.segments_in(segment.rule, known.features) for slug, segment in by_slug.items()}
    for slug in needs.evaluation_order(uses):
        found[slug] = _standing(by_slug[slug], known, found)
    return list(found.values())


def _standing(segment: Segment, known: reading.Known, earlier: Mapping[str, Standing]) -> Standing:
    if segment.kind != SegmentKind.RULE:
        return Standing(segment, None, obstacle=_("belonging to a cluster is decided by the refresh"))
    try:
        rule = reading.read_rule(segment.rule, known)
    except RuleError as fault:
        return Standing(segment, None, obstacle=evaluation.refusal(fault))
    used = needs.needs(rule)
    slow = tuple(sorted(slug for slug in used.segments if slug in earlier and earlier[slug].rule is None))
    if used.is_relative or used.features & profile_queries.relative_features():
        return Standing(segment, None, obstacle=_("its rule compares customers with each other"))
    if slow:
        return Standing(
            segment, None, obstacle=_("its rule rests on segments that only the refresh decides"), names=slow
        )
    return Standing(segment, rule, used.segments)


def slugs() -> frozenset[str]:
    """Segments whose customers are followed one by one."""
    return frozenset(one.segment.slug for one in standings() if one.rule)


def obstacle(segment: Segment) -> str:
    """Why changes of single customers wait for the refresh, in the visitor's language; empty where they do not."""
    found = next((one for one in standings() if one.segment.pk == segment.pk), None)
    if found is None:
        return ""
    return ": ".join(filter(None, (str(found.obstacle), ", ".join(found.names))))


# --- evaluating ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Decided:
    """Who of `everybody` belongs to each followed segment, seen when `snapshot` was the newest."""

    everybody: frozenset[int]
    members: Mapping[Segment, frozenset[int]]
    snapshot: int


@dataclass
class Intervals:
    """The ledger of a few customers, as it will be once what was decided so far is written."""

    customers: frozenset[int]
    at: datetime
    decided: dict[str, frozenset[int]] = field(default_factory=dict)

    def rows(self, slugs: Iterable[str]) -> pa.Table:
        wanted = list(slugs)
        found = Membership.objects.filter(segment__slug__in=wanted, customer_id__in=self.customers)
        rows = list(found.values_list(*evaluation.INTERVAL))
        return evaluation.interval_table([*map(self._as_decided, rows), *self._new(wanted, rows)])

    def _as_decided(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        slug, customer, left_at = row[1], row[2], row[4]
        is_leaving = left_at is None and slug in self.decided and customer not in self.decided[slug]
        return (*row[:4], self.at) if is_leaving else row

    def _new(self, slugs: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
        present = {(row[1], row[2]) for row in rows if row[4] is None}
        for slug in slugs:
            entering = (one for one in self.decided.get(slug, ()) if (slug, one) not in present)
            yield from ((0, slug, customer, self.at, None) for customer in entering)


def decide(customer_ids: Collection[int], *, at: datetime) -> Decided:
    """Evaluate every followed segment for these customers, on their rows as they are now."""
    catalogue = evaluation.catalogue()
    followed = [one for one in standings() if one.rule and one.segment.refreshed_at]
    with profile_queries.customers_now(customer_ids, at=at) as (cursor, everybody):
        snapshot = profile_queries.newest_snapshot()  # after the rows: what came meanwhile counts as older
        intervals = Intervals(everybody, at)
        engine = evaluation.Engine(
            None, evaluation.moment_of(at), catalogue, evaluation.Shared(cursor, ()), intervals.rows
        )
        for together in _in_turns(followed):
            intervals.decided |= _members(engine, together)
    slugs = {one.segment.slug: one.segment for one in followed}
    return Decided(everybody, {slugs[slug]: who for slug, who in intervals.decided.items()}, snapshot)


def _in_turns(followed: Sequence[Standing]) -> list[list[Standing]]:
    """All that name no other segment at once; then the others one after the other, each after those it names."""
    free = [one for one in followed if not one.uses]
    return [free, *([one] for one in followed if one.uses)] if free else [[one] for one in followed]


def _members(engine: evaluation.Engine, together: Sequence[Standing]) -> dict[str, frozenset[int]]:
    """The members among the customers by slug. Segments the engine refuses are left out: the refresh says why."""
    rules = [one.rule for one in together if one.rule]
    try:
        found = engine.each(rules)
    except profile_queries.EngineError:
        alone = [_members(engine, [one]) for one in together] if len(together) > 1 else []
        return {slug: who for one in alone for slug, who in one.items()}
    return {one.segment.slug: frozenset(who.tolist()) for one, who in zip(together, found, strict=True)}


# --- writing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What one small batch did: customers evaluated, intervals opened and closed, and when each touch was made."""

    customers: int
    entered: int
    left: int
    touched_at: tuple[datetime, ...]


def is_waited_for() -> bool:
    return bool(crm_queries.touched(1))


def follow(*, at: datetime) -> Outcome | None:
    """Evaluate the customers that changed longest ago; None when nobody waits.

    Customers whose rows the engine cannot take are left to the refresh, which says what is wrong.
    """
    touches = crm_queries.touched(BATCH)
    if not touches:
        return None
    try:
        decided = decide(touches, at=at)
    except profile_queries.EngineError:
        log.exception("following %s", sorted(touches))
        crm_actions.forget_touches(touch.pk for those in touches.values() for touch in those)
        return Outcome(0, 0, 0, ())
    return _write(decided, touches, at=at)


@transaction.atomic
def _write(decided: Decided, taken: Touches, *, at: datetime) -> Outcome:
    locked = Segment.objects.select_for_update().filter(pk__in=[one.pk for one in decided.members]).order_by("pk")
    segments = {segment.pk: segment for segment in locked}
    settled = _settled(decided.everybody, taken)
    present = _present(segments, settled)
    moved = [
        _move(segments[one.pk], who & settled, present.get(one.pk, frozenset()), at=at)
        for one, who in decided.members.items()
        if one.pk in segments and _is_as_evaluated(segments[one.pk], one)
    ]
    _remember(settled, decided.snapshot, at=at)
    done = [touch for customer in settled for touch in taken.get(customer, ())]
    crm_actions.forget_touches(touch.pk for touch in done)
    entered, left = (sum(column) for column in zip(*moved, strict=True)) if moved else (0, 0)
    return Outcome(len(settled), entered, left, tuple(touch.at for touch in done))


def _settled(everybody: frozenset[int], taken: Touches) -> frozenset[int]:
    """Customers whose touches are still the ones taken: nothing changed since, and nobody else was faster."""
    waiting = crm_queries.touches_of(everybody)
    return frozenset(one for one in everybody if _ids(waiting.get(one, ())) == _ids(taken.get(one, ())))


def _ids(touches: Iterable["Touch"]) -> set[int]:
    return {touch.pk for touch in touches}


def _is_as_evaluated(now: Segment, evaluated: Segment) -> bool:
    return now.rule_version == evaluated.rule_version and now.archived_at is None


def _present(segments: Iterable[int], customers: Collection[int]) -> dict[int, frozenset[int]]:
    rows = Membership.objects.filter(segment__in=list(segments), customer__in=customers, left_at=None)
    found: dict[int, set[int]] = {}
    for segment, customer in rows.values_list("segment_id", "customer_id"):
        found.setdefault(segment, set()).add(customer)
    return {segment: frozenset(who) for segment, who in found.items()}


def _move(segment: Segment, wanted: frozenset[int], present: frozenset[int], *, at: datetime) -> tuple[int, int]:
    """Open and close intervals of a locked segment; (entered, left)."""
    entering, leaving = ledger.ids(wanted - present), ledger.ids(present - wanted)
    if len(entering) or len(leaving):
        version = segment.rule_version
        ledger.close(segment.pk, leaving, at=at, reason=MembershipReason.NO_LONGER, version=version)
        ledger.open_(segment.pk, entering, at=at, reason=MembershipReason.MATCHED, version=version)
        segment.size = max(0, segment.size + len(entering) - len(leaving))
        segment.ledger_version += 1
        segment.save(update_fields=["size", "ledger_version"])
    return len(entering), len(leaving)


# --- beside the refresh ----------------------------------------------------------------------------------------------


def _remember(customers: Iterable[int], snapshot: int, *, at: datetime) -> None:
    """A refresh on this snapshot or an older one may not overrule what was seen of these customers."""
    Followed.objects.bulk_create(
        [Followed(customer_id=one, snapshot_id=snapshot, at=at) for one in sorted(customers)],
        update_conflicts=True,
        unique_fields=["customer_id"],
        update_fields=["snapshot_id", "at"],
    )


def newer_than(snapshot_id: int) -> ledger.Ids:
    """Customers evaluated on rows that may be newer than the snapshot; ask it with the segment locked."""
    rows = Followed.objects.filter(snapshot_id__gte=snapshot_id).values_list("customer_id", flat=True)
    return ledger.ids(rows.iterator(chunk_size=50_000))


@transaction.atomic
def look_again(*, snapshot_id: int, at: datetime) -> None:
    """Touch those whom the refresh leaves to us for long, so that time puts them out too; forget the old ones."""
    mine = Followed.objects.filter(snapshot_id__gte=snapshot_id, at__lt=at - LOOKED_AT_AGAIN)
    crm_actions.touch(mine.values_list("customer_id", flat=True), at=at)
    mine.update(at=at)
    Followed.objects.filter(snapshot_id__lt=snapshot_id - KEPT_SNAPSHOTS).delete()


# --- one at a time ---------------------------------------------------------------------------------------------------


def claim(*, at: datetime) -> bool:
    """Take the lease, so that pokes do not all do the same. It saves work; what is right does not hang on it."""
    FollowLease.objects.get_or_create(name=EVERY_SEGMENT, defaults={"until": at})
    free = FollowLease.objects.filter(Q(until__lte=at), name=EVERY_SEGMENT)
    return bool(free.update(until=at + LEASE))


def release(*, at: datetime) -> None:
    FollowLease.objects.filter(name=EVERY_SEGMENT).update(until=at)
