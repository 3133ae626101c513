"""Notes that a customer changed, for floors above that follow single customers within seconds."""

from collections.abc import Iterable
from contextvars import ContextVar
from datetime import datetime

from crm.models import Touch
from crm.statements import Call, insertion

was_touched: ContextVar[bool] = ContextVar("was_touched", default=False)
"""Whether this request or task touched a customer; the web then pokes those who follow."""


def touch(customer_ids: Iterable[int | None], *, at: datetime) -> None:
    """Note once for each of them, in the transaction of the change. Imports do not: the next snapshot brings them."""
    rows = [Touch(customer_id=one, at=at) for one in sorted({one for one in customer_ids if one})]
    if rows:
        Touch.objects.bulk_create(rows)
        was_touched.set(True)


def touching(customer_id: int | None, *, at: datetime) -> Call:
    """The same for one customer, as a call to run with the change."""
    was_touched.set(True)
    return insertion(Touch, customer_id=customer_id, at=at)


def forget_touches(ids: Iterable[int]) -> int:
    """Delete what has been followed; return how many were still there."""
    return Touch.objects.filter(pk__in=list(ids)).delete()[0]
