"""Finding the customer that an order, event or consent belongs to: by number or id, through merges, within scope."""

from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.models import F, Q, QuerySet

from crm.among import Among
from crm.models import Customer
from crm.rights import Actor


def living_ids(numbers: Iterable[str], *, by: Actor) -> dict[str, int]:
    """Customer numbers to ids of living customers in the actor's scope; numbers merged away lead to who they became.

    Unknown numbers and those out of scope are left out: to the caller they are the same.
    """
    wanted = [number for number in set(numbers) if number]
    rows: dict[str, int] = {}
    for start in range(0, len(wanted), 500):
        found = _in_scope(by).filter(number__in=wanted[start : start + 500])
        rows.update({number: merged or own for number, own, merged in found.values_list("number", "id", "merged_into")})
    return rows


def held(ids: Iterable[int | None]) -> dict[int | None, int | None]:
    """Where each customer leads to now; in a transaction nobody merges them away until it ends.

    Between the look-up of a customer and the writing of what belongs to them a merge may commit: a row written then
    would stay with the tombstone. The lock is the one that foreign keys take, so that writers do not wait for each
    other; SQLite has one writer only, and needs none.
    """
    led: dict[int | None, int | None] = {}
    wanted = {pk for pk in ids if pk is not None}
    while wanted:
        found = dict(_locked(_with_survivors(wanted).values_list("pk", "merged_into")))
        led |= found
        wanted = {pk for pk in found.values() if pk is not None} - led.keys()
    return {pk: _end(pk, led) for pk in led}


def _with_survivors(ids: Iterable[int]) -> QuerySet[Any]:
    """These customers and those they were merged into, by id: locked so, nobody waits crosswise with an unmerge."""
    rows = Customer.objects.order_by().filter(Among(F("pk"), sorted(ids)))
    both = rows.values("pk").union(rows.filter(merged_into__isnull=False).values("merged_into"))
    return Customer.objects.filter(pk__in=both).order_by("pk")


def _locked(rows: QuerySet[Any, Any]) -> list[Any]:
    sql, values = rows.query.sql_with_params()
    can_lock = connection.features.has_select_for_update and connection.in_atomic_block
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} for key share" if can_lock else sql, values)
        return cursor.fetchall()


def _end(pk: int | None, led: dict[int | None, int | None]) -> int | None:
    while after := led.get(pk):
        pk = after
    return pk


def lock_living(pk: int) -> Customer:
    """The customer, locked to be changed; whoever was merged away meanwhile leads on to who they became."""
    rows = {row.pk: row for row in _with_survivors([pk]).select_for_update()}
    if pk not in rows:
        raise Customer.DoesNotExist
    survivor = rows[pk].merged_into_id
    if not survivor:
        return rows[pk]
    end = rows.get(survivor)
    return end if end and not end.merged_into_id else lock_living(survivor)


def is_living(customer_id: int, *, by: Actor) -> bool:
    """Whether the id is of a living customer in the actor's scope."""
    return _in_scope(by).filter(pk=customer_id, merged_into__isnull=True).exists()


def _in_scope(by: Actor) -> QuerySet[Any]:
    own = Q() if by.team_ids is None else Q(team__in=by.team_ids, merged_into__isnull=True)
    own |= Q() if by.team_ids is None else Q(merged_into__team__in=by.team_ids)
    return Customer.objects.filter(own, erased_at__isnull=True)
