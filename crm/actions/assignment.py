"""Whose customers they are: owner and team, for many at once."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from crm import queries
from crm.actions.audit import audit_many, line
from crm.models import AuditLine, Team, User
from crm.rights import Actor, require

BATCH = 2_000


@transaction.atomic
def assign_customers(
    *, customers: Iterable[int], by: Actor, at: datetime, team: Team | None = None, owner: User | None = None
) -> int:
    """Give customers a team, an owner, or both; returns how many changed. Ids out of scope are left alone."""
    wanted: dict[str, int | None] = {column: row.pk for column, row in (("team_id", team), ("owner_id", owner)) if row}
    return len(assigned(customers, wanted, by=by, at=at))


@transaction.atomic
def assigned(
    customers: Iterable[int], wanted: dict[str, int | None], *, by: Actor, at: datetime
) -> dict[int, dict[str, int | None]]:
    """Set `team_id`, `owner_id` or both; returns what stood there before, of those that changed."""
    require(by, "customers.assign")
    ids = sorted(set(customers))
    changed: dict[int, dict[str, int | None]] = {}
    for start in range(0, len(ids), BATCH):
        rows = queries.customers(by).filter(pk__in=ids[start : start + BATCH]).order_by()
        before = {row.pop("pk"): row for row in rows.values("pk", *wanted)}
        moved = {pk: row for pk, row in before.items() if row != wanted}
        rows.filter(pk__in=moved).update(**wanted, updated_at=at)
        audit_many((_line(pk, row, wanted, by=by, at=at) for pk, row in moved.items()), at=at)
        changed |= moved
    return changed


def _line(
    pk: int, before: dict[str, int | None], wanted: dict[str, int | None], *, by: Actor, at: datetime
) -> AuditLine:
    changes = {
        column.removesuffix("_id"): [before[column], value]
        for column, value in wanted.items()
        if before[column] != value
    }
    return AuditLine(**line(kind="customer", object_id=pk, verb="assigned", changes=changes, by=by, at=at))
