"""Lists: their filters, columns, saved views, files, changes of many at once; and the pages of companies."""

import io
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest
from django.test import Client

from crm import access, actions, bulk_actions, rights
from crm.lists import narrowing
from crm.models import AuditLine, BulkChange, Company, Customer, CustomerTag, SavedView, Tag
from tests.crm.conftest import NOW

MACHINE = rights.machine("test")


def numbers(client: Client, query: str) -> set[str]:
    return {row.number for row, _title, _cells in client.get(f"/customers/?{query}").context["rows"]}


@pytest.fixture
def people(make_customer: Callable, cast: SimpleNamespace) -> list[Customer]:
    vip = Tag.objects.create(name="VIP", slug="vip", created_at=NOW)
    firm = Company.objects.create(number="F1", name="Konepaja", created_at=NOW, updated_at=NOW)
    rows = [
        make_customer("1", cast.north, city="Oulu", owner=cast.anna, company=firm, first_name="=Aino"),
        make_customer("2", cast.north, city="Turku", stage="lapsed"),
        make_customer("3", cast.south, city="Oulu", objected_at=NOW),
    ]
    CustomerTag.objects.create(tag=vip, customer=rows[0], at=NOW)
    Customer.objects.filter(number="2").update(created_at=NOW - timedelta(days=400))
    return rows


FILTERS = {
    "tag=vip": "1", "owner=anna": "1", "owner=-": "23", "stage=lapsed": "2", "where=customer.city:is:Oulu": "13",
    "where=customer.city:not:Oulu": "2", "where=customer.city:is:Oulu&where=customer.objected_at:is:no": "1",
    "where=customer.created_at:until:2025-12-31": "2", "where=customer.created_at:from:2026-01-01": "13",
    "where=customer.company:is:F1": "1", "where=customer.owner:is:yes": "1", "where=customer.country:known:": "",
    "where=customer.country:unknown:": "123",
}  # fmt: skip


@pytest.mark.parametrize("query", FILTERS)
def test_each_filter_lets_in_whom_it_names(query: str, as_: Callable, people: list[Customer]) -> None:
    assert numbers(as_("adele"), query) == set(FILTERS[query])


@pytest.mark.parametrize("text", ["nothing.x:is:1", "customer.city:evil:1", "customer.created_at:from:x", "x", ":::"])
def test_a_filter_that_cannot_be_read_is_said_and_stops_changes_of_many(
    text: str, as_: Callable, people: list[Customer]
) -> None:
    client = as_("adele")
    page = client.get("/customers/", {"where": text})
    assert page.status_code == 200 and page.context["shown"].faults
    client.post("/customers/bulk/", {"action": "tag", "all": "1", "list": f"where={text}", "said": "3", "tag": "vip"})
    assert not BulkChange.objects.exists()
    assert client.get("/customers/file.csv", {"where": text}).status_code == 302


def test_many_ids_of_a_floor_above_are_met_in_order_and_counted(make_customer: Callable, monkeypatch: Any) -> None:
    import numpy as np

    rows = [make_customer(str(n), city=f"{n % 7}") for n in range(60)]
    among = np.array(sorted(row.pk for row in rows if int(row.number) % 3))
    monkeypatch.setattr(narrowing, "FEW", 5)
    monkeypatch.setattr(narrowing, "STRIDES", (4, 8))
    narrowed, seen, cursor = narrowing.Narrowed(Customer.objects.all(), among), [], ""
    while True:
        page = narrowing.page(narrowed, order="city", cursor=cursor, size=7)
        seen += [row.pk for row in page.rows]
        if not (cursor := page.next_cursor):
            break
    wanted = sorted((row for row in rows if int(row.number) % 3), key=lambda row: (row.city, row.pk))
    assert seen == [row.pk for row in wanted]
    assert narrowing.total(narrowed) == narrowing.Total(40, True)
    assert narrowing.ids(narrowed, most=40) == among.tolist()
    with pytest.raises(narrowing.TooMany):
        narrowing.ids(narrowed, most=39)


def test_a_tag_is_put_on_all_that_match_and_taken_off_again(as_: Callable, people: list[Customer], cast: Any) -> None:
    client = as_("anna")
    asked = {"action": "tag", "all": "1", "list": "q="}
    assert "2 customers" in client.post("/customers/bulk/", asked).content.decode()
    grown = client.post("/customers/bulk/", {**asked, "said": "1", "name": "Fair"})
    assert grown.status_code == 400 and not BulkChange.objects.exists()
    client.post("/customers/bulk/", {**asked, "said": "2", "tag": "vip"})
    change = BulkChange.objects.get()
    assert (change.chosen, change.changed) == (2, 1)
    assert set(CustomerTag.objects.values_list("customer__number", flat=True)) == {"1", "2"}
    assert AuditLine.objects.filter(kind="customer", verb="tagged").count() == 1
    assert as_("maija").post(f"/customers/bulk/{change.pk}/undo/").status_code == 404
    client.post(f"/customers/bulk/{change.pk}/undo/")
    assert set(CustomerTag.objects.values_list("customer__number", flat=True)) == {"1"}
    client.post(f"/customers/bulk/{change.pk}/undo/")
    assert AuditLine.objects.filter(verb="undone").count() == 1


