"""Contact pressure: one arbiter over all campaigns says who has had enough, and which of two messages gives way.

A message of a run counts what the same person got from other runs within the period of a cap, and what still waits for
them in runs that outrank its own: higher priority first, then the run that began earlier. Of any two messages one sees
the other, whatever the workers do at once; so nobody gets more than a cap allows (docs/sending.md).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import (
    CharField,
    Count,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Now

from campaigns.models import Campaign, CampaignStatus, ContactCap, ContactWish, Message, MessageState, Run
from campaigns.models.rules import ANY_CHANNEL
from crm.among import Among

BOUNDED = "marketing"  # what is owed to a customer is neither counted nor bounded
ARRIVED = (MessageState.SENT, MessageState.UNKNOWN, MessageState.HANDING)
WAITING = (MessageState.QUEUED, MessageState.LEASED, MessageState.DEFERRED)
GRACE = timedelta(hours=6)  # what is launched later than that was written for another moment: a person decides
LAST = 2**62  # a run that is not launched yet comes after all others
TOO_SOON, TOO_MANY, OUTRANKED, OWN_WISH = "too_soon", "too_many", "outranked", "own_wish"


@dataclass(frozen=True)
class Rank:
    """Where a run stands when two want the same person."""

    priority: int
    run_id: int = LAST


def caps(channel: str) -> list[ContactCap]:
    """Caps in force that bound messages of the channel."""
    return list(ContactCap.objects.filter(is_active=True, channel__in=(channel, ANY_CHANNEL)))


def binds(channel: str) -> bool:
    """Whether anybody's messages on the channel are bounded, by a cap or by their own wish."""
    return bool(caps(channel)) or ContactWish.objects.exists()


Members = Callable[[Campaign, datetime], QuerySet]
"""Who is in the audience of a campaign at a moment."""


def reasons(
    campaign: Campaign, customers: Sequence[int], at: datetime, members: Members, run_id: int = LAST
) -> dict[int, str]:
    """Customers who have had enough, each with the first reason; a few questions per cap, whatever their number."""
    found: dict[int, str] = {}
    if campaign.purpose != BOUNDED:
        return found
    for cap in caps(campaign.channel):
        arrived, ahead = contacts(cap, customers, at, Rank(campaign.priority, run_id))
        ahead.update(reserved(cap, campaign, customers, at, members))
        for customer, reason in over(cap, arrived, ahead).items():
            found.setdefault(customer, reason)
    for customer in wishing_less(customers, at, Rank(campaign.priority, run_id)):
        found.setdefault(customer, OWN_WISH)
    return found


def wishing_less(customers: Sequence[int], at: datetime, rank: Rank) -> set[int]:
    """Those who had, or will have, what they said they want; people who wish alike are asked about together."""
    alike: dict[int, list[int]] = {}
    wishes = ContactWish.objects.filter(Among(F("customer"), customers)).values_list("period_hours", "customer")
    for hours, customer in wishes:
        alike.setdefault(hours, []).append(customer)
    found: set[int] = set()
    for hours, people in alike.items():
        arrived, ahead = contacts(ContactCap(channel=ANY_CHANNEL, at_most=1, period_hours=hours), people, at, rank)
        found |= {*arrived, *ahead}
    return found


def over(cap: ContactCap, arrived: Counter[int], ahead: Counter[int]) -> dict[int, str]:
    """Those whom one more message would bring over the cap."""
    enough = TOO_SOON if cap.at_most == 1 else TOO_MANY
    full = {customer: enough for customer, n in arrived.items() if n >= cap.at_most}
    taken = {customer: OUTRANKED for customer, n in ahead.items() if arrived[customer] + n >= cap.at_most}
    return {**taken, **full}


def contacts(cap: ContactCap, customers: Sequence[int], at: datetime, rank: Rank) -> tuple[Counter[int], Counter[int]]:
    """Messages per customer that the cap counts: what arrived within its period, and what comes first and waits."""
    others = counted(cap).filter(Among(F("customer"), customers)).exclude(run=rank.run_id).order_by()
    arrived = tally(others.filter(state__in=ARRIVED, handed_at__gt=at - timedelta(hours=cap.period_hours)))
    return arrived, tally(others.filter(outranks(rank), state__in=WAITING))


def counted(cap: ContactCap) -> QuerySet[Message]:
    """Messages the cap counts."""
    rows = Message.objects.filter(run__campaign__purpose=BOUNDED)
    return rows if cap.channel == ANY_CHANNEL else rows.filter(channel=cap.channel)


