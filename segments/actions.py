"""Changes others may request of segments: keyword-only verbs, atomic, on behalf of an actor at a given time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from crm import actions as crm_actions
from crm import queries as crm_queries
from crm.refusals import NotPossibleNow, Refused
from crm.rights import SALES, Actor, require
from profiles import queries as profile_queries
from segments import (
    clusters,
    discovery,
    evaluation,
    following,
    grading,
    health,
    ledger,
    personas,
    queries,
    refresh,
    uses,
)
from segments.models import (
    Cluster,
    Clustering,
    MembershipReason,
    Persona,
    RuleVersion,
    Segment,
    SegmentKind,
    SegmentPurpose,
    Star,
)
from segments.refresh import Refreshed
from segments.rules import needs, reading, sentences, tree
from segments.rules.errors import RuleError

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from crm.models import Customer

CHANGEABLE = ("name", "description", "purpose", "owner", "period_minutes", "stale_after_minutes", "review_on")
MOST_EXPORTED_BY_SALES = 500
FOLLOWING_TAKES_AT_MOST = timedelta(seconds=50)
MOST_FOLLOWED = 5000  # of a list changed at once; larger changes wait for the refresh
RESERVED = {  # pages that stand where a segment's would
    *("compare", "discover", "file", "files", "flows", "new", "new-list", "overlap", "starters"),
}
REVIEW_AFTER = timedelta(days=365)


class SegmentInUse(NotPossibleNow):
    """The segment is named by the rule of another one."""


@transaction.atomic
def create_segment(
    *,
    name: str,
    by: Actor,
    at: datetime,
    rule: dict[str, Any] | None = None,
    kind: str = SegmentKind.RULE,
    slug: str = "",
    cluster: Cluster | None = None,
    **given: Any,
) -> Segment:
    """A new segment, due at once. Raises Refused (name taken, unknown column) or RuleError."""
    require(by, "segments.change")
    _refuse_unknown(given)
    segment = Segment(
        slug=_free_slug(slug or slugify(name) or "segment", exact=bool(slug)),
        name=name,
        kind=kind,
        rule=rule,
        cluster=cluster,
        created_at=at,
        updated_at=at,
        due_at=None if kind == SegmentKind.STATIC else at,
        review_on=(at + REVIEW_AFTER).date(),
        created_by=by.user,
    )
    for column, value in ({"owner": by.user} | given).items():
        setattr(segment, column, value)
    checked = check_rule(rule, segment=segment, by=by) if kind == SegmentKind.RULE else None
    taken = NotPossibleNow(_("This short name is taken."), path="slug" if slug else "name", code="taken")
    with crm_actions.refusing_doubles(taken):
        segment.save()
    refresh.soon(segment)
    if checked:
        _keep_version(segment, checked, by=by, at=at)
    changes = {"name": [None, name], "kind": [None, kind]} | ({"rule": [None, rule]} if rule else {})
    crm_actions.audit(kind="segment", object_id=segment.pk, verb="created", changes=changes, by=by, at=at)
    return segment


@transaction.atomic
def change_segment(
    *, segment: Segment, by: Actor, at: datetime, rule: dict[str, Any] | None = None, **given: Any
) -> Segment:
    """Change a segment's columns or its rule; a changed rule gets a new version and is due at once."""
    require(by, "segments.change")
    _refuse_unknown(given)
    locked = Segment.objects.select_for_update().get(pk=segment.pk)
    changes = {column: [getattr(locked, column), value] for column, value in given.items()}
    changes = {column: pair for column, pair in changes.items() if pair[0] != pair[1]}
    for column, (_before, after) in changes.items():
        setattr(locked, column, after)
    if rule is not None and rule != locked.rule:
        changes["rule"] = [locked.rule, rule]
        _set_rule(locked, rule, by=by, at=at)
    elif "purpose" in changes:
        _refuse_purpose(locked, by=by)
    if changes:
        locked.updated_at = at
        locked.save()
        crm_actions.audit(kind="segment", object_id=locked.pk, verb="changed", changes=changes, by=by, at=at)
    return locked


