"""Sums of what each arm's people did, overall and per segment as of the send: one statement, whatever the size."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial, reduce
from operator import add
from typing import Any

from django.db.models import Case, IntegerField, Q, QuerySet, Sum, When

from campaigns import past
from campaigns.channels import CHANNELS
from campaigns.conversions import ORDERS, allocated, begins_at, ends_at
from campaigns.doings import SENT_BIT, bit
from campaigns.experiments.allocation import Weights
from campaigns.experiments.report import ArmEvidence, Evidence
from campaigns.experiments.sufficient import Mean, Paired, Proportion, Sample
from campaigns.experiments.waves import stratified
from campaigns.models import Goal, MessageState, Response, ResponseKind, Run, RunStatus
from crm import queries as crm_queries
from crm import rights
from crm.statements import answer_to_much, once

READER = rights.machine("results")
EVERYBODY = NOBODY = 0  # no row has this id
HOLD_OUT = "hold_out"


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
WITH bought AS ({bought}),
     person AS ({people}),
     back AS ({returns}),
     before AS ({past}),
     measured AS (
         SELECT person.groups, variant_id, wave,
             sent | person.did | CASE WHEN bought.message_id IS NULL THEN 0 ELSE {converted} END AS did,
             NULLIF(COALESCE(bought.amount, 0) + COALESCE(back.amount, 0), 0) AS y,
             CAST(COALESCE(person.past_amount, before.amount) AS DOUBLE PRECISION) AS x
         FROM person
         LEFT JOIN bought ON bought.message_id = person.pk
         LEFT JOIN back ON back.customer_id = person.customer_id
         LEFT JOIN before ON before.customer_id = person.customer_id
         {once}
     ),
     plain AS (SELECT measured.*, CAST(y AS DOUBLE PRECISION) AS w FROM measured {once}),
     capped AS (SELECT plain.*, CASE WHEN w > {cap} THEN {cap} ELSE w END AS z FROM plain),
     alike AS (SELECT groups, variant_id, wave, did, {sums} FROM capped GROUP BY groups, variant_id, wave, did),
     segment AS ({segments})
SELECT {everybody} AS segment_id, variant_id, wave, did, {again} FROM alike GROUP BY variant_id, wave, did
UNION ALL
SELECT segment.id, variant_id, wave, did, {again} FROM alike
JOIN segment ON ',' || groups || ',' LIKE '%%,' || segment.id || ',%%'
GROUP BY segment.id, variant_id, wave, did
"""
CONVERTED = bit(ResponseKind.CONVERSION, is_human=False)
FIRST = ("bought", "people", "returns", "past")  # before the cap in the text
CAP = "CAST(%s AS DOUBLE PRECISION)"  # NULL caps nothing
ADDED = {
    "n": "COUNT(*)",
    "y": "SUM(y)",
    "ww": "SUM(w * w)",
    "z": "SUM(z)",
    "zz": "SUM(z * z)",
    "x": "SUM(x)",
    "xx": "SUM(x * x)",
    "xz": "SUM(x * z)",
}  # who has none is NULL: free
SUMS = ", ".join(f"{sum} AS {name}" for name, sum in ADDED.items())
AGAIN = ", ".join(f"SUM({name})" for name in ADDED)  # of people alike in all they did and all groups they are in


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
    revenues = stratified(by_wave(contacted, shares, lambda row: row.revenue))
    pairs = stratified(by_wave(contacted, shares, lambda row: row.with_past))
    has_past = run.plan["goal"] == Goal.REVENUE
    return {
        arm: replace(
            arm_evidence(run, row),
            goal=goals.get(arm, goal_sample(run.plan["goal"], row)),
            revenue=revenues.get(arm, row.revenue),
            paired=pairs.get(arm, row.with_past) if has_past else None,
            counted=row.people,
        )
        for arm, row in whole.items()
    }


def by_wave(found: Sequence[Row], shares: Shares, read: Callable[[Row], Any]) -> list[dict[str, Any]]:
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
    for segment_id, variant_id, wave, did, counted, *sums in answer_to_much(sql, parameters):
        people = int(counted)
        arm = keys[variant_id] if variant_id else HOLD_OUT
        counts = {name: people if holds(did) else 0 for name, holds in HOLDS[measures(run)].items()}
        groups.setdefault((segment_id, arm, wave), []).append(read(segment_id, arm, wave, people, counts, sums))
    return [added(alike) for alike in groups.values()]


def measures(run: Run) -> tuple[Measure, ...]:
    """What people may do with a message of the run's channel."""
    return CALLS if CHANNELS[run.campaign.channel].form == "script" else MEASURES


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
        "bought": bought(run),
        "people": people(run),
        "returns": returns(run),
        "past": past_spend(run),
        "segments": segments(run, segment_ids),
    }
    written = {name: query.query.sql_with_params() for name, query in parts.items()}
    texts = {name: text for name, (text, _parameters) in written.items()}
    sql = STATEMENT.format(
        everybody=EVERYBODY, converted=CONVERTED, sums=SUMS, again=AGAIN, cap=CAP, once=once(), **texts
    )
    cap = run.plan.get("baseline", {}).get("cap")
    given = {name: list(parameters) for name, (_text, parameters) in written.items()}
    return sql, (*(value for name in FIRST for value in given[name]), cap, cap, *given["segments"])


def people(run: Run) -> QuerySet:
    """One row per allocated person: version (none for the hold-out), wave, and whether it was sent."""
    sent = Case(When(state=MessageState.SENT, then=SENT_BIT), default=0, output_field=IntegerField())
    rows = allocated(run).filter(within(run, "pk"))
    return rows.values("pk", "customer_id", "variant_id", "wave", "groups", "did", "past_amount").annotate(sent=sent)


def bought(run: Run) -> QuerySet:
    """One row per message whose person converted, with the revenue of it.

    Found by where the run's messages lie; what others have between them is dropped when it meets the people.
    """
    rows = Response.objects.filter(within(run, "message"), kind=ResponseKind.CONVERSION).order_by()
    return rows.values("message_id").annotate(amount=Sum("amount"))


def within(run: Run, column: str) -> Q:
    """Where the messages of the run lie, once it is sealed."""
    if run.first_message is None:
        return Q()
    return Q(**{f"{column}__gte": run.first_message, f"{column}__lte": run.last_message})


def returns(run: Run) -> QuerySet:
    """What members brought back inside the window, whichever order it was from: every arm is treated alike."""
    is_counted = run.plan["goal_event"] == ORDERS and run.attributed_at is not None
    known = crm_queries.orders_to_add_up().filter(currency=run.campaign.currency, kind="return")
    brought_back = known.filter(ordered_at__gte=begins_at(run), ordered_at__lt=ends_at(run))
    return by_customer(brought_back if is_counted else brought_back.filter(pk=NOBODY))


def past_spend(run: Run) -> QuerySet:
    """What members spent in the year before the send, where it sharpens the figures and no message says it."""
    spent = past.within(run, crm_queries.orders_to_add_up())
    is_asked = past.is_of_use(run) and not past.is_kept(run)
    return by_customer(spent if is_asked else spent.filter(pk=NOBODY))


def by_customer(rows: QuerySet) -> QuerySet:
    return rows.order_by().values("customer_id").annotate(amount=Sum("total_amount"))


def segments(run: Run, ids: Sequence[int]) -> QuerySet:
    """The segments to read by; who was in which was written down at the sealing."""
    return run.campaign.include.filter(pk__in=[*ids, NOBODY]).order_by().values("id")
