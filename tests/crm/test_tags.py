"""Tags: put on and taken off on pages, many at once on companies, renamed, merged and deleted by administrators."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm import access, actions, notices, rights
from crm.models import Company, CompanyTag, Customer, CustomerTag, SavedView, Tag
from crm.refusals import NotPossibleNow
from tests.crm.conftest import NOW

MACHINE = rights.machine("test")


@pytest.fixture
def vip(db: None) -> Tag:
    return actions.create_tag(name="VIP", by=MACHINE, at=NOW)


@pytest.fixture
def gold(db: None) -> Tag:
    return actions.create_tag(name="Gold", by=MACHINE, at=NOW)


@pytest.fixture
def firm(cast: SimpleNamespace) -> Company:
    return Company.objects.create(number="F1", name="Konepaja", team=cast.north, created_at=NOW, updated_at=NOW)


def worn(row: Any) -> list[str]:
    return sorted(row.tagged.filter(tag__archived_at__isnull=True).values_list("tag__name", flat=True))


def undo_of(answer: Any) -> str:
    told = list(get_messages(answer.wsgi_request))
    return notices.undo_url(told[-1].extra_tags)


@pytest.mark.parametrize("noun", ["customer", "company"])
def test_a_tag_is_added_by_name_taken_off_and_both_are_undone(
    noun: str, as_: Callable, cast: Any, make_customer: Callable, firm: Company, vip: Tag
) -> None:
    row = firm if noun == "company" else make_customer("1", cast.north)
    place = f"/companies/{row.pk}/" if noun == "company" else f"/customers/{row.pk}/"
    client = as_("anna")
    added = client.post(f"{place}tags/", {"name": " vip "})
    assert worn(row) == ["VIP"]
    client.post(undo_of(added))
    assert worn(row) == []
    client.post(f"{place}tags/", {"name": "Ei soiteta kesällä"})
    assert worn(row) == ["Ei soiteta kesällä"]
    gone = client.post(f"{place}tags/ei-soiteta-kesalla/remove/")
    assert worn(row) == []
    client.post(undo_of(gone))
    assert worn(row) == ["Ei soiteta kesällä"]
    page = client.get(place).content.decode()
    assert "Ei soiteta kesällä" in page and '<option value="VIP">' in page


def test_a_row_of_another_team_is_not_found_and_an_analyst_may_not(
    as_: Callable, cast: Any, make_customer: Callable, vip: Tag
) -> None:
    theirs = make_customer("1", cast.south)
    assert as_("anna").post(f"/customers/{theirs.pk}/tags/", {"name": "VIP"}).status_code == 404
    assert as_("aino").post(f"/customers/{theirs.pk}/tags/", {"name": "VIP"}).status_code == 403
    assert worn(theirs) == []


def test_a_restricted_customer_keeps_the_tags_that_are_there(
    as_: Callable, cast: Any, make_customer: Callable, vip: Tag
) -> None:
    row = make_customer("1", cast.north, restricted_at=NOW)
    client = as_("anna")
    client.post(f"/customers/{row.pk}/tags/", {"name": "VIP"})
    assert worn(row) == []
    assert "tags__add" not in client.get(f"/customers/{row.pk}/").content.decode()
    other = make_customer("2", cast.north)
    said = {"action": "tag", "ids": [row.pk, other.pk], "parameters": {"tag": "vip"}}
    client.post("/api/v1/customers/bulk/", said, content_type="application/json")
    assert (worn(row), worn(other)) == ([], ["VIP"])


def test_tags_of_rows_out_of_reach_are_neither_taken_off_nor_put_back_nor_counted(
    as_: Callable, cast: Any, make_customer: Callable, firm: Company, vip: Tag
) -> None:
    theirs = make_customer("1", cast.south)
    actions.add_tag(vip, to=Customer, ids=[theirs.pk], by=MACHINE, at=NOW)
    for end in ("", "vip/remove/", "vip/add/"):
        for who, status in (("anna", 404), ("aino", 403)):
            assert as_(who).post(f"/customers/{theirs.pk}/tags/{end}", {"name": "VIP"}).status_code == status
        assert Client().post(f"/customers/{theirs.pk}/tags/{end}", {"name": "VIP"}).url.startswith("/sign-in/")
        assert as_("bertil").post(f"/companies/{firm.pk}/tags/{end}", {"name": "VIP"}).status_code == 404
    assert (worn(theirs), worn(firm)) == (["VIP"], [])
    for address in ("/settings/tags/", "/settings/tags/vip/"):
        assert as_("anna").get(address).status_code == 403


def test_many_companies_are_tagged_at_once_and_it_is_undone(as_: Callable, cast: Any, firm: Company, vip: Tag) -> None:
    other = Company.objects.create(number="F2", name="Leipomo", team=cast.north, created_at=NOW, updated_at=NOW)
    CompanyTag.objects.create(tag=vip, company=other, at=NOW)
    client = as_("anna")
    asked = {"action": "tag-companies", "ids": f"{firm.pk},{other.pk}"}
    page = client.post("/companies/bulk/", asked)
    assert "2 companies" in page.content.decode() and "Konepaja" in page.content.decode()
    done = client.post("/companies/bulk/", {**asked, "said": "2", "tag": "vip"})
    assert worn(firm) == worn(other) == ["VIP"]
    client.post(undo_of(done))
    assert (worn(firm), worn(other)) == ([], ["VIP"])


def test_the_company_list_filters_by_tag(as_: Callable, cast: Any, firm: Company, vip: Tag) -> None:
    Company.objects.create(number="F2", name="Leipomo", team=cast.north, created_at=NOW, updated_at=NOW)
    actions.add_tag(vip, to=Company, ids=[firm.pk], by=MACHINE, at=NOW)
    rows = as_("anna").get("/companies/?tag=vip").context["rows"]
    assert [row.number for row, _title, _cells in rows] == ["F1"]


def test_a_merge_gives_the_other_tag_once_and_is_taken_back_whole(
    make_customer: Callable, firm: Company, vip: Tag, gold: Tag
) -> None:
    both, one = make_customer("1"), make_customer("2")
    actions.add_tag(vip, to=Customer, ids=[both.pk, one.pk], by=MACHINE, at=NOW)
    actions.add_tag(gold, to=Customer, ids=[both.pk], by=MACHINE, at=NOW)
    actions.add_tag(vip, to=Company, ids=[firm.pk], by=MACHINE, at=NOW)
    actions.merge_tags(vip, into=gold, by=MACHINE, at=NOW + timedelta(hours=1))
    assert [worn(row) for row in (both, one, firm)] == [["Gold"]] * 3
    vip.refresh_from_db()
    actions.restore_tag(vip, by=MACHINE, at=NOW + timedelta(hours=2))
    assert [worn(row) for row in (both, one, firm)] == [["Gold", "VIP"], ["VIP"], ["VIP"]]


def test_a_tag_that_a_view_uses_is_neither_deleted_nor_merged(
    as_: Callable, cast: Any, vip: Tag, gold: Tag, make_customer: Callable
) -> None:
    SavedView.objects.create(
        name="My VIPs", list_name="customers", query={"tag": ["vip"]}, owner=cast.anna, created_at=NOW, updated_at=NOW
    )
    client = as_("adele")
    assert "My VIPs" in client.get("/settings/tags/").content.decode()
    for address, given in (("delete", {}), ("merge", {"into": "gold"})):
        told = client.post(f"/settings/tags/vip/{address}/", given, follow=True).content.decode()
        assert "“VIP” is used by Saved view “My VIPs”" in told
    vip.refresh_from_db()
    assert vip.archived_at is None


def test_putting_a_tag_on_again_is_refused_once_the_tag_is_gone(cast: Any, vip: Tag, make_customer: Callable) -> None:
    row = make_customer("1")
    actions.add_tag(vip, to=Customer, ids=[row.pk], by=MACHINE, at=NOW)
    by, asked = access.of_user(cast.adele), {"action": "untag", "ids": [row.pk], "parameters": {"tag": "vip"}}
    done = actions.change_many(**asked, by=by, at=NOW)
    actions.archive_tag(vip, by=MACHINE, at=NOW)
    with pytest.raises(NotPossibleNow, match="no such tag any more"):
        actions.undo_many(done, by=by, at=NOW)


def test_administrators_rename_delete_and_bring_back(as_: Callable, make_customer: Callable, vip: Tag) -> None:
    row = make_customer("1")
    actions.add_tag(vip, to=Customer, ids=[row.pk], by=MACHINE, at=NOW)
    client = as_("adele")
    client.post("/settings/tags/vip/", {"name": "Best", "colour": "good"})
    assert worn(row) == ["Best"]
    gone = client.post("/settings/tags/vip/delete/")
    assert worn(row) == [] and CustomerTag.objects.count() == 1
    row.refresh_from_db()
    assert row.updated_at > NOW  # whoever follows rows reads it anew
    client.post(undo_of(gone))
    assert worn(row) == ["Best"]


def test_the_questions_of_the_tags_page_do_not_grow(as_: Callable, cast: Any, make_customer: Callable) -> None:
    client = as_("adele")
    client.get("/settings/tags/")
    counts = []
    for n in (2, 12):
        for i in range(n):
            tag = actions.create_tag(name=f"tag {n} {i}", by=MACHINE, at=NOW)
            actions.add_tag(tag, to=Customer, ids=[make_customer(f"{n}-{i}").pk], by=MACHINE, at=NOW)
        with CaptureQueriesContext(connection) as asked:
            client.get("/settings/tags/")
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 10


def test_only_administrators_change_a_tag(cast: Any, vip: Tag) -> None:
    for name in ("anna", "maija", "aino"):
        with pytest.raises(rights.NotAllowed):
            actions.change_tag(vip, values={"name": "x"}, by=access.of_user(getattr(cast, name)), at=NOW)
