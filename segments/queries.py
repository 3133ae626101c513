"""Questions others may ask about segments. What shows persons is scoped to the actor."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from django.db.models import Count, DateTimeField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from crm import answers
from crm import queries as crm_queries
from crm.rights import Actor, may
from profiles import queries as profile_queries
from profiles.catalogue import Feature
from profiles.queries import Association
from segments import clusters as grouping
from segments import (
    crossings,
    distinctions,
    earlier,
    evaluation,
    following,
    grading,
    history,
    ledger,
    panels,
    personas,
    reaching,
    refresh,
    uses,
)
from segments import health as checking
from segments import worth as valuing
from segments.clusters import Distinction
from segments.crossings import Flows, Overlap
from segments.earlier import SizeBefore, size_then
from segments.evaluation import NotEvaluable, catalogue, known
from segments.explanations import Explanation, Group, Reason, explanation, why
from segments.grading import Health
from segments.history import CURVE, DaySize, end_of_day, movement, size_curve, size_curves
from segments.models import (
    Cluster,
    Clustering,
    Membership,
    Persona,
    RuleVersion,
    Segment,
    SegmentImport,
    SegmentRun,
    Star,
)
from segments.personas import Drift
from segments.reaching import Reach
from segments.rules import needs, reading, sentences, tree
from segments.rules.errors import RuleError
from segments.rules.why import smallest_change
from segments.uses import Use
from segments.worth import Mean, Period, Quarter

if TYPE_CHECKING:
    from crm.models import Customer

T = TypeVar("T")
SAMPLE = 5
MOST_POINTS = 400
FEW = 2000  # members who are asked for by number; of more, a list meets enough on the way through its order
MOST_DISTINCTIONS = 500


@dataclass(frozen=True)
class Move:
    """A customer who came into a segment, or went out of it."""

    customer_id: int
    at: datetime
    is_entry: bool
    reason: str
    version: int | None


@dataclass(frozen=True)
class Preview:
    """A rule answered before it is saved: exact size, the sentence, a few people the actor may see.

    `counts` says how many each node of the rule lets in, by its JSON path.
    """

    size: int
    sentence: str
    sample: "tuple[Customer, ...]"
    as_of: datetime
    counts: Mapping[str, int]
    entering: int = 0
    leaving: int = 0
    reach: tuple[Reach, ...] = ()


@dataclass(frozen=True)
class PersonaNow:
    """The written part (None until somebody writes it), what sets the members apart now, and what moved since."""

    written: Persona | None
    computed: tuple[Distinction, ...]
    moved: tuple[Drift, ...]
    reason: str = ""


def segments(actor: Actor) -> QuerySet[Segment]:
    """Segments that are not archived; the same for everyone who may see segments."""
    rows = Segment.objects.filter(archived_at__isnull=True).select_related("owner")
    return rows if may(actor, "segments.view") else rows.none()


def archived(actor: Actor) -> QuerySet[Segment]:
    rows = Segment.objects.filter(archived_at__isnull=False)
    return rows if may(actor, "segments.change") else rows.none()


def members(segment: Segment, actor: Actor, *, as_of: datetime | None = None) -> "QuerySet[Customer]":
    """Customers the actor may see who are in the segment now, or were at a moment."""
    inside = memberships(segment, as_of=as_of)
    people = crm_queries.customers(actor)
    if _are_few(segment, inside, as_of):
        return people.filter(pk__in=inside.values("customer_id"))
    if as_of is not None:
        # Times inside functions: else SQLite walks every interval of the segment, once for each customer.
        later = Value(as_of + timedelta(days=1), output_field=DateTimeField())
        own = Membership.objects.filter(segment=segment).annotate(
            began_at=Coalesce("entered_at", "entered_at"), ended_at=Coalesce("left_at", later)
        )
        inside = own.filter(began_at__lte=as_of, ended_at__gt=as_of)
    return people.filter(Exists(inside.filter(customer=OuterRef("pk"))))


def _are_few(segment: Segment, inside: QuerySet[Membership], as_of: datetime | None) -> bool:
    """Whether the members are gathered first; of a past moment those of then, counted no further than needed."""
    if as_of is None:
        return segment.size <= FEW
    return inside.order_by()[: FEW + 1].count() <= FEW


def memberships(segment: Segment, *, as_of: datetime | None = None) -> QuerySet[Membership]:
    """The intervals of a segment that are open now, or were at a moment."""
    is_in = Q(left_at__isnull=True) if as_of is None else history.at_moment(as_of)
    return Membership.objects.filter(is_in, segment=segment)


def open_memberships(segments: Sequence[Segment]) -> QuerySet[Membership]:
    """Open intervals of several segments: what an audience is sealed from."""
    return Membership.objects.filter(segment__in=segments, left_at__isnull=True)


def memberships_at(moment: datetime) -> QuerySet[Membership]:
    """Every membership that was open at a moment: what results are read by."""
    return Membership.objects.filter(history.at_moment(moment))


def segments_of(customer: "Customer") -> QuerySet[Membership]:
    """The customer's memberships, open ones first, with their segments."""
    rows = Membership.objects.filter(customer=customer, segment__archived_at__isnull=True)
    return rows.select_related("segment").order_by("left_at", "-entered_at")


