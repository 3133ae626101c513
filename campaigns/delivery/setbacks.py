"""When the mail server, not a recipient, is the trouble: the run pauses by itself and tries again later and later."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Case, F, Value, When
from django.utils import timezone

from campaigns.lifecycle import MoveNotAllowed, make_move
from campaigns.models import Run, RunStatus

FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
SETBACKS_BEFORE_A_PERSON = 12  # then somebody has to look


@transaction.atomic
def pause_for_trouble(run_id: int, reason: str) -> bool:
    """Pause the run with the server's words; recipients stay as they are. False when it was not sending any more."""
    at = timezone.now()
    setbacks = Run.objects.values_list("setbacks", flat=True).get(pk=run_id)
    resume_at = at + wait(setbacks) if setbacks < SETBACKS_BEFORE_A_PERSON else None
    sending = Run.objects.filter(pk=run_id, status=RunStatus.SENDING)
    paused = sending.update(
        status=RunStatus.PAUSED, pause_reason=reason[:200], resume_at=resume_at, setbacks=F("setbacks") + 1
    )
    if paused:
        move_along(run_id, "pause", at=at)
    return bool(paused)


@transaction.atomic
def pause_for_a_person(run_id: int, reason: str, *, at: datetime) -> bool:
    """Pause the run until somebody has looked; False when it was not sending any more."""
    sending = Run.objects.filter(pk=run_id, status=RunStatus.SENDING)
    paused = sending.update(status=RunStatus.PAUSED, pause_reason=reason, resume_at=None)
    if paused:
        move_along(run_id, "pause", at=at)
    return bool(paused)


def wait(setbacks: int) -> timedelta:
    """The wait doubles with each setback, up to an hour.

    >>> wait(0), wait(3), wait(20)
    (datetime.timedelta(seconds=60), datetime.timedelta(seconds=480), datetime.timedelta(seconds=3600))
    """
    return min(FIRST_WAIT * 2 ** min(setbacks, 10), LONGEST_WAIT)


def trouble_is_over(run_id: int) -> None:
    """Something was accepted: the next setback waits a minute again."""
    Run.objects.filter(pk=run_id, setbacks__gt=0).update(setbacks=0)


@transaction.atomic
def try_again(run_id: int, *, at: datetime) -> bool:
    """Go on with a run that paused itself and whose time has come."""
    due = Run.objects.filter(pk=run_id, status=RunStatus.PAUSED, resume_at__lte=at)
    after = Case(When(expected=None, then=Value(RunStatus.SEALING)), default=Value(RunStatus.SENDING))
    if not due.update(status=after, pause_reason="", resume_at=None):
        return False
    move_along(run_id, "resume", at=at)
    return True


def move_along(run_id: int, name: str, *, at: datetime) -> None:
    """Move the campaign with its run; a person who moved it first is right."""
    try:
        make_move(Run.objects.values_list("campaign_id", flat=True).get(pk=run_id), name, at=at)
    except MoveNotAllowed:
        return
