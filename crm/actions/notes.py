"""Notes: written, changed by their authors, pinned, deleted and brought back; whom they mention is told on Home."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm import note_files, queries
from crm.actions.audit import audit
from crm.actions.rows import ValueRefused
from crm.actions.tasks import refuse_frozen
from crm.models import Company, Customer, Mention, Note, NoteFile
from crm.rights import ADMIN, Actor, NotAllowed, require

LONGEST = 10_000
KEPT = timedelta(days=30)  # how long a deleted note may be brought back
MENTIONED = re.compile(r"(?<![\w@.])@([\w.+-]*\w)")


@dataclass(frozen=True)
class Written:
    """A note as it stands now, and the names in it that nobody bears who may see what it is about."""

    note: Note
    strangers: tuple[str, ...] = ()


@transaction.atomic
def add_note(
    subject: Customer | Company, *, text: str, by: Actor, at: datetime, uploads: Iterable[Any] = ()
) -> Written:
    """Write something down about a customer or a company, with files."""
    require(by, "notes.change")
    words, about = _words(text), "customer" if isinstance(subject, Customer) else "company"
    seen: Any = queries.customers(by) if about == "customer" else queries.companies(by)
    if not seen.filter(pk=subject.pk).exists():
        raise ValueRefused(_("Not found."), path=about)
    refuse_frozen(subject if about == "customer" else None, by)
    note = Note.objects.create(**{about: subject}, text=words, created_by=by.user, created_at=at)
    _attach(note, list(uploads), at)
    audit(kind="note", object_id=note.pk, verb="created", changes={about: [None, subject.pk]}, by=by, at=at)
    return Written(note, _mention(note))


@transaction.atomic
def change_note(note: Note, *, text: str, by: Actor, at: datetime) -> Written:
    """New words for one's own note; who is mentioned follows them."""
    row, words = _held(note, by), _words(text)
    if row.created_by_id != by.user.pk:
        raise NotAllowed(_("Only its author changes a note."))
    if row.text != words:
        before, row.text, row.edited_at = row.text, words, at
        row.save(update_fields=["text", "edited_at"])
        audit(kind="note", object_id=row.pk, verb="changed", changes={"text": [before, words]}, by=by, at=at)
    return Written(row, _mention(row))


@transaction.atomic
def pin_note(note: Note, *, is_pinned: bool, by: Actor, at: datetime) -> Note:
    """Let it stand above all others, or no longer."""
    row = _held(note, by)
    if bool(row.pinned_at) != is_pinned:
        _set(row, "pinned_at", at if is_pinned else None, "pinned" if is_pinned else "unpinned", by=by, at=at)
    return row


@transaction.atomic
def delete_note(note: Note, *, by: Actor, at: datetime) -> Note:
    """Take one's own note away; administrators take away anybody's. For 30 days it may be brought back."""
    row = _held(note, by)
    _refuse_others(row, by)
    if row.deleted_at is None:
        _set(row, "deleted_at", at, "deleted", by=by, at=at)
    return row


@transaction.atomic
def restore_note(note: Note, *, by: Actor, at: datetime) -> Note:
    """Bring a deleted note back."""
    row = _held(note, by)
    _refuse_others(row, by)
    if row.deleted_at is not None:
        _set(row, "deleted_at", None, "restored", by=by, at=at)
    return row


def see_mentions(notes: Iterable[Note], *, by: Actor, at: datetime) -> int:
    """They have read where they are mentioned."""
    new = Mention.objects.filter(user=by.user, seen_at=None, note__in=[note.pk for note in notes])
    return new.update(seen_at=at)


@transaction.atomic
def forget_notes(*, at: datetime) -> int:
    """Let go of notes deleted 30 days ago, with their files; returns how many."""
    rows = Note.objects.filter(deleted_at__lt=at - KEPT)
    note_files.discard(rows)
    return rows.delete()[1].get("crm.Note", 0)


def _held(note: Note, by: Actor) -> Note:
    require(by, "notes.change")
    row = Note.objects.select_for_update(of=("self",)).select_related("customer").get(pk=note.pk)
    refuse_frozen(row.customer, by)
    return row


def _refuse_others(row: Note, by: Actor) -> None:
    if row.created_by_id != by.user.pk and by.role != ADMIN:
        raise NotAllowed(_("Only its author or an administrator deletes a note."))


def _set(row: Note, column: str, value: datetime | None, verb: str, *, by: Actor, at: datetime) -> None:
    before = getattr(row, column)
    setattr(row, column, value)
    row.save(update_fields=[column])
    changes = {column: [str(before) if before else None, str(value) if value else None]}
    audit(kind="note", object_id=row.pk, verb=verb, changes=changes, by=by, at=at)


def _words(text: str) -> str:
    words = text.strip()
    if not words or len(words) > LONGEST:
        raise ValueRefused(_("Between 1 and 10,000 characters."), path="text")
    return words


def _attach(note: Note, uploads: list[Any], at: datetime) -> None:
    if len(uploads) > note_files.MOST_FILES:
        raise note_files.FileRefused(_("At most 10 files in one note."), path="files")
    paths: list[str] = []
    try:
        for upload in uploads:
            name, path, size = note_files.keep(upload)
            paths.append(path)
            NoteFile.objects.create(note=note, name=name, path=path, size=size, created_at=at)
    except BaseException:
        note_files.remove(paths)
        raise


def _mention(note: Note) -> tuple[str, ...]:
    """Keep who is mentioned in step with the words; the names that are nobody's who may see it."""
    names = dict.fromkeys(MENTIONED.findall(note.text))
    subject: Any = note.customer or note.company
    found = {user.username: user for user in queries.readers_of_notes(subject).filter(username__in=list(names))}
    note.mentions.exclude(user__in=found.values()).delete()
    Mention.objects.bulk_create([Mention(note=note, user=user) for user in found.values()], ignore_conflicts=True)
    return tuple(name for name in names if name not in found)
