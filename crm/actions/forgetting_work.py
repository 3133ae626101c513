"""What staff wrote about a person goes with the person: tasks, deals, their notes and their audit."""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from crm import note_files
from crm.models import (
    AuditLine,
    Customer,
    Deal,
    DealNote,
    IdempotencyRecord,
    LikePair,
    Merge,
    Note,
    PrivacyRequest,
    Task,
    TaskStatus,
)
from crm.pseudonyms import FREE_TEXTS


def forget_work(customer: Customer, *, at: datetime) -> None:
    """Empty the free texts of tasks and deals; open tasks are cancelled, amounts stay as facts of the firm."""
    tasks, deals = Task.objects.filter(customer=customer), Deal.objects.filter(customer=customer)
    tasks.filter(status=TaskStatus.OPEN).update(status=TaskStatus.CANCELLED)
    found: tuple[tuple[str, QuerySet[Any]], ...] = (("task", tasks), ("deal", deals))
    for kind, rows in found:
        ids = list(rows.values_list("pk", flat=True))
        AuditLine.objects.filter(kind=kind, object_id__in=ids).update(changes={})
        IdempotencyRecord.objects.filter(scope__contains=f" {kind}s.", body__id__in=ids).delete()
        _emptied(rows, at)
    DealNote.objects.filter(deal__in=deals).update(text="")
    _forget_notes(customer, at)
    LikePair.objects.filter(Q(first=customer) | Q(second=customer)).delete()
    Merge.objects.filter(Q(survivor=customer) | Q(merged=customer)).update(before={}, after={}, moved={}, kept=[])
    asked = PrivacyRequest.objects.filter(customer=customer)
    ids = list(asked.values_list("pk", flat=True))
    IdempotencyRecord.objects.filter(scope__contains=" privacy-requests.", body__id__in=ids).delete()
    asked.update(words="", outcome="", extended_because="")


def _forget_notes(customer: Customer, at: datetime) -> None:
    """Notes keep their date and author, nothing else; their files go from the disk once this stands."""
    notes = Note.objects.filter(customer=customer)
    note_files.discard(notes)
    ids = list(notes.values_list("pk", flat=True))
    AuditLine.objects.filter(kind="note", object_id__in=ids).update(changes={})
    IdempotencyRecord.objects.filter(scope__contains=" notes.", body__id__in=ids).delete()
    notes.update(text="", deleted_at=at)


def _emptied(rows: QuerySet[Any], at: datetime) -> None:
    rows.update(**dict.fromkeys(FREE_TEXTS[rows.model], ""), updated_at=at)
