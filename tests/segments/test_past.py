"""Rules as of a past moment: what was not recorded yet is said, and is never a zero."""

import json
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from crm import actions as crm_actions
from crm.models import Customer
from crm.rights import machine
from profiles import actions as profile_actions
from profiles import queries as profile_queries
from segments import actions, queries

BY = machine("test")
MADE = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOLD = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
OULU = {"version": 1, "where": {"feature": "city", "op": "is", "value": "Oulu"}}
FINNISH = {"version": 1, "where": {"feature": "language", "op": "is", "value": "fi"}}
VISITORS = {"version": 1, "where": {"event": "visit", "op": "at_least", "value": 1}}

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(transactional_db, cast):
    """Two customers of March whose cities were written down in June; one visited in July."""
    for number in ("K1", "K2"):
        Customer.objects.create(number=number, language="fi", created_at=MADE, updated_at=MADE)
    for one in Customer.objects.all():
        crm_actions.change_customer(one, values={"city": "Oulu"}, by=BY, at=TOLD)
    event = crm_actions.NewEvent(
        type="visit", occurred_at=TOLD + timedelta(days=30), customer_id=one.pk, source="t", source_id="1"
    )
    crm_actions.record_events([event], by=BY, at=NOW)
    profile_actions.refresh(at=NOW)


def answered(rule, as_of):
    return queries.preview(actions.check_rule(rule, by=BY), BY, as_of=as_of).size


def test_what_was_always_known_is_answered_and_what_was_not_is_said(told):
    early, late = TOLD - timedelta(days=1), TOLD + timedelta(days=1)
    assert answered(FINNISH, early) == 2 and answered(OULU, late) == 2
    with pytest.raises(queries.NotEvaluable, match=r"cannot be said before 1 Jun 2026: city \(1 Jun 2026\)"):
        answered(OULU, early)


def test_events_are_not_counted_before_the_first_of_their_type(told):
    assert answered(VISITORS, NOW - timedelta(days=1)) == 1
    with pytest.raises(queries.NotEvaluable, match=r"before 1 Jul 2026: visit"):
        answered(VISITORS, TOLD)
    never = {"version": 1, "where": {"event": "cart", "op": "at_least", "value": 1}}
    assert answered(never, TOLD) == 0


def test_segments_have_no_past_before_they_were_made(told):
    actions.create_segment(name="Oulu", rule=OULU, by=BY, at=TOLD + timedelta(days=5))
    rule = {"version": 1, "where": {"segment": "oulu"}}
    with pytest.raises(queries.NotEvaluable, match=r"before 6 Jun 2026: oulu"):
        answered(rule, TOLD + timedelta(days=1))


def test_present_questions_are_answered_whatever_was_recorded(told):
    assert answered(OULU, NOW) == answered(OULU, NOW + timedelta(days=400)) == 2


def test_given_features_without_history_date_from_the_first_customer(told):
    found = profile_queries.recorded_since().features
    assert found["city"] == TOLD and "language" not in found


def test_command_page_and_api_say_why(client, maija, told, tmp_path):
    file, day = tmp_path / "rule.json", date(2026, 5, 1)
    file.write_text(json.dumps(OULU))
    with pytest.raises(CommandError, match="cannot be said before 1 Jun 2026: city"):
        call_command("evaluate_rule", file, as_of=day, stdout=StringIO())
    actions.create_segment(name="Oulu", rule=OULU, by=BY, at=timezone.now())
    client.force_login(maija)
    page = client.get(reverse("segment-history", args=["oulu"]), {"on": day.isoformat()}).content.decode()
    assert "cannot be said before 1 Jun 2026: city" in page and "The segment was made on" in page
    page = client.get(reverse("segment-history", args=["oulu"]), {"on": "2026-07-01"})
    assert page.context["then"]["size"] == 2
    asked = {"rule": OULU, "as_of": "2026-05-01T12:00:00Z"}
    answer = client.post("/api/v1/segments/preview/", asked, content_type="application/json")
    assert answer.status_code == 409 and "cannot be said before 1 Jun 2026: city" in answer.content.decode()


def test_members_of_a_day_before_the_segment_was_made_are_not_nobody(client, maija, told):
    actions.create_segment(name="Oulu", rule=OULU, by=BY, at=timezone.now())
    client.force_login(maija)
    page = client.get(reverse("segment-members", args=["oulu"]), {"on": "2026-01-01"}).content.decode()
    assert "nobody can have been in it before" in page
    assert f"{reverse('segment-history', args=['oulu'])}?on=" in page
