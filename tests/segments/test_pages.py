"""The pages of segments: who sees what, how many queries a page may ask, and what its buttons do."""

from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from crm import rights
from crm.models import AuditLine, Customer
from segments import actions, queries, uses
from segments.models import Segment

pytestmark = pytest.mark.django_db
MACHINE = rights.machine("test")


def customer(number, **more):
    now = timezone.now()
    return Customer.objects.create(number=number, created_at=now, updated_at=now, **more)


@pytest.fixture
def people(cast):
    return [
        customer("K1", first_name="Aila", last_name="Aho", city="Oulu", team=cast.north),
        customer("K2", first_name="Börje", last_name="Berg", city="Turku", team=cast.south),
        customer("K3", first_name="=Cmd", last_name="Koski", city="Vaasa", team=cast.north),
    ]


@pytest.fixture
def friends(people):
    """A named list of the first two."""
    at = timezone.now() - timedelta(days=10)
    one = actions.create_segment(name="Friends", kind="static", by=MACHINE, at=at)
    actions.add_members(segment=one, customers=[people[0].pk, people[1].pk], by=MACHINE, at=at)
    one.refresh_from_db()
    return one


def rule_segment(name):
    rule = {"version": 1, "where": {"feature": "city", "op": "is", "value": name}}
    return actions.create_segment(name=name, rule=rule, by=MACHINE, at=timezone.now())


def test_list_shows_each_segment_with_its_size_sentence_and_state(client, maija, friends):
    rule_segment("Oulu")
    client.force_login(maija)
    page = client.get(reverse("segments")).content.decode()
    assert "Friends" in page and "Kept by hand" in page
    assert "Customers where city is “Oulu”." in page and "Waiting" in page


def test_list_finds_by_words_and_kind(client, maija, friends):
    rule_segment("Oulu")
    client.force_login(maija)
    assert "Oulu" not in client.get(reverse("segments"), {"q": "friend"}).content.decode()
    assert "Friends" not in client.get(reverse("segments"), {"kind": "rule"}).content.decode()


def test_list_asks_as_many_queries_for_ten_segments_as_for_one(client, maija, django_assert_num_queries):
    from django.core.cache import caches

    rule_segment("Oulu")
    client.force_login(maija)
    client.get(reverse("segments"))
    with django_assert_num_queries(16):
        client.get(reverse("segments"))
    for n in range(9):
        rule_segment(f"City {n}")
    client.get(reverse("segments"))
    with django_assert_num_queries(16):
        client.get(reverse("segments"))
    caches["answers"].clear()
    with django_assert_num_queries(19):
        client.get(reverse("segments"))


def test_empty_list_teaches_with_starters(client, maija, aino):
    client.force_login(maija)
    assert "Or start from one of these" in client.get(reverse("segments")).content.decode()
    client.force_login(aino)
    assert "Or start from one of these" not in client.get(reverse("segments")).content.decode()


def test_detail_answers_with_size_and_the_week(client, maija, friends, people):
    actions.add_members(segment=friends, customers=[people[2].pk], by=MACHINE, at=timezone.now())
    client.force_login(maija)
    page = client.get(reverse("segment", args=["friends"])).content.decode()
    assert "3 customers are in it, 1 more than a week ago." in page
    assert "Aila Aho" in page


def test_sales_see_only_members_of_their_own_teams(client, anna, friends):
    client.force_login(anna)
    page = client.get(reverse("segment-members", args=["friends"])).content.decode()
    assert "Aila Aho" in page and "Börje Berg" not in page
    moves = client.get(reverse("segment-history", args=["friends"])).content.decode()
    assert "Börje" not in moves and "a customer of another team" in moves


def test_analysts_see_no_names(client, aino, friends):
    client.force_login(aino)
    for name in ("segment", "segment-members", "segment-history"):
        page = client.get(reverse(name, args=["friends"])).content.decode()
        assert "Aila" not in page and "Aho" not in page
    assert client.get(reverse("segment-members-file", args=["friends", "csv"])).status_code == 403


