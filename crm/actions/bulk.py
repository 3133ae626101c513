"""Changes of many customers or companies at once: one action, one row that can undo it, limits by role."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm import bulk_actions, figures
from crm.actions.audit import audit
from crm.models import BulkChange, BulkChangeRow
from crm.refusals import NotPossibleNow, Refused
from crm.rights import Actor, NotAllowed, may, require

BATCH = 5_000
KINDS = {"customers": "customer", "companies": "company"}


class AlreadyUndone(NotPossibleNow):
    """The change was taken back before."""


@transaction.atomic
def change_many(
    *, action: str, ids: Sequence[int], parameters: Mapping[str, Any], by: Actor, at: datetime
) -> BulkChange:
    """Do one action of the registry to rows of its list; those out of scope are left alone. Refuses too many."""
    chosen = next((one for one in bulk_actions.ACTIONS if one.key == action), None)
    if chosen is None:
        known = [one.key for one in bulk_actions.ACTIONS]
        raise Refused(_("There is no such action."), path="action", choices=known)
    require(by, chosen.right)
    if len(ids) > (most := bulk_actions.most_at_once(by)):
        raise Refused(_("At most %(most)s at once.") % {"most": figures.number(most)}, path="ids")
    before = chosen.do(ids, parameters, by, at)
    change = BulkChange.objects.create(
        kind=KINDS[chosen.list], action=action, parameters=dict(parameters), chosen=len(ids), changed=len(before),
        at=at, by=by.user,
    )  # fmt: skip
    rows = (BulkChangeRow(change=change, object_id=pk, before=dict(row)) for pk, row in before.items())
    BulkChangeRow.objects.bulk_create(rows, batch_size=BATCH)
    told: dict[str, list[Any]] = {
        "action": [None, action],
        "chosen": [None, change.chosen],
        "changed": [None, change.changed],
    }
    audit(kind="bulk change", object_id=change.pk, verb="done", changes=told, by=by, at=at)
    return change


@transaction.atomic
def undo_many(change: BulkChange, *, by: Actor, at: datetime) -> int:
    """Set back what a bulk change changed, but for what somebody has changed since; returns how many.

    Whoever did it may undo it, and administrators. Raises AlreadyUndone.
    """
    row = BulkChange.objects.select_for_update().get(pk=change.pk)
    if row.by_id != getattr(by.user, "pk", None) and not may(by, "audit.view"):
        raise NotAllowed(_("Only whoever did it can undo it."))
    if row.undone_at:
        raise AlreadyUndone(_("This was undone already."))
    action = next(one for one in bulk_actions.ACTIONS if one.key == row.action)
    require(by, action.right)
    before = dict(row.rows.values_list("object_id", "before"))
    back = action.undo(before, row.parameters, by, at)
    row.undone_at = at
    row.save(update_fields=["undone_at"])
    audit(kind="bulk change", object_id=row.pk, verb="undone", changes={"changed": [row.changed, back]}, by=by, at=at)
    return back
