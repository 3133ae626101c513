"""What a page shows of notes: each with its words, files and what the reader may do to it."""

from typing import Any

from django.db.models import QuerySet

from crm import queries
from crm.models import Note
from crm.rights import ADMIN, Actor, may


def about(actor: Actor, **subject: Any) -> QuerySet[Note]:
    """Notes on one customer or company with what a list shows of them, in three queries however many there are."""
    return queries.notes(actor).filter(**subject).select_related("created_by").prefetch_related("files")


def shown(actor: Actor, notes: list[Note], *, is_frozen: bool) -> list[tuple[Note, bool, bool]]:
    """Each note, whether the reader may change it, and whether they may delete it."""
    may_change = may(actor, "notes.change") and not is_frozen
    own = [may_change and note.created_by_id == actor.user.pk for note in notes]
    return [
        (note, is_own, is_own or (may_change and actor.role == ADMIN)) for note, is_own in zip(notes, own, strict=True)
    ]
