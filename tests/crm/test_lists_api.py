"""Lists over the API: tags, saved views, filters by features and segments, many at once, files, companies found."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm import access, actions, rights
from crm.models import AuditLine, BulkChange, Company, Customer, CustomerTag, SavedView, Tag
from tests.crm.conftest import NOW

MACHINE = rights.machine("test")


def post(client: Client, address: str, body: Any, method: str = "post") -> Any:
    return getattr(client, method)(f"/api/v1/{address}", body, content_type="application/json")


@pytest.fixture
def vip(db: None) -> Tag:
    return actions.create_tag(name="VIP", by=MACHINE, at=NOW)


@pytest.fixture
def three(make_customer: Callable, cast: Any) -> list[Customer]:
    cities = (("1", cast.north, "Oulu"), ("2", cast.north, "Turku"), ("3", cast.south, "Oulu"))
    return [make_customer(number, team, city=city) for number, team, city in cities]


def test_a_tag_is_made_put_on_seen_renamed_merged_and_deleted(as_: Callable, three: list[Customer]) -> None:
    anna, adele = as_("anna"), as_("adele")
    made = post(anna, "tags/", {"name": "Ei soiteta"})
    assert (made.status_code, made.json()["slug"]) == (201, "ei-soiteta")
    assert post(anna, "tags/", {"name": "ei SOITETA"}).status_code == 409
    worn = post(anna, f"customers/{three[0].pk}/tags/", {"add": ["ei-soiteta"]})
    assert worn.json()["tags"] == ["ei-soiteta"]
    assert post(anna, f"customers/{three[2].pk}/tags/", {"add": ["ei-soiteta"]}).status_code == 404
    assert [row["number"] for row in anna.get("/api/v1/customers/?tag=ei-soiteta").json()["results"]] == ["1"]
    pk, other = made.json()["id"], post(anna, "tags/", {"name": "Gold"}).json()
    assert post(anna, f"tags/{pk}/", {"name": "x"}, "patch").status_code == 403
    assert post(adele, f"tags/{pk}/", {"name": "Do not call"}, "patch").json()["name"] == "Do not call"
    assert post(adele, f"tags/{pk}/merge/", {"into": "gold"}).json()["id"] == other["id"]
    assert anna.get(f"/api/v1/customers/{three[0].pk}/").json()["tags"] == ["gold"]
    assert adele.delete(f"/api/v1/tags/{other['id']}/").status_code == 204
    assert anna.get("/api/v1/tags/").json()["results"] == []


def test_a_view_is_kept_used_shared_and_deleted(as_: Callable, three: list[Customer]) -> None:
    anna, adele = as_("anna"), as_("adele")
    body = {"list_name": "customers", "name": "In Oulu", "query": {"where": ["customer.city:is:Oulu"]}}
    kept = post(anna, "views/", body)
    assert kept.status_code == 201 and kept.json()["owner"] == "anna"
    pk = kept.json()["id"]
    assert [row["number"] for row in anna.get(f"/api/v1/customers/?view={pk}").json()["results"]] == ["1"]
    assert adele.get(f"/api/v1/views/{pk}/").status_code == 404
    unknown = adele.get(f"/api/v1/customers/?view={pk}")
    assert (unknown.status_code, unknown.json()["error"]["path"]) == (400, "view")
    assert post(anna, f"views/{pk}/", {"sharing": "everyone"}, "patch").json()["sharing"] == "everyone"
    rows = adele.get(f"/api/v1/customers/?view={pk}").json()["results"]
    assert sorted(row["number"] for row in rows) == ["1", "3"]
    assert post(as_("maija"), f"views/{pk}/", {"name": "mine"}, "patch").status_code == 403
    assert anna.delete(f"/api/v1/views/{pk}/").status_code == 204
    assert SavedView.objects.get(pk=pk).deleted_at


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("where=customer.city:is:Oulu", ["1", "3"]),
        ("where=customer.city:is:Oulu&where=customer.team:is:yes", ["1", "3"]),
        ("where=customer.city:not:Oulu", ["2"]),
    ],
)
def test_conditions_let_in_whom_they_name(
    query: str, expected: list[str], as_: Callable, three: list[Customer]
) -> None:
    rows = as_("adele").get(f"/api/v1/customers/?{query}").json()["results"]
    assert sorted(row["number"] for row in rows) == expected


def test_a_condition_that_cannot_be_read_is_refused_with_its_place(as_: Callable, three: list[Customer]) -> None:
    told = as_("adele").get("/api/v1/customers/?where=customer.city:least:3")
    assert told.status_code == 400
    assert told.json()["error"]["path"] == "where" and "is" in told.json()["error"]["choices"]
    unknown = as_("adele").get("/api/v1/customers/?where=customer.town:is:Oulu").json()["error"]
    assert unknown["path"] == "where" and "customer.city" in unknown["choices"]


def test_companies_are_found_though_mistyped(as_: Callable, cast: Any) -> None:
    for number, name in (("F1", "Pohjolan Konepaja"), ("F2", "Turun Leipomo")):
        actions.create_company(values={"number": number, "name": name, "team": cast.north}, by=MACHINE, at=NOW)
    actions.gather_words(at=NOW)
    found = as_("anna").get("/api/v1/companies/?search=pohjolan konepja").json()["results"]
    assert [row["number"] for row in found] == ["F1"]


def test_many_are_tagged_counted_and_it_is_undone(as_: Callable, three: list[Customer], vip: Tag) -> None:
    anna = as_("anna")
    ids = [row.pk for row in three]
    done = post(anna, "customers/bulk/", {"action": "tag", "parameters": {"tag": "vip"}, "ids": ids})
    assert (done.status_code, done.json()["chosen"], done.json()["changed"]) == (200, 2, 2)
    assert Customer.objects.filter(tagged__tag=vip).count() == 2
    back = post(anna, f"bulk-changes/{done.json()['id']}/undo/", {})
    assert back.status_code == 200 and back.json()["undone_at"]
    assert post(anna, f"bulk-changes/{done.json()['id']}/undo/", {}).status_code == 409
    assert not Customer.objects.filter(tagged__isnull=False).exists()


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"action": "tag-companies", "parameters": {}, "ids": [1]}, "action"),  # of another list
        ({"action": "tag", "parameters": {"tag": "no-such"}, "ids": [1]}, "parameters.tag"),
        ({"action": "tag", "parameters": {"colour": "red"}, "ids": [1]}, "parameters.colour"),
        ({"action": "tag", "parameters": {"label": "vip"}, "ids": [1]}, "parameters.label"),
    ],
)
def test_what_cannot_be_done_to_many_is_refused_with_its_place(
    body: dict, path: str, as_: Callable, three: list[Customer], vip: Tag
) -> None:
    told = post(as_("anna"), "customers/bulk/", body)
    assert (told.status_code, told.json()["error"]["path"]) == (400, path)
    assert not BulkChange.objects.exists()


def test_a_file_holds_the_rows_in_scope_and_is_written_down(as_: Callable, three: list[Customer]) -> None:
    told = as_("anna").get("/api/v1/customers/file/?columns=city&where=customer.city:known:")
    text = b"".join(told.streaming_content).decode()
    assert told.status_code == 200 and "Turku" in text and text.count("Oulu") == 1
    assert AuditLine.objects.filter(verb="exported").count() == 1
    assert as_("aino").get("/api/v1/customers/file/").status_code == 403


def test_the_questions_of_a_page_of_tagged_customers_do_not_grow(
    as_: Callable, make_customer: Callable, vip: Tag
) -> None:
    counts = []
    for first in (0, 2):
        ids = [make_customer(f"n{first + n}").pk for n in range(2 + 20 * bool(first))]
        actions.add_tag(vip, to=Customer, ids=ids, by=MACHINE, at=NOW)
        with CaptureQueriesContext(connection) as asked:
            assert as_("adele").get("/api/v1/customers/?where=customer.city:unknown:").status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_a_key_without_the_scope_changes_no_tags(caller: Callable, three: list[Customer], vip: Tag) -> None:
    address, body = f"/api/v1/customers/{three[0].pk}/tags/", {"add": ["vip"]}
    told = caller("customers:read").post(address, body, content_type="application/json")
    assert told.status_code == 403 and "customers:write" in told.json()["error"]["message"]
    assert caller("customers:write").post(address, body, content_type="application/json").json()["tags"] == ["vip"]


# --- what is out of reach: not found, unchanged, and nothing told of it ---------------------------

TAG, ON = {"action": "tag", "parameters": {"tag": "vip"}}, {"add": ["vip"]}


def as_it_was() -> tuple[int, ...]:
    kept = (CustomerTag, BulkChange, Tag.objects.filter(archived_at__isnull=False), SavedView, AuditLine)
    return tuple(one.count() if hasattr(one, "count") else one.objects.count() for one in kept)


@pytest.fixture
def theirs(three: list[Customer], vip: Tag, cast: Any) -> dict[str, int]:
    """Rows of team South, a private view of Bertil's and a change he made, by the names the addresses below use."""
    by = access.of_user(cast.bertil)
    firm = actions.create_company(values={"number": "F9", "name": "Salainen", "team": cast.south}, by=MACHINE, at=NOW)
    view = actions.save_view(list_name="customers", values={"name": "Salainen"}, by=by, at=NOW)
    asked: dict[str, Any] = {"action": "tag", "parameters": {"tag": "vip"}}
    change = actions.change_many(**asked, ids=[three[2].pk], by=by, at=NOW)
    return {"customer": three[2].pk, "company": firm.pk, "view": view.pk, "change": change.pk, "tag": vip.pk}