def _refuse_purpose(segment: Segment, *, by: Actor) -> None:
    """A new purpose is as good as a new rule: what the old one allowed, it may forbid, here and where it is named."""
    if segment.kind == SegmentKind.RULE:
        check_rule(segment.rule, segment=segment, by=by)
    users = evaluation.users_of(segment.slug) if segment.purpose != SegmentPurpose.MARKETING else []
    if names := ", ".join(one.slug for one in Segment.objects.filter(slug__in=users, purpose=SegmentPurpose.MARKETING)):
        raise SegmentInUse(_("Marketing segments name it, so it stays one: %(names)s.") % {"names": names})


def _set_rule(segment: Segment, rule: dict[str, Any], *, by: Actor, at: datetime) -> None:
    if segment.kind != SegmentKind.RULE:
        raise Refused(_("Only rule segments have a rule."), path="rule")
    checked = check_rule(rule, segment=segment, by=by)
    segment.rule, segment.rule_version, segment.due_at = rule, segment.rule_version + 1, at
    segment.failures, segment.error = 0, ""
    refresh.soon(segment)
    _make_due([segment.slug], at=at)
    _keep_version(segment, checked, by=by, at=at)


def _make_due(slugs: Sequence[str], *, at: datetime) -> None:
    """What rests on these is refreshed in the same pass, and its page says so. A row that somebody else holds is left:
    whoever holds several takes them in order, which we cannot."""
    above = Segment.objects.filter(pk__in=[one.pk for one in refresh.resting_on(slugs)])
    free = above.select_for_update(skip_locked=True).values_list("pk", flat=True)
    Segment.objects.filter(pk__in=list(free)).update(due_at=at)


def _keep_version(segment: Segment, checked: tree.Rule, *, by: Actor, at: datetime) -> None:
    sentence = sentences.sentence(checked, evaluation.catalogue(), "en")
    RuleVersion.objects.create(
        segment=segment, version=segment.rule_version, rule=segment.rule, sentence=sentence, at=at, by=by.user
    )


def return_to_version(*, segment: Segment, version: RuleVersion, by: Actor, at: datetime) -> Segment:
    """Give a segment the rule of an earlier version again; it becomes a version of its own."""
    return change_segment(segment=segment, rule=version.rule, by=by, at=at)


@transaction.atomic
def archive_segment(*, segment: Segment, by: Actor, at: datetime) -> Segment:
    """Close every interval and stop refreshing. Raises SegmentInUse when another rule names it."""
    require(by, "segments.change")
    locked = Segment.objects.select_for_update().get(pk=segment.pk)
    if users := evaluation.users_of(locked.slug):
        raise SegmentInUse(_("The rules of these segments name it: %(names)s.") % {"names": ", ".join(users)})
    ledger.replace(
        locked,
        ledger.ids(()),
        at=at,
        entered_reason=MembershipReason.ADDED,
        left_reason=MembershipReason.ARCHIVED,
        version=locked.rule_version,
    )
    locked.archived_at = locked.updated_at = at
    locked.due_at = None
    locked.save()
    crm_actions.audit(kind="segment", object_id=locked.pk, verb="archived", changes={}, by=by, at=at)
    return locked


@transaction.atomic
def restore_segment(*, segment: Segment, by: Actor, at: datetime) -> Segment:
    """Undo of archiving: due at once, members come back with the next refresh."""
    require(by, "segments.change")
    locked = Segment.objects.select_for_update().get(pk=segment.pk)
    locked.archived_at, locked.refreshed_at, locked.updated_at = None, None, at
    locked.due_at = None if locked.kind == SegmentKind.STATIC else at
    locked.save()
    refresh.soon(locked)
    crm_actions.audit(kind="segment", object_id=locked.pk, verb="restored", changes={}, by=by, at=at)
    return locked


