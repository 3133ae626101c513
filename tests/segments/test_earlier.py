"""The size a segment would have had before it was made: weekly, by today's rule, with what cannot be told said."""

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse

from crm import actions as crm_actions
from crm.models import Customer
from crm.rights import machine
from profiles import actions as profile_actions
from profiles import queries as profile_queries
from segments import actions, earlier, evaluation, queries, tasks

BY = machine("test")
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
FIRST = date(2026, 6, 4)
FINNISH = {"version": 1, "where": {"feature": "language", "op": "is", "value": "fi"}}
OULU = {"version": 1, "where": {"feature": "city", "op": "is", "value": "Oulu"}}


@pytest.fixture
def grown(transactional_db):
    """Ten customers, one more each week from 1 June on, all Finnish; their cities were written down in July."""
    for n in range(10):
        at = datetime(2026, 6, 1, 12, tzinfo=UTC) + timedelta(weeks=n)
        Customer.objects.create(number=f"K{n}", language="fi", created_at=at, updated_at=at)
    for one in Customer.objects.filter(number__in=("K0", "K1", "K2")):
        crm_actions.change_customer(one, values={"city": "Oulu"}, by=BY, at=datetime(2026, 7, 10, 12, tzinfo=UTC))
    profile_actions.refresh(at=NOW)


def made(rule, name="Some"):
    segment = actions.create_segment(name=name, rule=rule, by=BY, at=NOW)
    actions.refresh_segments(at=NOW)
    segment.refresh_from_db()
    return segment


def test_one_day_a_week_leads_back_from_the_day_before_it_was_made() -> None:
    days = earlier.days_before(date(2026, 9, 1), first=FIRST)
    assert days[0] == date(2026, 6, 8) and days[-1] == date(2026, 8, 31) and len(days) == 13
    assert all(b - a == timedelta(days=7) for a, b in itertools.pairwise(days))
    assert earlier.days_before(FIRST, first=FIRST) == []


def test_each_day_counts_who_was_there_by_then(grown) -> None:
    found = queries.sizes_before(made(FINNISH), first=date(2026, 5, 1), at=NOW)
    created = [one.created_at.date() for one in Customer.objects.all()]
    assert {one.day: one.size for one in found if one.size is not None} == {
        one.day: sum(day <= one.day for day in created) for one in found if one.day >= date(2026, 6, 1)
    }
    (nobody,) = earlier.untold(found)
    assert nobody.last < date(2026, 6, 1) and nobody.reason == "No customer was known then."


def test_days_before_a_history_began_are_told_apart(grown) -> None:
    found = queries.sizes_before(made(OULU), first=FIRST, at=NOW)
    assert {one.size for one in found if one.day >= date(2026, 7, 10)} == {3}
    (silent,) = earlier.untold(found)
    assert silent.last < date(2026, 7, 10) and "cannot be said before 10 Jul 2026: city" in silent.reason


def test_a_day_is_asked_once_until_the_rule_changes(grown, monkeypatch) -> None:
    segment, asked = made(FINNISH), []
    counted = earlier.counted
    monkeypatch.setattr(earlier, "counted", lambda rule, moment: asked.append(moment) or counted(rule, moment))
    for _ in range(2):
        queries.sizes_before(segment, first=FIRST, at=NOW)
    assert len(asked) == 13
    changed = actions.change_segment(segment=segment, rule=OULU, by=BY, at=NOW)
    queries.sizes_before(changed, first=FIRST, at=NOW)
    assert len(asked) == 13 + 8  # five of the days lie before the first city


def test_a_past_profile_of_some_features_is_that_of_all(grown) -> None:
    past = NOW - timedelta(days=40)
    keys = sorted(evaluation.catalogue())
    with profile_queries.cursor(as_of=past) as whole:
        wanted = whole.execute(f"select customer_id, {', '.join(keys)} from profile order by 1").fetchall()
    for place, key in enumerate(keys, 1):
        with profile_queries.cursor(as_of=past, only=frozenset({key})) as narrow:
            found = narrow.execute(f'select customer_id, "{key}" from profile order by 1').fetchall()
        assert found == [(row[0], row[place]) for row in wanted], key


def test_page_and_api_show_the_dashed_part(client, maija, grown, monkeypatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    segment = made(OULU)
    client.force_login(maija)
    page = client.get(reverse("segment", args=[segment.slug])).content.decode()
    assert reverse("segment-before", args=[segment.slug]) in page and "chart__line--dashed" not in page
    fragment = client.get(reverse("segment-before", args=[segment.slug])).content.decode()
    assert "chart__line--dashed" in fragment and "cannot be said before 10 Jul 2026" in fragment
    rows = client.get(f"/api/v1/segments/{segment.pk}/sizes/").json()
    assert rows[-1] == {"day": "2026-09-01", "size": 3, "is_before": False, "reason": ""}
    assert [row["size"] for row in rows if row["is_before"]] == [None] * 5 + [3] * 8
    static = actions.create_segment(name="List", kind="static", by=BY, at=NOW)
    assert (
        reverse("segment-before", args=[static.slug])
        not in client.get(reverse("segment", args=[static.slug])).content.decode()
    )
    assert all(not row["is_before"] for row in client.get(f"/api/v1/segments/{static.pk}/sizes/").json())


@pytest.mark.parametrize(("name", "which"), [("segment-seasons", "seasons"), ("segment-before", "before")])
def test_of_many_customers_a_worker_looks_back_and_the_page_asks_again(
    grown, client, maija, monkeypatch, name, which
) -> None:
    segment, poked = made(FINNISH), []
    monkeypatch.setattr("crm.answers.MANY", 1)
    monkeypatch.setattr(tasks, "poke_look_back", lambda *told: poked.append(told))
    client.force_login(maija)
    url = reverse(name, args=[segment.slug])
    for _ in range(2):
        page = client.get(url).content.decode()
        assert "The figures are being worked out" in page and f'hx-get="{url}"' in page
    assert poked == [(segment.pk, which)]
    tasks.look_back(segment.pk, which)
    page = client.get(url).content.decode()
    assert "being worked out" not in page and "once a day" in page
