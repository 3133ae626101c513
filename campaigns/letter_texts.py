"""Texts kept for letters: one's own and those that colleagues share, changed by whoever keeps them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from campaigns.correspondence import refuse_bad
from campaigns.models import LetterText
from crm import actions as crm_actions
from crm.refusals import Refused
from crm.rights import ADMIN, Actor, NotAllowed, require

CHANGEABLE = ("name", "subject", "text", "is_shared")


def texts(actor: Actor) -> QuerySet[LetterText]:
    """What the actor may put into a letter."""
    rows = LetterText.objects.filter(deleted_at__isnull=True).select_related("owner")
    return rows.filter(Q(owner=actor.user) | Q(is_shared=True))


@transaction.atomic
def keep_text(values: Mapping[str, Any], *, by: Actor, at: datetime, text: LetterText | None = None) -> LetterText:
    """A new text, or new words for one's own. Raises Refused with the place of what cannot be sent."""
    require(by, "letters.write")
    row = _held(text, by) if text else LetterText(owner=by.user)
    for name in CHANGEABLE:
        setattr(row, name, values[name])
    row.name, row.updated_at = " ".join(row.name.split()), at
    if not row.name:
        raise Refused(_("This is needed."), path="name")
    refuse_bad(row.subject or "–", row.text)
    row.save()
    _audit(row, "changed" if text else "created", by=by, at=at)
    return row


@transaction.atomic
def delete_text(text: LetterText, *, by: Actor, at: datetime) -> None:
    _mark(text, at, "deleted", by=by, at=at)


@transaction.atomic
def restore_text(text: LetterText, *, by: Actor, at: datetime) -> None:
    """Undo of deleting."""
    _mark(text, None, "restored", by=by, at=at)


def _mark(text: LetterText, deleted_at: datetime | None, verb: str, *, by: Actor, at: datetime) -> None:
    require(by, "letters.write")
    row = _held(text, by)
    row.deleted_at = deleted_at
    row.save(update_fields=["deleted_at"])
    _audit(row, verb, by=by, at=at)


def _held(text: LetterText, by: Actor) -> LetterText:
    row = LetterText.objects.select_for_update().get(pk=text.pk)
    if row.owner_id != getattr(by.user, "pk", None) and by.role != ADMIN:
        raise NotAllowed(_("Only whoever keeps a text changes it."))
    return row


def _audit(row: LetterText, verb: str, *, by: Actor, at: datetime) -> None:
    changes: dict[str, list[Any]] = {"name": [None, row.name]}
    crm_actions.audit(kind="letter text", object_id=row.pk, verb=verb, changes=changes, by=by, at=at)