def outranks(rank: Rank) -> Q:
    """Messages whose run comes before one of this rank."""
    higher, same = Q(run__campaign__priority__gt=rank.priority), Q(run__campaign__priority=rank.priority)
    return higher | same & Q(run__lt=rank.run_id)


def tally(rows: QuerySet[Message]) -> Counter[int]:
    return Counter(dict(rows.values_list("customer").annotate(Count("pk"))))


def reserved(
    cap: ContactCap, campaign: Campaign, customers: Sequence[int], at: datetime, members: Members
) -> Counter[int]:
    """Campaigns of higher priority that are scheduled within the period, per member: their turn is kept for them.

    One that missed its time is not launched by itself, so nothing is kept for it.
    """
    until = at + timedelta(hours=cap.period_hours)
    planned = Campaign.objects.filter(
        status=CampaignStatus.SCHEDULED, purpose=BOUNDED, priority__gt=campaign.priority,
        send_at__gt=at - GRACE, send_at__lte=until,
    ).exclude(pk=campaign.pk)  # fmt: skip
    if cap.channel != ANY_CHANNEL:
        planned = planned.filter(channel=cap.channel)
    kept: Counter[int] = Counter()
    for one in planned:
        kept.update(members(one, at).filter(Among(F("pk"), customers)).values_list("pk", flat=True))
    return kept


def spread(*, at: datetime, days: int) -> dict[int, int]:
    """How many customers got 1, 2, 3 … marketing messages in the last days; counted in the engine."""
    got = Message.objects.filter(
        run__campaign__purpose=BOUNDED,
        state__in=ARRIVED,
        handed_at__gt=at - timedelta(days=days),
        customer__isnull=False,
    )
    sql, parameters = got.order_by().values("customer").annotate(n=Count("pk")).values("n").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT n, COUNT(*) FROM ({sql}) AS people GROUP BY n ORDER BY n", parameters)
        return dict(cursor.fetchall())


# --- the same, inside the statement that lets one message leave ------------------------------------------------------


def capped(*, waiting: bool = False, **which: int) -> Q:
    """True for a message whose recipient has had enough by one of these caps; with `waiting` what goes first counts."""
    ours = Q(channel=ANY_CHANNEL) | Q(channel=OuterRef("channel"))
    in_force = ContactCap.objects.filter(ours, is_active=True, **which).order_by()
    full = in_force.annotate(n=Subquery(others(waiting))).filter(n__gte=F("at_most"))
    return Q(Exists(Run.objects.filter(pk=OuterRef("run_id"), campaign__purpose=BOUNDED))) & Q(Exists(full))


def wished_less() -> Q:
    """True for a message whose recipient wants no other so soon."""
    wish = ContactWish.objects.filter(customer=OuterRef("customer_id")).annotate(channel=Value(ANY_CHANNEL))
    full = wish.annotate(n=Subquery(others(waiting=True))).filter(n__gte=1).order_by()
    return Q(Exists(Run.objects.filter(pk=OuterRef("run_id"), campaign__purpose=BOUNDED))) & Q(Exists(full))


def others(waiting: bool) -> QuerySet:
    """Below a cap below a message: how many others its recipient got that count; no row when there are none."""
    hours = ExpressionWrapper(OuterRef("period_hours"), IntegerField()) * Value(timedelta(hours=1), DurationField())
    since = Now() - ExpressionWrapper(hours, DurationField())
    counts = Q(state__in=ARRIVED, handed_at__gt=since)
    if waiting:
        counts |= Q(state__in=WAITING) & comes_first()
    rows = Message.objects.filter(counts, customer=OuterRef(OuterRef("customer_id")), run__campaign__purpose=BOUNDED)
    rows = rows.annotate(bound=ExpressionWrapper(OuterRef("channel"), CharField()))
    rows = rows.filter(Q(bound=ANY_CHANNEL) | Q(bound=F("channel"))).exclude(run=OuterRef(OuterRef("run_id")))
    return rows.order_by().values("customer").annotate(n=Count("pk")).values("n")


def comes_first() -> Q:
    """Below a cap below a message: runs that outrank the message's own."""
    own = Run.objects.filter(pk=OuterRef(OuterRef(OuterRef("run_id"))))
    higher = own.filter(campaign__priority__lt=OuterRef("run__campaign__priority"))
    earlier = own.filter(campaign__priority=OuterRef("run__campaign__priority"), pk__gt=OuterRef("run_id"))
    return Q(Exists(higher)) | Q(Exists(earlier))
