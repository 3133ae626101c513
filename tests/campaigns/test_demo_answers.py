"""The demo's past campaign was answered in the past, on the customers' own pages too."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from campaigns import responses
from campaigns.models import Message, Response, ResponseKind, Run
from config.demo import backdating
from crm.models import Customer, Event
from tests.campaigns.conftest import launched

pytestmark = pytest.mark.django_db


def test_the_customers_own_events_move_with_the_answers(
    new_campaign: Callable, new_customer: Callable[..., Customer]
) -> None:
    now, run = timezone.now(), launched(new_campaign([new_customer(1)]))
    Message.objects.filter(run=run).update(state="sent", handed_at=now, final_at=now)
    message = Message.objects.get(run=run)
    responses.record(message, ResponseKind.CLICK, responses.CERTAIN, at=now, source_id="1")
    backdating.move(run, days=21, rng=np.random.default_rng(1))
    click = Response.objects.get(message=message)
    assert click.at < now - timedelta(days=8)
    assert Event.objects.get(source="campaigns", customer=message.customer).occurred_at == click.at


def test_nobody_was_left_out_before_the_audience_was_sealed(
    new_campaign: Callable, new_customer: Callable[..., Customer]
) -> None:
    now, run = timezone.now(), launched(new_campaign([new_customer(1), new_customer(2, consent=False)]))
    then = now - timedelta(days=21)
    Run.objects.filter(pk=run.pk).update(sealed_at=then, finished_at=then)
    Message.objects.filter(run=run).update(final_at=then)
    Message.objects.filter(run=run, state="queued").update(state="sent", handed_at=now, final_at=now)
    backdating.move(run, days=21, rng=np.random.default_rng(1))
    run.refresh_from_db()
    times = set(Message.objects.filter(run=run).values_list("final_at", flat=True))
    assert times == {then} and run.finished_at == run.sealed_at == then
