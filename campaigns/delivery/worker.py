"""The worker: claims a handful of messages and hands them over one by one. One poke is one batch."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from campaigns import channels
from campaigns.content.merge import RenderFailed
from campaigns.delivery import attempts, claims, health, journal, permission, replies, transitions
from campaigns.delivery.claims import Claim, claim
from campaigns.delivery.conversation import Broken, Line
from campaigns.delivery.desk import Desk, desk_for
from campaigns.delivery.hours import Hours, zone_of
from campaigns.delivery.lines import open_line
from campaigns.delivery.replies import CONNECT, DATA, Meaning, Reply
from campaigns.delivery.setbacks import pause_for_a_person, pause_for_trouble, trouble_is_over
from campaigns.models import Message, MessageState, Run, RunStatus
from campaigns.responses import record_hard_bounce
from crm.statements import Call, together

BATCH_SECONDS = 45  # a task ends within a minute, so that a stopping worker stops soon
WRITE_AGAIN_AFTER = (1, 2, 4, 8, 15, 30, 60)  # seconds
TROUBLE_AFTER = 5  # failures in a row that are no recipient's fault
REFUSED_ALIKE = 10  # recipients refused in a row with the same codes: nobody believes that of recipients
FEWEST_REFUSED = 3  # … of a run so small, or so young, that it never sent anything
UNWRITTEN_ALIKE = 10  # recipients in a row whom the text could not be filled in for: the text is to blame
UNWRITTEN = "not_rendered"
logger = logging.getLogger(__name__)


@dataclass
class Batch:
    """One claim being worked through by this process."""

    run: Run
    claim: Claim
    desk: Desk
    line: Line
    hours: Hours
    tally: Counter[str] = field(default_factory=Counter)
    accepted: tuple[Message, Reply, datetime] | None = None
    refused_alike: list[tuple[Message, Reply, datetime]] = field(default_factory=list)
    faults_in_a_row: int = 0
    unwritten_in_a_row: int = 0
    trouble: str = ""


def send_batch(
    run_id: int, *, size: int = claims.CLAIM_SIZE, seconds: float = BATCH_SECONDS, at: datetime | None = None
) -> Counter[str]:
    """Send up to `size` due messages of the run; return how many ended in which state. Safe to run many at once.

    `at` is the moment at which the run is carried out when that is not now, as when the demo tells its past.
    """
    run = Run.objects.select_related("campaign").get(pk=run_id)
    claimed = claim(run_id, size=size, at=at)
    if not claimed.messages:
        return Counter(put_off=claimed.put_off) if claimed.put_off else Counter()
    make_commits_durable()
    journal.replay()
    batch = Batch(run, claimed, desk_for(run, claimed.messages), open_line(run.campaign), claims.hours_of(run.campaign))
    try:
        work_through(batch, until=time.monotonic() + seconds)
    finally:
        batch.line.close()
        note_accepted(batch)
    return batch.tally


def make_commits_durable() -> None:
    """On SQLite a hand-over must be on the disk before the payload leaves; PostgreSQL does so by itself."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=FULL")


def work_through(batch: Batch, *, until: float) -> None:
    """Message by message, until the claim is done, the time is up, the run is stopped or the server is in trouble."""
    for position, message in enumerate(batch.claim.messages):
        if batch.trouble or time.monotonic() > until:
            claims.release(batch.claim, batch.claim.messages[position:])
            batch.tally["released"] += len(batch.claim.messages) - position
            break
        batch.tally[deliver(batch, message)] += 1
    judge_refused(batch)
    if batch.trouble and batch.trouble != STOPPED:
        pause_for_trouble(batch.run.pk, batch.trouble)
    elif batch.tally["failed"] and health.check(batch.run.pk, at=timezone.now()):
        logger.warning("Run %s paused: too many mailboxes that are none.", batch.run.pk)
    elif batch.tally["sent"]:
        trouble_is_over(batch.run.pk)


STOPPED = "stopped"


def deliver(batch: Batch, message: Message) -> str:
    """Bring one message to its next state and return its name."""
    started_at = timezone.now()
    if message.customer is None:
        return not_begun(batch, message)
    if not is_open(batch, message.customer.time_zone, started_at):
        return release(batch, message)  # the hour passed since the claim; the next one puts it off
    if reason := follow_address(batch, message):
        return skip(batch, message, permission.objection(message.pk) or reason)
    try:
        item = item_of(batch, message)
        reply = batch.line.hand_over(item, lambda: begin(batch, message))
    except RenderFailed as error:
        return unwritten(batch, message, str(error), started_at)
    except Broken as broken:
        return after_break(batch, message, broken, started_at)
    if reply is None:
        return not_begun(batch, message)
    return AFTER[replies.meaning(reply)](batch, message, reply, started_at)


def unwritten(batch: Batch, message: Message, why: str, started_at: datetime) -> str:
    """The text could not be filled in for them. Where that goes on and on, a person has to look at the text."""
    batch.unwritten_in_a_row += 1
    if batch.unwritten_in_a_row == UNWRITTEN_ALIKE:
        pause_for_a_person(batch.run.pk, UNWRITTEN, at=started_at)
        batch.trouble = STOPPED
    return fail(batch, message, Reply("render", 0, why), UNWRITTEN, started_at)


