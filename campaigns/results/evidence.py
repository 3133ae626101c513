"""Sums of what each arm's people did, overall and per segment as of the send: one statement, whatever the size."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial, reduce
from operator import add
from typing import Any

from django.db.models import Aggregate, Case, IntegerField, QuerySet, Sum, When

from campaigns.audience import memberships
from campaigns.channels import CHANNELS
from campaigns.conversions import ORDERS, allocated, begins_at, ends_at
from campaigns.experiments.allocation import Weights
from campaigns.experiments.report import ArmEvidence, Evidence
from campaigns.experiments.sufficient import Mean, Paired, Proportion, Sample
from campaigns.experiments.waves import stratified
from campaigns.models import Goal, MessageState, Response, ResponseClass, ResponseKind, Run, RunStatus
from crm import queries as crm_queries
from crm import rights
from crm.statements import answer_to_much

READER = rights.machine("results")
EVERYBODY = NOBODY = 0  # no row has this id
HOLD_OUT = "hold_out"
PAST = timedelta(days=365)  # spend before the send that sharpens the figures of revenue (CUPED)


@dataclass(frozen=True)
class Measure:
    """One thing a person may have done at least once: kind of response, and whether only people's own acts count."""

    key: str
    kind: ResponseKind
    is_human: bool = False


MEASURES = (
    Measure("open", ResponseKind.OPEN, is_human=True),
    Measure("open_any", ResponseKind.OPEN),
    Measure("click", ResponseKind.CLICK, is_human=True),
    Measure("click_any", ResponseKind.CLICK),
    Measure("unsubscribe", ResponseKind.UNSUBSCRIBE),
    Measure("complaint", ResponseKind.COMPLAINT),
    Measure("bounce", ResponseKind.BOUNCE),
)
CALLS = (
    Measure("reached", ResponseKind.REACHED),
    Measure("agreed", ResponseKind.AGREED),
    Measure("declined", ResponseKind.DECLINED),
    *MEASURES[-3:],
)
ALWAYS = ("is_sent", "converted", "clicked")
SENT_BIT = 1
STATEMENT = """
WITH answer AS ({answers}),
     person AS ({people}),
     back AS ({returns}),
     before AS ({past}),
     member AS ({members}),
     measured AS (
         SELECT person.customer_id, variant_id, wave, sent | COALESCE(answer.did, 0) AS did,
             NULLIF(COALESCE(answer.amount, 0) + COALESCE(back.amount, 0), 0) AS y,
             CAST(before.amount AS DOUBLE PRECISION) AS x
         FROM person
         LEFT JOIN answer ON answer.message_id = person.pk
         LEFT JOIN back ON back.customer_id = person.customer_id
         LEFT JOIN before ON before.customer_id = person.customer_id
     ),
     plain AS (SELECT measured.*, CAST(y AS DOUBLE PRECISION) AS w FROM measured),
     capped AS (SELECT plain.*, CASE WHEN w > {cap} THEN {cap} ELSE w END AS z FROM plain)
SELECT {everybody} AS segment_id, variant_id, wave, did, {sums} FROM capped GROUP BY variant_id, wave, did
UNION ALL
SELECT member.segment_id, variant_id, wave, did, {sums} FROM capped
JOIN member ON member.customer_id = capped.customer_id
GROUP BY member.segment_id, variant_id, wave, did
"""
CAP = "CAST(%s AS DOUBLE PRECISION)"  # NULL caps nothing
SUMS = "COUNT(*), SUM(y), SUM(w * w), SUM(z), SUM(z * z), SUM(x), SUM(x * x), SUM(x * z)"  # who has none is NULL: free


@dataclass(frozen=True)
class Row:
    """One arm of one group in one wave: its people, how many did each thing, their money in full, and capped."""

    segment_id: int
    arm: str
    wave: int
    people: int
    counts: Mapping[str, int]
    revenue: Mean
    with_past: Paired


def evidence(run: Run, names: Mapping[int, str]) -> tuple[Evidence, tuple[Evidence, ...]]:
    """Everybody, and the segments in the order of `names` (id → name); a member of several counts in each."""
    found = rows(run, list(names))
    groups = {EVERYBODY: "", **names}
    shares = shares_by_wave(run)
    own = {pk: [row for row in found if row.segment_id == pk] for pk in groups}
    told = {pk: group(run, pk, name, own[pk], shares) for pk, name in groups.items()}
    return told[EVERYBODY], tuple(told[pk] for pk in names)


Shares = Mapping[int, Mapping[str, float]]


def shares_by_wave(run: Run) -> Shares:
    """The shares of each wave that was opened; empty where everybody was dealt at once."""
    if run.plan.get("waves", 1) == 1:
        return {}
    return dict(run.waves.filter(opened_at__isnull=False).values_list("number", "shares"))