def test_assigning_is_undone_but_for_what_changed_since(as_: Callable, people: list[Customer], cast: Any) -> None:
    client = as_("adele")
    ids = ",".join(str(row.pk) for row in people)
    client.post("/customers/bulk/", {"action": "assign", "ids": ids, "said": "3", "team": cast.south.pk})
    assert set(Customer.objects.values_list("team__slug", flat=True)) == {"south"}
    Customer.objects.filter(number="2").update(team=None)
    client.post(f"/customers/bulk/{BulkChange.objects.get().pk}/undo/")
    assert dict(Customer.objects.values_list("number", "team__slug")) == {"1": "north", "2": None, "3": "south"}


def test_changes_of_many_keep_to_rights_scope_and_limit(
    as_: Callable, people: list[Customer], cast: Any, monkeypatch: Any
) -> None:
    theirs = str(people[2].pk)
    as_("anna").post("/customers/bulk/", {"action": "tag", "ids": theirs, "said": "1", "tag": "vip"})
    as_("anna").post("/customers/bulk/", {"action": "assign", "ids": str(people[0].pk), "said": "1", "team": "1"})
    as_("aino").post("/customers/bulk/", {"action": "tag", "ids": theirs, "said": "1", "tag": "vip"})
    monkeypatch.setattr(bulk_actions, "MOST_BY_SALES", 1)
    as_("anna").post("/customers/bulk/", {"action": "tag", "all": "1", "said": "2", "tag": "vip"})
    assert not BulkChange.objects.exists()


def test_the_queries_of_a_change_do_not_grow_with_the_rows(
    make_customer: Callable, cast: Any, django_assert_max_num_queries: Any
) -> None:
    tag = Tag.objects.create(name="VIP", slug="vip", created_at=NOW)
    ids = [make_customer(str(n)).pk for n in range(300)]
    with django_assert_max_num_queries(18):
        actions.change_many(action="tag", ids=ids, parameters={"tag": tag.slug}, by=access.of_user(cast.maija), at=NOW)


def test_files_hold_the_columns_shown_and_no_formula(as_: Callable, people: list[Customer]) -> None:
    query = "?sort=number&columns=city&columns=tags&columns=company"
    client = as_("maija")
    lines = b"".join(client.get(f"/customers/file.csv{query}").streaming_content).decode().splitlines()
    assert lines[0] == "\ufeffName,City,Tags,Company" and lines[1] == "'=Aino,Oulu,VIP,Konepaja" and len(lines) == 4
    book = b"".join(client.get(f"/customers/file.xlsx{query}").streaming_content)
    rows = list(openpyxl.load_workbook(io.BytesIO(book)).active.iter_rows(values_only=True))
    assert rows[0] == ("Name", "City", "Tags", "Company") and rows[1][:2] == ("'=Aino", "Oulu") and len(rows) == 4
    assert AuditLine.objects.filter(kind="list", verb="exported").count() == 2
    assert as_("aino").get("/customers/file.csv").status_code == 403
    assert client.get("/customers/file.exe").status_code == 404


def test_sales_take_out_five_hundred_rows_of_their_own(as_: Callable, people: list[Customer], monkeypatch: Any) -> None:
    from crm.lists import whole

    lines = b"".join(as_("anna").get("/customers/file.csv").streaming_content).decode()
    assert "Turku" in lines and len(lines.splitlines()) == 3
    monkeypatch.setattr(whole, "MOST_EXPORTED_BY_SALES", 1)
    assert as_("anna").get("/customers/file.csv").status_code == 302


def test_columns_are_kept_for_the_user_and_analysts_get_none_of_persons(as_: Callable, people: list[Customer]) -> None:
    client = as_("aino")
    client.post("/customers/columns/", {"columns": ["city", "email", "stage"]})
    assert [one.key for one in client.get("/customers/").context["shown"].columns] == ["city", "stage"]
    assert len(as_("adele").get("/customers/").context["shown"].columns) > 2


