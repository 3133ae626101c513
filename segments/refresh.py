"""The periodic part: evaluate the due segments in the order they depend on each other, write what changed.

Every segment is its own transaction. One that fails is put off and shown; the others go on.
"""

import logging
from collections.abc import Iterable, Sequence
from contextlib import closing
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from crm import actions as crm_actions
from crm.refusals import Refused
from segments import ahead, evaluation, following, ledger
from segments.models import MembershipReason, RuleVersion, Segment, SegmentKind, SegmentRun
from segments.rules import needs

log = logging.getLogger(__name__)
LONGEST_WAIT = timedelta(days=1)
asked: ContextVar[frozenset[str]] = ContextVar("asked", default=frozenset())
"""Segments that this request made due; the web then tells a worker at once."""


@dataclass(frozen=True)
class Refreshed:
    """What became of one segment in one refresh; `error` is empty when it went well."""

    slug: str
    size: int
    entered: int
    left: int
    seconds: float
    late_seconds: int
    error: str = ""


def period(segment: Segment) -> timedelta:
    """Time between refreshes: the segment's own or the firm's default."""
    return timedelta(minutes=segment.period_minutes or settings.SEGMENT_REFRESH_MINUTES)


def due(*, at: datetime) -> list[Segment]:
    """Live segments whose time has come, with those that rest on a new rule among them.

    Named lists are left out: nobody but people changes those.
    """
    found = list(live().filter(Q(due_at__isnull=True) | Q(due_at__lte=at)))
    names = {one.slug for one in found}
    return found + [one for one in resting_on(redrawn(found)) if one.slug not in names]


def is_awaited(segment: Segment, *, at: datetime) -> bool:
    """Whether its members are being found: it is due, and a worker takes it at any moment."""
    if segment.kind == SegmentKind.STATIC or segment.archived_at:
        return False
    return segment.due_at is None or segment.due_at <= at <= segment.due_at + period(segment)


def soon(segment: Segment) -> None:
    """Note that somebody waits for the segment, which the caller has made due."""
    asked.set(asked.get() | {segment.slug})


def waiting(slugs: Iterable[str], *, at: datetime) -> list[Segment]:
    """Those of the named segments that are due, with the due ones that they rest on and all that rest on them."""
    found, features = {one.slug: one for one in due(at=at)}, evaluation.catalogue()
    reached: set[str] = set()
    front = set(slugs) & found.keys()
    while front:
        reached |= front
        named = (evaluation.segments_in(found[slug].rule, features) for slug in front)
        front = (set().union(*named) & found.keys()) - reached
    above = resting_on([one for one in slugs if one in found])
    return [*(found[slug] for slug in reached), *(one for one in above if one.slug not in reached)]


def resting_on(slugs: Iterable[str]) -> list[Segment]:
    """Live segments whose rules name these, or name such as do: their members move with them."""
    reached, below = set[str](), set(slugs)
    uses = evaluation.uses() if below else {}
    while below:
        below = {user for user, used in uses.items() if used & below} - reached
        reached |= below
    return list(live().filter(slug__in=reached)) if reached else []


def redrawn(segments: Iterable[Segment]) -> list[str]:
    """Those whose rule is newer than their members: a new rule, or they were brought back."""
    ids = [one.pk for one in segments]
    newest = RuleVersion.objects.filter(segment__in=ids, version=F("segment__rule_version"))
    is_newer = Q(at__gte=F("segment__refreshed_at")) | Q(segment__refreshed_at=None)
    return list(newest.filter(is_newer).values_list("segment__slug", flat=True)) if ids else []


def named(slugs: Sequence[str]) -> list[Segment]:
    """The live segments of these names. Raises Refused for a name that is none."""
    found = {segment.slug: segment for segment in live().filter(slug__in=slugs)}
    for i, slug in enumerate(slugs):
        if slug not in found:
            choices = live().values_list("slug", flat=True)
            raise Refused(_("There is no such segment to refresh."), path=f"slugs[{i}]", choices=choices)
    return list(found.values())


def live() -> QuerySet[Segment]:
    return Segment.objects.exclude(kind=SegmentKind.STATIC).filter(archived_at__isnull=True).select_related("cluster")


def in_order(segments: Iterable[Segment]) -> list[Segment]:
    """The segments so that each comes after those its rule names; names outside the list put nothing off."""
    by_slug, features = {segment.slug: segment for segment in segments}, evaluation.catalogue()
    uses = {slug: evaluation.segments_in(segment.rule, features) for slug, segment in by_slug.items()}
    return [by_slug[slug] for slug in needs.evaluation_order(uses)]


def refresh(segments: Sequence[Segment], *, at: datetime, engine: evaluation.Engine) -> list[Refreshed]:
    """Bring the ledger of each segment in line with its rule on the engine's snapshot, while the next is evaluated."""
    ordered, followed = in_order(segments), following.slugs()
    with (
        engine.together(evaluation.readable(segment.rule for segment in ordered)) as shared,
        closing(ahead.evaluated(ordered, shared)) as found,
    ):
        done = [_refresh_one(one, who, at=at, engine=shared, is_followed=one.slug in followed) for one, who in found]
    following.look_again(snapshot_id=engine.snapshot_id, at=at)
    return done


