"""T2: a worker takes a handful of due messages of a run for a quarter of an hour: those whose hour and turn it is."""

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from campaigns.conversions import is_over
from campaigns.delivery import rates
from campaigns.delivery.hours import ALL_DAYS, Hours, opens_at, zone_of
from campaigns.delivery.permission import NEEDS_CONSENT
from campaigns.delivery.transitions import IS_SENDING, LEASE, RELEASE, expire_waiting
from campaigns.models import Campaign, Message, MessageState, Run, SendingRules

CLAIM_SIZE = 200
NEVER_OPEN = timedelta(days=1)  # rules that leave no hour open: looked at again each day
QUIET = "quiet_hours"


@dataclass(frozen=True)
class Claim:
    """Messages under one lease. `put_off` is how many were found to wait for their hour instead."""

    token: str
    messages: tuple[Message, ...]
    put_off: int = 0


@transaction.atomic
def claim(run_id: int, *, size: int = CLAIM_SIZE, at: datetime | None = None) -> Claim:
    """Lease up to `size` due messages of a run that is sending; those put off earlier come first.

    Whether they come too late is asked as of `at`: now, unless a past is told.
    """
    token = secrets.token_hex(16)
    run = Run.objects.select_related("campaign").get(pk=run_id)
    if is_over(run, at=at or timezone.now()):
        expire_waiting(run_id)
    allowed = rates.allowance(run.campaign.channel)
    rows, put_off = in_their_hours(candidates(run_id, size, allowed), run.campaign)
    mine = [row for row in rows if allowed.take(row.customer.email if row.customer else "")]
    leased = Message.objects.filter(pk__in=[row.pk for row in mine]).filter(IS_SENDING)
    if leased.update(state=MessageState.LEASED, lease_token=token, lease_until=Now() + LEASE, next_at=None):
        allowed.keep()
        return Claim(token, tuple(mine), put_off)
    return Claim(token, (), put_off)


def candidates(run_id: int, size: int, allowed: rates.Allowance) -> list[Message]:
    """Due rows that no other worker holds, as many as the channel's rate lets through."""
    left = allowed.left("")
    size = size if left is None else max(min(size, left), 0)
    elsewhere = Q()
    for domain in allowed.exhausted():
        elsewhere &= ~Q(customer__email__iendswith=f"@{domain}")
    ids = due(deferred(run_id).filter(elsewhere), size)
    ids += due(waiting(run_id).filter(elsewhere), size - len(ids))
    return list(Message.objects.filter(pk__in=ids).select_related("customer").order_by("pk"))


def waiting(run_id: int) -> QuerySet[Message]:
    return Message.objects.filter(run=run_id, state=MessageState.QUEUED).order_by("pk")


def deferred(run_id: int) -> QuerySet[Message]:
    rows = Message.objects.filter(run=run_id, state=MessageState.DEFERRED, next_at__lte=Now())
    return rows.order_by(F("next_at"), "pk")


def due(rows: QuerySet[Message], size: int) -> list[int]:
    """Ids of the first rows that no other worker holds at this moment."""
    if size <= 0:
        return []
    return list(rows.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)[:size])


def in_their_hours(rows: Sequence[Message], campaign: Campaign) -> tuple[list[Message], int]:
    """The rows whose recipients may be written to at this hour; the others are put off, and counted."""
    opening = opening_of(campaign)
    if opening is None:
        return list(rows), 0
    now, later = timezone.now(), defaultdict(list)
    for row in rows:
        later[opening(row.customer.time_zone if row.customer else "", now)].append(row)
    open_now = later.pop(now, [])
    for opens, group in later.items():
        put_off(group, until=opens)
    return open_now, sum(map(len, later.values()))


def put_off(rows: Iterable[Message], *, until: datetime) -> None:
    """T3: not at this hour. No attempt was made, so none is counted."""
    waiting = Message.objects.filter(pk__in=[row.pk for row in rows])
    waiting.update(state=MessageState.DEFERRED, next_at=until, reason=QUIET)


Opening = Callable[[str, datetime], datetime]


def opening_of(campaign: Campaign) -> Opening | None:
    """Tells from the name of a zone when a message may leave there; None when any time is right."""
    hours = hours_of(campaign)
    if hours.never_close:
        return None

    @lru_cache(maxsize=1_000)
    def opens(zone: str, at: datetime) -> datetime:
        return opens_at(hours, at, zone_of(zone, settings.FIRM_TIME_ZONE)) or at + NEVER_OPEN

    return opens


def hours_of(campaign: Campaign) -> Hours:
    """Quiet hours are for marketing; a campaign's own window is for whatever it sends."""
    rules = SendingRules.objects.first() if campaign.purpose == NEEDS_CONSENT else None
    quiet = (rules.quiet_from, rules.quiet_until) if rules and rules.quiet_from and rules.quiet_until else None
    window = (campaign.send_from, campaign.send_until) if campaign.send_from and campaign.send_until else None
    weekdays = frozenset(map(int, campaign.send_weekdays)) or ALL_DAYS
    return Hours(quiet, window, weekdays)


def release(claim: Claim, messages: tuple[Message, ...]) -> None:
    """T8: give back what was not begun."""
    for message in messages:
        RELEASE.run(id=message.pk, token=claim.token)
