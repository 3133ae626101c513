"""What came back for a message: append-only rows, each written once, passed down as events of the customer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField, CharField, DateTimeField, Exists, OuterRef, Q

from campaigns import doings
from campaigns.classing import BURST, Class, Hit, classify
from campaigns.delivery import transitions
from campaigns.delivery.permission import consents
from campaigns.delivery.replies import Reply
from campaigns.models import Link, Message, MessageState, Response, ResponseClass, ResponseKind
from crm import actions as crm_actions
from crm import queries as crm_queries
from crm import rights
from crm.statements import HASTE, Call, Given, Question, Statement, insertion, together

RECIPIENT = rights.machine("recipient")
UNSUBSCRIBED = "unsubscribed"
SERVER = rights.machine("mail server")
HARD, SOFT = "hard", "soft"
SOFT_BOUNCES = 5  # messages in a row; a mailbox that is full for a week is not one that is gone
CERTAIN = Class(ResponseClass.HUMAN, "own_act")


@dataclass(frozen=True)
class Answered:
    """What of a message must be known to write down an answer to it; `campaign` is the slug."""

    is_erased: bool
    pk: int
    token: str
    state: str
    attempts: int
    final_at: datetime | None
    channel: str
    variant_id: int | None
    customer_id: int | None
    campaign: str


WHO = Message.objects.filter(pk=Given("id", BigIntegerField)).order_by()
KNOWN_OF = ("pk", "token", "state", "attempts", "final_at", "channel", "variant_id", "customer_id")
OF_CAMPAIGN = ("run__campaign__slug", "customer__erased_at")
WATCHED = consents(channel=OuterRef("channel"), purpose="tracking").filter(customer=OuterRef("customer_id"))
ANSWERED = Question(WHO.annotate(watched=Exists(WATCHED)).values_list(*KNOWN_OF, *OF_CAMPAIGN, "watched"))
LINK = Question(
    Link.objects.filter(pk=Given("id", BigIntegerField), variant=Given("variant", BigIntegerField))
    .order_by()
    .values_list("url")
)
JUST_FOLLOWED = Response.objects.filter(
    message=Given("message", BigIntegerField),
    kind=ResponseKind.CLICK,
    at__gt=Given("since", DateTimeField),
    at__lte=Given("at", DateTimeField),
).order_by()
LINKS_FOLLOWED = Question(JUST_FOLLOWED.values_list("link"))
A_MACHINE_AFTER_ALL = Statement(
    JUST_FOLLOWED, {"by_class": Given("by", CharField), "class_reason": Given("reason", CharField)}
)


def answered(message_id: int) -> tuple[Answered, bool] | None:
    """What is known of the message, and whether its recipient still lets us count opens."""
    for *known, erased_at, is_watched in ANSWERED.ask(id=message_id):
        return Answered(erased_at is not None, *known), bool(is_watched)
    return None


def answered_message(message: Message) -> Answered:
    own: list[Any] = [getattr(message, name) for name in KNOWN_OF]
    return Answered(*[was_erased(message), *own, message.run.campaign.slug])


def address_of_link(link_id: int, variant_id: int | None) -> str | None:
    """Where a link of the version leads; None when it has no such link."""
    return next((url for (url,) in LINK.ask(id=link_id, variant=variant_id)), None) if variant_id else None


def was_erased(message: Message) -> bool:
    """Whether its recipient was erased: then nothing more is written about them."""
    return message.customer is not None and message.customer.erased_at is not None


def record_open(to: Answered, *, user_agent: str, method: str, at: datetime) -> None:
    """The pixel was fetched."""
    by = classify(Hit(user_agent, method, since_sent(to, at)))
    write(to, ResponseKind.OPEN, by, at=at, source_id=second(at), user_agent=user_agent, first=[HASTE])


def record_click(to: Answered, link_id: int, url: str, *, user_agent: str, method: str, at: datetime) -> None:
    """A link was followed. A machine that follows all is known only by its third link; then the first two are, too."""
    moment = {"message": to.pk, "since": at - BURST, "at": at}
    burst = {link for (link,) in LINKS_FOLLOWED.ask(**moment)} | {link_id}
    by = classify(Hit(user_agent, method, since_sent(to, at), len(burst)))
    is_burst = by.reason == "all_links_at_once"
    others = [A_MACHINE_AFTER_ALL.call(**moment, by=by.by, reason=by.reason)] if is_burst else []
    told: dict[str, Any] = {
        "source_id": f"{link_id}:{second(at)}",
        "user_agent": user_agent,
        "link_id": link_id,
        "url": url,
    }
    write(to, ResponseKind.CLICK, by, at=at, first=[HASTE, *others], **told)


def since_sent(to: Answered, at: datetime) -> timedelta | None:
    return at - to.final_at if to.final_at else None


def second(at: datetime) -> str:
    """Two hits in one second are one: mail clients fetch in pairs."""
    return at.strftime("%Y%m%dT%H%M%S")


def record(message: Message, kind: ResponseKind, by: Class, *, at: datetime, source_id: str) -> bool:
    """Write the response once, and tell the customer's timeline.

    False when it was there already, or the recipient was erased.
    """
    return write(answered_message(message), kind, by, at=at, source_id=source_id)


def write(
    to: Answered,
    kind: ResponseKind,
    by: Class,
    *,
    at: datetime,
    source_id: str,
    user_agent: str = "",
    link_id: int | None = None,
    url: str = "",
    first: Sequence[Call] = (),
) -> bool:
    """The response, what it settles and what the timeline says, in one transaction with the calls to run `first`."""
    if to.is_erased:
        return False
    response = insertion(
        Response,
        message=to.pk,
        kind=kind,
        at=at,
        by_class=by.by,
        class_reason=by.reason,
        link=link_id,
        source_id=source_id,
        user_agent=user_agent[:200],
    )
    before = [*doings.held(to.pk), *first]
    after = [doings.kept_up(to.pk), *settling(to), *telling(to, kind, by, at=at, source_id=source_id, url=url)]
    return together([*before, response, *after])[len(before)] == 1


def settling(to: Answered) -> list[Call]:
    """T9: whoever answers a message has got it."""
    if to.state != MessageState.UNKNOWN:
        return []
    return [transitions.SENT_AFTER_ALL.call(id=to.pk, reason="answered", code="", attempts=to.attempts)]


def settle_doubt(message: Message) -> None:
    """The same for an answer of which no row is kept."""
    together(settling(answered_message(message)))


def telling(to: Answered, kind: ResponseKind, by: Class, *, at: datetime, source_id: str, url: str) -> list[Call]:
    """The response as an event of the customer, for segments and the page of the customer."""
    if to.customer_id is None or kind in (ResponseKind.CONVERSION, ResponseKind.BOUNCE):
        return []
    event = crm_actions.NewEvent(
        source="campaigns",
        source_id=f"{to.pk}:{kind}:{source_id}",
        type=str(kind),
        occurred_at=at,
        customer_id=to.customer_id,
        channel=to.channel,
        properties={"campaign": to.campaign, "by": by.by, **({"url": url} if url else {})},
    )
    return crm_actions.own_event(event, by=RECIPIENT, at=at)


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
    if not came_back_since(message, at):
        suppress(message, reason=UNSUBSCRIBED, by=RECIPIENT, at=at)
    return True


def consents_again(message: Message, at: datetime) -> bool:
    """Whether the person allows such messages now."""
    granted = crm_queries.consenting("marketing", message.channel, at=at)
    return message.customer_id is not None and granted.filter(customer=message.customer_id).exists()


def came_back_since(message: Message, at: datetime) -> bool:
    """Whether they gave consent after that: a provider may tell of an old leaving late."""
    given = crm_queries.consents(RECIPIENT).filter(purpose="marketing", is_granted=True, since_at__gt=at)
    return given.filter(customer=message.customer_id, channel__in=(message.channel, "any")).exists()


def lift_own_unsubscription(message: Message, *, at: datetime) -> None:
    """The person came back by themselves: take off what they had put on, and nothing else.

    The list keeps the first reason only: whoever left, and then complained or whose mailbox is gone, stays on it.
    """
    graver = Q(kind=ResponseKind.COMPLAINT) | Q(kind=ResponseKind.BOUNCE, class_reason=HARD)
    mailbox = {"message__channel": message.channel, "message__address_key": message.address_key}
    if Response.objects.filter(graver, **mailbox).exists():
        return
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
