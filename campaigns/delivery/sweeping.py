"""The sweep of every minute: takes back what dead workers held, closes what is done, and finds what is due."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Exists, IntegerField, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, Now

from campaigns.delivery import health, journal, setbacks, transitions
from campaigns.models import Message, MessageState, OnAmbiguous, Run, RunStatus

RESEND_TRIES = 3  # of a message whose policy is to send again when in doubt


@dataclass(frozen=True)
class Swept:
    """What the sweep found: rows taken back, rows in doubt, runs closed, and the runs that need a worker."""

    released: int
    doubted: int
    sent_again: int
    completed: tuple[int, ...]
    to_seal: tuple[int, ...]
    to_send: tuple[int, ...]


def sweep(*, at: datetime) -> Swept:
    """Do what is due and say which runs to poke."""
    journal.replay()
    released, doubted = transitions.release_expired(), transitions.doubt_expired()
    for run in cancelled_with_open_messages():
        transitions.cancel_open(run)
    for run in Run.objects.filter(status=RunStatus.PAUSED, resume_at__lte=at).values_list("pk", flat=True):
        setbacks.try_again(run, at=at)
    again = Run.objects.filter(on_ambiguous=OnAmbiguous.RESEND, status=RunStatus.SENDING).values_list("pk", flat=True)
    sent_again = sum(transitions.requeue_unknown(run, tries=RESEND_TRIES) for run in again)
    for run in open_runs():
        health.check(run, at=at)
    completed = tuple(run for run in open_runs() if complete(run, at=at))
    return Swept(released, doubted, sent_again, completed, to_seal=sealing_runs(), to_send=runs_with_due_messages())


def open_runs() -> tuple[int, ...]:
    return tuple(Run.objects.filter(status=RunStatus.SENDING).values_list("pk", flat=True))


def cancelled_with_open_messages() -> tuple[int, ...]:
    """What was in the middle of a hand-over at the cancelling, and was then put off or taken back: it ends, too."""
    waiting = Message.objects.filter(run=OuterRef("pk"), state__in=transitions.WAITING)
    return tuple(Run.objects.filter(Exists(waiting), status=RunStatus.CANCELLED).values_list("pk", flat=True))


def sealing_runs() -> tuple[int, ...]:
    return tuple(Run.objects.filter(status=RunStatus.SEALING).values_list("pk", flat=True))


def runs_with_due_messages() -> tuple[int, ...]:
    """Sending runs with at least one message that a worker could take now."""
    due = Q(state=MessageState.QUEUED) | Q(state=MessageState.DEFERRED, next_at__lte=Now())
    rows = Run.objects.filter(Exists(Message.objects.filter(due, run=OuterRef("pk"))), status=RunStatus.SENDING)
    return tuple(rows.values_list("pk", flat=True))


@transaction.atomic
def complete(run_id: int, *, at: datetime) -> bool:
    """Close the run if, and only if, its rows say so: none is open and together they are the sealed audience.

    When none is open but some are missing, the run is called incomplete, and a person may mend it.
    """
    transitions.hold_run(run_id)
    open_messages = Message.objects.filter(run=OuterRef("pk"), state__in=transitions.OPEN_STATES)
    sealed = Message.objects.filter(run=OuterRef("pk")).order_by().values("run").annotate(n=Count("pk")).values("n")
    ended = Run.objects.filter(~Exists(open_messages), pk=run_id, status=RunStatus.SENDING)
    rows = Coalesce(Subquery(sealed, output_field=IntegerField()), 0)
    if not ended.filter(expected=rows).update(status=RunStatus.COMPLETED, finished_at=at, resume_at=None):
        ended.exclude(expected=rows).update(status=RunStatus.INCOMPLETE)  # by now the last message may have left
        return False
    if not Run.objects.filter(campaign=campaign_of(run_id)).exclude(status__in=CLOSED).exists():
        setbacks.move_along(run_id, "finish", at=at)
    return True


CLOSED = (RunStatus.COMPLETED, RunStatus.CANCELLED)


def campaign_of(run_id: int) -> int:
    return Run.objects.values_list("campaign_id", flat=True).get(pk=run_id)