def group(run: Run, pk: int, name: str, found: Sequence[Row], shares: Shares) -> Evidence:
    if not shares:
        return Evidence(str(pk), name, {row.arm: arm_evidence(run, row) for row in found})
    return Evidence(str(pk), name, arms_over_waves(run, found, shares), dealt=dealt(run, found, shares))


def arms_over_waves(run: Run, found: Sequence[Row], shares: Shares) -> dict[str, ArmEvidence]:
    """Goal and revenue compared within waves (see `experiments.waves`); plain counts for whatever else people did."""
    contacted = [row for row in found if row.arm != HOLD_OUT]
    whole = {arm: added([row for row in found if row.arm == arm]) for arm in {row.arm for row in found}}
    goals = stratified(by_wave(contacted, shares, lambda row: goal_sample(run.plan["goal"], row)))
    revenues: Mapping[str, Any] = stratified(by_wave(contacted, shares, lambda row: row.revenue))
    return {
        arm: replace(
            arm_evidence(run, row),
            goal=goals.get(arm, goal_sample(run.plan["goal"], row)),
            revenue=revenues.get(arm, row.revenue),
            paired=None,
            counted=row.people,
        )
        for arm, row in whole.items()
    }


def by_wave(found: Sequence[Row], shares: Shares, read: Callable[[Row], Sample]) -> list[dict[str, Any]]:
    """What each arm shows in each wave; an arm nobody of the wave was dealt to shows an empty sample."""
    known = {(row.wave, row.arm): read(row) for row in found}
    nothing = type(next(iter(known.values()), Proportion()))
    return [{arm: known.get((wave, arm), nothing()) for arm in shares[wave]} for wave in sorted(shares)]


def added(found: Sequence[Row]) -> Row:
    """One arm over all its waves."""
    first = found[0]
    return Row(
        first.segment_id,
        first.arm,
        first.wave,
        sum(row.people for row in found),
        {name: sum(row.counts[name] for row in found) for name in first.counts},
        reduce(add, (row.revenue for row in found)),
        reduce(add, (row.with_past for row in found)),
    )


def dealt(run: Run, found: Sequence[Row], shares: Shares) -> Weights | None:
    """The shares these people should have been dealt by; with the hold-out once every wave has been dealt."""
    people = Counter[int]()
    for row in found:
        people[row.wave] += row.people if row.arm != HOLD_OUT else 0
    expected = Counter[str]()
    for wave, own in shares.items():
        for arm, share in own.items():
            expected[arm] += share * people[wave]  # type: ignore[assignment]
    held = float(run.plan["holdout_share"])
    if held and run.status == RunStatus.COMPLETED:
        expected[HOLD_OUT] = people.total() * held / (1 - held)  # type: ignore[assignment]
    return Weights.of(expected) if people.total() else None


def arm_evidence(run: Run, row: Row) -> ArmEvidence:
    """The sums of one arm; what only a message can cause is counted among those it was sent to."""
    is_contacted = row.arm != HOLD_OUT
    sent = row.counts["is_sent"]
    rates = {one.key: Proportion(sent, row.counts[one.key]) for one in measures(run)} if is_contacted else {}
    return ArmEvidence(
        goal=goal_sample(run.plan["goal"], row),
        paired=row.with_past if run.plan["goal"] == Goal.REVENUE else None,
        revenue=row.revenue,
        rates={"conversion": Proportion(row.people, row.counts["converted"]), **rates},
    )


def goal_sample(goal: str, row: Row) -> Sample:
    """The goal metric of everybody allocated, whether or not the message left (intention to treat)."""
    if goal == Goal.REVENUE:
        return row.with_past.outcome
    return Proportion(row.people, row.counts["clicked" if goal == Goal.CLICK else "converted"])


def rows(run: Run, segment_ids: Sequence[int]) -> list[Row]:
    """The sums by segment, arm and wave; segment 0 is everybody.

    The engine adds up those who did the same things; a few hundred such groups are put together here.
    """
    sql, parameters = statement(run, segment_ids)
    keys = dict(run.campaign.variants.values_list("pk", "key"))
    groups: dict[tuple[int, str, int], list[Row]] = {}
    for segment_id, variant_id, wave, did, people, *sums in answer_to_much(sql, parameters):
        arm = keys[variant_id] if variant_id else HOLD_OUT
        counts = {name: people if holds(did) else 0 for name, holds in HOLDS[measures(run)].items()}
        groups.setdefault((segment_id, arm, wave), []).append(read(segment_id, arm, wave, people, counts, sums))
    return [added(alike) for alike in groups.values()]


def measures(run: Run) -> tuple[Measure, ...]:
    """What people may do with a message of the run's channel."""
    return CALLS if CHANNELS[run.campaign.channel].form == "script" else MEASURES


KINDS = tuple(ResponseKind)


def bit(kind: ResponseKind, *, is_human: bool) -> int:
    """The place of a kind of response among what a person did; every other place says that a person was behind it."""
    return 1 << (1 + 2 * KINDS.index(kind) + is_human)