def entries_of(customers: "QuerySet[Customer]", *, since: datetime) -> QuerySet[Membership]:
    """Who of the customers came into a segment since a moment, the last first."""
    rows = Membership.objects.filter(customer__in=customers, entered_at__gt=since, segment__archived_at__isnull=True)
    return rows.select_related("segment", "customer").order_by("-entered_at", "-id")


def is_stale(segment: Segment, *, at: datetime) -> bool:
    """Whether its membership is older than its limit: not to be used for sending."""
    if segment.kind == "static":
        return False
    limit = timedelta(minutes=segment.stale_after_minutes)
    return segment.refreshed_at is None or at - segment.refreshed_at > limit


def is_awaited(segment: Segment, *, at: datetime) -> bool:
    """Whether its members are being found now: what is shown is from before."""
    return refresh.is_awaited(segment, at=at)


def is_late(segment: Segment, *, at: datetime) -> bool:
    """Whether its refresh has been due for longer than its period."""
    return segment.due_at is not None and at - segment.due_at > refresh.period(segment)


def moves(segment: Segment, count: int = 20) -> list[Move]:
    """Who entered and who left last, newest first, with the reason and the rule version."""
    rows = Membership.objects.filter(segment=segment)
    entered = rows.order_by("-entered_at", "-id")[:count]
    left = rows.filter(left_at__isnull=False).order_by("-left_at", "-id")[:count]
    found = [Move(one.customer_id, one.entered_at, True, one.entered_reason, one.entered_version) for one in entered]
    found += [
        Move(one.customer_id, one.left_at, False, one.left_reason, one.left_version) for one in left if one.left_at
    ]
    return sorted(found, key=lambda move: move.at, reverse=True)[:count]


def reasons_moved(segment: Segment, *, since: datetime) -> list[tuple[bool, str, int]]:
    """Who came (True) and who went (False) since a moment, counted by the reason; the commonest first."""
    rows = Membership.objects.filter(segment=segment).order_by()
    came = rows.filter(entered_at__gt=since).values_list("entered_reason").annotate(n=Count("id"))
    went = rows.filter(left_at__gt=since).values_list("left_reason").annotate(n=Count("id"))
    found = [(True, reason, n) for reason, n in came] + [(False, reason, n) for reason, n in went]
    return sorted(found, key=lambda one: (not one[0], -one[2], one[1]))


def sets_apart(segment: Segment, *, at: datetime, most: int = 10) -> tuple[Distinction, ...]:
    """What the members have in common that others have not. Raises NotEvaluable when there is no warehouse yet."""
    engine = evaluation.engine(at=at)
    version = (segment.ledger_version, engine.snapshot_id)
    found = answers.kept(
        f"apart:{segment.pk}",
        version,
        lambda: distinctions.of_members(ledger.kept_members(segment), engine, most=MOST_DISTINCTIONS),
    )
    return found[:most]


def health(found: Iterable[Segment], *, at: datetime) -> dict[int, Health]:
    """The letter and the reasons of each segment, by its id."""
    return checking.of_segments(found, at=at)


def proxies(rule: tree.Rule, purpose: str) -> list[Association]:
    """Features of a marketing rule that tell a field which must not be used; none before the profiles are built."""
    draft = Segment(purpose=purpose)
    return checking.proxies_in(draft, evaluation.catalogue(), checking.associations(), rule)


