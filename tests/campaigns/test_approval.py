"""Whoever makes a campaign asks for the second person; those who may approve hear of it once and find it at home."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns import actions, queries
from campaigns.models import Campaign, SendingRules
from crm import actions as crm_actions
from crm import news
from crm.access import of_user
from crm.models import Notification
from crm.refusals import NotPossibleNow
from segments.models import Segment

pytestmark = pytest.mark.django_db
TOLD = "Waits for a second person: Spring"


@pytest.fixture
def campaign(new_customer, new_campaign, cast):
    """Maija's draft, which needs a second person."""
    SendingRules.objects.create(approval_above=0)
    found = new_campaign([new_customer(1)], name="Spring")
    actions.change_campaign(found, changes={"owner": cast.maija}, by=of_user(cast.maija), at=timezone.now())
    return Campaign.objects.get(pk=found.pk)


def told(user):
    return [one.sentence for one in news.told(of_user(user), list(Notification.objects.filter(user=user)))]


def stamped(campaign):
    return {"stamp": Campaign.objects.get(pk=campaign.pk).updated_at.isoformat()}


def test_the_maker_asks_on_the_page_and_the_others_are_told_once_for_each_asking(campaign, cast, client):
    client.force_login(cast.maija)
    for name in ("campaign", "campaign-launch"):
        assert "Ask for the approval" in client.get(reverse(name, args=[campaign.pk])).content.decode()
    client.post(reverse("campaign-ask-approval", args=[campaign.pk]), stamped(campaign))
    for name in ("campaign", "campaign-launch"):
        page = client.get(reverse(name, args=[campaign.pk])).content.decode()
        assert "Asked by maija on" in page and "Ask for the approval" not in page
    for minutes in (1, 2):
        crm_actions.tell(at=timezone.now() + timedelta(minutes=minutes))
    assert told(cast.adele) == [TOLD] and told(cast.maija) == [] and told(cast.anna) == []
    campaign.refresh_from_db()
    actions.write_text(campaign, "A", values={"subject": "Other"}, by=of_user(cast.maija), at=timezone.now())
    assert "Ask for the approval" in client.get(reverse("campaign", args=[campaign.pk])).content.decode()
    actions.ask_for_approval(campaign, by=of_user(cast.maija), at=timezone.now())
    crm_actions.tell(at=timezone.now() + timedelta(minutes=3))
    assert told(cast.adele) == [TOLD, TOLD]


def test_whoever_asked_hears_once_that_it_was_approved(campaign, cast):
    now = timezone.now()
    actions.ask_for_approval(campaign, by=of_user(cast.maija), at=now)
    actions.approve(campaign, by=of_user(cast.adele), at=now + timedelta(seconds=5))
    for minutes in (1, 2):
        crm_actions.tell(at=now + timedelta(minutes=minutes))
    assert told(cast.maija) == ["Approved, and may leave: Spring"]


def test_a_change_of_the_audience_takes_the_asking_back(campaign, cast):
    actions.ask_for_approval(campaign, by=of_user(cast.maija), at=timezone.now())
    actions.change_campaign(campaign, exclude=Segment.objects.all(), by=of_user(cast.maija), at=timezone.now())
    campaign.refresh_from_db()
    assert campaign.asked_at is None and campaign.asked_by is None
    assert not queries.awaiting_approval(of_user(cast.adele))


def test_it_waits_on_the_first_page_of_those_who_may_approve_until_they_did(campaign, cast, client):
    actions.ask_for_approval(campaign, by=of_user(cast.maija), at=timezone.now())

    def home(user):
        client.force_login(user)
        return client.get(reverse("home")).content.decode()

    assert "Waits for my approval" in home(cast.adele) and "Waits for my approval" not in home(cast.maija)
    actions.approve(campaign, by=of_user(cast.adele), at=timezone.now())
    assert "Waits for my approval" not in home(cast.adele)
    actions.withdraw_approval(campaign, by=of_user(cast.adele), at=timezone.now())
    assert "Waits for my approval" not in home(cast.adele)
    actions.ask_for_approval(campaign, by=of_user(cast.maija), at=timezone.now())
    assert "Waits for my approval" in home(cast.adele)


def test_asking_is_refused_where_it_makes_no_sense(campaign, cast):
    maija = of_user(cast.maija)
    actions.ask_for_approval(campaign, by=maija, at=timezone.now())
    with pytest.raises(NotPossibleNow, match="asked for already"):
        actions.ask_for_approval(campaign, by=maija, at=timezone.now())
    actions.change_campaign(campaign, by=of_user(cast.adele), at=timezone.now())
    with pytest.raises(NotPossibleNow, match="Nobody but those who wrote it"):
        actions.ask_for_approval(campaign, by=maija, at=timezone.now())
    SendingRules.objects.update(approval_above=None)
    with pytest.raises(NotPossibleNow, match="No second person"):
        actions.ask_for_approval(campaign, by=maija, at=timezone.now())


def test_what_was_changed_since_the_page_was_shown_is_not_asked_for(campaign, cast, client):
    client.force_login(cast.maija)
    client.post(reverse("campaign-ask-approval", args=[campaign.pk]), {"stamp": "2026-01-01T00:00:00+00:00"})
    campaign.refresh_from_db()
    assert campaign.asked_at is None


def test_the_api_asks_too_and_says_who_asked(campaign, cast, client):
    client.force_login(cast.maija)
    answer = client.post(f"/api/v1/campaigns/{campaign.pk}/ask-approval/", content_type="application/json")
    assert answer.status_code == 200, answer.content
    assert answer.json()["asked_by"] == "maija" and answer.json()["asked_at"]
    client.force_login(cast.anna)
    again = client.post(f"/api/v1/campaigns/{campaign.pk}/ask-approval/", content_type="application/json")
    assert again.status_code == 403
