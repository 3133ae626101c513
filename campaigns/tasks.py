"""Pokes for the worker: ids in, one call, safe to run twice, lost without harm."""

import logging
from collections.abc import Iterable
from datetime import timedelta

from celery import shared_task
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from campaigns import announcing, checking, counting, queries, waves
from campaigns.conversions import attribute_due
from campaigns.delivery import calls
from campaigns.delivery.rates import book_return
from campaigns.delivery.sweeping import complete, sweep
from campaigns.delivery.worker import send_batch
from campaigns.forgetting import forget_browsers, forget_erased
from campaigns.results import answer
from campaigns.scheduling import launch_due
from campaigns.sealing import seal
from crm import answers

CHUNKS_PER_POKE = 20
logger = logging.getLogger(__name__)


def poke(run_id: int) -> None:
    """Let a worker begin now, once the rows are committed. A queue that is away costs a minute: the sweep pokes too."""
    transaction.on_commit(lambda: _poke(run_id))


def poke_later(run_id: int, wait: timedelta) -> None:
    """The same, for what is due only after a moment."""
    transaction.on_commit(lambda: _poke(run_id, wait.total_seconds() + 1))


def _poke(run_id: int, countdown: float = 0) -> None:
    try:
        seal_run.apply_async([run_id], retry=False, countdown=countdown)
    except OperationalError as error:
        logger.warning("The queue does not answer; the next sweep begins run %s: %s", run_id, error)


def look_outside() -> None:
    """Let a worker look at domains and links now, once it is written that somebody asked."""
    transaction.on_commit(_look_outside)


def _look_outside() -> None:
    try:
        check_outside.apply_async(retry=False)
    except OperationalError as error:
        logger.warning("The queue does not answer; the timetable looks at domains and links: %s", error)


def poke_count(campaign_id: int) -> None:
    """Let a worker count whom a campaign reaches; the page that waits for it pokes again where that is lost."""
    try:
        count_reach.apply_async([campaign_id], retry=False, expires=answers.TOLD)
    except OperationalError as error:
        logger.warning("The queue does not answer; whom campaign %s reaches is counted later: %s", campaign_id, error)


@shared_task
def count_reach(campaign_id: int) -> None:
    """Count whom a campaign reaches, for the pages that show it."""
    if campaign := queries.campaigns().filter(pk=campaign_id).first():
        counting.count(campaign, at=timezone.now())


@shared_task
def check_outside() -> None:
    """The line of the timetable: look at domains and links that somebody asked for, and at domains once a day."""
    checking.check_domains(at=timezone.now())
    if checking.check_links(at=timezone.now()):
        check_outside.delay()


@shared_task
def seal_run(run_id: int) -> None:
    """Seal some chunks; then seal on, or begin to send."""
    done = seal(run_id, at=timezone.now(), chunks=CHUNKS_PER_POKE)
    (send_messages if done else seal_run).delay(run_id)


@shared_task
def send_messages(run_id: int) -> None:
    """Send one batch; poke again while there is more, and when what waits for its rate may leave; else it is done, if
    its rows say so, and the sweep of the next minute need not be waited for."""
    if send_batch(run_id):
        send_messages.delay(run_id)
    elif seconds := book_return(run_id):
        send_messages.apply_async([run_id], countdown=seconds)
    else:
        complete(run_id, at=timezone.now())


@shared_task
def sweep_campaigns() -> None:
    """The line of the timetable: take back what is stuck, poke what waits, launch what is due, open waves.

    Taking back and poking come first: whatever fails after them, what was begun goes on.
    """
    now = timezone.now()
    swept = sweep(at=now)
    begin(swept.to_seal, swept.to_send)
    begin(launch_due(at=now), ())
    begin((), waves.open_due(answer.so_far, at=now))
    announcing.tell_ended(at=now)
    announcing.tell_responses(at=now)
    calls.take_outcomes(at=now)
    attribute_due(at=now)


def begin(to_seal: Iterable[int], to_send: Iterable[int]) -> None:
    for run_id in to_seal:
        seal_run.delay(run_id)
    for run_id in to_send:
        send_messages.delay(run_id)


@shared_task
def forget() -> None:
    """The line of the timetable: let go of what says more about persons than is still needed."""
    now = timezone.now()
    forget_erased(at=now)
    forget_browsers(at=now)
    checking.forget_links(at=now)