def uses_of(segment: Segment, actor: Actor) -> list[Use]:
    """What rests on the segment: other rules, and what floors above say."""
    return uses.of_segments(actor, [segment])[segment.pk]


def starred(actor: Actor) -> set[int]:
    """Ids of the segments that the actor looks at first."""
    return set(Star.objects.filter(user=actor.user).values_list("segment_id", flat=True)) if actor.user else set()


def everyone(*, at: datetime) -> int | None:
    """How many customers there are; None before the profiles are built."""
    try:
        snapshot_id = evaluation.engine(at=at).snapshot_id
    except NotEvaluable:
        return None
    return answers.kept("everyone", snapshot_id, lambda: checking.everyone(at=at))


def unused(found: Iterable[Segment], actor: Actor) -> list[Segment]:
    """Those of the segments that nothing rests on."""
    found = list(found)
    used = uses.of_segments(actor, found)
    return [one for one in found if not used[one.pk]]


def advice(actor: Actor) -> str:
    """What to say of how many segments there are, naming those nobody uses; empty when there is nothing to say."""
    rows = segments(actor)
    count = rows.count()
    return grading.advice(count, [one.name for one in unused(rows, actor)] if count > grading.MANY else ())


def overlap(found: Iterable[Segment], *, at: datetime | None = None) -> Overlap:
    """How many members each two of the segments share, in their order, now or at a moment; kept till a ledger moves."""
    ids, versions = _ledgers(found)
    return answers.kept(f"overlap:{ids}:{at}", versions, lambda: crossings.overlap(ids, at=at))


def flows(found: Iterable[Segment], *, since: datetime, until: datetime | None = None) -> Flows:
    """Who moved between the segments over a period, in their order. Kept while no ledger moves."""
    ids, versions = _ledgers(found)
    name = f"flows:{ids}:{since}:{until}"
    return answers.kept(name, versions, lambda: crossings.flows(ids, since=since, until=until))


def _ledgers(found: Iterable[Segment]) -> tuple[list[int], list[int]]:
    """Ids of the segments and the versions of their ledgers."""
    pairs = [(one.pk, one.ledger_version) for one in found]
    return [pk for pk, _version in pairs], [version for _pk, version in pairs]


def rows_of(found: Iterable[Segment]) -> int:
    """How many members, each as often as they are one: what it costs to look at the segments together."""
    return sum(one.size for one in found)


def spending(found: Sequence[Segment], *, at: datetime) -> dict[int, tuple[Period, ...]]:
    """What today's members spent by four weeks, and in the same weeks a year before. Raises NotEvaluable."""
    engine = evaluation.engine(at=at)
    return _kept_of_members("spending", found, engine, lambda ids: valuing.periods(ids, engine))


def satisfaction(found: Sequence[Segment], *, at: datetime) -> dict[int, tuple[Quarter, ...]]:
    """What today's members said in surveys by quarters of weeks, and in those a year before. Raises NotEvaluable."""
    engine, asked = evaluation.engine(at=at), profile_queries.scored_questions()
    return _kept_of_members("satisfaction", found, engine, lambda ids: valuing.quarters(ids, engine), asked)


def means(found: Sequence[Segment], *, at: datetime) -> dict[int, tuple[Mean, ...]]:
    """Means of what tells a segment's worth, with intervals, by the segment's id. Raises NotEvaluable."""
    engine = evaluation.engine(at=at)
    return _kept_of_members("means", found, engine, lambda ids: valuing.means(ids, engine))


def _kept_of_members(
    name: str,
    found: Sequence[Segment],
    engine: evaluation.Engine,
    make: Callable[[Sequence[int]], Mapping[int, T]],
    *rests_on: Any,
) -> dict[int, T]:
    """What the engine says of today's members, by segment; kept for the day while neither they nor profiles move."""
    snapshot, today = engine.snapshot_id, engine.moment.today
    return answers.kept_of_each(
        f"{name}:{today}", {one.pk: (one.ledger_version, snapshot, *rests_on) for one in found}, make
    )


def size_a_year_ago(segment: Segment, *, at: datetime) -> int | None:
    """How many the rule would have let in 52 weeks before; None where it cannot be told or nobody was known."""
    try:
        return size_then(segment, as_of=at - valuing.YEAR)
    except (NotEvaluable, RuleError):
        return None