OUT_OF_REACH = [
    ("post", "customers/{customer}/tags/", ON),
    ("post", "companies/{company}/tags/", ON),
    ("get", "views/{view}/", None),
    ("patch", "views/{view}/", {"name": "Mine"}),
    ("delete", "views/{view}/", None),
    ("get", "bulk-changes/{change}/", None),
    ("post", "bulk-changes/{change}/undo/", {}),
]
ADMINS = [
    ("patch", "tags/{tag}/", {"name": "Mine"}),
    ("delete", "tags/{tag}/", None),
    ("post", "tags/{tag}/merge/", {"into": "vip"}),
]


@pytest.mark.parametrize(("method", "address", "body"), [*OUT_OF_REACH, *ADMINS])
def test_what_is_another_team_s_is_neither_found_nor_changed_by_anybody_else(
    method: str, address: str, body: Any, as_: Callable, caller: Callable, cast: Any, theirs: dict[str, int]
) -> None:
    place = f"/api/v1/{address.format(**theirs)}"
    callers = {
        "anna": as_("anna"),
        "aino": as_("aino"),
        "nobody": Client(),
        "reader": caller("customers:read", issuer=cast.adele),
        "north": caller("customers:read", "customers:write", team=cast.north),
        "orders": caller("orders:read"),
    }
    before = as_it_was()
    for name, client in callers.items():
        told = getattr(client, method)(place, body, content_type="application/json")
        assert told.status_code in (401, 403, 404), f"{name}: {told.status_code} {told.content!r}"
        assert b"Salainen" not in told.content and b"bertil" not in told.content
        assert as_it_was() == before, name
    if (method, address, body) in OUT_OF_REACH:
        assert getattr(callers["anna"], method)(place, body, content_type="application/json").status_code == 404


