"""Sealing: every member of the audience gets one row, in chunks whose cursor moves in the same transaction."""

import hmac
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, F, Max, Min

from campaigns import audience, past, rollout, waves
from campaigns.audience import Prospect
from campaigns.conversions import ALLOCATED
from campaigns.experiments.allocation import Weights, allocate
from campaigns.models import Campaign, Message, MessageState, Run, RunStatus
from crm import bulk
from crm.among import Among
from crm.statements import keep_statistics

HELD_OUT = "held out"  # not a key a version can have


def seal(run_id: int, *, at: datetime, chunks: int | None = None) -> bool:
    """Seal up to that many chunks (None: all); return whether the audience is complete now."""
    done = 0
    while chunks is None or done < chunks:
        if seal_chunk(run_id, at=at):
            return True
        done += 1
    return False


@transaction.atomic
def seal_chunk(run_id: int, *, at: datetime) -> bool:
    """Seal the next chunk, or close the seal when none is left. Two workers at once seal two different chunks."""
    run = Run.objects.select_for_update(of=("self",)).select_related("campaign").get(pk=run_id)
    if run.expected is not None or run.status not in (RunStatus.SEALING, RunStatus.PAUSED):
        return True
    if not run.cursor:
        for model in audience.READ:
            keep_statistics(model)
    sealed_at = run.sealed_at or at
    prospects = audience.chunk(
        run.campaign,
        run.members_at or sealed_at,
        after=run.cursor,
        seen=lambda keys: taken(run, keys),
        when=audience.When(sealed_at, run.pk),
    )
    if not prospects:
        close_seal(run)
        return True
    bulk.write(Message, COLUMNS, rows(run, without_row(run, rollout.concerned(run, prospects))))
    Run.objects.filter(pk=run.pk).update(cursor=prospects[-1].customer_id)
    keep_statistics(Message)
    return False


def without_row(run: Run, prospects: list[Prospect]) -> list[Prospect]:
    """Those who have no row yet; only a run that was sealed before, and lost some, can hold others."""
    if not run.reach:
        return prospects
    keys = {person_key(one.customer_id): one for one in prospects}
    present = Message.objects.filter(Among(F("person_key"), list(keys)), run=run, channel=run.campaign.channel)
    for key in present.values_list("person_key", flat=True):
        keys.pop(key, None)
    return list(keys.values())


def taken(run: Run, keys: Sequence[str]) -> set[str]:
    """Mailboxes that members sealed before already have."""
    messages = Message.objects.filter(Among(F("address_key"), keys), run=run, channel=run.campaign.channel)
    messages = messages.exclude(address_key="").order_by()  # said aloud, else PostgreSQL leaves the partial index alone
    return set(messages.values_list("address_key", flat=True))


def close_seal(run: Run) -> None:
    """Fix the number of members, which the states must add up to for ever, and let the sending begin."""
    counts = Counter(
        dict(
            Message.objects.filter(run=run, state=MessageState.SKIPPED)
            .order_by()
            .values_list("reason")
            .annotate(Count("pk"))
        )
    )
    mine = Message.objects.filter(run=run).aggregate(total=Count("pk"), first=Min("pk"), last=Max("pk"))
    run.first_message, run.last_message, run.expected = mine["first"], mine["last"], mine["total"]
    counts[""] = run.expected - counts.total()
    run.reach = audience.funnel(counts).as_json()
    if run.status == RunStatus.SEALING:
        run.status = RunStatus.SENDING
    run.save(update_fields=["expected", "reach", "status", "first_message", "last_message"])


COLUMNS = (
    "run",
    "channel",
    "customer",
    "person_key",
    "address_key",
    "variant",
    "groups",
    "wave",
    "past_amount",
    "state",
    "reason",
    "final_at",
    "token",
    "code",
    "lease_token",
    "attempts",
)
OPEN = (MessageState.QUEUED.value, MessageState.DEFERRED.value)
UNTOUCHED = ("", "", 0)  # code, lease_token, attempts


