"""How long the lowest floor keeps what it need not keep for ever, and how much of it is over its time now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm import hooks
from crm.actions.notes import KEPT as NOTES_KEPT
from crm.actions.two_factor import VISITS_KEPT
from crm.imports import forgetting
from crm.models import HookCall, IdempotencyRecord, Note, Visit
from crm.rest import idempotency


@dataclass(frozen=True)
class Kept:
    """A class of data, how long it is kept, how many are over their time, and the job that lets them go."""

    label: Any
    kept: timedelta
    due: int
    job: str


def kept(*, at: datetime) -> list[Kept]:
    """Counted now, nothing deleted."""
    answers = IdempotencyRecord.objects.filter(created_at__lt=at - idempotency.KEPT).count()
    visits = Visit.objects.filter(began_at__lt=at - VISITS_KEPT).count()
    notes = Note.objects.filter(deleted_at__lt=at - NOTES_KEPT).count()
    return [
        Kept(_("Uploaded files of imports that ended"), forgetting.KEPT, forgetting.overdue_files(at=at), "forget"),
        Kept(_("Sign-ins with browser and network address"), VISITS_KEPT, visits, "forget"),
        Kept(_("Deleted notes with their files"), NOTES_KEPT, notes, "forget"),
        Kept(_("What webhooks were told"), hooks.KEPT, HookCall.objects.filter(hooks.overdue(at)).count(), "forget"),
        Kept(_("Answers of the API to repeated posts"), idempotency.KEPT, answers, "forget"),
    ]
