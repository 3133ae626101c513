"""T2: a worker takes a handful of due messages of a run for a quarter of an hour."""

import secrets
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from campaigns.delivery.transitions import IS_SENDING, LEASE, RELEASE
from campaigns.models import Message, MessageState

CLAIM_SIZE = 200


@dataclass(frozen=True)
class Claim:
    """Messages under one lease."""

    token: str
    messages: tuple[Message, ...]


@transaction.atomic
def claim(run_id: int, *, size: int = CLAIM_SIZE) -> Claim:
    """Lease up to `size` due messages of a run that is sending; those put off earlier come first."""
    token = secrets.token_hex(16)
    ids = due(deferred(run_id), size)
    ids += due(waiting(run_id), size - len(ids))
    Message.objects.filter(pk__in=ids).filter(IS_SENDING).update(
        state=MessageState.LEASED, lease_token=token, lease_until=Now() + LEASE, next_at=None
    )
    rows = Message.objects.filter(pk__in=ids, lease_token=token).select_related("customer").order_by("pk")
    return Claim(token, tuple(rows))


def waiting(run_id: int) -> QuerySet[Message]:
    return Message.objects.filter(run=run_id, state=MessageState.QUEUED).order_by("pk")


def deferred(run_id: int) -> QuerySet[Message]:
    rows = Message.objects.filter(run=run_id, state=MessageState.DEFERRED, next_at__lte=Now())
    return rows.order_by(F("next_at"), "pk")


def due(rows: QuerySet[Message], size: int) -> list[int]:
    """Ids of the first rows that no other worker holds at this moment."""
    return list(rows.select_for_update(skip_locked=True).values_list("pk", flat=True)[:size]) if size else []


def release(claim: Claim, messages: tuple[Message, ...]) -> None:
    """T8: give back what was not begun."""
    for message in messages:
        RELEASE.run(id=message.pk, token=claim.token)