def test_members_of_a_past_day_are_those_of_then(client, maija, friends, people):
    actions.remove_members(segment=friends, customers=[people[0].pk], by=MACHINE, at=timezone.now())
    client.force_login(maija)
    address = reverse("segment-members", args=["friends"])
    day = timezone.localdate() - timedelta(days=3)
    assert "Aila Aho" not in client.get(address).content.decode()
    assert "Aila Aho" in client.get(address, {"on": day.isoformat()}).content.decode()


def test_members_of_a_past_day_are_looked_up_by_customer_when_they_are_many(monkeypatch, friends, people):
    """By the plan of the database: SQLite would walk every interval of the segment, once for each customer."""
    monkeypatch.setattr(queries, "FEW", 1)
    moment = timezone.now() - timedelta(days=3)
    rows = queries.members(friends, MACHINE, as_of=moment).order_by("number")
    assert [one.number for one in rows] == ["K1", "K2"]
    actions.remove_members(segment=friends, customers=[people[0].pk], by=MACHINE, at=timezone.now())
    assert [one.number for one in rows.all()] == ["K1", "K2"]
    if connection.vendor == "sqlite":
        assert "customer_id=?" in rows.explain() and "membership_entered" not in rows.explain()
        assert "membership_left" not in rows.explain()


@pytest.mark.parametrize("day", ["2026-02-31", "tomorrow", "9999-12-31", "0001-01-01", "\0"])
def test_days_that_make_no_sense_mean_now(client, maija, friends, day):
    client.force_login(maija)
    assert client.get(reverse("segment-members", args=["friends"]), {"on": day, "cursor": "x"}).status_code == 200


def test_csv_is_quoted_scoped_and_audited(client, anna, friends, people):
    actions.add_members(segment=friends, customers=[people[2].pk], by=MACHINE, at=timezone.now())
    client.force_login(anna)
    answer = client.get(reverse("segment-members-file", args=["friends", "csv"]))
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in lines] == ["number", "K1", "K3"]
    assert "'=Cmd" in lines[2]
    assert AuditLine.objects.get(verb="exported").changes == {"rows": [None, 2]}


def test_archive_can_be_undone(client, maija, friends):
    client.force_login(maija)
    page = client.post(reverse("segment-archive", args=["friends"]), follow=True).content.decode()
    assert reverse("segment-restore", args=["friends"]) in page and "Undo" in page
    client.post(reverse("segment-restore", args=["friends"]))
    assert Segment.objects.get(slug="friends").archived_at is None


def test_archiving_a_segment_that_a_rule_names_says_which(client, maija, friends):
    rule = {"version": 1, "where": {"segment": "friends", "op": "in"}}
    actions.create_segment(name="Of friends", rule=rule, by=MACHINE, at=timezone.now())
    client.force_login(maija)
    page = client.post(reverse("segment-archive", args=["friends"]), follow=True).content.decode()
    assert "of-friends" in page and Segment.objects.get(slug="friends").archived_at is None


def test_refresh_now_makes_the_segment_due(client, maija):
    one = rule_segment("Oulu")
    Segment.objects.update(due_at=timezone.now() + timedelta(hours=1))
    client.force_login(maija)
    client.post(reverse("segment-refresh", args=[one.slug]))
    assert Segment.objects.get().due_at <= timezone.now()


def test_a_named_list_takes_pasted_numbers_and_tells_the_unknown(client, maija, people):
    client.force_login(maija)
    given = {"name": "Guests", "numbers": "K1, K2\nK9"}
    page = client.post(reverse("segment-new-list"), given, follow=True).content.decode()
    assert "2 customers were added." in page and "Nobody has this number: K9." in page
    client.post(reverse("segment-remove", args=["guests"]), {"ids": [people[0].pk], "action": "remove"})
    assert Segment.objects.get(slug="guests").size == 1


def test_what_members_have_in_common_says_when_nobody_can_tell_yet(client, maija, friends):
    client.force_login(maija)
    page = client.get(reverse("segment-common", args=["friends"]))
    assert page.status_code == 200


def test_a_rule_names_the_campaign_it_speaks_of_as_people_know_it(monkeypatch):
    monkeypatch.setattr(uses, "CAMPAIGNS", [lambda: {"spring-outdoor": "Spring outdoor"}])
    rule = {"version": 1, "where": {"response": "conversion", "campaign": "spring-outdoor"}}
    assert "“Spring outdoor”" in queries.sentence(rule)
