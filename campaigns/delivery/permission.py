"""May this message leave now: the fresh check, in the same words for one message and inside a guarded update."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from campaigns import pressure, topics
from campaigns.models import Message, Run
from crm.models import ConsentState, Customer, Suppression

READ = (Customer, ConsentState, Suppression)  # before every message

NEEDS_CONSENT = "marketing"  # other purposes rest on the contract with the customer

Reference = str | OuterRef


def consents(*, channel: Reference, purpose: str = NEEDS_CONSENT) -> QuerySet[ConsentState]:
    """Grants that hold now. A customer's latest word counts, be it on this channel or on all of them."""
    deeper = OuterRef(channel) if isinstance(channel, OuterRef) else channel
    withdrawn_since = spoken(deeper, purpose).filter(
        customer=OuterRef("customer"), is_granted=False, since_at__gte=OuterRef("since_at")
    )
    unexpired = Q(expires_at=None) | Q(expires_at__gt=Now())
    return spoken(channel, purpose).filter(unexpired, ~Exists(withdrawn_since), is_granted=True)


def spoken(channel: Reference, purpose: str) -> QuerySet[ConsentState]:
    return ConsentState.objects.filter(Q(channel=channel) | Q(channel="any"), purpose=purpose)


def recipient(**conditions: object) -> Exists:
    return Exists(Customer.objects.filter(pk=OuterRef("customer_id"), **conditions))


MARKETING = Q(Exists(Run.objects.filter(pk=OuterRef("run_id"), campaign__purpose=NEEDS_CONSENT)))
CONSENTED = Q(Exists(consents(channel=OuterRef("channel")).filter(customer=OuterRef("customer_id"))))
SUPPRESSED = Q(
    Exists(
        Suppression.objects.filter(
            Q(channel=OuterRef("channel")) | Q(channel="any"), address_key=OuterRef("address_key")
        )
    )
)


@dataclass(frozen=True)
class Objection:
    """One reason not to send: its code and the condition on a message under which it holds."""

    code: str
    holds: Q
    is_implied: bool = False  # by another one: tells the reasons apart, and need not be asked of every message


OBJECTIONS = (
    Objection("erased", ~Q(recipient(erased_at=None))),
    Objection("merged", Q(recipient(merged_into__isnull=False))),
    Objection("restricted", Q(recipient(restricted_at__isnull=False))),
    Objection("objected", MARKETING & Q(recipient(objected_at__isnull=False))),
    Objection("no_consent", MARKETING & ~CONSENTED),
    Objection(topics.REFUSED, MARKETING & Q(topics.is_refused())),
    Objection("suppressed", SUPPRESSED),
    Objection(pressure.TOO_SOON, pressure.capped(at_most=1), is_implied=True),
    Objection(pressure.TOO_MANY, pressure.capped(), is_implied=True),
    Objection(pressure.OUTRANKED, pressure.capped(waiting=True)),
    Objection(pressure.OWN_WISH, pressure.wished_less()),
)


def nothing_against() -> Q:
    """True for a message against which nothing speaks."""
    allowed = Q()
    for objection in OBJECTIONS:
        if not objection.is_implied:
            allowed &= ~objection.holds
    return allowed


def still_allowed() -> Q:
    """True for a message that its recipient still allows; how much else they got since is no matter for it."""
    told = {pressure.TOO_SOON, pressure.TOO_MANY, pressure.OUTRANKED, pressure.OWN_WISH}
    allowed = Q()
    for one in OBJECTIONS:
        if one.code not in told:
            allowed &= ~one.holds
    return allowed


def objection(message_id: int) -> str:
    """Code of the first reason why the message must not leave now; empty when there is none."""
    rows = Message.objects.filter(pk=message_id)
    return next((one.code for one in OBJECTIONS if rows.filter(one.holds).exists()), "")