def item_of(batch: Batch, message: Message) -> Any:
    """What is handed over. One that cannot be made must not hold up those behind it. Raises `RenderFailed`."""
    try:
        return batch.desk.item(message)
    except ValueError as error:
        raise RenderFailed(type(error).__name__) from error


def is_open(batch: Batch, zone: str, at: datetime) -> bool:
    return batch.hours.never_close or batch.hours.allow(at.astimezone(zone_of(zone, settings.FIRM_TIME_ZONE)))


def begin(batch: Batch, message: Message) -> bool:
    """T4 for this message and T5 for the one before it, in one durable commit."""
    hand_over = transitions.HAND_OVER.call(id=message.pk, token=batch.claim.token)
    *_accepted, begun = together([*accepted(batch), hand_over])
    batch.accepted = None
    return begun == 1


def not_begun(batch: Batch, message: Message) -> str:
    """Why T4 refused: the run was stopped, a reason came up against this recipient, or the lease was lost."""
    if Run.objects.get(pk=batch.run.pk).status != RunStatus.SENDING:
        batch.trouble = STOPPED
        return release(batch, message)
    if reason := permission.objection(message.pk):
        return skip(batch, message, reason)
    return "lost"


def skip(batch: Batch, message: Message, reason: str) -> str:
    """T3: something speaks against it."""
    transitions.SKIP.run(id=message.pk, token=batch.claim.token, reason=reason, code="", attempts=message.attempts)
    return "skipped"


def follow_address(batch: Batch, message: Message) -> str:
    """Whoever moved to another mailbox since the sealing is written to there, so it is that one which T4 must judge.

    Returns why it cannot be written to, if so.
    """
    address = channels.address_of(message.customer, message.channel)
    key = channels.key_of(address, message.channel)
    if not key:
        return "bad_address" if address else "no_address"
    if key == message.address_key:
        return ""
    try:
        with transaction.atomic():
            Message.objects.filter(pk=message.pk, lease_token=batch.claim.token).update(address_key=key)
    except IntegrityError:
        return "same_address"
    return ""


def accept(batch: Batch, message: Message, reply: Reply, started_at: datetime) -> str:
    """Remember the 250; it is written with the next hand-over, so that each message costs one commit."""
    journal.note(message, batch.claim.token, reply, started_at)
    batch.accepted = (message, reply, started_at)
    batch.faults_in_a_row = batch.unwritten_in_a_row = 0
    blame_refused(batch)
    return "sent"


def note_accepted(batch: Batch) -> None:
    """Write the last 250 down, even when the database has to come back first: forgotten, it would be a doubt."""
    patiently(lambda: together(accepted(batch)) if batch.accepted else None)
    batch.accepted = None


def patiently(write: Callable[[], object]) -> object:
    for wait in WRITE_AGAIN_AFTER:
        try:
            return write()
        except OperationalError:
            logger.warning("The database does not answer; writing again in %s s.", wait)
            connection.close()
            time.sleep(wait)
    return write()


def accepted(batch: Batch) -> list[Call]:
    """T5 of the message that was taken last, or T9 when the reaper was faster: its guard holds only then."""
    if batch.accepted is None:
        return []
    message, reply, started_at = batch.accepted
    told = {"id": message.pk, "reason": "", "code": str(reply), "attempts": message.attempts + 1}
    tried = attempts.call(message.pk, phase=reply.phase, code=reply.short, text=reply.text, started_at=started_at)
    return [transitions.SENT.call(token=batch.claim.token, **told), transitions.SENT_AFTER_ALL.call(**told), tried]


def after_break(batch: Batch, message: Message, broken: Broken, started_at: datetime) -> str:
    """The connection broke: our trouble, provably not sent, or not known, by phase."""
    reply = Reply(broken.phase, 0, broken.text)
    if broken.phase == CONNECT:
        return server_trouble(batch, message, reply, started_at)
    if broken.phase != DATA:
        return put_off(batch, message, reply, started_at, "connection_broke")
    told = {"reason": "connection_broke", "code": str(reply), "attempts": message.attempts + 1}
    transitions.DOUBT.run(id=message.pk, token=batch.claim.token, **told)
    note_attempt(message, reply, started_at)
    return "unknown"


def server_trouble(batch: Batch, message: Message, reply: Reply, started_at: datetime) -> str:
    """An answer, so nothing was taken: the recipient goes back, even from the middle of a hand-over."""
    batch.trouble = f"{reply.phase}: {reply}"
    transitions.TAKE_BACK.run(id=message.pk, token=batch.claim.token)
    return release(batch, message)


def closing(batch: Batch, message: Message, reply: Reply, started_at: datetime) -> str:
    return put_off(batch, message, reply, started_at, "server_closing")


def later(batch: Batch, message: Message, reply: Reply, started_at: datetime) -> str:
    batch.faults_in_a_row = 0
    return put_off(batch, message, reply, started_at, "try_later")