def sizes_by_season(
    segment: Segment, *, at: datetime, tell: Callable[[int], None] | None = None
) -> tuple[tuple[SizeBefore, SizeBefore], ...]:
    """What today's rule finds every fourth week of a year, and found 52 weeks before each; oldest first.

    Raises NotEvaluable, RuleError.
    """
    today = history.day_of(at)
    days = [
        today - timedelta(days=1) - n * valuing.YEAR / valuing.PERIODS for n in reversed(range(2 * valuing.PERIODS))
    ]
    found = earlier.sizes(segment, days, today=today, tell=tell)
    return tuple(zip(found[valuing.PERIODS :], found[: valuing.PERIODS], strict=True))


def sizes_before(
    segment: Segment, *, first: date, at: datetime, tell: Callable[[int], None] | None = None
) -> tuple[SizeBefore, ...]:
    """What today's rule would have found on days before the segment was made, one a week, not before the first.

    Raises NotEvaluable, RuleError.
    """
    made = history.day_of(segment.created_at)
    return earlier.sizes(segment, earlier.days_before(made, first=first), today=history.day_of(at), tell=tell)


SEASONS, BEFORE = "seasons", "before"


def name_of_sizes(segment: Segment, which: str) -> str:
    """What a worker is at who looks for a segment's sizes of the past."""
    return f"sizes:{which}:{segment.pk}:{segment.rule_version}"


def look_back(segment: Segment, which: str, *, at: datetime) -> None:
    """Have the sizes by season, or those from before it was made, at hand for the pages that show them."""
    name, tell = name_of_sizes(segment, which), partial(answers.going_on, name_of_sizes(segment, which))
    try:
        if which == SEASONS:
            sizes_by_season(segment, at=at, tell=tell)
        else:
            sizes_before(segment, first=history.day_of(at) - CURVE, at=at, tell=tell)
    finally:
        answers.ended(name)


def persona(segment: Segment, *, at: datetime) -> PersonaNow:
    """The persona of a segment: the written part, what the data say now, and what moved since it was written."""
    written = Persona.objects.filter(segment=segment).select_related("written_by").first()
    try:
        now, reason = sets_apart(segment, at=at, most=MOST_DISTINCTIONS), ""
    except NotEvaluable as fault:
        return PersonaNow(written, (), (), str(fault))
    moved = personas.drift(written.computed, now) if written else ()
    return PersonaNow(written, now[: personas.SHOWN], moved, reason)


def trouble(segment: Segment) -> str:
    """Why its refresh fails, in the language that is active; empty when it does not."""
    if not segment.error or not segment.rule:
        return _(segment.error) if segment.error else ""
    try:
        reading.read_rule(segment.rule, known())
    except RuleError as fault:
        return evaluation.refusal(fault)
    return _(segment.error)


def latest_runs(segment: Segment, count: int = 20) -> QuerySet[SegmentRun]:
    return SegmentRun.objects.filter(segment=segment)[:count]


def versions(segment: Segment) -> QuerySet[RuleVersion]:
    return RuleVersion.objects.filter(segment=segment).select_related("by")


def imports(actor: Actor) -> QuerySet[SegmentImport]:
    """Files of definitions that were taken, the newest first."""
    rows = SegmentImport.objects.select_related("by")
    return rows if may(actor, "segments.view") else rows.none()


def clusterings(actor: Actor) -> QuerySet[Clustering]:
    rows = Clustering.objects.prefetch_related("clusters__before__clustering").select_related("created_by")
    return rows if may(actor, "segments.view") else rows.none()


def waiting_clusterings() -> list[int]:
    """Clusterings nobody has run yet, oldest first."""
    return list(Clustering.objects.filter(status="queued").order_by("id").values_list("pk", flat=True))


def clusters(actor: Actor) -> QuerySet[Cluster]:
    rows = Cluster.objects.select_related("clustering")
    return rows if may(actor, "segments.view") else rows.none()


def sentence(rule: Any, language: str = "en") -> str:
    """A stored rule in words; empty for segments without a rule. An unreadable rule says why."""
    return _sentence(rule, evaluation.catalogue(), language, names(rule))


def sentences_of(found: Sequence[Segment] | Sequence[Cluster], language: str) -> dict[int, str]:
    """The rules of several segments, or groups, in words, by their id."""
    features, known = evaluation.catalogue(), names(*(one.rule for one in found))
    return {one.pk: _sentence(one.rule, features, language, known) for one in found}


