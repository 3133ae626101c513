"""Reminders of tasks, by e-mail to whoever is to do them: each at most once, also when two workers look at once."""

import logging
from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.core.mail import send_mail
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from crm import due, figures
from crm.models import Task, TaskStatus

MOST = 200  # in one look; the next look comes within a minute
log = logging.getLogger(__name__)


def due_reminders(*, at: datetime) -> Iterator[Task]:
    """Open tasks whose reminder is due and was not sent, the oldest first."""
    rows = Task.objects.filter(status=TaskStatus.OPEN, remind_at__lte=at, reminded_at__isnull=True)
    yield from rows.select_related("owner", "customer").order_by("remind_at")[:MOST]


def remind(*, at: datetime) -> int:
    """Send what is due; returns how many left. A mail server that does not answer is tried again at the next look."""
    return sum(_sent(row, at) for row in due_reminders(at=at))


def _sent(row: Task, at: datetime) -> bool:
    mine = Task.objects.filter(pk=row.pk, reminded_at__isnull=True, remind_at=row.remind_at)
    if not mine.update(reminded_at=at):
        return False  # another worker has it
    if not (row.owner and row.owner.email and row.owner.is_active):
        return False
    subject, body = letter(row)
    try:
        return bool(send_mail(subject, body, None, [row.owner.email]))
    except OSError:
        log.exception("reminder of task %s", row.pk)
        Task.objects.filter(pk=row.pk, reminded_at=at).update(reminded_at=None)
        return False


def letter(row: Task) -> tuple[str, str]:
    """Subject and text in the owner's language. What was noted stays behind the sign-in."""
    owner = row.owner
    zone = owner.time_zone or settings.FIRM_TIME_ZONE if owner else settings.FIRM_TIME_ZONE
    with override(owner.language if owner else None), timezone.override(zone):
        when = figures.moment(row.due_at) if row.has_time else figures.day(due.day_of(row.due_at))
        subject = _("Reminder: %(title)s") % {"title": " ".join(row.title.split())}
        body = _("%(title)s\nDue: %(when)s\n\n%(url)s\n") % {
            "title": row.title,
            "when": when,
            "url": settings.BASE_URL + reverse("task", args=[row.pk]),
        }
    return subject, body