def add_members(*, segment: Segment, customers: Iterable[int], by: Actor, at: datetime) -> ledger.Movement:
    """Add customers to a named list. Raises Refused for other kinds and for customers out of scope."""
    return _change_list(segment, customers, by=by, at=at, combine=lambda old, new: old | new)


def remove_members(*, segment: Segment, customers: Iterable[int], by: Actor, at: datetime) -> ledger.Movement:
    """Take customers off a named list."""
    return _change_list(segment, customers, by=by, at=at, combine=lambda old, new: old - new)


@transaction.atomic
def _change_list(
    segment: Segment, customers: Iterable[int], *, by: Actor, at: datetime, combine: Any
) -> ledger.Movement:
    require(by, "segments.change")
    locked = Segment.objects.select_for_update().get(pk=segment.pk)
    if locked.kind != SegmentKind.STATIC:
        raise Refused(_("Only named lists are changed by hand; a rule decides who is in this segment."), path="members")
    given = set(customers)
    known = set(crm_queries.customers(by).filter(pk__in=given).values_list("pk", flat=True))
    if missing := sorted(given - known):
        raise Refused(_("There is no customer %(id)s.") % {"id": missing[0]}, path="customers", code="not_found")
    wanted = combine(set(ledger.members(locked.pk).tolist()), given)
    moved = ledger.replace(
        locked,
        ledger.ids(wanted),
        at=at,
        entered_reason=MembershipReason.ADDED,
        left_reason=MembershipReason.REMOVED,
        version=None,
    )
    locked.refreshed_at = locked.updated_at = at
    locked.save()
    if len(given) <= MOST_FOLLOWED:
        crm_actions.touch(given, at=at)
    changes = {"entered": [None, moved.entered], "left": [None, moved.left]}
    crm_actions.audit(kind="segment", object_id=locked.pk, verb="members", changes=changes, by=by, at=at)
    return moved


@transaction.atomic
def export_members(*, segment: Segment, by: Actor, at: datetime, as_of: datetime | None = None) -> "QuerySet[Customer]":
    """Members the actor may take out as a file; the audit says how many. Raises Refused when they are too many."""
    require(by, "exports.persons")
    rows = queries.members(segment, by, as_of=as_of).order_by("pk")
    count = rows.count() if by.team_ids is not None else queries.memberships(segment, as_of=as_of).count()
    if by.role == SALES and count > MOST_EXPORTED_BY_SALES:
        raise Refused(_("At most %(most)s customers may be exported at once.") % {"most": MOST_EXPORTED_BY_SALES})
    changes = {"rows": [None, count]}
    crm_actions.audit(kind="segment", object_id=segment.pk, verb="exported", changes=changes, by=by, at=at)
    return rows


def check_rule(rule: Any, *, by: Actor, segment: Segment | None = None) -> tree.Rule:
    """The rule as read against everything it may name. Raises RuleError, also for cycles and forbidden fields."""
    checked = reading.read_rule(rule, evaluation.known())
    if segment:
        needs.evaluation_order({**evaluation.uses(), segment.slug: needs.needs(checked).segments})
    purpose = segment.purpose if segment else SegmentPurpose.MARKETING
    needs.refuse_forbidden(checked, evaluation.catalogue(), purpose=purpose, has_grant=crm_queries.sees_special(by))
    if purpose == SegmentPurpose.MARKETING:
        _refuse_detour(checked)
    _refuse_hidden(checked, by)
    return checked


def _refuse_hidden(rule: tree.Rule, by: Actor) -> None:
    """What the actor may not see of a customer is no condition of theirs: who is found tells the value."""
    catalogue, sees_special = evaluation.catalogue(), crm_queries.sees_special(by)
    for path, node in tree.conditions(rule):
        if not isinstance(node, tree.FeatureCondition):
            continue
        feature = catalogue[node.feature]
        is_special = feature.sensitivity == "special"
        if (is_special and not sees_special) or (not is_special and not profile_queries.is_open_to(by, feature)):
            raise RuleError(f"{path}.feature", "{feature} is not open to you", feature=feature.key)


