"""The health of real segments: what is measured, when a review is due, who uses what, and the pages that say it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign
from crm.models import AuditLine, Customer
from crm.rights import machine
from profiles import actions as profile_actions
from segments import actions, health, queries

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
BY = machine("test")


def is_in(*cities: str):
    return {"version": 1, "where": {"feature": "city", "op": "one_of", "value": list(cities)}}


def grown(name: str, rule=None, **given):
    return actions.create_segment(name=name, rule=rule or is_in(name), by=BY, at=AT, **given)


@pytest.fixture
def towns(transactional_db):
    for i in range(40):
        city = ("Oulu", "Turku", "Vaasa", "")[i % 4]
        gender = "f" if i == 0 else ""
        Customer.objects.create(number=f"K{i}", city=city, gender=gender, created_at=AT, updated_at=AT)
    profile_actions.refresh(at=AT)


def reasons(one) -> dict[str, str]:
    one.refresh_from_db()
    return {row.key: row.words for row in queries.health([one], at=AT)[one.pk].findings}


@pytest.mark.usefixtures("towns")
def test_measuring_finds_the_likest_segment_how_broad_it_is_and_thin_data(maija) -> None:
    both = grown("Coast", is_in("Oulu", "Turku", "Vaasa"), owner=maija)
    same = grown("Towns", is_in("Oulu", "Turku", "Vaasa", "Kemi"), owner=maija)
    women = grown("Women", {"version": 1, "where": {"feature": "gender", "op": "is", "value": "f"}}, owner=maija)
    actions.refresh_segments(at=AT)
    assert actions.measure_segments(at=AT) == 3
    both.refresh_from_db()
    assert both.measured["everyone"] == 40
    assert both.measured["nearest"] == {"slug": same.slug, "name": "Towns", "jaccard": 1.0, "shared": 30}
    assert {"overlap", "too_broad"} <= set(reasons(both))
    assert "Gender" in reasons(women)["thin_data"] and "demographics_only" in reasons(women)


@pytest.mark.usefixtures("towns")
def test_a_review_is_due_in_a_year_and_in_a_quarter_once_something_rests_on_it(maija) -> None:
    one = grown("Oulu", owner=maija)
    assert health.review_due(one, is_used=False) == AT.date() + timedelta(days=365)
    assert health.review_due(one, is_used=True) == AT.date() + timedelta(days=91)
    later = AT + timedelta(days=100)
    assert "review_overdue" not in {row.key for row in queries.health([one], at=later)[one.pk].findings}
    grown("Of Oulu", {"version": 1, "where": {"segment": "oulu", "op": "in"}})
    assert "review_overdue" in {row.key for row in queries.health([one], at=later)[one.pk].findings}
    reviewed = actions.review_segment(segment=one, by=BY, at=later)
    assert reviewed.review_on == later.date() + timedelta(days=91)
    assert "review_overdue" not in {row.key for row in queries.health([reviewed], at=later)[one.pk].findings}
    assert AuditLine.objects.filter(kind="segment", verb="reviewed", object_id=one.pk).count() == 1


def test_campaigns_and_rules_count_as_uses_and_the_rest_is_used_by_nobody(db) -> None:
    mailed, named, idle = grown("Oulu"), grown("Turku"), grown("Vaasa")
    grown("Of Turku", {"version": 1, "where": {"segment": "turku", "op": "in"}})
    made = Campaign.objects.create(name="Spring", seed="x", created_at=AT, updated_at=AT)
    made.include.add(mailed)
    assert [use.name for use in queries.uses_of(mailed, BY)] == ["Spring"]
    assert [use.name for use in queries.uses_of(named, BY)] == ["Of Turku"]
    assert idle in queries.unused([mailed, named, idle], BY) and mailed not in queries.unused([mailed], BY)
    Campaign.objects.update(status="cancelled")
    assert mailed in queries.unused([mailed], BY)


def test_cards_and_the_page_show_the_letter_and_its_reasons(client, maija) -> None:
    one = grown("Oulu")
    client.force_login(maija)
    assert "No owner" in client.get(reverse("segments")).content.decode()
    page = client.get(reverse("segment", args=[one.slug])).content.decode()
    assert "No owner" in page and "Name somebody who answers for it." in page and "Nobody yet" in page
    client.post(reverse("segment-review", args=[one.slug]))
    one.refresh_from_db()
    assert one.reviewed_at is not None


def test_the_list_shows_only_those_asked_for(client, maija) -> None:
    mine = actions.create_segment(name="Kept", rule=is_in("Oulu"), by=BY, at=timezone.now(), owner=maija)
    ailing = actions.create_segment(name="Ailing", rule=is_in("Turku"), by=BY, at=timezone.now())
    type(ailing).objects.filter(pk=ailing.pk).update(error="No such field.")
    client.force_login(maija)
    shown = lambda which: client.get(reverse("segments"), {"show": which}).content.decode()  # noqa: E731
    assert "Ailing" in shown("attention") and reverse("segment", args=[mine.slug]) not in shown("attention")
    assert "Kept" in shown("mine") and "Ailing" not in shown("mine")
    assert "Kept" in shown("unused") and "Ailing" in shown("unused")


def test_the_api_gives_health_and_takes_a_review(client, maija, aino) -> None:
    one = grown("Oulu")
    client.force_login(aino)
    told = client.get(f"/api/v1/segments/{one.pk}/health/").json()
    assert "no_owner" in [row["key"] for row in told["findings"]] and told["grade"] in "BCDE"
    assert client.post(f"/api/v1/segments/{one.pk}/review/").status_code == 403
    client.force_login(maija)
    answer = client.post(f"/api/v1/segments/{one.pk}/review/")
    assert answer.status_code == 200
    assert (
        answer.json()["review_on"]
        == (timezone.localdate(timezone=ZoneInfo(settings.FIRM_TIME_ZONE)) + timedelta(days=365)).isoformat()
    )
