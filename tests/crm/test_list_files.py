"""Tasks, deals and imports as files: what the filters leave, read back by a CSV reader and by openpyxl."""

import csv
import io
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from openpyxl import load_workbook

from crm import access, actions, due
from crm.lists import downloads
from crm.models import AuditLine, Import
from tests.crm.conftest import NOW


def read(answer: Any) -> list[dict[str, str]]:
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def work(cast: SimpleNamespace, make_customer: Callable) -> None:
    """Two tasks and a deal of Anna's, a task of Bertil's."""
    aada, anna = make_customer("1", cast.north, first_name="Aada", last_name="Virtanen"), access.of_user(cast.anna)
    for title, kind, by in (("=Ring", "call", anna), ("Meet", "meeting", anna), ("His", "call", None)):
        values = {"title": title, "kind": kind, "due_at": due.end_of(date(2031, 5, 6))}
        mine = {"customer": aada} if by else {}
        actions.create_task(values={**values, **mine}, by=by or access.of_user(cast.bertil), at=NOW)
    stage = actions.default_pipeline(at=NOW).stages.get(slug="new")
    values = {"title": "Bikes", "customer": aada, "amount": Decimal("12.50"), "expected_on": date(2031, 1, 2)}
    actions.create_deal(values=values, stage=stage, by=anna, at=NOW)


def test_the_file_of_tasks_holds_what_the_filters_leave_and_is_written_down(
    work: None, as_: Callable, cast: SimpleNamespace
) -> None:
    read(as_("anna").get("/tasks/file.csv?q=Virtanen"))
    assert "Virtanen" not in str(AuditLine.objects.filter(verb="exported").values())
    rows = read(as_("anna").get("/tasks/file.csv"))
    assert sorted(row["Task"] for row in rows) == ["'=Ring", "Meet"]
    assert {row["Customer"] for row in rows} == {"Aada Virtanen"} and rows[0]["Due"] == "2031-05-06"
    assert [row["Task"] for row in read(as_("anna").get("/tasks/file.csv?kind=meeting"))] == ["Meet"]
    told = AuditLine.objects.filter(verb="exported").latest("pk")
    assert told.by == cast.anna and told.changes["filters"] == [None, {"kind": "meeting"}]
    assert told.changes["rows"] == [None, 1]


def test_deals_open_in_excel_with_numbers_as_numbers(work: None, as_: Callable) -> None:
    sheet = load_workbook(io.BytesIO(b"".join(as_("anna").get("/deals/file.xlsx").streaming_content))).active
    heading, row = list(sheet.values)
    found = dict(zip(heading, row, strict=True))
    assert (found["Deal"], found["Amount"], found["Expected on"]) == ("Bikes", 12.5, "2031-01-02")
    assert read(as_("anna").get("/deals/file.csv?status=won")) == [] and read(as_("adele").get("/deals/file.csv")) == []
    assert [row["Deal"] for row in read(as_("adele").get("/deals/file.csv?whose=all"))] == ["Bikes"]


def test_imports_are_listed_in_a_file(cast: SimpleNamespace, as_: Callable) -> None:
    Import.objects.create(kind="customers", file_name="a.csv", rows_total=7, created_at=NOW, created_by=cast.maija)
    assert [(row["File"], row["Rows"]) for row in read(as_("maija").get("/imports/file.csv"))] == [("a.csv", "7")]
    assert as_("maija").get("/imports/file.pdf").status_code == 404


def test_sales_take_no_more_persons_than_they_may_and_are_told(
    work: None, as_: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "MOST_EXPORTED_BY_SALES", 1)
    refused = as_("anna").get("/tasks/file.csv?sort=due_at", follow=True)
    assert refused.redirect_chain == [("/tasks/?sort=due_at", 302)]
    assert "At most 1 rows" in refused.content.decode() and not AuditLine.objects.filter(verb="exported").exists()
    assert len(read(as_("adele").get("/tasks/file.csv?whose=all"))) == 3


@pytest.mark.parametrize(("page", "file"), [("/tasks/", "/tasks/file"), ("/deals/list/", "/deals/file")])
def test_the_page_offers_its_files_to_those_who_may_take_persons_out(page: str, file: str, as_: Callable) -> None:
    told = as_("anna").get(f"{page}?whose=all&cursor=x").content.decode()
    assert f'href="{file}.csv?whose=all"' in told and f'href="{file}.xlsx?whose=all"' in told
    assert file not in as_("aino").get(page).content.decode()