def _refuse_detour(rule: tree.Rule) -> None:
    """A marketing segment names marketing segments only: others may rest on what marketing must not look at."""
    named = needs.needs(rule).segments
    others = set(Segment.objects.filter(slug__in=named).exclude(purpose=SegmentPurpose.MARKETING).values_list("slug"))
    for path, node in tree.conditions(rule) if others else ():
        if isinstance(node, tree.MembershipCondition) and (node.segment,) in others:
            raise RuleError(f"{path}.segment", "“{segment}” is not a segment for marketing", segment=node.segment)


def refresh_segments(*, at: datetime, slugs: Sequence[str] | None = None) -> list[Refreshed]:
    """Evaluate the named segments, or all that are due, on the newest snapshot."""
    chosen = refresh.due(at=at) if slugs is None else refresh.named(slugs)
    return _refreshed(chosen, at=at)


def refresh_awaited(*, slugs: Sequence[str], at: datetime) -> list[Refreshed]:
    """Evaluate those of the named segments that are due, after the due ones below and before all that rest on them."""
    return _refreshed(refresh.waiting(slugs, at=at), at=at)


def _refreshed(chosen: Sequence[Segment], *, at: datetime) -> list[Refreshed]:
    return refresh.refresh(chosen, at=at, engine=evaluation.engine(at=at)) if chosen else []


def follow_customers(*, clock: Callable[[], datetime]) -> Iterator[following.Outcome]:
    """Evaluate the customers that changed, a small batch per turn, until none waits or somebody else is at it."""
    until = clock() + FOLLOWING_TAKES_AT_MOST
    while following.is_waited_for() and clock() < until and following.claim(at=clock()):
        try:
            while clock() < until and (outcome := following.follow(at=clock())):
                yield outcome
        finally:
            following.release(at=clock())


@transaction.atomic
def request_refresh(*, segment: Segment, by: Actor, at: datetime) -> None:
    """Make the segment due now; a worker is told, and the next sweep takes it if nobody heard."""
    require(by, "segments.change")
    Segment.objects.filter(pk=segment.pk, archived_at__isnull=True).update(due_at=at)
    refresh.soon(segment)
    _make_due([segment.slug], at=at)


@transaction.atomic
def star_segment(*, segment: Segment, is_starred: bool, by: Actor) -> None:
    """Keep the segment among those a user looks at first, or let it go; nobody else sees it."""
    require(by, "segments.view")
    if is_starred:
        Star.objects.get_or_create(segment=segment, user=by.user)
    else:
        Star.objects.filter(segment=segment, user=by.user).delete()


@transaction.atomic
def review_segment(*, segment: Segment, by: Actor, at: datetime) -> Segment:
    """Write down that a person looked at it and let it stand; the next review is due in a quarter or a year."""
    require(by, "segments.change")
    locked = Segment.objects.select_for_update().get(pk=segment.pk)
    is_used = bool(uses.of_segments(by, [locked])[locked.pk])
    days = grading.USED_REVIEW_DAYS if is_used else grading.REVIEW_DAYS
    before, locked.review_on = locked.review_on, timezone.localdate(at) + timedelta(days=days)
    locked.reviewed_at = locked.updated_at = at
    locked.save()
    changes = {"review_on": [before, locked.review_on]}
    crm_actions.audit(kind="segment", object_id=locked.pk, verb="reviewed", changes=changes, by=by, at=at)
    return locked


@transaction.atomic
def write_persona(*, segment: Segment, words: dict[str, str], by: Actor, at: datetime) -> Persona:
    """Change the words of a segment's persona; what the data say now is kept beside them, to notice when it moves."""
    require(by, "segments.change")
    if unknown := next((name for name in words if name not in personas.WORDS), None):
        raise Refused(_("No such column."), path=unknown, choices=personas.WORDS)
    found = Persona.objects.select_for_update().filter(segment=segment).first() or Persona(segment=segment)
    changes = {name: [getattr(found, name), text] for name, text in words.items() if getattr(found, name) != text}
    for name, text in words.items():
        setattr(found, name, text)
    found.computed = _said_by_data(segment, at=at)
    found.written_at, found.written_by = at, by.user
    found.save()
    crm_actions.audit(kind="segment", object_id=segment.pk, verb="persona", changes=changes, by=by, at=at)
    return found


