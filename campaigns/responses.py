"""What came back for a message: append-only rows, each written once, passed down as events of the customer."""

from datetime import datetime, timedelta
from itertools import takewhile

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from campaigns.classing import BURST, Class, Hit, classify
from campaigns.delivery import transitions
from campaigns.delivery.replies import Reply
from campaigns.models import Link, Message, MessageState, Response, ResponseClass, ResponseKind
from crm import actions as crm_actions
from crm import queries as crm_queries
from crm import rights

RECIPIENT = rights.machine("recipient")
UNSUBSCRIBED = "unsubscribed"
SERVER = rights.machine("mail server")
HARD, SOFT = "hard", "soft"
SOFT_BOUNCES = 5  # messages in a row; a mailbox that is full for a week is not one that is gone
CERTAIN = Class(ResponseClass.HUMAN, "own_act")


def was_erased(message: Message) -> bool:
    """Whether its recipient was erased: then nothing more is written about them."""
    return message.customer is not None and message.customer.erased_at is not None


def lets_us_watch(message: Message, *, at: datetime) -> bool:
    """Whether the recipient still lets us count opens; the picture went out when they did."""
    return crm_queries.consenting("tracking", message.channel, at=at).filter(customer=message.customer_id).exists()


def record_open(message: Message, *, user_agent: str, method: str, at: datetime) -> None:
    """The pixel was fetched."""
    hit = Hit(user_agent, method, since_sent(message, at))
    record(message, ResponseKind.OPEN, classify(hit), at=at, source_id=second(at), user_agent=user_agent)


def record_click(message: Message, link: Link, *, user_agent: str, method: str, at: datetime) -> None:
    """A link was followed. A machine that follows all is known only by its third link; then the first two are, too."""
    burst = links_just_followed(message, at) | {link.pk}
    by = classify(Hit(user_agent, method, since_sent(message, at), len(burst)))
    record(
        message, ResponseKind.CLICK, by, at=at, source_id=f"{link.pk}:{second(at)}", user_agent=user_agent, link=link
    )
    if by.reason == "all_links_at_once":
        just_followed(message, at).update(by_class=by.by, class_reason=by.reason)


def since_sent(message: Message, at: datetime) -> timedelta | None:
    return at - message.final_at if message.final_at else None


def just_followed(message: Message, at: datetime) -> QuerySet[Response]:
    return Response.objects.filter(message=message, kind=ResponseKind.CLICK, at__gt=at - BURST, at__lte=at)


def links_just_followed(message: Message, at: datetime) -> set[int]:
    return set(just_followed(message, at).values_list("link", flat=True))


def second(at: datetime) -> str:
    """Two hits in one second are one: mail clients fetch in pairs."""
    return at.strftime("%Y%m%dT%H%M%S")


@transaction.atomic
def record(
    message: Message,
    kind: ResponseKind,
    by: Class,
    *,
    at: datetime,
    source_id: str,
    user_agent: str = "",
    link: Link | None = None,
) -> bool:
    """Write the response once, and tell the customer's timeline.

    False when it was there already, or the recipient was erased.
    """
    if was_erased(message):
        return False
    defaults = {"at": at, "by_class": by.by, "class_reason": by.reason, "link": link, "user_agent": user_agent[:200]}
    _, is_new = Response.objects.get_or_create(message=message, kind=kind, source_id=source_id, defaults=defaults)
    if is_new:
        settle_doubt(message, at)
        tell_timeline(message, kind, by, at=at, source_id=source_id, link=link)
    return is_new


def settle_doubt(message: Message, at: datetime) -> None:
    """T9: whoever answers a message has got it."""
    if message.state == MessageState.UNKNOWN:
        told = {"reason": "answered", "code": "", "attempts": message.attempts}
        transitions.SENT_AFTER_ALL.run(id=message.pk, **told)


