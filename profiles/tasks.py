"""Celery doors of profiles."""

import contextlib

from celery import shared_task
from django.utils import timezone

from profiles import actions
from profiles.surveys import expiring
from profiles.surveys.forgetting import forget_words


@shared_task
def refresh() -> None:
    """Bring the warehouse up to date; somebody already at it is as good."""
    with contextlib.suppress(actions.BuilderBusy):
        actions.refresh(at=timezone.now())


@shared_task
def forget() -> None:
    """The line of the timetable: let go of what the erased wrote."""
    forget_words(at=timezone.now())


@shared_task
def expire_answers() -> None:
    """The line of the timetable: empty the fields whose answers no longer hold."""
    expiring.expire(at=timezone.now())
