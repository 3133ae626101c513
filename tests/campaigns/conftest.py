"""A small firm: customers with consents, a named list of them, and a campaign of two versions."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from campaigns import actions
from campaigns.delivery.sweeping import sweep
from campaigns.delivery.worker import send_batch
from campaigns.models import Campaign, Run
from campaigns.sealing import seal
from chaos.sink import Sink, running
from crm import rights
from crm.models import ConsentState, Customer
from segments.models import Membership, MembershipReason, Segment, SegmentKind

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
BY = rights.machine("test")
HTML = (
    "<html><head><style>p { color: #123456 }</style></head><body><p>Hello {{ customer.first_name }}</p>"
    '<a href="https://shop.example/offer?from=mail&amp;v=1">Offer</a> <a href="https://shop.example/more">More</a>'
    "</body></html>"
)


@pytest.fixture
def new_customer(db: None) -> Callable[..., Customer]:
    """Make a customer who consents to marketing mail unless told otherwise."""

    def make(number: int, email: str | None = None, *, consent: bool = True, **values: Any) -> Customer:
        email = f"ok-{number}@mail.example" if email is None else email
        values = {"number": f"N{number}", "email": email, "first_name": f"Name {number}", **values}
        customer = Customer.objects.create(created_at=AT, updated_at=AT, **values)
        if consent:
            grant(customer)
        return customer

    return make


def grant(customer: Customer, purpose: str = "marketing") -> None:
    ConsentState.objects.create(
        customer=customer, purpose=purpose, channel="email", is_granted=True, since_at=AT, updated_at=AT
    )


@pytest.fixture
def new_segment(db: None) -> Callable[..., Segment]:
    """Make a named list of these customers."""

    def make(slug: str, customers: list[Customer]) -> Segment:
        segment = Segment.objects.create(slug=slug, name=slug, kind=SegmentKind.STATIC, created_at=AT, updated_at=AT)
        Membership.objects.bulk_create(
            Membership(segment=segment, customer=one, entered_at=AT, entered_reason=MembershipReason.ADDED)
            for one in customers
        )
        return segment

    return make


@pytest.fixture
def new_campaign(new_segment: Callable[..., Segment]) -> Callable[..., Campaign]:
    """Make a draft to these customers with versions A and B."""

    def make(customers: list[Customer], name: str = "Autumn", **values: Any) -> Campaign:
        variants = values.pop("variants", None) or [
            {"key": key, "subject": f"{key} for {{{{ customer.first_name }}}}", "html": HTML} for key in "AB"
        ]
        segment = new_segment(f"list-{name.lower()}", customers)
        return actions.create_campaign(name=name, include=[segment], variants=variants, by=BY, at=AT, **values)

    return make


@pytest.fixture
def sink(settings: Any) -> Iterator[Sink]:
    """A real mail server on loopback, to which the settings point."""
    one = Sink()
    with running(one) as port:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        yield one


def launched(campaign: Campaign) -> Run:
    """Launch and seal."""
    run = actions.launch(campaign, by=BY, at=timezone.now())
    seal(run.pk, at=timezone.now())
    run.refresh_from_db()
    return run


def sent(run: Run, rounds: int = 50) -> Run:
    """Send until nothing is due, then sweep."""
    for _ in range(rounds):
        if not send_batch(run.pk):
            break
    sweep(at=timezone.now() + timedelta(seconds=1))
    run.refresh_from_db()
    return run
