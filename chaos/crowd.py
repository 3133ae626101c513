"""Very many people for measuring: rows copied from one by the database itself, so that a million take a minute."""

from typing import Any

SEGMENTS = 20
PLACES = (0, 7, 13)  # each person is in a few of the segments


def people(count: int) -> list[Any]:
    """Customers who consent, each in three of twenty segments; the segments."""
    from chaos.firm import AT, gather_statistics
    from crm.models import ConsentState, Customer
    from segments.models import Membership, Segment

    first = Customer.objects.create(number="0", email="ok-0@mail.example", created_at=AT, updated_at=AT)
    said = {"purpose": "marketing", "channel": "email", "is_granted": True, "since_at": AT, "updated_at": AT}
    consent = ConsentState.objects.create(customer=first, **said)
    segments = [
        Segment.objects.create(slug=f"s-{n}", name=f"S {n}", kind="static", created_at=AT, updated_at=AT)
        for n in range(SEGMENTS)
    ]
    member = {"entered_at": AT, "entered_reason": "added"}
    membership = Membership.objects.create(customer=first, segment=segments[0], **member)
    copy(first, numbers(1, count), number=text("n"), email=f"'ok-' || {text('n')} || '@mail.example'")
    others = f"SELECT id FROM crm_customer WHERE id <> {first.pk}"
    copy(consent, others, customer_id="n.id")
    for place in PLACES:
        where = f"{segments[0].pk} + (n.id + {place}) % {SEGMENTS}"
        copy(membership, others, customer_id="n.id", segment_id=where)
    gather_statistics()
    return segments


def orders() -> None:
    """An order of every other customer, of a month ago."""
    from datetime import timedelta

    from django.utils import timezone

    from chaos.firm import AT, gather_statistics
    from crm.models import Customer, Order

    bought = {"source": "shop", "number": "-", "kind": "sale", "currency": "EUR"}
    when = {"ordered_at": timezone.now() - timedelta(days=30), "created_at": AT, "updated_at": AT}
    who = Customer.objects.earliest("pk")
    order = Order.objects.create(customer=who, total_amount=20, **bought, **when)
    some = f"SELECT id FROM crm_customer WHERE id % 2 = 0 AND id <> {who.pk}"
    copy(order, some, customer_id="n.id", number=text("n.id"), total_amount="n.id % 60 + 5")
    gather_statistics()


def responses(run_id: int) -> None:
    """Everything that waits counts as sent; five answers for each member."""
    from django.utils import timezone

    from campaigns import doings
    from campaigns.models import Message, Response
    from chaos.firm import gather_statistics

    messages = Message.objects.filter(run=run_id)
    now = timezone.now()
    messages.filter(state="queued").update(state="sent", handed_at=now, final_at=now)
    answer = {"by_class": "human", "class_reason": "browser", "at": now}
    one = Response.objects.create(message=messages.order_by("pk")[0], kind="open", source_id="-", **answer)
    whose = f"SELECT id, place FROM campaigns_message, ({numbers(0, 5)}) places (place) WHERE run_id = {run_id}"
    kind = "CASE place WHEN 4 THEN CASE WHEN n.id % 3 = 0 THEN 'conversion' WHEN n.id % 100 = 1 THEN 'unsubscribe'"
    kind += " ELSE 'click' END WHEN 3 THEN 'click' ELSE 'open' END"
    amount = "CASE WHEN place = 4 AND n.id % 3 = 0 THEN n.id % 97 + 3.5 END"
    by = "CASE WHEN place % 2 = 0 THEN 'human' ELSE 'machine' END"
    copy(one, whose, message_id="n.id", kind=kind, by_class=by, amount=amount, source_id=text("place"))
    messages.update(did=doings.DID)
    gather_statistics()


def numbers(first: int, after: int) -> str:
    """The whole numbers from `first` up to, and without, `after`, as a column n."""
    return (
        f"WITH RECURSIVE series (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM series WHERE n < {after - 1})"
        " SELECT n FROM series"
    )


def text(expression: str) -> str:
    return f"CAST({expression} AS VARCHAR)"


def copy(template: Any, source: str, **changed: str) -> None:
    """A row like the template for each row `n` of the source, with these columns changed."""
    from django.db import connection

    table = template._meta.db_table
    names = [field.column for field in template._meta.concrete_fields if not field.primary_key]
    values = ", ".join(changed.get(name, f"t.{connection.ops.quote_name(name)}") for name in names)
    columns = ", ".join(map(connection.ops.quote_name, names))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table} t, ({source}) n WHERE t.id = {template.pk}"
        )