def _said_by_data(segment: Segment, *, at: datetime) -> list[dict[str, Any]]:
    try:
        return [asdict(one) for one in queries.sets_apart(segment, at=at, most=personas.KEPT)]
    except evaluation.NotEvaluable:
        return []


def measure_segments(*, at: datetime) -> int:
    """Measure what the health of the live segments rests on: overlap, coverage of data. Returns how many."""
    found = list(Segment.objects.filter(archived_at__isnull=True))
    measured = health.measured(found, at=at)
    for one in found:
        one.measured, one.measured_at = measured[one.pk], at
    Segment.objects.bulk_update(found, ["measured", "measured_at"])
    return len(found)


@transaction.atomic
def start_clustering(
    *,
    features: Sequence[str],
    by: Actor,
    at: datetime,
    k: int | None = None,
    seed: int = 1,
    base: Segment | None = None,
) -> Clustering:
    """Ask for groups; a worker finds them. `k` None means the proposed number."""
    require(by, "segments.change")
    discovery.check_features(features)
    if k is not None and not 2 <= k <= discovery.MOST_GROUPS:
        raise Refused(_("The number of groups is from 2 to %(most)s.") % {"most": discovery.MOST_GROUPS}, path="k")
    return Clustering.objects.create(
        features=list(features), k=k, seed=seed, base_segment=base, created_by=by.user, created_at=at
    )


def run_clustering(*, clustering_id: int, at: datetime) -> Clustering:
    """Find the groups of a queued clustering; a reason is kept when there are none."""
    return discovery.run(clustering_id, at=at)


@transaction.atomic
def accept_cluster(*, cluster: Cluster, name: str, by: Actor, at: datetime, as_rule: bool = False) -> Segment:
    """Turn a found group into a segment that the timetable keeps up: of the likest, or of the distilled rule.

    Raises Refused where no rule was distilled, RuleError.
    """
    Cluster.objects.filter(pk=cluster.pk).update(name=name)  # the next like search carries it on
    if as_rule:
        if not cluster.rule:
            raise Refused(_("No rule tells this group from the rest."), path="as")
        return create_segment(name=name, rule=cluster.rule, by=by, at=at)
    return create_segment(name=name, kind=SegmentKind.CLUSTER, cluster=cluster, by=by, at=at)


def _refuse_unknown(given: dict[str, Any]) -> None:
    if unknown := next((column for column in given if column not in CHANGEABLE), None):
        raise Refused(_("No such column."), path=unknown, choices=CHANGEABLE)


def _free_slug(wanted: str, *, exact: bool) -> str:
    taken = set(Segment.objects.filter(slug__startswith=wanted[:70]).values_list("slug", flat=True)) | RESERVED
    if wanted not in taken:
        return wanted
    if exact:
        raise Refused(_("This short name is taken."), path="slug", code="taken")
    return next(f"{wanted[:70]}-{n}" for n in range(2, len(taken) + 3) if f"{wanted[:70]}-{n}" not in taken)


__all__ = [
    "Refreshed",
    "RuleError",
    "SegmentInUse",
    "accept_cluster",
    "add_members",
    "archive_segment",
    "change_segment",
    "check_rule",
    "clusters",
    "create_segment",
    "export_members",
    "follow_customers",
    "measure_segments",
    "refresh_awaited",
    "refresh_segments",
    "remove_members",
    "request_refresh",
    "restore_segment",
    "return_to_version",
    "review_segment",
    "run_clustering",
    "star_segment",
    "start_clustering",
    "write_persona",
]