def test_a_view_keeps_filters_order_and_columns_and_opens_the_list(as_: Callable, people: list[Customer]) -> None:
    client = as_("maija")
    told = {"list": "stage=lapsed&sort=city&columns=city&q=secret", "name": "Gone", "sharing": "everyone"}
    client.post("/views/customers/save/", told)
    view = SavedView.objects.get()
    assert view.query == {"stage": ["lapsed"]} and (view.sort, view.columns) == ("city", ["city"])
    assert numbers(client, f"view={view.pk}") == {"2"} and numbers(client, f"view={view.pk}&stage=") == set("123")
    client.post("/views/customers/usual/", {"view": view.pk})
    assert numbers(client, "") == {"2"} and numbers(client, "view=") == set("123")
    assert numbers(as_("bertil"), f"view={view.pk}") == set()
    client.post("/views/customers/save/", {"list": f"view={view.pk}&stage=regular", "view": view.pk})
    view.refresh_from_db()
    assert view.query == {"stage": ["regular"]}


def test_a_view_is_changed_by_its_owner_alone_and_deleting_is_undone(as_: Callable, people: list[Customer]) -> None:
    as_("anna").post("/views/customers/save/", {"list": "", "name": "Mine"})
    view = SavedView.objects.get()
    assert as_("bertil").post(f"/views/{view.pk}/delete/").status_code == 404
    as_("anna").post("/views/customers/save/", {"list": "", "name": "Ours", "sharing": "teams"})
    ours = SavedView.objects.get(name="Ours")
    assert (
        not numbers(as_("bertil"), "view=") - {"3"}
        and ours not in as_("bertil").get("/customers/").context["shown"].asked.views
    )
    as_("maija").post(f"/views/{ours.pk}/delete/")
    assert SavedView.objects.get(pk=ours.pk).deleted_at is None
    as_("anna").post(f"/views/{view.pk}/delete/")
    assert SavedView.objects.get(pk=view.pk).deleted_at
    as_("anna").post(f"/views/{view.pk}/restore/")
    assert SavedView.objects.get(pk=view.pk).deleted_at is None
    for name in ("delete", "restore"):
        as_("adele").post(f"/views/{ours.pk}/{name}/")
    assert SavedView.objects.get(pk=ours.pk).deleted_at is None
    assert AuditLine.objects.filter(kind="view", object_id=ours.pk, verb="restored").exists()


# --- companies -----------------------------------------------------------------------------------


def test_a_company_shows_its_people_orders_and_what_happened(
    as_: Callable, people: list[Customer], django_assert_max_num_queries: Any
) -> None:
    order = actions.NewOrder(
        "shop", "A-7", NOW - timedelta(days=2), "EUR", total_amount=Decimal("12.50"), customer_id=people[0].pk
    )
    actions.record_orders([order], by=MACHINE, at=NOW)
    firm = Company.objects.get()
    with django_assert_max_num_queries(30):
        page = as_("adele").get(f"/companies/{firm.pk}/").content.decode()
    assert "=Aino" in page and "Order A-7" in page and "1 order for €12.50" in page
    assert "Aino" not in as_("aino").get(f"/companies/{firm.pk}/").content.decode()


def test_companies_are_found_entered_changed_and_peopled(as_: Callable, people: list[Customer], cast: Any) -> None:
    client = as_("anna")
    response = client.post("/companies/new/", {"number": "F2", "name": "Saimaan Paja", "employees": "12"})
    firm = Company.objects.get(number="F2")
    assert response["Location"] == f"/companies/{firm.pk}/" and firm.team == cast.north
    client.post(f"/companies/{firm.pk}/edit/", {"number": "F2", "name": "Saimaan Konepaja", "city": "Imatra"})
    actions.gather_words(at=NOW)
    for text in ("saimaan", "F2", "saiman koneapja"):
        rows = client.get("/companies/", {"q": text}).context["rows"]
        assert [title for _row, title, _cells in rows] == ["Saimaan Konepaja"], text
    client.post(f"/companies/{firm.pk}/people/", {"number": "2"})
    assert Customer.objects.get(number="2").company == firm
    client.post(f"/companies/{firm.pk}/people/", {"number": "3"})
    assert Customer.objects.get(number="3").company is None
    client.post(f"/companies/{firm.pk}/people/{people[1].pk}/remove/")
    assert Customer.objects.get(number="2").company is None
    assert as_("bertil").get(f"/companies/{firm.pk}/").status_code == 404


def test_the_api_searches_as_the_page_does(caller: Callable, as_: Callable, people: list[Customer]) -> None:
    Customer.objects.filter(number="2").update(last_name="Korhonen")
    actions.gather_words(at=NOW)
    client = caller("customers:read")
    for query in ("search=korhoen", "search=korh", "stage=lapsed"):
        found = client.get(f"/api/v1/customers/?{query}").json()["results"]
        assert [row["number"] for row in found] == ["2"], query
    assert [row["number"] for row in client.get("/api/v1/customers/?tag=vip").json()["results"]] == ["1"]
    assert as_("aino").get("/api/v1/customers/?search=korh").status_code == 403