def rows(run: Run, prospects: Sequence[Prospect]) -> Iterator[tuple[Any, ...]]:
    """The rows of a chunk: waiting with a version, held out, or skipped with the reason."""
    keys = person_keys([one.customer_id for one in prospects])
    dealt = [one for one in prospects if not one.reason]
    arms = arms_of(run, dealt, keys)
    before = past.spent(run, [one.customer_id for one in dealt])
    variants = dict(run.campaign.variants.values_list("key", "pk"))
    sealed_at = connection.ops.adapt_datetimefield_value(run.sealed_at)
    for one in prospects:
        arm = arms.get(one.customer_id, "")
        wave = waves.number_of(arm)
        state = state_of(one, arm)
        reason = one.reason or (waves.LATER if wave > 1 else "")
        ended_at = None if state in OPEN else sealed_at
        who = (run.pk, run.campaign.channel, one.customer_id, keys[one.customer_id], one.address_key)
        what = (variants.get(arm), one.groups, wave, before.get(one.customer_id))
        yield (*who, *what, state, reason, ended_at, secrets.token_hex(16), *UNTOUCHED)


def state_of(one: Prospect, arm: str) -> str:
    """The state in which a member's row begins."""
    if one.reason:
        return MessageState.SKIPPED.value
    if waves.number_of(arm) > 1:
        return MessageState.DEFERRED.value
    return MessageState.HELD_OUT.value if arm == HELD_OUT else MessageState.QUEUED.value


def arms_of(run: Run, prospects: Sequence[Prospect], keys: dict[int, str]) -> dict[int, str]:
    """The arm of each person we may write to; who had one in an earlier run keeps it, unless it is rolled out."""
    if run.rolls_out_id is not None:
        return rollout.variants(run, [one.customer_id for one in prospects])
    people = {keys[one.customer_id]: one for one in prospects}
    strata = [f"{audience.stratum(one.groups)}@{run.cursor}" for one in people.values()]
    stored = earlier_arms(run, list(people))
    shares = waves.spread(weights(run.campaign), run.plan.get("waves", 1), HELD_OUT)
    arms = allocate(list(people), strata, shares, seed=run.seed, stored=stored)
    return {one.customer_id: arm for one, arm in zip(people.values(), arms, strict=True)}


def earlier_arms(run: Run, people: list[str]) -> dict[str, str]:
    runs = list(run.campaign.runs.exclude(pk=run.pk).values_list("pk", flat=True))
    if not runs:
        return {}
    known = weights(run.campaign).arms
    channel = run.campaign.channel  # named with the runs: then their index finds the people
    earlier = Message.objects.filter(Among(F("person_key"), people), run__in=runs, channel=channel)
    pairs = (
        earlier.filter(ALLOCATED)
        .exclude(state=MessageState.SKIPPED)
        .order_by("pk")
        .values_list("person_key", "variant__key")
    )
    return {person: arm or HELD_OUT for person, arm in pairs if (arm or HELD_OUT) in known}


def weights(campaign: Campaign) -> Weights:
    """Shares of the versions and of the hold-out."""
    contacted = 1 - float(campaign.holdout_share)
    versions = list(campaign.variants.order_by("key").values_list("key", "weight"))
    total = sum(weight for _, weight in versions)
    shares = {key: contacted * weight / total for key, weight in versions}
    return Weights.of({**shares, HELD_OUT: float(campaign.holdout_share)})


def person_key(customer_id: int) -> str:
    """A key that is the same in every run and says nothing without the firm's hash key."""
    return person_keys([customer_id])[customer_id]


def person_keys(customer_ids: Sequence[int]) -> dict[int, str]:
    """The same for many, by their ids."""
    key = settings.ADDRESS_HASH_KEY.encode()
    return {one: hmac.digest(key, f"person|{one}".encode(), "sha256").hex()[:32] for one in customer_ids}
