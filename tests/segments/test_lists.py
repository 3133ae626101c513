"""Segments in lists: as a filter of customers, as where many are added at once, and their own list as a file."""

import csv
import io
from datetime import timedelta

import pytest
from django.db.models import Q
from django.utils import timezone

from crm import access, rights
from crm.lists import conditions
from crm.models import Customer
from segments import actions, ledger, lists, queries
from tests.segments.test_pages import customer

pytestmark = pytest.mark.django_db
MACHINE = rights.machine("test")


@pytest.fixture
def people(cast):
    return [customer(f"K{n}", team=cast.north) for n in range(4)]


@pytest.fixture
def friends(people):
    """A named list of the first two; somebody else was on it once."""
    at = timezone.now() - timedelta(days=10)
    one = actions.create_segment(name="Friends", kind="static", by=MACHINE, at=at)
    actions.add_members(segment=one, customers=[row.pk for row in people[:3]], by=MACHINE, at=at)
    actions.remove_members(segment=one, customers=[people[2].pk], by=MACHINE, at=at + timedelta(days=1))
    one.refresh_from_db()
    return one


def meant(actor, text) -> set[str]:
    known = {one.key: one for one in lists.subjects(actor)}
    answer = lists.narrowed(actor, conditions.condition(text, known))
    assert isinstance(answer, Q)
    return set(Customer.objects.filter(answer).values_list("number", flat=True))


@pytest.mark.parametrize("few", [0, 1000])
def test_the_filter_asks_who_is_in_now_however_many_they_are(few, friends, maija, monkeypatch):
    monkeypatch.setattr(queries, "FEW", few)
    actor = access.of_user(maija)
    assert meant(actor, "segment.member:is:friends") == {"K0", "K1"}
    assert meant(actor, "segment.member:not:friends") == {"K2", "K3"}


def test_no_segment_is_no_filter_and_an_unknown_one_is_refused(maija, people):
    actor = access.of_user(maija)
    assert list(lists.subjects(actor)) == []
    actions.create_segment(name="Friends", kind="static", by=MACHINE, at=timezone.now())
    with pytest.raises(conditions.Refused, match="not one of the choices"):
        meant(actor, "segment.member:is:strangers")


def test_adding_many_to_a_list_takes_back_only_those_it_added(friends, people, maija):
    actor, at = access.of_user(maija), timezone.now()
    given = {"segment": friends.slug}
    before = lists.ADD.do([row.pk for row in people[1:]], given, actor, at)
    assert set(before) == {people[2].pk, people[3].pk} and ledger.members(friends.pk).size == 4
    assert lists.ADD.undo(before, given, actor, at) == 2
    assert set(ledger.members(friends.pk).tolist()) == {people[0].pk, people[1].pk}


def test_only_named_lists_are_offered_for_adding(friends, maija):
    rule = {"version": 1, "where": {"feature": "city", "op": "is", "value": "Oulu"}}
    actions.create_segment(name="Oulu", rule=rule, by=MACHINE, at=timezone.now())
    form = lists.NamedListForm({"segment": "friends"}, actor=access.of_user(maija))
    assert form.is_valid() and form.parameters() == {"segment": "friends"}
    assert not lists.NamedListForm({"segment": "oulu"}, actor=access.of_user(maija)).is_valid()


def test_the_list_of_segments_is_a_file_of_what_its_filters_leave(client, friends, aino):
    rule = {"version": 1, "where": {"feature": "city", "op": "is", "value": "Oulu"}}
    actions.create_segment(name="=Oulu", rule=rule, by=MACHINE, at=timezone.now())
    client.force_login(aino)

    def read(query):
        text = b"".join(client.get(f"/segments/file.csv?{query}").streaming_content).decode("utf-8-sig")
        return [(row["Name"], row["Size"]) for row in csv.DictReader(io.StringIO(text))]

    assert read("sort=-size") == [("Friends", "2"), ("'=Oulu", "0")]
    assert read("kind=static") == [("Friends", "2")] and read("q=nobody") == []
    assert 'href="/segments/file.csv?kind=static"' in client.get("/segments/?kind=static").content.decode()
