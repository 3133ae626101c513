"""Waves: an audience that is sent to bit by bit, each bit dealt by what the earlier ones showed (Thompson 1933).

At the sealing everybody gets a row: the hold-out and the first wave by the planned shares, the others wait for their
wave without a version. When a wave is due its shares are fixed from the responses of people, written down, and its
members dealt in chunks. Delivery knows nothing of it: rows that wait are put off without an hour until then.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from campaigns.audience import stratum
from campaigns.experiments.allocation import Weights, allocate
from campaigns.experiments.answers import CannotTell
from campaigns.experiments.bandit import thompson_shares
from campaigns.experiments.plan import Plan
from campaigns.experiments.sufficient import Sample
from campaigns.models import Message, MessageState, Run, RunStatus, Wave

LATER = "later_wave"
NAME = "wave "  # keys of versions have no space
CHUNK, CHUNKS = 5_000, 40  # of one wave per sweep
BUSY = (MessageState.QUEUED, MessageState.LEASED, MessageState.HANDING)


def spread(planned: Weights, waves: int, hold_out: str) -> Weights:
    """The planned shares with all but the first of the waves cut off; the hold-out keeps its share of everybody.

    >>> spread(Weights(("A", "B", "held"), (0.4, 0.4, 0.2)), 2, "held")
    Weights(arms=('A', 'B', 'wave 2', 'held'), shares=(0.2, 0.2, 0.4, 0.2))
    """
    if waves == 1:
        return planned
    shares = dict(zip(planned.arms, planned.shares, strict=True))
    held = shares.pop(hold_out, 0.0)
    first = {arm: share / waves for arm, share in shares.items()}
    later = {f"{NAME}{number}": (1 - held) / waves for number in range(2, waves + 1)}
    arms = {**first, **later, hold_out: held}
    return Weights(tuple(arms), tuple(arms.values()))


def number_of(arm: str) -> int:
    """The wave that an arm of `spread` stands for.

    >>> number_of("wave 3"), number_of("A")
    (3, 1)
    """
    return int(arm.removeprefix(NAME)) if arm.startswith(NAME) else 1


def plan_waves(run: Run) -> None:
    """The waves of a run at its launch; the first is dealt by the planned shares."""
    count, hours = run.plan.get("waves", 1), run.plan.get("wave_hours", 0)
    if count == 1:
        return
    start, weights = run.sealed_at or run.started_at, run.plan["weights"]
    first = dict(zip(weights, Weights.of(weights).shares, strict=True))
    Wave.objects.bulk_create(
        Wave(
            run=run,
            number=number,
            due_at=start + timedelta(hours=hours * (number - 1)),
            opened_at=start if number == 1 else None,
            shares=first if number == 1 else {},
            seed=run.seed if number == 1 else f"{run.seed}|{NAME}{number}",
        )
        for number in range(1, count + 1)
    )


def open_due(read: Any, *, at: datetime) -> list[int]:
    """Open what is due and deal it; return the ids of the runs that got work.

    `read` gives a run's plan and its versions’ goal so far. A wave waits for the one before to have left.
    """
    rows = Wave.objects.filter(number__gt=1, due_at__lte=at, run__status=RunStatus.SENDING)
    touched = []
    for wave in rows.select_related("run", "run__campaign").order_by("run", "number"):
        if wave.opened_at is None and not may_open(wave):
            continue
        if wave.opened_at is None:
            open_wave(wave, *read(wave.run), at=at)
        if deal(wave):
            touched.append(wave.run_id)
    return touched


def may_open(wave: Wave) -> bool:
    earlier = Wave.objects.filter(run=wave.run_id, number__lt=wave.number, opened_at=None)
    busy = Message.objects.filter(run=wave.run_id, state__in=BUSY)
    return not earlier.exists() and not busy.exists() and wave.run.expected is not None


def open_wave(wave: Wave, plan: Plan, seen: Mapping[str, Sample], *, at: datetime) -> None:
    """Fix its shares, once, whoever else tries at the same time."""
    shares = shares_of(plan, seen, wave.run.plan["floor"])
    told = {arm: {"people": sample.n, "value": sample.mean if sample.n else None} for arm, sample in seen.items()}
    Wave.objects.filter(pk=wave.pk, opened_at=None).update(shares=shares, seen=told, opened_at=at)
    wave.refresh_from_db()


def shares_of(plan: Plan, seen: Mapping[str, Sample], floor: float) -> dict[str, float]:
    """Shares of the contacted: versions by their chance to be best; the text for all keeps what was planned."""
    planned = {arm.key: arm.weight for arm in plan.arms if arm.role != "hold_out"}
    planned = dict(zip(planned, Weights.of(planned).shares, strict=True))
    told = thompson_shares({key: seen[key] for key in plan.variants if key in seen}, floor=floor)
    if isinstance(told, CannotTell):
        return planned
    free = sum(planned[key] for key in plan.variants)
    return planned | {key: free * share for key, share in zip(told.weights.arms, told.weights.shares, strict=True)}


def deal(wave: Wave) -> int:
    """Give versions to the wave's people who have none; return how many got one."""
    versions = dict(wave.run.campaign.variants.values_list("key", "pk"))
    done = 0
    for _chunk in range(CHUNKS):
        if not (count := deal_chunk(wave, versions)):
            break
        done += count
    return done


@transaction.atomic
def deal_chunk(wave: Wave, versions: Mapping[str, int]) -> int:
    """The next people of the wave, balanced inside each segment; a second worker waits for the first."""
    run = Run.objects.select_for_update(of=("self",)).get(pk=wave.run_id)
    rows = list(undealt(wave).values_list("pk", "person_key", "groups")[:CHUNK]) if is_sending(run) else []
    if not rows:
        return 0
    names = [f"{stratum(groups)}@{rows[0][0]}" for _pk, _key, groups in rows]
    arms = allocate([key for _pk, key, _groups in rows], names, Weights.of(wave.shares), seed=wave.seed)
    for arm in set(arms):
        mine = [pk for (pk, _key, _groups), own in zip(rows, arms, strict=True) if own == arm]
        waiting = undealt(wave).order_by().filter(pk__in=mine)
        waiting.update(variant=versions[arm], state=MessageState.QUEUED, reason="")
    return len(rows)


def is_sending(run: Run) -> bool:
    return run.status == RunStatus.SENDING


def undealt(wave: Wave) -> QuerySet[Message]:
    rows = Message.objects.filter(run=wave.run_id, state=MessageState.DEFERRED, variant=None, wave=wave.number)
    return rows.order_by("pk")
