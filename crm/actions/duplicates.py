"""Pairs of customers that look like one person: looked for, and dismissed when they are not."""

from datetime import datetime

from django.db import transaction

from crm import duplicates
from crm.actions.audit import audit
from crm.models import LikePair
from crm.rights import Actor, require


def find_duplicates(*, by: Actor, at: datetime) -> int:
    """Look for pairs over all customers; returns how many are open."""
    require(by, "customers.merge")
    return duplicates.find(at=at)


@transaction.atomic
def dismiss_pair(pair: LikePair, *, by: Actor, at: datetime) -> LikePair:
    """They are not the same person: never offered again, unless taken back."""
    return _mark(pair, at, by, "not the same", at)


@transaction.atomic
def recall_pair(pair: LikePair, *, by: Actor, at: datetime) -> LikePair:
    """Offer the pair again."""
    return _mark(pair, None, by, "perhaps the same", at)


def _mark(pair: LikePair, dismissed_at: datetime | None, by: Actor, verb: str, at: datetime) -> LikePair:
    require(by, "customers.merge")
    row = LikePair.objects.select_for_update().get(pk=pair.pk)
    LikePair.objects.filter(pk=row.pk).update(dismissed_at=dismissed_at, dismissed_by=by.user if dismissed_at else None)
    for one, other in ((row.first_id, row.second_id), (row.second_id, row.first_id)):
        audit(kind="customer", object_id=one, verb=verb, changes={"like": [None, other]}, by=by, at=at)
    row.refresh_from_db()
    return row