def obstacle_to_following(segment: Segment) -> str:
    """Why changes of single customers wait for the refresh; empty where they show within seconds."""
    return following.obstacle(segment)


def names(*rules: Any) -> dict[str, str]:
    """Slug → name of every segment, and of the campaigns where one of the rules speaks of any."""
    segments = dict(Segment.objects.values_list("slug", "name"))
    return {**uses.campaigns(), **segments} if any("campaign" in str(rule) for rule in rules) else segments


def _sentence(rule: Any, features: Mapping[str, Feature], language: str, known: Mapping[str, str]) -> str:
    if not rule:
        return ""
    try:
        return sentences.sentence(reading.read_rule(rule, reading.Known(features=features)), features, language, known)
    except RuleError as fault:
        return fault.sentence(language)


def preview(
    rule: tree.Rule, actor: Actor, *, as_of: datetime, against: Segment | None = None, run: str = ""
) -> Preview:
    """Size, sentence and sample of a checked rule. Raises NotEvaluable when there is no warehouse yet, and for a past
    moment when something it rests on was not recorded yet.

    With `against`, also how many would enter and leave that segment. A newer preview of the same `run` stops this one,
    which raises Overtaken.
    """
    engine = replace(evaluation.engine(at=as_of), run=run)
    if engine.is_past:
        evaluation.refuse_unknown(rule, at=as_of)
    if engine.is_past or actor.team_ids is not None:
        looked = _look(rule, actor, engine, against)
    else:  # the same for everybody who is bound to no team
        whose = f"{against.pk}:{against.purpose}" if against else ""
        looked = answers.kept(
            f"look:{rule!r}:{whose}", _rests_on(rule, engine, against), lambda: _look(rule, actor, engine, against)
        )
    people = crm_queries.customers(actor).filter(pk__in=looked.first)[:SAMPLE]
    words = sentences.sentence(rule, engine.catalogue, actor.language, names(rule))
    return Preview(
        looked.size, words, tuple(people), as_of, looked.counts, looked.entering, looked.leaving, looked.reach
    )


@dataclass(frozen=True)
class _Looked:
    """What the engine says of a rule; `first` are the first of its customers."""

    size: int
    counts: Mapping[str, int]
    first: tuple[int, ...]
    entering: int
    leaving: int
    reach: tuple[Reach, ...]


def _look(rule: tree.Rule, actor: Actor, engine: evaluation.Engine, against: Segment | None) -> _Looked:
    found, counts = engine.look(rule)
    if actor.team_ids is not None:  # bound to teams: their customers alone are counted
        own = crm_queries.customers(actor)
        own = own.filter(pk__in=found.tolist()) if len(found) <= FEW else own
        found, counts = np.intersect1d(found, ledger.ids_of(own), assume_unique=True), {}
    present = ledger.kept_members(against) if against else found
    staying = ledger.in_both(found, present) if against else len(found)
    reach = reaching.of_customers(found, engine, purpose=against.purpose if against else reaching.NEEDS_CONSENT)
    first = tuple(found[: 40 * SAMPLE].tolist())
    return _Looked(len(found), counts, first, len(found) - staying, len(present) - staying, reach)


def _rests_on(rule: tree.Rule, engine: evaluation.Engine, against: Segment | None) -> tuple[Any, ...]:
    """The profiles, the ledgers that are looked at, and the hour: consents lapse."""
    named = Segment.objects.filter(slug__in=needs.needs(rule).segments).order_by("pk")
    ledgers = list(named.values_list("pk", "ledger_version")) if needs.needs(rule).segments else []
    hour = f"{engine.moment.now:%Y-%m-%d %H}"
    return engine.snapshot_id, hour, against.ledger_version if against else None, ledgers


def reach(segment: Segment, *, at: datetime) -> tuple[Reach, ...]:
    """How many of the members can be written to, by channel; counted again in the next hour, since consents lapse.

    Raises NotEvaluable.
    """
    engine = evaluation.engine(at=at)
    version = (segment.ledger_version, engine.snapshot_id, f"{at:%Y-%m-%d %H}")
    found = answers.kept(
        f"reach of segment:{segment.pk}:{segment.purpose}",
        version,
        lambda: reaching.of_customers(ledger.members(segment.pk), engine, purpose=segment.purpose),
    )
    if segment.purpose != reaching.NEEDS_CONSENT:
        return found
    return tuple(replace(one, later=tuple(_later(one, segment, engine, version, at=at))) for one in found)