def test_of_mixed_ids_those_out_of_reach_stay_and_are_not_counted(
    as_: Callable, caller: Callable, cast: Any, three: list[Customer], vip: Tag
) -> None:
    ids = [three[0].pk, three[2].pk, 10**12]
    done = post(as_("anna"), "customers/bulk/", {**TAG, "ids": ids}).json()
    assert (done["chosen"], done["changed"]) == (1, 1)
    none = post(caller(team=cast.north), "customers/bulk/", {**TAG, "ids": [three[2].pk]}).json()
    assert (none["chosen"], none["changed"]) == (0, 0)
    assert set(CustomerTag.objects.values_list("customer_id", flat=True)) == {three[0].pk}
    lines = AuditLine.objects.filter(kind="customer", verb="tagged")
    assert set(lines.values_list("object_id", flat=True)) == {three[0].pk}


@pytest.mark.parametrize("who", ["anna", "maija", "aino", "key"])
def test_many_are_changed_by_those_alone_who_may_change_one(
    who: str, as_: Callable, caller: Callable, three: list[Customer], vip: Tag
) -> None:
    client = caller("customers:read") if who == "key" else as_(who)
    refused = {"anna": "assign", "maija": "assign", "aino": "tag", "key": "tag"}[who]
    told = post(client, "customers/bulk/", {"action": refused, "parameters": {}, "ids": [three[0].pk]})
    assert told.status_code == 403 and "choices" not in told.json()["error"]
    assert not BulkChange.objects.exists()


