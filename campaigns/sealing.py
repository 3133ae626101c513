"""Sealing: every member of the audience gets one row, in chunks whose cursor moves in the same transaction."""

import hashlib
import hmac
import secrets
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Count

from campaigns import audience
from campaigns.audience import Prospect
from campaigns.experiments.allocation import Weights, allocate
from campaigns.models import Campaign, Message, MessageState, Run, RunStatus

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
    prospects = audience.chunk(run.campaign, run.sealed_at or at, after=run.cursor, seen=lambda keys: taken(run, keys))
    if not prospects:
        close_seal(run)
        return True
    Message.objects.bulk_create(rows(run, prospects), batch_size=1_000)
    Run.objects.filter(pk=run.pk).update(cursor=prospects[-1].customer_id)
    return False


def taken(run: Run, keys: Sequence[str]) -> set[str]:
    """Mailboxes that members sealed before already have."""
    messages = Message.objects.filter(run=run, channel=run.campaign.channel, address_key__in=keys)
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
    total = Message.objects.filter(run=run).count()
    counts[""] = total - counts.total()
    run.expected, run.reach = total, audience.funnel(counts).as_json()
    if run.status == RunStatus.SEALING:
        run.status = RunStatus.SENDING
    run.save(update_fields=["expected", "reach", "status"])


def rows(run: Run, prospects: Sequence[Prospect]) -> list[Message]:
    """The rows of a chunk: waiting with a version, held out, or skipped with the reason."""
    arms = arms_of(run, [one for one in prospects if not one.reason])
    variants = dict(run.campaign.variants.values_list("key", "pk"))
    return [row(run, one, arms.get(one.customer_id, ""), variants) for one in prospects]


def row(run: Run, one: Prospect, arm: str, variants: dict[str, int]) -> Message:
    state = MessageState.SKIPPED if one.reason else MessageState.HELD_OUT if arm == HELD_OUT else MessageState.QUEUED
    return Message(
        run=run,
        channel=run.campaign.channel,
        customer_id=one.customer_id,
        person_key=person_key(one.customer_id),
        address_key=one.address_key,
        variant_id=variants.get(arm),
        state=state,
        reason=one.reason,
        final_at=None if state == MessageState.QUEUED else run.sealed_at,
        token=secrets.token_hex(16),
    )


def arms_of(run: Run, prospects: Sequence[Prospect]) -> dict[int, str]:
    """The arm of each person we may write to; who had one in an earlier run of the campaign keeps it."""
    people = {person_key(one.customer_id): one for one in prospects}
    strata = [f"{one.stratum}@{run.cursor}" for one in people.values()]
    stored = earlier_arms(run, list(people))
    arms = allocate(list(people), strata, weights(run.campaign), seed=run.seed, stored=stored)
    return {one.customer_id: arm for one, arm in zip(people.values(), arms, strict=True)}


def earlier_arms(run: Run, people: list[str]) -> dict[str, str]:
    if not run.campaign.runs.exclude(pk=run.pk).exists():
        return {}
    known = weights(run.campaign).arms
    earlier = Message.objects.filter(run__campaign=run.campaign_id, person_key__in=people).exclude(run=run)
    pairs = earlier.exclude(state=MessageState.SKIPPED).order_by("pk").values_list("person_key", "variant__key")
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
    said = f"person|{customer_id}".encode()
    return hmac.new(settings.ADDRESS_HASH_KEY.encode(), said, hashlib.sha256).hexdigest()[:32]
