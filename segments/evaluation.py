"""Rules evaluated on one snapshot of the warehouse at one moment: who, how many, a few of them."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crm import figures
from crm.refusals import NotPossibleNow
from profiles import queries as profile_queries
from profiles.catalogue import Feature
from segments import clusters, ledger
from segments.models import Membership, Segment, SegmentKind
from segments.rules import compiler, free_properties, needs, reading, sentences, sharing, tables, tree
from segments.rules import why as explaining
from segments.rules.errors import RuleError
from segments.rules.moments import Moment

if TYPE_CHECKING:
    from profiles.models import Snapshot


MOST_VALUES = 8
INTERVAL = ("segment_id", "segment__slug", "customer_id", "entered_at", "left_at")


class NotEvaluable(NotPossibleNow):
    """A segment that cannot be evaluated now, with the reason in one sentence."""


class NotKnownThen(NotEvaluable):
    """A past moment at which something the rule rests on was not recorded yet: a zero would not say so."""


class Stopwatch:
    """Seconds since it was made, and those that had passed `after` which it was."""

    def __init__(self, after: float = 0) -> None:
        self._started = time.perf_counter() - after

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._started


@dataclass(frozen=True)
class Shared:
    """What several rules need, worked out once: tables that one cursor of the engine holds until it is closed."""

    cursor: Any
    prepared: tuple[compiler.Prepared, ...]


@dataclass(frozen=True)
class Engine:
    """The warehouse as of one moment. Answers are sorted customer ids (int64) or counts.

    `snapshot` is None where `shared` holds a warehouse of a few customers; `memberships` gives the ledger of segments.
    With `elsewhere` another engine is asked who of all belongs to a rule; `talk` is a conversation that has begun.
    A newer question of the same `run` stops an older one.
    Questions of single customers and of the past stay with the snapshot.
    """

    snapshot: "Snapshot | None"
    moment: Moment
    catalogue: Mapping[str, Feature]
    shared: Shared | None = None
    memberships: Callable[[Iterable[str]], pa.Table] = field(default=lambda slugs: membership_rows(slugs))
    elsewhere: "profile_queries.Choice | None" = None
    run: str = ""
    talk: "profile_queries.Conversation | None" = None

    @property
    def snapshot_id(self) -> int:
        return int(self.snapshot.pk) if self.snapshot else 0

    def members_of(self, segment: Segment) -> ledger.Ids:
        """Who belongs to the segment now. Raises NotEvaluable."""
        return self.question(segment)()

    def question(self, segment: Segment) -> Callable[[], ledger.Ids]:
        """What `members_of` answers, still to be asked: all that it needs of the database is read, so that what is left
        is the engine's own work, which another thread may do. Raises NotEvaluable, now and when it is asked."""
        with _faults_as_refusals():
            if segment.kind == SegmentKind.CLUSTER:
                ask = self._of_cluster(segment)
            else:
                ask = self._who(reading.read_rule(segment.rule, known()))
        return _faults_as_refusals()(ask)

    def customers(self, rule: tree.Rule) -> ledger.Ids:
        """Every customer the rule is true for."""
        return self._who(rule)()

    def _who(self, rule: tree.Rule) -> Callable[[], ledger.Ids]:
        statement, extra = self._statement(rule), self._ledger_of(rule)
        return lambda: np.sort(self._of_all(statement, rule, extra)["customer_id"].to_numpy())

    def each(self, rules: Sequence[tree.Rule]) -> list[ledger.Ids]:
        """The customers of each of several rules in one statement: for few rows, where every statement costs more than
        what it reads."""
        asked = " union all ".join(f"select {i} as place, * from ({self._statement(r)}) q" for i, r in enumerate(rules))
        slugs = frozenset[str]().union(*(needs.needs(rule).segments for rule in rules))
        found = self._ask(asked, {"membership": self.memberships(slugs)} if slugs else {})
        places, customers = found["place"].to_numpy(), found["customer_id"].to_numpy()
        return [np.sort(customers[places == i]) for i in range(len(rules))]

    def size(self, rule: tree.Rule) -> int:
        """How many customers the rule is true for."""
        found = self._of_all(self._statement(rule, is_counted=True), rule, self._ledger_of(rule))
        return int(found["size"][0].as_py())

    def look(self, rule: tree.Rule) -> tuple[ledger.Ids, dict[str, int]]:
        """Every customer the rule is true for, and how many each node lets in by its JSON path: one pass."""
        statement = compiler.counts_sql(rule, self.catalogue, self.moment, self._dialect)
        found = self._of_all(statement, rule, self._ledger_of(rule))
        members = found["members"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        counts = {path: int(found[f"n{i}"][0].as_py()) for i, (path, _) in enumerate(tree.walk(rule.where))}
        return np.sort(members), counts

    def why(self, rule: tree.Rule, customer_id: int) -> explaining.Mark:
        """The rule marked for one customer: what each condition answers and which value it saw."""
        asked = explaining.evidence(rule, self.catalogue, self.moment, [customer_id])
        rows = self._ask(asked.rows, self._ledger_of(rule), only=needs.needs(rule).features).to_pylist()
        seen = [(row["leaf"], row["holds"], row["seen"]) for row in rows]
        return explaining.explain(rule, asked.leaves, seen, self.moment)

    def event_types(self) -> tuple[str, ...]:
        """The types of the events there are, the commonest first."""
        events = tables.event_table((tables.ANY_EVENT,))
        counted = events.group_by("type").aggregate(n=events.count())
        return tuple(self.select(counted.order_by(ibis.desc("n"), "type"), {})["type"].to_pylist())

    def event_values(self, event: str, name: str) -> tuple[tuple[str, int], ...]:
        """The commonest values of a property of one type of events, with the number of events that have them."""
        values = free_properties.values(event, name)
        counted = values.group_by("value").aggregate(n=values.count())
        found = self.select(counted.order_by(ibis.desc("n"), "value").limit(MOST_VALUES), {})
        return tuple(zip(found["value"].to_pylist(), found["n"].to_pylist(), strict=True))

    def free_properties(self, event: str) -> tuple[tuple[str, str], ...]:
        """Name and kind of what the sources sent with the newest events of a type beside what all events have."""
        found = self.select(free_properties.names(event), {})
        kinds: dict[str, str] = {}
        for name, kind in zip(found["name"].to_pylist(), found["kind"].to_pylist(), strict=True):
            kinds.setdefault(f"{tables.FREE_PREFIX}{name}", kind)  # the commonest first
        return tuple(kinds.items())

    @contextmanager
    def together(self, rules: Sequence[tree.Rule]) -> Iterator["Engine"]:
        """This engine for evaluating all of the rules: what they ask of the same events is asked once.

        An engine elsewhere works that out for itself. Where it cannot be reached, every question says so.
        """
        if self._asks_elsewhere:
            with ExitStack() as stack:
                yield replace(self, talk=self._begun(stack))
            return
        with profile_queries.cursor(self.snapshot, as_of=self._past) as cursor:
            tables = sharing.prepare(rules, self.moment)
            yield replace(self, shared=Shared(cursor, tuple(one for one, rows in tables if _made(cursor, one, rows))))

    def _begun(self, stack: ExitStack) -> "profile_queries.Conversation":
        try:
            return stack.enter_context(self._conversation())
        except profile_queries.EngineError as fault:
            return profile_queries.silent(fault)

    def _conversation(self) -> AbstractContextManager["profile_queries.Conversation"]:
        if not (self.elsewhere and self.snapshot):
            raise NotEvaluable("no engine elsewhere")  # _asks_elsewhere says when there is one
        return profile_queries.conversation(self.elsewhere, self.snapshot)

    @property
    def _asks_elsewhere(self) -> bool:
        return bool(self.elsewhere and self.snapshot and not self._past)

    @property
    def _dialect(self) -> str:
        return self.elsewhere.dialect if self.elsewhere and self._asks_elsewhere else compiler.EMBEDDED

    def _statement(self, rule: tree.Rule, *, is_counted: bool = False) -> str:
        prepared = self.shared.prepared if self.shared else ()
        return compiler.rule_sql(
            rule, self.catalogue, self.moment, self._dialect, is_counted=is_counted, prepared=prepared
        )

    def _of_all(self, statement: str, rule: tree.Rule, extra: Mapping[str, pa.Table]) -> pa.Table:
        """The answer of the engine that is asked about everybody. Raises NotEvaluable when one elsewhere fails."""
        if not self._asks_elsewhere:
            return self._ask(statement, extra, only=needs.needs(rule).features)
        try:
            if self.talk:
                return self.talk.answer(statement, extra)
            with self._conversation() as talk:
                return talk.answer(statement, extra)
        except profile_queries.EngineError as fault:
            raise NotEvaluable(refusal(fault)) from fault

    def _ledger_of(self, rule: tree.Rule) -> dict[str, pa.Table]:
        """The ledger of the segments that the rule names."""
        used = needs.needs(rule).segments
        return {"membership": self.memberships(used)} if used else {}

    def select(self, question: Any, extra: Mapping[str, pa.Table]) -> pa.Table:
        """Rows of an expression, or a statement, over the snapshot's tables and those given with it."""
        return self._ask(question if isinstance(question, str) else compiler.sql(question), extra)

    def _ask(self, statement: str, extra: Mapping[str, pa.Table], only: frozenset[str] | None = None) -> pa.Table:
        if self.shared:
            return profile_queries.answer(self.shared.cursor, statement, tables=extra)
        return profile_queries.select(
            statement, snapshot=self.snapshot, as_of=self._past, only=only, tables=extra, run=self.run
        )

    @property
    def is_past(self) -> bool:
        return self._past is not None

    @property
    def _past(self) -> datetime | None:
        """The moment, when it lies before the snapshot: then profiles are read as they were."""
        return self.moment.as_of if self.snapshot and self.moment.as_of < self.snapshot.as_of else None

    def frame(self, features: Sequence[str]) -> pd.DataFrame:
        """The named features of every customer, one row each, indexed by customer id; numbers as floats."""
        profile = tables.profile_table(self.catalogue)
        if unknown := next((key for key in features if key not in self.catalogue), None):
            raise NotEvaluable(_("The feature %(key)s is no longer in the catalogue.") % {"key": unknown})
        columns = {key: profile[key].cast("float64") if self._is_number(key) else profile[key] for key in features}
        found = self.select(profile.select("customer_id", **columns).order_by("customer_id"), {})
        return found.to_pandas().set_index("customer_id")

    def _is_number(self, key: str) -> bool:
        return self.catalogue[key].kind in clusters.NUMBERS

    def _of_cluster(self, segment: Segment) -> Callable[[], ledger.Ids]:
        if segment.cluster is None:
            raise NotEvaluable(_("The cluster it was made from is gone."))
        model, position = clusters.Model.from_json(segment.cluster.clustering.model), segment.cluster.position

        def ask() -> ledger.Ids:
            frame = self.frame(model.features)
            return ledger.ids(frame.index.to_numpy()[model.assign(frame) == position])

        return ask


@contextmanager
def _faults_as_refusals() -> Iterator[None]:
    """Whatever keeps a segment from being evaluated, as NotEvaluable."""
    try:
        yield
    except (RuleError, clusters.ClusteringError, profile_queries.EngineError) as fault:
        raise NotEvaluable(refusal(fault)) from fault


def _made(cursor: Any, table: compiler.Prepared, rows: str) -> bool:
    """Whether the table could be made; when not, each rule asks for itself and fails for itself."""
    try:
        cursor.execute(f"create temp table {table.name} as {rows}")
    except profile_queries.EngineError:
        return False
    return True


def refuse_unknown(rule: tree.Rule, *, at: datetime) -> None:
    """Refuses a past moment before the history of anything the rule names begins. Raises NotKnownThen."""
    if told := unknown_then(rule)(at):
        raise NotKnownThen(told)


def unknown_then(rule: tree.Rule) -> Callable[[datetime], str]:
    """Of any past moment why the rule cannot be answered as of it, empty where it can; asked once for all moments."""
    used, features, recorded = needs.needs(rule), catalogue(), profile_queries.recorded_since()
    made = dict(Segment.objects.filter(slug__in=used.segments).values_list("slug", "created_at"))

    def told(at: datetime) -> str:
        unknown = recorded.unknown(used.features, used.event_types, at)
        began = {_called(key, features): since for key, since in unknown.items()}
        began |= {slug: since for slug, since in made.items() if since > at}
        names = ", ".join(f"{name} ({figures.day(since)})" for name, since in sorted(began.items()))
        said = _("This cannot be said before %(day)s: %(names)s.")
        return said % {"day": figures.day(max(began.values())), "names": names} if began else ""

    return told


def _called(key: str, features: Mapping[str, Feature]) -> str:
    """A feature by its words, an event by its type."""
    return sentences.label(features[key], _language()) if key in features else key


def _language() -> str:
    return (get_language() or "en")[:2]


def engine(*, at: datetime) -> Engine:
    """The newest snapshot, evaluated as of `at`. Raises NotEvaluable when the warehouse was never built."""
    try:
        snapshot = profile_queries.current()
    except profile_queries.NoSnapshot as fault:
        told = _("Profiles have not been built yet; the timetable builds them within minutes.")
        raise NotEvaluable(told) from fault
    try:
        elsewhere = profile_queries.elsewhere()
    except profile_queries.EngineError as fault:
        raise NotEvaluable(refusal(fault)) from fault
    return Engine(snapshot, moment_of(at), profile_queries.catalogue(), elsewhere=elsewhere)


def reason(fault: RuleError) -> str:
    """Why a rule is refused, in the language that is active; the place is said beside it."""
    return fault.said(_language())


def refusal(fault: Exception) -> str:
    """Why something could not be evaluated, in the language that is active."""
    if isinstance(fault, RuleError):
        return fault.sentence(_language())
    return _(str(fault)) if str(fault) else type(fault).__name__


def moment_of(at: datetime) -> Moment:
    return Moment(at, ZoneInfo(settings.FIRM_TIME_ZONE))


def catalogue() -> Mapping[str, Feature]:
    """Every feature a rule may name."""
    return profile_queries.catalogue()


def known() -> reading.Known:
    """What a rule may name now."""
    slugs = Segment.objects.filter(archived_at__isnull=True).values_list("slug", flat=True)
    return reading.Known(features=catalogue(), segments=frozenset(slugs))


def live_rules() -> dict[str, Any]:
    """Slug → rule of every segment that is not archived; None for lists and clusters."""
    return dict(Segment.objects.filter(archived_at__isnull=True).values_list("slug", "rule"))


def uses() -> dict[str, frozenset[str]]:
    """Slug → segments its rule names, for every segment that is not archived."""
    features = catalogue()
    return {slug: segments_in(rule, features) for slug, rule in live_rules().items()}


def readable(rules: Iterable[Any]) -> list[tree.Rule]:
    """Those of the stored rules that can be read now; the evaluation of the others says why not."""
    names, found = known(), []
    for rule in filter(None, rules):
        with suppress(RuleError):
            found.append(reading.read_rule(rule, names))
    return found


def readable_rule(rule: Any, features: Mapping[str, Feature]) -> Iterator[tree.Rule]:
    """The stored rule, where it can be read."""
    with suppress(RuleError):
        yield reading.read_rule(rule, reading.Known(features=features))


def segments_in(rule: Any, features: Mapping[str, Feature]) -> frozenset[str]:
    """Segments a stored rule names; an unreadable rule names none: its own evaluation will say why."""
    if not rule:
        return frozenset()
    try:
        return needs.needs(reading.read_rule(rule, reading.Known(features=features))).segments
    except RuleError:
        return frozenset()


def users_of(slug: str) -> list[str]:
    """Live segments whose rules name this one."""
    return sorted(user for user, used in uses().items() if slug in used)


def membership_rows(slugs: Iterable[str]) -> pa.Table:
    """The ledger of the named segments."""
    rows = Membership.objects.filter(segment__slug__in=list(slugs)).values_list(*INTERVAL)
    return interval_table(rows.iterator(chunk_size=50_000))


def interval_table(rows: Iterable[tuple[Any, ...]]) -> pa.Table:
    """Rows of INTERVAL as the rules see them: UTC times without a zone."""
    columns = list(zip(*rows, strict=True)) or [()] * len(tables.MEMBERSHIP)
    times = [pa.array(columns[i], pa.timestamp("us", tz="UTC")).cast(pa.timestamp("us")) for i in (3, 4)]
    return pa.table(
        {
            "segment_id": pa.array(columns[0], pa.int64()),
            "segment": pa.array(columns[1], pa.string()),
            "customer_id": pa.array(columns[2], pa.int64()),
            "entered_at": times[0],
            "left_at": times[1],
        }
    )
