"""Whom a campaign reaches: of many members a worker counts, and pages that show it come at once."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns import audience, counting, queries, tasks
from campaigns.models import Campaign
from crm import answers
from segments.models import Segment

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(new_customer, new_campaign):
    made = new_campaign([new_customer(n) for n in range(30)], holdout_share="0.1")
    Segment.objects.update(size=30)
    return made


@pytest.fixture
def poked(monkeypatch):
    """Members are many; who was poked to count is noted and not called."""
    found = []
    monkeypatch.setattr(answers, "MANY", 10)
    monkeypatch.setattr(tasks, "poke_count", found.append)
    return found


def pages(draft):
    plan = [reverse("campaign-plan", args=[draft.pk, key]) for key in ("audience", "test")]
    return [reverse("campaign-launch", args=[draft.pk]), *plan]


def test_pages_say_that_it_is_counted_and_show_it_then(client, maija, draft, poked):
    client.force_login(maija)
    for url in pages(draft):
        page = client.get(url).content.decode()
        assert "The figures are being worked out" in page and f'hx-get="{url}"' in page
    launch = pages(draft)[0]
    page = client.get(launch).content.decode()
    assert "Send to" not in page and "It can leave once they are counted." in page
    assert poked == [draft.pk], "one counts for all that wait"
    tasks.count_reach(draft.pk)
    assert "exactly 27 people" in client.get(launch).content.decode()
    for url in pages(draft):
        assert "being worked out" not in client.get(url).content.decode()
    assert client.get(launch, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"


def test_few_are_counted_by_the_page_itself(client, maija, draft):
    client.force_login(maija)
    assert "exactly 27 people" in client.get(pages(draft)[0]).content.decode()


def test_a_changed_audience_never_shows_the_count_of_the_one_before(settings, draft, new_segment, new_customer):
    settings.ANSWER_PATIENCE = 1e9
    assert queries.reach(draft, as_of=timezone.now()).matches == 30
    draft.include.set([new_segment("others", [new_customer(n) for n in range(40, 45)])])
    again = Campaign.objects.get(pk=draft.pk)
    assert queries.reach(again, as_of=timezone.now()).matches == 5


def test_a_count_nobody_wants_any_more_stops(draft, poked):
    name = counting.name_of(draft)
    held = Campaign.objects.get(pk=draft.pk)
    Campaign.objects.update(updated_at=timezone.now())
    assert answers.begin(name)
    counting.count(held, at=timezone.now())
    assert answers.begin(name), "it ended"
    with answers.only_at_hand(), pytest.raises(answers.NotAtHand):
        audience.kept_reach(held, timezone.now())


def test_how_many_are_judged_at_a_time_changes_nothing(draft, monkeypatch):
    whole = audience.reasons(draft, timezone.now())
    told = []
    monkeypatch.setattr(audience, "LOOKED_AT", 7)
    assert audience.reasons(draft, timezone.now(), tell=told.append) == whole
    assert told[-1] == 30 and re.match(r"\[7, ", str(told))


def test_judging_asks_as_much_for_more_members(draft, django_assert_max_num_queries):
    with django_assert_max_num_queries(20):
        audience.reasons(draft, timezone.now())
