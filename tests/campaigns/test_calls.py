"""A campaign by phone puts each call on the list of sales once, and counts what came of it as people's own words."""

import pytest
from django.test import Client
from django.utils import timezone

from campaigns.delivery import calls
from campaigns.delivery.worker import send_batch
from campaigns.models import Message, Response
from crm import actions as crm_actions
from crm.models import ConsentState, Suppression, Task
from tests.campaigns.conftest import AT, BY, launched, sent

pytestmark = pytest.mark.django_db
SCRIPT = {"key": "A", "subject": "Call {{ customer.first_name }}", "text": "Good day {{ customer.first_name }}."}


@pytest.fixture
def people(new_customer):
    found = [new_customer(n, phone=f"040 123 450{n}", consent=False) for n in range(4)]
    for one in found[:3]:
        said = {"purpose": "marketing", "is_granted": True, "since_at": AT, "updated_at": AT}
        ConsentState.objects.create(customer=one, channel="phone", **said)
    return found


@pytest.fixture
def run(people, new_campaign):
    return sent(launched(new_campaign(people, channel="phone", variants=[SCRIPT])))


def came(task: Task, outcome: str) -> None:
    crm_actions.finish_task(task, outcome=outcome, by=BY, at=timezone.now())


def test_sales_gets_a_task_with_the_script_for_each_who_agreed_to_calls(run, people):
    tasks = Task.objects.order_by("customer_id")
    assert [(one.kind, one.title, one.script) for one in tasks] == [
        ("call", f"Call Name {n}", f"Good day Name {n}.") for n in range(3)
    ]
    assert set(run.messages.values_list("state", flat=True)) == {"sent", "skipped"}
    assert tasks[0].source == "campaign" and tasks[0].due_at > timezone.now()


def test_a_call_that_is_handed_over_twice_is_one_task(run):
    Message.objects.filter(run=run, state="sent").update(state="queued")
    run.status = "sending"
    run.save()
    assert send_batch(run.pk)["sent"] == 3
    assert Task.objects.count() == 3


def test_outcomes_become_human_responses_once_and_a_wrong_number_is_never_called_again(run, maija, people):
    for task, outcome in zip(Task.objects.order_by("customer_id"), ("agreed", "declined", "wrong_number"), strict=True):
        came(task, outcome)
    assert [calls.take_outcomes(at=timezone.now()) for _ in range(2)] == [3, 0]
    rows = Response.objects.order_by("message", "kind").values_list("kind", "by_class")
    assert sorted(rows) == [
        ("agreed", "human"), ("bounce", "machine"), ("declined", "human"), ("reached", "human"), ("reached", "human"),
    ]  # fmt: skip
    assert Suppression.objects.get().channel == "phone"
    assert calls.tallies(run) == [calls.Tally("A", 3, 2, 1, 1)]
    assert people[0].events.filter(type="agreed").count() == 1
    client = Client()
    client.force_login(maija)
    assert "What came of the calls" in client.get(f"/campaigns/{run.campaign_id}/").content.decode()


def test_nobody_answering_is_no_response(run):
    came(Task.objects.first(), "no_answer")
    assert calls.take_outcomes(at=timezone.now()) == 0 and not Response.objects.exists()
