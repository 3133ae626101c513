"""A firm made up for chaos: customers of every kind of mailbox, and one campaign to them all, sealed."""

import random
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

KINDS = {"ok": 0.9, "4xx": 0.02, "5xx": 0.03, "57x": 0.01, "dropbefore": 0.01, "dropafter": 0.03}
AT = datetime(2026, 1, 1, tzinfo=UTC)


def make_run(size: int, *, seed: int, on_ambiguous: str = "hold") -> int:
    """Fill an empty database; return the id of the sealed run."""
    from campaigns import actions, sealing
    from crm import rights

    campaign = make_campaign(size, seed=seed, on_ambiguous=on_ambiguous)
    run = actions.launch(campaign, by=rights.machine("chaos"), at=timezone.now())
    sealing.seal(run.pk, at=timezone.now())
    return run.pk


HTML = "<body><p>Hello {{ customer.first_name }}</p><a href='https://shop.example/'>Shop</a></body>"


def make_campaign(
    size: int, *, seed: int, on_ambiguous: str = "hold", kinds: dict[str, float] = KINDS, html: str = HTML
) -> Any:
    """Customers, consents, a list of everyone, and a draft to it."""
    from campaigns import actions
    from crm import rights
    from crm.models import ConsentState, Customer
    from segments.models import Membership, Segment

    chance = random.Random(seed)
    from_number = Customer.objects.count()
    chosen = chance.choices(list(kinds), list(kinds.values()), k=size)
    people = [
        Customer(number=str(n), email=f"{kind}-{n}@mail.example", first_name=f"N{n}", created_at=AT, updated_at=AT)
        for n, kind in enumerate(chosen, start=from_number)
    ]
    people = Customer.objects.bulk_create(people, batch_size=1_000)
    said = {"purpose": "marketing", "channel": "email", "is_granted": True, "since_at": AT, "updated_at": AT}
    ConsentState.objects.bulk_create([ConsentState(customer=one, **said) for one in people], batch_size=1_000)
    segment = Segment.objects.create(
        slug=f"from-{from_number}", name=f"From {from_number}", kind="static", created_at=AT, updated_at=AT
    )
    member = {"segment": segment, "entered_at": AT, "entered_reason": "added"}
    Membership.objects.bulk_create([Membership(customer=one, **member) for one in people], batch_size=1_000)
    gather_statistics()
    return actions.create_campaign(
        name=f"Chaos {from_number}",
        include=[segment],
        variants=[{"key": key, "subject": "Hello", "html": html} for key in "AB"],
        holdout_share="0.1",
        on_ambiguous=on_ambiguous,
        by=rights.machine("chaos"),
        at=timezone.now(),
    )


def gather_statistics() -> None:
    """What the database does by itself some minutes after a large import."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
