"""The changes a message may go through, numbered T1 to T12 in docs/sending.md; each is one guarded update."""

from datetime import timedelta

from django.db import transaction
from django.db.models import DurationField, Exists, IntegerField, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Now

from campaigns.delivery import permission
from campaigns.models import Message, MessageState, Run, RunStatus
from crm.statements import Given, Statement

LEASE = timedelta(minutes=15)
HAND_OVER_LEASE = timedelta(minutes=12)  # the ten minutes RFC 5321 §4.5.3.2.6 grants the final reply, and a margin
WAITING = (MessageState.QUEUED, MessageState.DEFERRED, MessageState.LEASED)
SENT_AGAIN = "sent_again"
OPEN_STATES = (*WAITING, MessageState.HANDING)
SAID = {"reason": Given("reason"), "code": Given("code"), "attempts": Given("attempts", IntegerField)}
NO_LEASE = {"lease_token": Value(""), "lease_until": Value(None)}
IS_SENDING = Q(Exists(Run.objects.filter(pk=OuterRef("run_id"), status=RunStatus.SENDING)))


def mine(*states: MessageState) -> QuerySet[Message]:
    """The row itself, if it still stands in one of these states under our lease."""
    one = Given("id", IntegerField)
    return Message.objects.filter(pk=one, state__in=states, lease_token=Given("token")).order_by()


def ends(state: MessageState) -> dict[str, object]:
    """Columns of a message that has reached its end."""
    return {"state": Value(state), "final_at": Now(), "next_at": Value(None), **SAID, **NO_LEASE}


# T3: the fresh check spoke against it
SKIP = Statement(mine(MessageState.LEASED), ends(MessageState.SKIPPED))

# T4: durable just before the payload begins; the same statement asks again whether it may leave
HAND_OVER = Statement(
    mine(MessageState.LEASED).filter(IS_SENDING, permission.nothing_against(), lease_until__gt=Now()),
    {
        "state": Value(MessageState.HANDING),
        "handed_at": Now(),
        "lease_until": Now() + Value(HAND_OVER_LEASE, DurationField()),
    },
)

# T5: the server answered 250 to the final dot. T9: its answer came after the row was given up as unknown
SENT = Statement(mine(MessageState.HANDING), ends(MessageState.SENT))
SENT_AFTER_ALL = Statement(
    Message.objects.filter(pk=Given("id", IntegerField), state=MessageState.UNKNOWN).order_by(),
    ends(MessageState.SENT),
)

# T6: an explicit refusal, so it provably did not leave
BEFORE_THE_END = (MessageState.LEASED, MessageState.HANDING)
DEFER = Statement(
    mine(*BEFORE_THE_END),
    {
        "state": Value(MessageState.DEFERRED),
        "next_at": Now() + Given("delay", DurationField),
        **SAID,
        **NO_LEASE,
    },
)
FAIL = Statement(mine(*BEFORE_THE_END), ends(MessageState.FAILED))

# T6 as well: refused, but it is not told yet who is to blame; nothing has left, so no death may make it a doubt
TAKE_BACK = Statement(mine(MessageState.HANDING), {"state": Value(MessageState.LEASED)})

# T7: the connection broke after the payload began: nobody can know
DOUBT = Statement(
    mine(MessageState.HANDING),
    {"state": Value(MessageState.UNKNOWN), "lease_until": Value(None), **SAID},
)

# T8: our own trouble; the recipient is untouched
RELEASE = Statement(mine(MessageState.LEASED), {"state": Value(MessageState.QUEUED), **NO_LEASE})


def release_expired() -> int:
    """T8 by the reaper: a lease ran out before the hand-over began, so trying again is always safe."""
    return change_expired(MessageState.LEASED, state=MessageState.QUEUED, lease_token="", lease_until=None)


def doubt_expired() -> int:
    """T7 by the reaper: a process died, or froze, in the middle of a hand-over."""
    return change_expired(MessageState.HANDING, state=MessageState.UNKNOWN, reason="process_died", lease_until=None)


@transaction.atomic
def change_expired(was: MessageState, **values: object) -> int:
    """Rows that somebody holds at this moment are not dead: waiting for them could only end in a deadlock."""
    late = Message.objects.filter(state=was, lease_until__lt=Now()).order_by("pk")
    ids = list(late.select_for_update(skip_locked=True).values_list("pk", flat=True))
    return Message.objects.filter(pk__in=ids, state=was).update(**values) if ids else 0


def hold_run(run_id: int) -> None:
    """Until the transaction ends nobody else closes the run, or puts rows back into it: one of the two comes first."""
    list(Run.objects.filter(pk=run_id).select_for_update(no_key=True).values_list("pk"))


@transaction.atomic
def requeue_unknown(run_id: int, *, tries: int | None = None) -> int:
    """T10: send again what may or may not have left; the Message-ID stays, so that some mailboxes fold the two.

    With `tries` only what was tried less often: a server that always breaks off would else get it for ever.
    """
    hold_run(run_id)
    unknown = Message.objects.filter(run_id=run_id, state=MessageState.UNKNOWN)
    if tries is not None:
        unknown = unknown.filter(attempts__lt=tries)
    return unknown.update(state=MessageState.QUEUED, reason=SENT_AGAIN, lease_token="", next_at=None)


def expire_waiting(run_id: int) -> int:
    """T12: its days are over, as after a long pause. What a person asked to send again is sent all the same."""
    rows = Message.objects.filter(run_id=run_id, state__in=(MessageState.QUEUED, MessageState.DEFERRED))
    return rows.exclude(reason=SENT_AGAIN).update(
        state=MessageState.EXPIRED, reason="too_late", final_at=Now(), lease_token="", lease_until=None, next_at=None
    )


def cancel_open(run_id: int) -> int:
    """T11: what has not begun will not begin."""
    rows = Message.objects.filter(run_id=run_id, state__in=WAITING)
    return rows.update(state=MessageState.CANCELLED, final_at=Now(), lease_token="", lease_until=None, next_at=None)