def holds_of(known: Sequence[Measure]) -> dict[str, Callable[[int], bool]]:
    """Per count, whether somebody who did these things is in it; what only a message can cause needs one sent."""
    own: dict[str, Callable[[int], bool]] = {
        "is_sent": lambda did: bool(did & SENT_BIT),
        "converted": lambda did: bool(did & bit(ResponseKind.CONVERSION, is_human=False)),
        "clicked": lambda did: bool(did & bit(ResponseKind.CLICK, is_human=True)),
    }
    return own | {one.key: partial(was_measured, one) for one in known}


def was_measured(measure: Measure, did: int) -> bool:
    return bool(did & SENT_BIT and did & bit(measure.kind, is_human=measure.is_human))


Known = tuple[Measure, ...]
HOLDS: dict[Known, dict[str, Callable[[int], bool]]] = {MEASURES: holds_of(MEASURES), CALLS: holds_of(CALLS)}


def read(segment_id: int, arm: str, wave: int, people: int, counts: dict[str, int], sums: Sequence[Any]) -> Row:
    y, yy, z, zz, x, xx, xz = (Decimal(str(value or 0)) for value in sums)
    y = round(y, 4)  # SQLite adds money in floats
    return Row(segment_id, arm, wave, people, counts, Mean(people, y, yy), Paired(people, z, zz, x, xx, xz))


def statement(run: Run, segment_ids: Sequence[int]) -> tuple[str, tuple[Any, ...]]:
    """The one statement, put together from queries of the doors; no value is written into its text."""
    parts = {
        "answers": answers(run),
        "people": people(run),
        "returns": returns(run),
        "past": past_spend(run),
        "members": members(run, segment_ids),
    }
    written = {name: query.query.sql_with_params() for name, query in parts.items()}
    sql = STATEMENT.format(
        everybody=EVERYBODY, sums=SUMS, cap=CAP, **{name: text for name, (text, _parameters) in written.items()}
    )
    cap = run.plan.get("baseline", {}).get("cap")
    return sql, (*(value for _text, parameters in written.values() for value in parameters), cap, cap)


def people(run: Run) -> QuerySet:
    """One row per allocated person: version (none for the hold-out), wave, and whether it was sent."""
    sent = Case(When(state=MessageState.SENT, then=SENT_BIT), default=0, output_field=IntegerField())
    return allocated(run).values("pk", "customer_id", "variant_id", "wave").annotate(sent=sent)


def answers(run: Run) -> QuerySet:
    """One row per message that was answered: what its person did, as bits, and the revenue of their conversions."""
    kinds = [
        When(kind=kind, by_class=ResponseClass.HUMAN, then=bit(kind, is_human=True) | bit(kind, is_human=False))
        for kind in KINDS
    ]
    anybody = [When(kind=kind, then=bit(kind, is_human=False)) for kind in KINDS]
    did = AnyBit(Case(*kinds, *anybody, default=0, output_field=IntegerField()))
    rows = Response.objects.filter(message__run=run).order_by()
    return rows.values("message_id").annotate(did=did, amount=Sum("amount"))


class AnyBit(Aggregate):
    """The bits that are set in any of the rows."""

    function = "BIT_OR"
    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """SQLite has no such aggregate: the largest value of each bit, added up."""
        inner, parameters = compiler.compile(self.source_expressions[0])
        bits = [1 << place for place in range(2 * len(KINDS) + 2)]
        return " + ".join(f"MAX(({inner}) & {one})" for one in bits), tuple(parameters) * len(bits)


def returns(run: Run) -> QuerySet:
    """What members brought back inside the window, whichever order it was from: every arm is treated alike."""
    is_counted = run.plan["goal_event"] == ORDERS and run.attributed_at is not None
    brought_back = orders(run, begins_at(run), ends_at(run)).filter(kind="return")
    return by_customer(brought_back if is_counted else brought_back.filter(pk=NOBODY))


def past_spend(run: Run) -> QuerySet:
    """What members spent in the year before the send, where it sharpens the figures."""
    spent = orders(run, begins_at(run) - PAST, begins_at(run))
    return by_customer(spent if run.plan["goal"] == Goal.REVENUE else spent.filter(pk=NOBODY))


def orders(run: Run, start: datetime, end: datetime) -> QuerySet:
    known = crm_queries.orders(READER).filter(customer__isnull=False, currency=run.campaign.currency)
    return known.filter(ordered_at__gte=start, ordered_at__lt=end)


def by_customer(rows: QuerySet) -> QuerySet:
    return rows.order_by().values("customer_id").annotate(amount=Sum("total_amount"))


def members(run: Run, segment_ids: Sequence[int]) -> QuerySet:
    """Who was in which of the segments when the audience was sealed."""
    return memberships([*segment_ids, NOBODY], begins_at(run)).values("segment_id", "customer_id").distinct()
