"""Whose customers they are: owner and team, for many at once."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from crm import queries
from crm.actions.audit import line
from crm.models import AuditLine, Team, User
from crm.rights import Actor, require

BATCH = 2_000


@transaction.atomic
def assign_customers(
    *, customers: Iterable[int], by: Actor, at: datetime, team: Team | None = None, owner: User | None = None
) -> int:
    """Give customers a team, an owner, or both; returns how many changed. Ids out of scope are left alone."""
    require(by, "customers.assign")
    wanted = {column: row.pk for column, row in (("team_id", team), ("owner_id", owner)) if row}
    ids, changed = sorted(set(customers)), 0
    for start in range(0, len(ids), BATCH):
        rows = queries.customers(by).filter(pk__in=ids[start : start + BATCH])
        before = {row["pk"]: row for row in rows.values("pk", *wanted)}
        moved = {pk: row for pk, row in before.items() if any(row[column] != wanted[column] for column in wanted)}
        rows.filter(pk__in=moved).update(**wanted, updated_at=at)
        AuditLine.objects.bulk_create(_line(row, wanted, by=by, at=at) for row in moved.values())
        changed += len(moved)
    return changed


def _line(before: dict[str, int], wanted: dict[str, int], *, by: Actor, at: datetime) -> AuditLine:
    changes = {
        column.removesuffix("_id"): [before[column], value]
        for column, value in wanted.items()
        if before[column] != value
    }
    return AuditLine(**line(kind="customer", object_id=before["pk"], verb="assigned", changes=changes, by=by, at=at))
