"""Finding the customer that an order, event or consent belongs to: by number or id, through merges, within scope."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Q, QuerySet

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


def is_living(customer_id: int, *, by: Actor) -> bool:
    """Whether the id is of a living customer in the actor's scope."""
    return _in_scope(by).filter(pk=customer_id, merged_into__isnull=True).exists()


def _in_scope(by: Actor) -> QuerySet[Any]:
    own = Q() if by.team_ids is None else Q(team__in=by.team_ids, merged_into__isnull=True)
    own |= Q() if by.team_ids is None else Q(merged_into__team__in=by.team_ids)
    return Customer.objects.filter(own, erased_at__isnull=True)