def _later(
    reach: Reach, segment: Segment, engine: evaluation.Engine, version: Any, *, at: datetime
) -> Iterator[tuple[str, int, Mapping[str, int]]]:
    """The steps of floors above, judged for a marketing message that leaves at `at`."""
    left, channel = reach.not_suppressed, reach.channel
    for step in panels.STEPS:
        losses = answers.kept(
            f"reach of segment:{segment.pk}:{channel}:{step.key}",
            (version, step.rests_on()),
            partial(step.losses, channel, lambda: reaching.reached(ledger.members(segment.pk), engine, channel), at),
        )
        if losses is not None:
            left -= sum(losses.values())
            yield str(step.label), left, {str(step.reasons[code]): count for code, count in losses.items()}


def picture(clustering: Clustering) -> tuple[tuple[float, float, int], ...]:
    """The customers of a clustering on its first two components, with the position of their group. Raises NotEvaluable.

    At most `MOST_POINTS`, drawn with the clustering's seed.
    """
    model = grouping.Model.from_json(clustering.model)
    frame = evaluation.engine(at=clustering.created_at).frame(model.features)
    if clustering.base_segment_id:
        frame = frame[np.isin(frame.index.to_numpy(), ledger.members(clustering.base_segment_id))]
    return grouping.on_two_components(frame, model, most=MOST_POINTS, seed=clustering.seed)


def event_types(*, at: datetime) -> tuple[str, ...]:
    """The types of events there are, the commonest first; empty before the warehouse is built."""
    try:
        snapshot = profile_queries.current()
        return answers.kept("event-types", snapshot.pk, lambda: evaluation.engine(at=at).event_types())
    except (NotEvaluable, profile_queries.NoSnapshot):
        return ()


def event_values(event: str, name: str, *, at: datetime) -> tuple[tuple[str, int], ...]:
    """The commonest values of a property of events, each with its number of events; of a free one, in the newest."""
    return _kept_of_events(f"values:{event}:{name}", lambda engine: engine.event_values(event, name), at)


def free_properties(event: str, *, at: datetime) -> tuple[tuple[str, str], ...]:
    """What the sources of one type of events sent besides what all events have: names and kinds, in the newest."""
    return _kept_of_events(f"properties:{event}", lambda engine: engine.free_properties(event), at)


def _kept_of_events(name: str, ask: Callable[[evaluation.Engine], tuple[Any, ...]], at: datetime) -> tuple[Any, ...]:
    """An answer that stays true for one snapshot; empty before there is one."""
    try:
        snapshot = profile_queries.current()
        return answers.kept(name, snapshot.pk, lambda: ask(evaluation.engine(at=at)))
    except (NotEvaluable, profile_queries.NoSnapshot, profile_queries.EngineError):
        return ()


__all__ = [
    "CURVE",
    "DaySize",
    "Distinction",
    "Drift",
    "Explanation",
    "Flows",
    "Group",
    "Health",
    "Mean",
    "Move",
    "NotEvaluable",
    "Overlap",
    "Period",
    "PersonaNow",
    "Preview",
    "Quarter",
    "Reach",
    "Reason",
    "SizeBefore",
    "Use",
    "advice",
    "archived",
    "catalogue",
    "clusterings",
    "clusters",
    "end_of_day",
    "event_types",
    "event_values",
    "everyone",
    "explanation",
    "flows",
    "free_properties",
    "health",
    "imports",
    "is_awaited",
    "is_late",
    "is_stale",
    "known",
    "latest_runs",
    "means",
    "members",
    "memberships",
    "memberships_at",
    "movement",
    "moves",
    "names",
    "obstacle_to_following",
    "open_memberships",
    "overlap",
    "persona",
    "picture",
    "preview",
    "proxies",
    "reach",
    "reasons_moved",
    "rows_of",
    "satisfaction",
    "segments",
    "segments_of",
    "sentence",
    "sentences_of",
    "sets_apart",
    "size_a_year_ago",
    "size_curve",
    "size_curves",
    "size_then",
    "sizes_before",
    "sizes_by_season",
    "smallest_change",
    "spending",
    "starred",
    "trouble",
    "unused",
    "uses_of",
    "versions",
    "waiting_clusterings",
    "why",
]