def tell_timeline(
    message: Message, kind: ResponseKind, by: Class, *, at: datetime, source_id: str, link: Link | None
) -> None:
    """The response as an event of the customer, for segments and the page of the customer."""
    if message.customer_id is None or kind in (ResponseKind.CONVERSION, ResponseKind.BOUNCE):
        return
    event = crm_actions.NewEvent(
        source="campaigns",
        source_id=f"{message.pk}:{kind}:{source_id}",
        type=str(kind),
        occurred_at=at,
        customer_id=message.customer_id,
        channel=message.channel,
        properties={"campaign": message.run.campaign.slug, "by": by.by, **({"url": link.url} if link else {})},
    )
    crm_actions.record_events([event], by=RECIPIENT, at=at)


@transaction.atomic
def unsubscribe(message: Message, *, at: datetime, way: str) -> bool:
    """The person left: consent is withdrawn and the mailbox suppressed at once.

    A repeat changes nothing, unless they had come back in between: then they leave again.
    """
    if was_erased(message):
        return False
    is_first = record(message, ResponseKind.UNSUBSCRIBE, CERTAIN, at=at, source_id="unsubscribe")
    if not is_first and not consents_again(message, at):
        return False
    if message.customer:
        evidence = {"message": message.pk}
        crm_actions.record_consent(
            message.customer,
            purpose="marketing",
            channel=message.channel,
            act="withdrawn",
            said_at=at,
            source=way,
            evidence=evidence,
            by=RECIPIENT,
            at=at,
        )
    suppress(message, reason=UNSUBSCRIBED, by=RECIPIENT, at=at)
    return True


def consents_again(message: Message, at: datetime) -> bool:
    """Whether the person allows such messages now."""
    granted = crm_queries.consenting("marketing", message.channel, at=at)
    return message.customer_id is not None and granted.filter(customer=message.customer_id).exists()


def lift_own_unsubscription(message: Message, *, at: datetime) -> None:
    """The person came back by themselves: take off what they had put on, and nothing else."""
    own = {"channel": message.channel, "address_key": message.address_key, "reason": UNSUBSCRIBED}
    for suppression in crm_queries.suppressions(RECIPIENT).filter(**own):
        crm_actions.lift_suppression(suppression, proof=f"preference page of message {message.pk}", by=RECIPIENT, at=at)


def record_complaint(message: Message, *, at: datetime, source_id: str) -> None:
    """The person called it unwanted: never again."""
    if record(message, ResponseKind.COMPLAINT, CERTAIN, at=at, source_id=source_id):
        suppress(message, reason="complaint", by=SERVER, at=at)


def record_hard_bounce(message: Message, reply: Reply, *, at: datetime) -> None:
    """The server said that the mailbox does not exist."""
    record_bounce(message, HARD, at=at, source_id="hard")


def record_bounce(message: Message, hardness: str, *, at: datetime, source_id: str) -> None:
    """It came back. A mailbox that does not exist is never written to again, nor one that is closed time after time."""
    by = Class(ResponseClass.MACHINE, hardness)
    if not record(message, ResponseKind.BOUNCE, by, at=at, source_id=source_id):
        return
    if hardness == HARD:
        suppress(message, reason="hard_bounce", by=SERVER, at=at)
    elif came_back_in_a_row(message) >= SOFT_BOUNCES:
        suppress(message, reason="soft_bounces", by=SERVER, at=at)


def came_back_in_a_row(message: Message) -> int:
    """Of the last messages to the mailbox, how many bounced with none after them that did not."""
    last = Message.objects.filter(
        channel=message.channel, address_key=message.address_key, state__in=(MessageState.SENT, MessageState.UNKNOWN)
    ).exclude(address_key="")
    bounced = Exists(Response.objects.filter(message=OuterRef("pk"), kind=ResponseKind.BOUNCE))
    told = last.order_by("-pk").annotate(came_back=bounced).values_list("came_back", flat=True)[:SOFT_BOUNCES]
    return len(list(takewhile(bool, told)))


def suppress(message: Message, *, reason: str, by: rights.Actor, at: datetime) -> None:
    """Put the message's mailbox on the suppression list."""
    if message.address_key:
        crm_actions.suppress_key(
            channel=message.channel, key=message.address_key, reason=reason, source=by.source, by=by, at=at
        )
