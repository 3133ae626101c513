"""Conversions: what members did within the window after the audience was sealed, the hold-out's people included.

Everyone's window begins at the same moment, so that those who got the message and those who did not are compared over
the same days (intention to treat: Montori and Guyatt, CMAJ 2001;165:1339).
"""

from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from django.db import connection, transaction
from django.db.models import Case, CharField, F, Max, Q, QuerySet, Value, When
from django.db.models.functions import Cast, Concat

from campaigns.models import Message, MessageState, Response, ResponseClass, ResponseKind, Run
from crm import actions as crm_actions
from crm import rights

ATTRIBUTION = rights.machine("attribution")
ORDERS = "order"
ALLOCATED = Q(variant__isnull=False) | Q(state=MessageState.HELD_OUT)
LATE_FACTS = timedelta(days=90)  # orders and events that reach us this long after the window still count
SLACK, EVER = timedelta(minutes=10), datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS = ("message", "order", "at", "amount", "source_id", "kind", "by_class", "class_reason", "user_agent")


def attribute_due(*, at: datetime) -> int:
    """Attribute what came in since the last time to every run whose facts may still come; return how many."""
    runs = Run.objects.select_related("campaign").filter(campaign__is_letter=False).exclude(expected=None)
    return sum(attribute(run, at=at) for run in runs if at < ends_at(run) + LATE_FACTS)


@transaction.atomic
def attribute(run: Run, *, at: datetime) -> int:
    """Write a conversion for each order or event of a member inside the window, once; return how many are new."""
    found = orders(run) if run.plan["goal_event"] == ORDERS else events(run)
    newest = Response.objects.aggregate(pk=Max("pk"))["pk"] or 0
    count = insert(found)
    if count and run.plan["goal_event"] != str(ResponseKind.CONVERSION):  # else each would bring forth another
        tell(run, newest, at=at)
    Run.objects.filter(pk=run.pk).update(attributed_at=at)
    return count


def tell(run: Run, newest: int, *, at: datetime) -> None:
    """Write the conversions behind `newest` as events of the customers, for segments and the page of the customer.

    Only of those who had got the message by then: the hold-out converts too, but answers nothing. What an import
    brought goes with it when it is undone.
    """
    reached = Q(message__state=MessageState.SENT, message__customer__isnull=False, message__customer__erased_at=None)
    after = Q(message__handed_at=None) | Q(at__gte=F("message__handed_at"))
    rows = Response.objects.filter(reached, after, pk__gt=newest, kind=ResponseKind.CONVERSION, message__run=run)
    rows = rows.select_related("message", "order__import_run").order_by("order__import_run", "pk")
    for brought_by, some in groupby(rows.iterator(), lambda row: row.order.import_run if row.order else None):
        told = [happened(row, run.campaign.slug) for row in some]
        crm_actions.record_events(told, by=ATTRIBUTION, at=at, import_run=brought_by)
        crm_actions.touch((one.customer_id for one in told if brought_by), at=at)


def happened(row: Response, campaign: str) -> crm_actions.NewEvent:
    return crm_actions.NewEvent(
        source="campaigns",
        source_id=f"{row.message_id}:{row.kind}:{row.source_id}",
        type=str(row.kind),
        occurred_at=row.at,
        customer_id=row.message.customer_id,
        value=row.amount,
        channel=row.message.channel,
        properties={"campaign": campaign, "by": row.by_class},
    )


def begins_at(run: Run) -> datetime:
    return run.sealed_at or run.started_at


def ends_at(run: Run) -> datetime:
    """When the window closes: its days after the last wave was due, or when a decision was rolled out to the rest."""
    closed = run.plan.get("closed_at")
    return min(usual_end(run), datetime.fromisoformat(closed)) if closed else usual_end(run)


def usual_end(run: Run) -> datetime:
    """The same if nothing is rolled out before."""
    last_wave = timedelta(hours=(run.plan.get("waves", 1) - 1) * run.plan.get("wave_hours", 0))
    return begins_at(run) + last_wave + timedelta(days=run.plan["window_days"])


def is_over(run: Run, *, at: datetime) -> bool:
    """Whether what still waits would come too late, for nothing that follows would count. Letters are never late."""
    return "window_days" in run.plan and at >= usual_end(run)


def allocated(run: Run) -> QuerySet[Message]:
    return Message.objects.filter(ALLOCATED, run=run).order_by()


def orders(run: Run) -> QuerySet[Message]:
    """One row per sale of a member in the window that was written since the last attribution."""
    placed = Q(customer__orders__ordered_at__gte=run.sealed_at, customer__orders__ordered_at__lt=ends_at(run))
    recent = Q(customer__orders__updated_at__gte=since(run))
    own_currency = When(customer__orders__currency=run.campaign.currency, then=F("customer__orders__total_amount"))
    return (
        allocated(run)
        .filter(placed & recent, customer__orders__kind="sale")
        .values_list(
            "pk",
            "customer__orders__pk",
            "customer__orders__ordered_at",
            Case(own_currency),
            said("order:", "customer__orders__pk"),
            *constants(),
        )
    )


def events(run: Run) -> QuerySet[Message]:
    """One row per event of the campaign's own type."""
    happened = Q(customer__events__occurred_at__gte=run.sealed_at, customer__events__occurred_at__lt=ends_at(run))
    recent = Q(customer__events__received_at__gte=since(run), customer__events__type=run.plan["goal_event"])
    return (
        allocated(run)
        .filter(happened & recent)
        .values_list(
            "pk",
            Value(None, output_field=Response._meta.get_field("order").target_field),
            "customer__events__occurred_at",
            "customer__events__value",
            said("event:", "customer__events__pk"),
            *constants(),
        )
    )


def since(run: Run) -> datetime:
    """A little before the last attribution, for rows whose transaction was still open then."""
    return run.attributed_at - SLACK if run.attributed_at else EVER


def said(kind: str, key: str) -> Concat:
    return Concat(Value(kind), Cast(key, CharField()), output_field=CharField())


def constants() -> tuple[Value, ...]:
    return Value(ResponseKind.CONVERSION), Value(ResponseClass.HUMAN), Value("recorded_fact"), Value("")


def insert(rows: QuerySet[Message]) -> int:
    """INSERT … SELECT of the rows; those written before are left alone."""
    sql, parameters = rows.query.sql_with_params()
    fields: list[Any] = [Response._meta.get_field(name) for name in COLUMNS]
    columns = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {Response._meta.db_table} ({columns}) {sql} ON CONFLICT DO NOTHING",
            parameters,
        )
        return max(cursor.rowcount, 0)