def _refresh_one(
    segment: Segment,
    evaluated: ahead.Evaluated,
    *,
    at: datetime,
    engine: evaluation.Engine,
    is_followed: bool,
) -> Refreshed:
    watch = evaluation.Stopwatch()
    try:
        found = evaluated()
        watch = evaluation.Stopwatch(after=found.seconds)
        return _write(segment, found, at=at, engine=engine, watch=watch, is_followed=is_followed)
    except evaluation.NotEvaluable as fault:
        return _put_off(segment, str(fault), at=at, watch=watch)
    except Exception:  # whatever it is, the other segments go on
        log.exception("refreshing the segment %s", segment.slug)
        told = _("It failed for a reason Kohde did not expect; the log says more.")
        return _put_off(segment, told, at=at, watch=watch)


@transaction.atomic
def _write(
    evaluated: Segment,
    found: ahead.Found,
    *,
    at: datetime,
    engine: evaluation.Engine,
    watch: evaluation.Stopwatch,
    is_followed: bool,
) -> Refreshed:
    segment = Segment.objects.select_for_update().get(pk=evaluated.pk)
    late = _late_seconds(segment, at)
    if _overtaken(segment, evaluated, engine):
        return Refreshed(segment.slug, segment.size, 0, 0, watch.seconds, late)
    is_settled = segment.refreshed_at is not None and _last_version(segment) in (None, segment.rule_version)
    entered_reason, left_reason = _reasons(segment)
    moved = ledger.replace(
        segment,
        found.wanted,
        at=at,
        known=found.known,
        entered_reason=entered_reason,
        left_reason=left_reason,
        version=segment.rule_version,
        untouched=_left_to_following(engine, at=at, is_settled=is_settled) if is_followed else None,
    )
    segment.due_at = _due_next(segment, evaluated, at + period(segment))
    segment.refreshed_at, segment.failures, segment.error = at, 0, ""
    segment.save(update_fields=["size", "ledger_version", "refreshed_at", "due_at", "failures", "error"])
    done = Refreshed(segment.slug, moved.size, moved.entered, moved.left, watch.seconds, late)
    _record(segment, done, at=at, engine=engine)
    return done


def _due_next(segment: Segment, evaluated: Segment, usual: datetime) -> datetime | None:
    """When it is due again: as usual, unless somebody made it due since this refresh took it up; their wish stays."""
    is_wished = segment.due_at != evaluated.due_at
    return segment.due_at if is_wished and (segment.due_at is None or segment.due_at < usual) else usual


def _left_to_following(engine: evaluation.Engine, *, at: datetime, is_settled: bool) -> ledger.Ids | None:
    """Customers seen alone since the snapshot. A rule new to the segment takes them too; then they are seen again."""
    newer = following.newer_than(engine.snapshot_id)
    if is_settled:
        return newer
    crm_actions.touch(newer.tolist(), at=at)
    return None


def _overtaken(segment: Segment, evaluated: Segment, engine: evaluation.Engine) -> bool:
    """Meanwhile the rule changed, the segment was archived, or a refresh on a newer snapshot was faster."""
    if segment.rule_version != evaluated.rule_version or segment.archived_at:
        return True
    newest = SegmentRun.objects.filter(segment=segment, error="").values_list("snapshot_id", flat=True).first()
    return newest is not None and newest > engine.snapshot_id


def _reasons(segment: Segment) -> tuple[str, str]:
    """Why members move now: the rule was changed since the last good run, or they themselves did."""
    last = _last_version(segment)
    if last is not None and last != segment.rule_version:
        return MembershipReason.RULE_CHANGED, MembershipReason.RULE_CHANGED
    return MembershipReason.MATCHED, MembershipReason.NO_LONGER


def _last_version(segment: Segment) -> int | None:
    """The rule version of the last good run; None when there was none."""
    return SegmentRun.objects.filter(segment=segment, error="").values_list("rule_version", flat=True).first()


@transaction.atomic
def _put_off(segment: Segment, error: str, *, at: datetime, watch: evaluation.Stopwatch) -> Refreshed:
    late = _late_seconds(segment, at)
    wait = min(period(segment) * 2 ** min(segment.failures, 20), LONGEST_WAIT)
    now = Segment.objects.select_for_update().get(pk=segment.pk)
    due_at = _due_next(now, segment, at + wait)
    Segment.objects.filter(pk=segment.pk).update(due_at=due_at, failures=segment.failures + 1, error=error)
    failed = Refreshed(segment.slug, segment.size, 0, 0, watch.seconds, late, error)
    _record(segment, failed, at=at, engine=None)
    return failed


def _late_seconds(segment: Segment, at: datetime) -> int:
    return max(0, int((at - segment.due_at).total_seconds())) if segment.due_at else 0


def _record(segment: Segment, outcome: Refreshed, *, at: datetime, engine: evaluation.Engine | None) -> None:
    SegmentRun.objects.create(
        segment=segment,
        snapshot_id=engine.snapshot_id if engine else None,
        rule_version=segment.rule_version,
        started_at=at,
        finished_at=at + timedelta(seconds=outcome.seconds),
        late_seconds=outcome.late_seconds,
        size=None if outcome.error else outcome.size,
        entered=outcome.entered,
        left=outcome.left,
        error=outcome.error,
    )
