"""Campaigns by phone: each message is a task of sales with its script; what came of the call is a response."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from campaigns import responses
from campaigns.delivery.conversation import Begin
from campaigns.delivery.replies import DATA, Reply
from campaigns.models import Message, Response, ResponseKind, Run
from crm import actions as crm_actions
from crm import due, rights
from crm import queries as crm_queries

CHANNEL = "phone"
BY = rights.machine("campaigns")
DAYS_TO_CALL = 5
LOOKS_BACK = timedelta(days=7)  # a sweep that was away for less misses nothing

# Outcome of the call → the kinds of responses it is; a wrong number is a bounce, and nobody reached is nothing.
KINDS = {
    crm_actions.Outcome.REACHED: (ResponseKind.REACHED,),
    crm_actions.Outcome.AGREED: (ResponseKind.REACHED, ResponseKind.AGREED),
    crm_actions.Outcome.DECLINED: (ResponseKind.REACHED, ResponseKind.DECLINED),
}


@dataclass(frozen=True)
class Call:
    """What sales is asked to do; `message_id` makes a repeat harmless."""

    message_id: int
    title: str
    script: str
    customer: Any


class CallLine:
    """Hands a message over by putting it on the list of sales; a repeat finds its task there."""

    def hand_over(self, call: Call, begin: Begin) -> Reply | None:
        if not begin():
            return None
        at = timezone.now()
        task = crm_actions.NewTask(
            title=call.title[:200],
            due_at=due.end_of(due.day_of(at) + timedelta(days=DAYS_TO_CALL)),
            source_ref=str(call.message_id),
            customer_id=call.customer.pk,
            owner_id=call.customer.owner_id,
            script=call.script[:8_000],
        )
        crm_actions.record_tasks([task], source=crm_actions.TaskSource.CAMPAIGN, by=BY, at=at)
        return Reply(DATA, 250, "on the call list")

    def close(self) -> None:
        """Nothing is held open."""


def take_outcomes(*, at: datetime) -> int:
    """Write down what came of calls since the last time; return how many were new."""
    done = crm_queries.tasks(BY).filter(
        source=crm_actions.TaskSource.CAMPAIGN, status=crm_actions.TaskStatus.DONE, done_at__gte=at - LOOKS_BACK
    )
    found = {(int(ref), outcome): when for ref, outcome, when in told(done)}
    known = Response.objects.filter(message__in={pk for pk, _ in found}, source_id__startswith="call:")
    known_pairs = {(pk, said.removeprefix("call:")) for pk, said in known.values_list("message", "source_id")}
    fresh = sorted(pair for pair in found if pair not in known_pairs)
    messages = Message.objects.select_related("run__campaign", "customer").in_bulk([pk for pk, _ in fresh])
    for pk, outcome in fresh:
        if pk in messages:
            take(messages[pk], outcome, at=found[pk, outcome])
    return len(fresh)


def told(tasks: Any) -> Iterable[tuple[str, str, datetime]]:
    rows = tasks.filter(outcome__in=(*KINDS, crm_actions.Outcome.WRONG_NUMBER)).values_list(
        "source_ref", "outcome", "done_at"
    )
    return (row for row in rows if row[0].isdigit())


def take(message: Message, outcome: str, *, at: datetime) -> None:
    """A person heard a person: such responses are human without a doubt."""
    said = f"call:{outcome}"
    if outcome == crm_actions.Outcome.WRONG_NUMBER:
        responses.record_bounce(message, responses.HARD, at=at, source_id=said)
    for kind in KINDS.get(crm_actions.Outcome(outcome), ()):
        responses.record(message, kind, responses.CERTAIN, at=at, source_id=said)


@dataclass(frozen=True)
class Tally:
    """Of one version: calls on the list, and people reached, who agreed, and who declined."""

    variant: str
    calls: int
    reached: int
    agreed: int
    declined: int


def tallies(run: Run) -> list[Tally]:
    """What came of the calls, per version; each person counts once for each."""
    calls = Counter(Message.objects.filter(run=run, state="sent").order_by().values_list("variant__key", flat=True))
    kinds = (ResponseKind.REACHED, ResponseKind.AGREED, ResponseKind.DECLINED)
    rows = Response.objects.filter(message__run=run, kind__in=kinds).order_by()
    people: dict[str, Counter[str]] = defaultdict(Counter)
    for variant, kind, _ in rows.values_list("message__variant__key", "kind", "message").distinct():
        people[variant][kind] += 1
    return [Tally(key or "–", calls[key], *(people[key][kind] for kind in kinds)) for key in sorted(calls)]
