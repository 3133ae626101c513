"""Whoever draws a segment does not wait for the timetable: a worker is told, and the page renews itself."""

from datetime import timedelta

import pytest
from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from kombu.exceptions import OperationalError

from crm.models import Customer
from crm.rights import machine
from profiles import actions as profile_actions
from segments import actions, queries, tasks
from segments.models import Segment

BY = machine("test")
OULU = {"version": 1, "where": {"feature": "city", "op": "is", "value": "Oulu"}}
pytestmark = pytest.mark.django_db


@pytest.fixture
def poked(monkeypatch):
    """What the workers were told."""
    told = []
    monkeypatch.setattr(tasks.refresh_awaited, "apply_async", lambda args, **more: told.append(args[0]))
    return told


@pytest.fixture
def oulu():
    long_ago = timezone.now() - timedelta(days=3)
    Customer.objects.create(number="K1", first_name="Aila", city="Oulu", created_at=long_ago, updated_at=long_ago)
    one = actions.create_segment(name="Oulu", rule=OULU, by=BY, at=timezone.now())
    profile_actions.refresh(at=timezone.now())
    return one


def test_a_request_that_makes_segments_due_tells_a_worker(client, maija, oulu, poked):
    client.force_login(maija)
    client.get(reverse("segments"))
    assert poked == []
    client.post(reverse("segment-refresh", args=["oulu"]))
    assert poked == [["oulu"]]
    new = {"name": "In Oulu", "purpose": "marketing", "r:word": "all", "r.0:kind": "feature", "r.0:feature": "city"}
    answer = client.post(reverse("segment-new"), {**new, "r.0:op": "is", "r.0:value": "Oulu"})
    assert answer.status_code == 302 and poked[1:] == [["in-oulu"]]


def test_a_broker_that_is_away_costs_a_minute_and_nothing_else(client, maija, oulu, monkeypatch):
    def away(*_args, **_more):
        raise OperationalError

    monkeypatch.setattr(tasks.refresh_awaited, "apply_async", away)
    client.force_login(maija)
    assert client.post(reverse("segment-refresh", args=["oulu"])).status_code == 302
    assert Segment.objects.get().due_at <= timezone.now()


def test_the_page_waits_for_the_members_and_then_renews_itself(client, maija, oulu):
    client.force_login(maija)
    address, progress = (reverse(name, args=["oulu"]) for name in ("segment", "segment-progress"))
    page = client.get(address).content.decode()
    assert f'hx-get="{progress}"' in page and "Finding who belongs" in page and "0 customers are in it" not in page
    assert client.get(progress).status_code == 204
    tasks.refresh_awaited(["oulu"])
    arrived = client.get(progress).content.decode()
    assert 'hx-select="#segment"' in arrived and "Up to date: 1 customer is in it." in arrived
    page = client.get(address).content.decode()
    assert progress not in page and "1 customer is in it." in page


def test_a_card_of_the_list_renews_itself_while_its_segment_waits(client, maija, oulu):
    client.force_login(maija)
    card = reverse("segment-card", args=["oulu"])
    assert f'hx-get="{card}"' in client.get(reverse("segments")).content.decode()
    assert client.get(card).status_code == 204
    tasks.refresh_awaited(["oulu"])
    renewed = client.get(card).content.decode()
    assert renewed.strip().startswith("<li") and "hx-get" not in renewed and "Up to date" not in renewed
    assert card not in client.get(reverse("segments")).content.decode()


def test_a_refresh_that_fails_ends_the_wait_with_its_reason(client, maija, oulu):
    Segment.objects.update(rule={"version": 1, "where": {"feature": "gone", "op": "is", "value": "x"}})
    tasks.refresh_awaited(["oulu"])
    client.force_login(maija)
    arrived = client.get(reverse("segment-progress", args=["oulu"])).content.decode()
    assert "The members could not be found" in arrived and "gone" in arrived


def test_what_the_awaited_rest_on_is_refreshed_first_and_nothing_else(oulu):
    of_oulu = {"version": 1, "where": {"segment": "oulu", "op": "in"}}
    actions.create_segment(name="Those of Oulu", rule=of_oulu, by=BY, at=timezone.now())
    actions.create_segment(name="Other", rule=OULU, by=BY, at=timezone.now())
    tasks.refresh_awaited(["those-of-oulu"])
    assert dict(Segment.objects.values_list("slug", "size")) == {"oulu": 1, "those-of-oulu": 1, "other": 0}
    assert Segment.objects.get(slug="other").refreshed_at is None
    tasks.refresh_awaited(["those-of-oulu"])
    assert Segment.objects.get(slug="those-of-oulu").runs.count() == 1


@pytest.mark.parametrize("by_poke", [True, False])
def test_what_rests_on_a_new_rule_is_refreshed_with_it(oulu, by_poke):
    of_oulu = {"version": 1, "where": {"segment": "oulu", "op": "in"}}
    actions.create_segment(name="Those", rule=of_oulu, by=BY, at=timezone.now())
    not_those = {"version": 1, "where": {"segment": "those", "op": "not_in"}}
    actions.create_segment(name="Others", rule=not_those, by=BY, at=timezone.now())
    actions.create_segment(name="Apart", rule=OULU, by=BY, at=timezone.now())
    tasks.refresh_due()
    runs = dict(Segment.objects.annotate(n=Count("runs")).values_list("slug", "n"))
    assert set(runs.values()) == {1}
    elsewhere = {"version": 1, "where": {"feature": "city", "op": "is", "value": "Turku"}}
    now = timezone.now()
    actions.change_segment(segment=oulu, rule=elsewhere, by=BY, at=now)
    awaited = {one.slug for one in Segment.objects.all() if queries.is_awaited(one, at=now)}
    assert awaited == {"oulu", "those", "others"}
    tasks.refresh_awaited(["oulu"]) if by_poke else tasks.refresh_due()
    assert dict(Segment.objects.values_list("slug", "size")) == {"oulu": 0, "those": 0, "others": 1, "apart": 1}
    tasks.refresh_due()
    runs = dict(Segment.objects.annotate(n=Count("runs")).values_list("slug", "n"))
    assert runs == {"oulu": 2, "those": 2, "others": 2, "apart": 1}


def test_before_the_profiles_are_built_the_segment_just_waits():
    actions.create_segment(name="Oulu", rule=OULU, by=BY, at=timezone.now())
    tasks.refresh_awaited(["oulu"])
    assert Segment.objects.get().refreshed_at is None
