"""Putting somebody on a worklist off: until a day, or for as long as the reason usually holds."""

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm import actions as crm_actions
from crm import due
from crm import queries as crm_queries
from crm.refusals import Refused
from crm.rights import Actor, require
from segments.models import NotNow, WorklistMark

if TYPE_CHECKING:
    from crm.models import Customer

DAYS = {NotNow.LATER: 1, NotNow.IN_TOUCH: 14, NotNow.NO_NEED: 90, NotNow.NOT_MINE: 365, NotNow.WRONG: 30}
LONGEST = timedelta(days=366)


class NotPutOff(Refused):
    """Nobody can be put off like this."""


@transaction.atomic
def put_off(customer: "Customer", *, reason: str, by: Actor, at: datetime, until: date | None = None) -> WorklistMark:
    """Leave the customer out of the actor's worklist until the beginning of a day; without one, as long as usual."""
    require(by, "worklist.view")
    if reason not in NotNow.values:
        raise NotPutOff(_("Say why not now."), path="reason", choices=NotNow.values)
    if not crm_queries.customers(by).filter(pk=customer.pk).exists():
        raise NotPutOff(_("Not found."), path="customer")
    day = until or due.day_of(at) + timedelta(days=DAYS[NotNow(reason)])
    if not due.day_of(at) < day <= due.day_of(at + LONGEST):
        raise NotPutOff(_("A day within the next year."), path="until")
    until_at = due.end_of(day - timedelta(days=1))
    row = WorklistMark.objects.create(user=by.user, customer=customer, reason=reason, until_at=until_at, at=at)
    changes: dict[str, list[Any]] = {"reason": [None, reason], "until_at": [None, until_at]}
    crm_actions.audit(kind="worklist mark", object_id=row.pk, verb="created", changes=changes, by=by, at=at)
    return row


@transaction.atomic
def take_back(mark: WorklistMark, *, by: Actor, at: datetime) -> None:
    """Propose the customer again."""
    require(by, "worklist.view")
    crm_actions.audit(kind="worklist mark", object_id=mark.pk, verb="taken back", changes={}, by=by, at=at)
    mark.delete()