def put_off(batch: Batch, message: Message, reply: Reply, started_at: datetime, reason: str) -> str:
    """T6, definite: not now. After the last wait the message has failed."""
    count_fault(batch, reply, reason)
    attempts_made = message.attempts + 1
    delay = replies.wait_after(attempts_made)
    if delay is None:
        return fail(batch, message, reply, "tried_long_enough", started_at)
    told = {"reason": reason, "code": str(reply), "attempts": attempts_made, "delay": delay}
    transitions.DEFER.run(id=message.pk, token=batch.claim.token, **told)
    note_attempt(message, reply, started_at)
    return "deferred"


def count_fault(batch: Batch, reply: Reply, reason: str) -> None:
    """Connections that break again and again are the server's trouble, not the recipients'."""
    batch.faults_in_a_row = 0 if reason == "try_later" else batch.faults_in_a_row + 1
    if batch.faults_in_a_row >= TROUBLE_AFTER:
        batch.trouble = f"{reply.phase}: {reply}"


def refused(batch: Batch, message: Message, reply: Reply, started_at: datetime) -> str:
    """A refusal by policy may be meant for us: what comes after it, or came before, has to tell."""
    if not reply.is_policy:
        return fail(batch, message, reply, "refused", started_at)
    return hold_refused(batch, message, reply, started_at)


def hold_refused(batch: Batch, message: Message, reply: Reply, started_at: datetime) -> str:
    """Blame nobody yet; the row stays leased until an acceptance, or the end of the batch, tells who is to blame."""
    if any(not reply.is_like(earlier) for _, earlier, _ in batch.refused_alike):
        blame_refused(batch)
    transitions.TAKE_BACK.run(id=message.pk, token=batch.claim.token)
    batch.refused_alike.append((message, reply, started_at))
    if len(batch.refused_alike) == REFUSED_ALIKE:
        judge_refused(batch)
    return "refused"


def judge_refused(batch: Batch) -> None:
    """The run's last attempts, by any worker, say whether the refusals so far are ours or the recipients'."""
    if not batch.refused_alike:
        return
    reply, count = batch.refused_alike[-1][1], len(batch.refused_alike)
    before = attempts.codes_of_last(batch.run.pk, REFUSED_ALIKE - count)
    if any(code != reply.short for code in before):
        blame_refused(batch)
    elif is_ours(batch, reply, len(before) + count):
        take_blame(batch, reply)
    elif reply.is_policy:
        put_off_refused(batch)
    else:
        blame_refused(batch)


def is_ours(batch: Batch, reply: Reply, in_a_row: int) -> bool:
    """A server that knows no mailbox at all was never the right one; lists of ten dead addresses exist."""
    if reply.is_policy:
        return in_a_row >= FEWEST_REFUSED
    return in_a_row >= REFUSED_ALIKE and not batch.run.messages.filter(state=MessageState.SENT).exists()


def blame_refused(batch: Batch) -> None:
    """The server takes mail of ours: the refusals were meant for the recipients."""
    waiting, batch.refused_alike = batch.refused_alike, []
    for message, reply, started_at in waiting:
        reason = "no_mailbox" if replies.meaning(reply) == Meaning.NO_MAILBOX else "refused"
        fail(batch, message, reply, reason, started_at)


def put_off_refused(batch: Batch) -> None:
    """Too few to tell: they are asked again later."""
    waiting, batch.refused_alike = batch.refused_alike, []
    for message, reply, started_at in waiting:
        put_off(batch, message, reply, started_at, "try_later")


def take_blame(batch: Batch, reply: Reply) -> None:
    """The server refuses whomever we name: the run pauses, the recipients go back."""
    batch.trouble = f"{reply.phase}: {reply}"
    claims.release(batch.claim, tuple(message for message, *_ in batch.refused_alike))
    batch.refused_alike = []


def no_mailbox(batch: Batch, message: Message, reply: Reply, started_at: datetime) -> str:
    return hold_refused(batch, message, reply, started_at)


def fail(batch: Batch, message: Message, reply: Reply, reason: str, started_at: datetime) -> str:
    """T6, definite: never. An address that does not exist goes on the suppression list."""
    told = {"reason": reason, "code": str(reply), "attempts": message.attempts + 1}
    with transaction.atomic():
        failed = transitions.FAIL.run(id=message.pk, token=batch.claim.token, **told)
        if failed and reason == "no_mailbox":
            record_hard_bounce(message, reply, at=started_at)
        note_attempt(message, reply, started_at)
    return "failed"


def release(batch: Batch, message: Message) -> str:
    claims.release(batch.claim, (message,))
    return "released"


def note_attempt(message: Message, reply: Reply, started_at: datetime) -> None:
    attempts.record(
        message.pk,
        phase=reply.phase,
        code=reply.short,
        text=reply.text,
        started_at=started_at,
    )


After = Callable[[Batch, Message, Reply, datetime], str]
AFTER: dict[Meaning, After] = {
    Meaning.ACCEPTED: accept,
    Meaning.SERVER: server_trouble,
    Meaning.CLOSING: closing,
    Meaning.LATER: later,
    Meaning.REFUSED: refused,
    Meaning.NO_MAILBOX: no_mailbox,
}
