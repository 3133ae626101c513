"""Owners hear once of what became of their campaigns, and of what waits for somebody."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.delivery import setbacks
from campaigns.models import Campaign, Run, RunStatus
from crm import actions
from crm.access import of_user
from crm.models import Notification
from tests.campaigns.conftest import launched

pytestmark = pytest.mark.django_db


def told(user):
    from crm import news

    return [one.sentence for one in news.told(of_user(user), list(Notification.objects.filter(user=user)))]


@pytest.fixture
def run(new_campaign, new_customer, maija):
    campaign = new_campaign([new_customer(1)], name="Spring")
    Campaign.objects.filter(pk=campaign.pk).update(owner=maija)
    return launched(campaign)


def test_a_campaign_that_is_finished_is_told_once_however_often_it_is_changed_after(run, maija):
    now = datetime.now(UTC)
    Run.objects.filter(pk=run.pk).update(status=RunStatus.COMPLETED, finished_at=now)
    Campaign.objects.filter(pk=run.campaign_id).update(updated_at=now - timedelta(days=40))
    actions.tell(at=now + timedelta(minutes=1))
    Campaign.objects.filter(pk=run.campaign_id).update(updated_at=now + timedelta(hours=2))
    actions.tell(at=now + timedelta(hours=3))
    assert told(maija) == ["Campaign finished: Spring"]


def test_a_pause_that_wants_somebody_is_told_and_one_that_ends_by_itself_is_not(run, maija):
    now = datetime.now(UTC)
    Run.objects.filter(pk=run.pk).update(status=RunStatus.SENDING)
    setbacks.pause_for_trouble(run.pk, "421 Busy")
    actions.tell(at=now + timedelta(minutes=1))
    assert told(maija) == []
    Run.objects.filter(pk=run.pk).update(status=RunStatus.SENDING)
    setbacks.pause_for_a_person(run.pk, "Too many complaints", at=now)
    actions.tell(at=now + timedelta(minutes=1))
    actions.tell(at=now + timedelta(minutes=2))
    assert told(maija) == ["Campaign paused: Spring"]


def test_what_a_person_paused_is_no_news(run, maija):
    Run.objects.filter(pk=run.pk).update(status=RunStatus.PAUSED, pause_reason="", resume_at=None)
    actions.tell(at=datetime.now(UTC) + timedelta(minutes=1))
    assert told(maija) == []
