"""Sums of what each arm's people did, overall and per segment as of the send: one statement, whatever the size."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import reduce
from operator import add
from typing import Any

from django.db import connection
from django.db.models import Case, IntegerField, Max, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce

from campaigns.audience import memberships
from campaigns.channels import CHANNELS
from campaigns.conversions import ORDERS, allocated, begins_at, ends_at
from campaigns.experiments.allocation import Weights
from campaigns.experiments.report import ArmEvidence, Evidence
from campaigns.experiments.sufficient import Mean, Paired, Proportion, Sample
from campaigns.experiments.waves import stratified
from campaigns.models import Goal, MessageState, ResponseClass, ResponseKind, Run, RunStatus
from crm import queries as crm_queries
from crm import rights

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
STATEMENT = """
WITH person AS ({people}),
     back AS ({returns}),
     before AS ({past}),
     member AS ({members}),
     measured AS (
         SELECT person.*, COALESCE(person.amount, 0) + COALESCE(back.amount, 0) AS y, COALESCE(before.amount, 0) AS x
         FROM person
         LEFT JOIN back ON back.customer_id = person.customer_id
         LEFT JOIN before ON before.customer_id = person.customer_id
     ),
     capped AS (SELECT measured.*, CASE WHEN y > {cap} THEN {cap} ELSE y END AS z FROM measured)
SELECT {everybody} AS segment_id, arm, wave, {sums} FROM capped GROUP BY arm, wave
UNION ALL
SELECT member.segment_id, arm, wave, {sums} FROM capped
JOIN member ON member.customer_id = capped.customer_id
GROUP BY member.segment_id, arm, wave
"""
CAP = "CAST(%s AS NUMERIC)"  # NULL caps nothing
MONEY = ("SUM(y)", "SUM(y * y)", "SUM(z)", "SUM(z * z)", "SUM(x)", "SUM(x * x)", "SUM(x * z)")


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
    """The sums by segment and arm; segment 0 is everybody."""
    sql, parameters = statement(run, segment_ids)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [read(values, names_of_sums(run)) for values in cursor.fetchall()]


def measures(run: Run) -> tuple[Measure, ...]:
    """What people may do with a message of the run's channel."""
    return CALLS if CHANNELS[run.campaign.channel].form == "script" else MEASURES


def names_of_sums(run: Run) -> tuple[str, ...]:
    return (*ALWAYS, *(measure.key for measure in measures(run)))


def read(values: Sequence[Any], names: Sequence[str]) -> Row:
    segment_id, arm, wave, people, *sums = values
    counts = dict(zip(names, map(int, sums), strict=False))
    y, yy, z, zz, x, xx, xz = (Decimal(str(value)) for value in sums[len(names) :])
    y = round(y, 4)  # SQLite adds money in floats
    revenue = Mean(people, y, max(yy, Decimal(0)))
    return Row(segment_id, arm, wave, people, counts, revenue, Paired(people, z, max(zz, Decimal(0)), x, xx, xz))


def statement(run: Run, segment_ids: Sequence[int]) -> tuple[str, tuple[Any, ...]]:
    """The one statement, put together from queries of the doors; no value is written into its text."""
    parts = {
        "people": people(run),
        "returns": returns(run),
        "past": past_spend(run),
        "members": members(run, segment_ids),
    }
    written = {name: query.query.sql_with_params() for name, query in parts.items()}
    sums = ", ".join(["COUNT(*)", *(f"SUM({name})" for name in names_of_sums(run)), *MONEY])
    sql = STATEMENT.format(
        everybody=EVERYBODY, sums=sums, cap=CAP, **{name: text for name, (text, _parameters) in written.items()}
    )
    cap = run.plan.get("baseline", {}).get("cap")
    return sql, (*(value for _text, parameters in written.values() for value in parameters), cap, cap)


def people(run: Run) -> QuerySet:
    """One row per allocated person: arm, whether sent, what they did, the revenue of their conversions."""
    arm = Coalesce("variant__key", Value(HOLD_OUT))
    return (
        allocated(run)
        .values("pk", "customer_id", "wave")
        .annotate(
            arm=arm,
            is_sent=Case(When(state=MessageState.SENT, then=1), default=0, output_field=IntegerField()),
            converted=did(ResponseKind.CONVERSION),
            clicked=did(ResponseKind.CLICK, by_class=ResponseClass.HUMAN),
            amount=Sum("responses__amount"),
            **{one.key: measured(one) for one in measures(run)},
        )
    )


def measured(measure: Measure) -> Max:
    """1 for those it was sent to who did it."""
    only = {"by_class": ResponseClass.HUMAN} if measure.is_human else {}
    return did(measure.kind, message_state=MessageState.SENT, **only)


def did(kind: ResponseKind, *, message_state: str = "", **response: str) -> Max:
    holds = {"responses__kind": kind, **{f"responses__{name}": value for name, value in response.items()}}
    if message_state:
        holds["state"] = message_state
    return Max(Case(When(**holds, then=1), default=0, output_field=IntegerField()))


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
