"""Posts that may be repeated safely: the same Idempotency-Key gets the same answer for 24 hours."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.db import OperationalError, connection, transaction
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from crm.models import IdempotencyRecord
from crm.refusals import NotPossibleNow, Refused

KEPT = timedelta(hours=24)
LONGEST_KEY = 200
HEADER = "Idempotency-Key"

Work = Callable[[], tuple[int, Any]]


class InFlight(NotPossibleNow):
    """The first request with this key has not been answered yet."""

    code = "idempotency_in_flight"


class KeyReused(Refused):
    """The key was used for another request."""

    code = "idempotency_mismatch"
    status = 422


def idempotent(action: Callable[..., Response]) -> Callable[..., Response]:
    """Wrap an API action that changes something, so that clients may send Idempotency-Key and retry."""

    @wraps(action)
    def once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER, "")
        if not key:
            return action(view, request, *args, **kwargs)
        if len(key) > LONGEST_KEY or not key.isprintable():
            raise Refused(_("At most 200 printable characters."), path=HEADER)

        def work() -> tuple[int, Any]:
            response = action(view, request, *args, **kwargs)
            return response.status_code, response.data

        status, body = answered_once(_scope(view), key, _fingerprint(request), at=view.at, work=work)
        return Response(body, status=status)

    once.takes_idempotency_key = True  # type: ignore[attr-defined]
    return once


def answered_once(scope: str, key: str, request_hash: str, *, at: datetime, work: Work) -> tuple[int, Any]:
    """Do the work and store its answer in one transaction, or give the stored answer.

    A crash undoes both, so the next try does the work afresh. Raises InFlight while another request holds the row
    (PostgreSQL; on SQLite the second waits for the first and gets its answer) and KeyReused for another body.
    """
    fresh = {"request_hash": request_hash, "created_at": at}
    IdempotencyRecord.objects.get_or_create(scope=scope, key=key, defaults=fresh)
    with transaction.atomic():
        record = _held(scope, key)
        if record.status is not None and record.created_at > at - KEPT:
            return _stored(record, request_hash)
        status, body = work()
        IdempotencyRecord.objects.filter(pk=record.pk).update(status=status, body=body, **fresh)
    return status, body


def _held(scope: str, key: str) -> IdempotencyRecord:
    can_refuse = connection.features.has_select_for_update_nowait
    try:
        return IdempotencyRecord.objects.select_for_update(nowait=can_refuse).get(scope=scope, key=key)
    except OperationalError as error:
        if not can_refuse:
            raise
        raise InFlight(_("The first request with this key is still being answered.")) from error


def _stored(record: IdempotencyRecord, request_hash: str) -> tuple[int, Any]:
    if record.request_hash != request_hash:
        raise KeyReused(_("This key was used for another request."), path=HEADER)
    return record.status or 200, record.body


def _scope(view: Any) -> str:
    who = f"key:{view.actor.key.pk}" if view.actor.key else f"user:{view.actor.user.pk}"
    return f"{who} {view.basename}.{view.action}"[:80]


def _fingerprint(request: Request) -> str:
    return hashlib.sha256(request.path.encode() + b"\n" + request._request.body).hexdigest()


def forget_answers(*, at: datetime) -> int:
    """Delete answers older than 24 hours; returns how many."""
    return IdempotencyRecord.objects.filter(created_at__lt=at - KEPT).delete()[0]