def test_a_receipt_is_undone_with_the_right_to_do_it_only(
    caller: Callable, as_: Callable, cast: Any, three: list[Customer], vip: Tag
) -> None:
    done = post(as_("adele"), "customers/bulk/", {**TAG, "ids": [row.pk for row in three]}).json()
    assert post(caller("customers:read"), f"bulk-changes/{done['id']}/undo/", {}).status_code == 403
    assert CustomerTag.objects.count() == 3


def test_a_file_by_a_view_that_is_not_one_s_own_is_refused_rather_than_whole(
    as_: Callable, theirs: dict[str, int]
) -> None:
    for address in ("customers/", "customers/file/"):
        told = as_("adele").get(f"/api/v1/{address}?view={theirs['view']}")
        assert (told.status_code, told.json()["error"]["path"]) == (400, "view")
    assert not AuditLine.objects.filter(verb="exported").exists()


def test_a_view_shared_with_a_team_is_told_to_its_people_and_shows_each_their_own(
    as_: Callable, cast: Any, three: list[Customer]
) -> None:
    anna, bertil = as_("anna"), as_("bertil")
    body = {"list_name": "customers", "name": "Oulu", "query": {"where": ["customer.city:is:Oulu"]}}
    pk = post(anna, "views/", body).json()["id"]
    assert post(anna, f"views/{pk}/", {"sharing": "teams", "teams": ["south"]}, "patch").status_code in (400, 403)
    assert post(anna, f"views/{pk}/", {"sharing": "teams"}, "patch").json()["teams"] == ["north"]
    assert bertil.get(f"/api/v1/views/{pk}/").status_code == 404
    assert bertil.get(f"/api/v1/customers/?view={pk}").status_code == 400
    cast.bertil.teams.set([cast.north, cast.south])
    assert bertil.get(f"/api/v1/views/{pk}/").json()["name"] == "Oulu"
    assert post(bertil, f"views/{pk}/", {"name": "Mine"}, "patch").status_code == 403
    cast.bertil.teams.set([cast.south])
    SavedView.objects.filter(pk=pk).update(sharing="everyone")
    assert [row["number"] for row in bertil.get(f"/api/v1/customers/?view={pk}").json()["results"]] == ["3"]


def test_nobody_filters_by_what_they_may_not_see(as_: Callable, caller: Callable, three: list[Customer]) -> None:
    for key in ("customer.email", "customer.last_name", "customer.birth_date"):
        told = as_("aino").get(f"/api/v1/customers/?where={key}:known:")
        assert told.status_code == 400 and key not in told.json()["error"]["choices"]
    told = caller("customers:read").get("/api/v1/customers/?where=segment.member:is:x").json()["error"]
    assert not [one for one in told["choices"] if one.startswith(("segment.", "feature."))]


def test_a_name_is_not_found_in_a_file_by_a_key_that_reads_no_names(
    caller: Callable, make_customer: Callable, cast: Any
) -> None:
    make_customer("7", cast.north, last_name="Salainen", email="salainen@example.org")
    told = caller("export:read").get("/api/v1/customers/file/?q=Salainen&columns=number&columns=email")
    assert b"alainen" not in b"".join(told.streaming_content)
    assert caller("export:read").get("/api/v1/customers/?search=Salainen").status_code == 403
    assert caller("customers:read").get("/api/v1/customers/file/").status_code == 403


def test_companies_of_other_teams_are_not_found_by_name_however_written(
    as_: Callable, caller: Callable, cast: Any, theirs: dict[str, int]
) -> None:
    actions.gather_words(at=NOW)
    for text in ("Salainen", "Salainne", "F9"):
        for client in (as_("anna"), caller(team=cast.north)):
            told = client.get("/api/v1/companies/", {"search": text})
            assert told.json()["results"] == [] and b"Salainen" not in told.content
    assert Company.objects.count() == 1


def test_a_deleted_tag_finds_nobody(as_: Callable, theirs: dict[str, int], vip: Tag) -> None:
    assert len(as_("adele").get("/api/v1/customers/?tag=vip").json()["results"]) == 1
    actions.archive_tag(vip, by=MACHINE, at=NOW)
    assert as_("adele").get("/api/v1/customers/?tag=vip").json()["results"] == []
