"""Pairs that look alike: found over the table, dismissed, compared, joined on a page and over the API."""

from collections.abc import Callable
from datetime import date, timedelta
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from crm import access, actions, duplicates, queries, rights
from crm.models import Customer, LikePair, Merge
from tests.crm.conftest import NOW

MACHINE = rights.machine("test")


def browser(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_pairs_are_those_that_a_plain_reading_finds(make_customer: Callable) -> None:
    born = date(1980, 5, 1)
    home = {"street": "Katu 1", "postal_code": "00100"}
    rows = [
        make_customer("1", email="Aada@example.fi", first_name="Aada", last_name="Virtanen", birth_date=born),
        make_customer("2", email="aada@example.fi", phone="+358401"),
        make_customer("3", phone="+358401", first_name="aada", last_name="VIRTANEN", birth_date=born),
        make_customer("4", first_name="Aada", last_name="Virtanen", **home),
        make_customer("5", first_name="Aada", last_name="Virtanen", **home),
        make_customer("6", email="aada@example.fi", erased_at=NOW),
        make_customer("7"),
        make_customer("8"),
    ]
    keys: dict[int, Callable[[Customer], Any]] = {
        1: lambda one: one.email.lower(),
        2: lambda one: one.phone,
        4: lambda one: (
            one.last_name and one.birth_date and (one.first_name.lower(), one.last_name.lower(), one.birth_date)
        ),
        8: lambda one: one.last_name and one.street and (one.first_name.lower(), one.last_name.lower(), one.street),
    }
    expected: dict[tuple[str, str], int] = {}
    for one, two in combinations([row for row in rows if not row.erased_at], 2):
        signs = sum(bit for bit, key in keys.items() if key(one) and key(one) == key(two))
        if signs:
            expected[one.number, two.number] = signs
    assert duplicates.find(at=NOW) == len(expected) == 4
    assert {(pair.first.number, pair.second.number): pair.signs for pair in LikePair.objects.all()} == expected


def test_more_signs_score_higher_and_a_switchboard_is_nobody(make_customer: Callable) -> None:
    both = {"email": "a@x.fi", "phone": "+358401"}
    make_customer("1", **both)
    make_customer("2", **both)
    for index in range(30):
        make_customer(f"s{index}", phone="+358500")
    assert duplicates.find(at=NOW) == 1
    assert LikePair.objects.get().score == 95


def test_looking_again_drops_pairs_that_parted_and_keeps_what_was_dismissed(
    cast: SimpleNamespace, make_customer: Callable
) -> None:
    one, two, three = (make_customer(str(n), email="a@x.fi") for n in (1, 2, 3))
    duplicates.find(at=NOW)
    by = access.of_user(cast.adele)
    actions.dismiss_pair(LikePair.objects.get(first=one, second=two), by=by, at=NOW)
    Customer.objects.filter(pk=three.pk).update(email="b@x.fi")
    assert duplicates.find(at=NOW + timedelta(days=1)) == 0
    pair = LikePair.objects.get()
    assert pair.dismissed_by == cast.adele and (pair.first, pair.second) == (one, two)


def test_a_pair_is_seen_where_both_are_in_scope_only(cast: SimpleNamespace, make_customer: Callable) -> None:
    make_customer("N1", cast.north, email="a@x.fi")
    make_customer("N2", cast.north, email="a@x.fi")
    make_customer("SOUTH-1", cast.south, phone="+358401")
    make_customer("N3", cast.north, phone="+358401")
    duplicates.find(at=NOW)
    mine = queries.like_pairs(access.of_user(cast.anna))
    assert [(pair.first.number, pair.second.number) for pair in mine] == [("N1", "N2")]
    assert queries.like_pairs(access.of_user(cast.adele)).count() == 2
    assert not queries.like_pairs(access.of_user(cast.maija)).exists()
    page = browser(cast.anna).get("/customers/duplicates/").content.decode()
    assert "N2" in page and "SOUTH-1" not in page and "the same e-mail address" in page


def test_two_records_are_joined_side_by_side_and_taken_apart_by_the_notice(
    cast: SimpleNamespace, make_customer: Callable
) -> None:
    one = make_customer("N1", cast.north, email="a@x.fi", first_name="Aada", attributes={"pet": "cat"})
    two = make_customer("N2", cast.north, email="a@x.fi", first_name="Ada", city="Oulu", attributes={"pet": "dog"})
    duplicates.find(at=NOW)
    client = browser(cast.anna)
    assert "May be the same person as Ada" in client.get(f"/customers/{one.pk}/").content.decode()
    compared = client.get(f"/customers/{one.pk}/merge/?with={two.pk}").content.decode()
    assert "cat" in compared and "dog" in compared and "Oulu" in compared
    chosen = {"with": two.pk, "stays": two.pk, "take:first_name": one.pk, "take:attributes.pet": one.pk}
    response = client.post(f"/customers/{one.pk}/merge/", chosen)
    assert response["Location"] == f"/customers/{two.pk}/"
    two.refresh_from_db()
    assert (two.first_name, two.city, two.attributes) == ("Aada", "Oulu", {"pet": "cat"})
    assert client.get(f"/customers/{one.pk}/")["Location"] == f"/customers/{two.pk}/"
    assert "Take apart" in client.get(f"/customers/{two.pk}/").content.decode()
    client.post(f"/customers/merges/{Merge.objects.get().pk}/undo/")
    two.refresh_from_db()
    assert (two.first_name, two.attributes) == ("Ada", {"pet": "dog"})
    assert client.get(f"/customers/{one.pk}/").status_code == 200


def test_another_teams_record_is_neither_offered_nor_joined(cast: SimpleNamespace, make_customer: Callable) -> None:
    mine, theirs = (
        make_customer("N1", cast.north, first_name="Aada"),
        make_customer("SOUTH-1", cast.south, first_name="Aada"),
    )
    client = browser(cast.anna)
    assert "SOUTH-1" not in client.get(f"/customers/{mine.pk}/merge/?q=aada").content.decode()
    assert "SOUTH-1" not in client.get(f"/customers/{mine.pk}/merge/?with={theirs.pk}").content.decode()
    client.post(f"/customers/{mine.pk}/merge/", {"with": theirs.pk, "stays": mine.pk})
    assert client.get(f"/customers/{theirs.pk}/merge/").status_code == 404 and not Merge.objects.exists()
    assert client.get(f"/customers/{mine.pk}/merge/?with={'9' * 40}&q=%00").status_code == 200


def test_the_api_merges_and_takes_apart(caller: Callable, cast: SimpleNamespace, make_customer: Callable) -> None:
    one, two = make_customer("1", email="a@x.fi"), make_customer("2", first_name="Ada")
    client, address = caller("customers:admin", "customers:read"), f"/api/v1/customers/{one.pk}"
    as_json = {"content_type": "application/json"}
    said = client.post(f"{address}/merge/", {"customer": "2", "take": ["number"]}, **as_json)
    assert said.status_code == 400 and said.json()["error"]["path"] == "take.number"
    said = client.post(f"{address}/merge/", {"customer": "nobody"}, **as_json)
    assert said.status_code == 400 and said.json()["error"]["path"] == "customer"
    done = client.post(f"{address}/merge/", {"customer": "2"}, **as_json)
    assert done.status_code == 201 and done.json()["merged"] == "2", done.content
    assert client.get(f"/api/v1/customers/{two.pk}/").status_code == 404
    assert client.post(f"{address}/unmerge/", {"number": "3"}, **as_json).status_code == 409
    back = client.post(f"{address}/unmerge/", {"number": "2"}, **as_json)
    assert back.status_code == 200 and back.json()["kept"] == []
    assert client.get(f"/api/v1/customers/{two.pk}/").json()["first_name"] == "Ada"
    assert caller("customers:read").post(f"{address}/merge/", {"customer": "2"}, **as_json).status_code == 403


@pytest.mark.parametrize("address", ["", "?dismissed=1", "?cursor=x"])
def test_the_list_of_pairs_takes_few_queries(
    address: str, cast: SimpleNamespace, make_customer: Callable, django_assert_max_num_queries: Any
) -> None:
    for index in range(20):
        make_customer(str(index), email=f"{index // 2}@x.fi")
    duplicates.find(at=NOW)
    client = browser(cast.adele)
    with django_assert_max_num_queries(7):
        assert client.get("/customers/duplicates/" + address).status_code == 200
