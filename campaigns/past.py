"""What members spent in the year before the send, kept with their messages: it sharpens figures of revenue (CUPED).

Read at the sealing, from orders alone that were there before anybody was dealt a version: so it cannot differ between
versions but by chance, and a report need not add up a year's orders of everybody again.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet, Sum

from campaigns import audience
from campaigns.conversions import begins_at
from campaigns.models import Goal, Run
from crm import queries as crm_queries

DAYS = 365
MOST = Decimal("999999999999")  # about what a message holds; one absurd sum must not keep a run from being sealed
KEPT = "past_days"  # in the plan of a run: over how many days its messages say what was spent


def plan(goal: str) -> dict[str, Any]:
    """What the plan of a run says of it, fixed at its launch."""
    return {KEPT: DAYS} if goal == Goal.REVENUE else {}


def is_kept(run: Run) -> bool:
    """Whether the messages of the run say it; those of runs launched before they could do not."""
    return KEPT in run.plan


def is_of_use(run: Run) -> bool:
    """Whether it sharpens what decides the run."""
    return bool(run.plan["goal"] == Goal.REVENUE)


def spent(run: Run, customers: Sequence[int]) -> dict[int, Decimal]:
    """What these customers, and some between them, spent before the run began; who spent nothing is left out."""
    if not customers or not is_kept(run):
        return {}
    orders = within(run, crm_queries.orders_of(audience.close("customer_id", customers)))
    amounts = orders.order_by().values_list("customer_id").annotate(amount=Sum("total_amount"))
    return {customer: min(max(amount, -MOST), MOST) for customer, amount in amounts if amount}


def within(run: Run, orders: QuerySet) -> QuerySet:
    """Those of the orders that count for it."""
    start, end = begins_at(run) - timedelta(days=DAYS), begins_at(run)
    return orders.filter(currency=run.campaign.currency, ordered_at__gte=start, ordered_at__lt=end)
