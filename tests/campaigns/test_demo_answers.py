"""The demo's past campaign was answered in the past, on the customers' own pages too."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from campaigns import responses
from campaigns.models import Message, Response, ResponseKind
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
