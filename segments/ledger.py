"""The membership ledger: the open intervals of a segment, and the one statement each that opens and closes them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.db.models import F, QuerySet

from crm import answers, hooks
from segments.models import Membership, Segment

Ids = np.ndarray
"""Sorted, distinct customer ids: int64, shape (n,)."""


@dataclass(frozen=True)
class Movement:
    """What one change of the ledger did: sizes in customers."""

    size: int
    entered: int
    left: int


def ids(values: Iterable[int]) -> Ids:
    """Sorted, distinct int64 ids of any iterable."""
    return np.unique(np.fromiter(values, dtype=np.int64))


def members(segment_id: int) -> Ids:
    """Customers with an open interval now, read from the rows: as one text, a tenth of what so many rows would cost."""
    return _of_text(_MEMBERS[connection.vendor], [segment_id])


@dataclass(frozen=True)
class Read:
    """The members of a segment with the version of its ledger that they stand for, both of one moment."""

    version: int
    members: Ids


def read(segment_id: int) -> Read:
    """The same rows read before the segment is locked: by one statement, so that both are of one moment."""
    members_then = _MEMBERS[connection.vendor]
    sql = f"SELECT ledger_version, ({members_then}) FROM segments_segment WHERE id = %s"
    with connection.cursor() as cursor:
        cursor.execute(sql, [segment_id, segment_id])
        version, found = cursor.fetchone()
    return Read(version, _sorted(found))


def ids_of(rows: QuerySet[Any]) -> Ids:
    """The ids of a queryset, read in the same way."""
    sql, parameters = rows.order_by().values("id").query.sql_with_params()
    return _of_text(f"SELECT {_JOINED[connection.vendor]} FROM ({sql}) AS one", parameters)


def _of_text(sql: str, parameters: Sequence[Any]) -> Ids:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return _sorted(cursor.fetchone()[0])


def _sorted(joined: str | None) -> Ids:
    found = np.fromstring(joined or "", dtype=np.int64, sep=",")
    found.sort()
    return found


def in_both(one: Ids, other: Ids) -> int:
    """How many ids are in both."""
    few, many = sorted((one, other), key=len)
    if not len(few):
        return 0
    places = np.minimum(np.searchsorted(many, few), len(many) - 1)
    return int(np.count_nonzero(many[places] == few))


def kept_members(segment: Segment) -> Ids:
    """The same for reading only: the copy of the list that was made when the ledger last changed."""
    return answers.kept(f"members:{segment.pk}", segment.ledger_version, lambda: members(segment.pk))


@transaction.atomic
def replace(
    segment: Segment,
    wanted: Ids,
    *,
    at: datetime,
    entered_reason: str,
    left_reason: str,
    version: int | None,
    untouched: Ids | None = None,
    known: Read | None = None,
) -> Movement:
    """Make `wanted` the members of a locked segment: open and close intervals for the difference only.

    The `untouched` stay what they are. What is `known` of its members from before the lock still holds if the ledger's
    version is the same: nobody changes rows without it.
    """
    present = known.members if known and known.version == segment.ledger_version else members(segment.pk)
    if untouched is not None and len(untouched):
        staying = np.intersect1d(present, untouched, assume_unique=True)
        wanted = np.union1d(np.setdiff1d(wanted, untouched, assume_unique=True), staying)
    entering = np.setdiff1d(wanted, present, assume_unique=True)
    leaving = np.setdiff1d(present, wanted, assume_unique=True)
    close(segment.pk, leaving, at=at, reason=left_reason, version=version)
    open_(segment.pk, entering, at=at, reason=entered_reason, version=version)
    segment.size = len(wanted)
    segment.ledger_version += int(bool(len(entering) or len(leaving)))
    return Movement(size=len(wanted), entered=len(entering), left=len(leaving))


def open_(segment_id: int, customers: Ids, *, at: datetime, reason: str, version: int | None) -> None:
    """Open an interval for each customer: one INSERT … SELECT over the ids."""
    if not len(customers):
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO segments_membership"
            " (segment_id, customer_id, entered_at, entered_reason, entered_version, left_reason)"
            f" SELECT %s, {_ID_COLUMN[connection.vendor]}, %s, %s, %s, '' FROM {_ID_ROWS[connection.vendor]}",
            [segment_id, _moment(at), reason, version, _id_parameter(customers)],
        )
    announce("entered", Membership.objects.filter(segment=segment_id, entered_at=at), at=at)


def close(segment_id: int, customers: Ids, *, at: datetime, reason: str, version: int | None) -> None:
    """Close the open interval of each customer; those erased or merged meanwhile say so instead of `reason`."""
    if not len(customers):
        return
    rows = f"SELECT {_ID_COLUMN[connection.vendor]} FROM {_ID_ROWS[connection.vendor]}"
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE segments_membership SET"
            " left_at = CASE WHEN entered_at > %s THEN entered_at ELSE %s END, left_version = %s,"
            " left_reason = COALESCE("
            " (SELECT CASE WHEN c.erased_at IS NOT NULL THEN 'erased'"
            "   WHEN c.merged_into_id IS NOT NULL THEN 'merged' END"
            "  FROM crm_customer c WHERE c.id = segments_membership.customer_id), %s)"
            f" WHERE segment_id = %s AND left_at IS NULL AND customer_id IN ({rows})",
            [_moment(at), _moment(at), version, reason, segment_id, _id_parameter(customers)],
        )
    announce("left", Membership.objects.filter(segment=segment_id, left_at=at), at=at)


def announce(moved: str, rows: QuerySet[Membership], *, at: datetime) -> None:
    """Tell the webhooks that want it who entered or left, in the same transaction."""
    data = {
        "segment": F("segment__slug"),
        "customer": F("customer_id"),
        "customer_number": F("customer__number"),
    }
    hooks.announce(f"segment.{moved}", rows, key=f"{moved}", data=data, at=at)


# A million ids travel as one parameter: an array on PostgreSQL, a JSON list on SQLite.
_ID_ROWS = {"postgresql": "unnest(%s::bigint[]) AS given(id)", "sqlite": "json_each(%s) AS given"}
_ID_COLUMN = {"postgresql": "given.id", "sqlite": "given.value"}

_JOINED = {"postgresql": "string_agg(id::text, ',')", "sqlite": "group_concat(id)"}
_MEMBERS = {
    "postgresql": "SELECT string_agg(customer_id::text, ',') FROM segments_membership"
    " WHERE segment_id = %s AND left_at IS NULL",
    "sqlite": "SELECT group_concat(customer_id) FROM segments_membership INDEXED BY member_once"
    " WHERE segment_id = %s AND left_at IS NULL",
}


def _id_parameter(customers: Ids) -> list[int] | str:
    return customers.tolist() if connection.vendor == "postgresql" else json.dumps(customers.tolist())


def _moment(at: datetime) -> datetime | str | None:
    return connection.ops.adapt_datetimefield_value(at)
