"""Lists and reports of every floor as files: the rows of the page in both formats, offered there, and in the audit."""

import csv
import io
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from openpyxl import load_workbook

from campaigns.models import Lesson
from crm import access, actions
from crm.models import AuditLine, Customer
from crm.rights import machine
from profiles import actions as profile_actions
from profiles.surveys import answering, drafting
from segments import actions as segment_actions

BY = machine("test")


@pytest.fixture
def house(cast: SimpleNamespace) -> SimpleNamespace:
    """One row in every list."""
    now, anna, maija = timezone.now(), access.of_user(cast.anna), access.of_user(cast.maija)
    values = {"number": "1", "first_name": "Aada", "phone": "+358401234567", "team": cast.north}
    aada = Customer.objects.create(**values, created_at=now, updated_at=now)
    actions.create_task(values={"title": "Ring", "kind": "call", "customer": aada, "due_at": now}, by=anna, at=now)
    asked = [{"kind": "nps", "text": "Would you", "key": "nps"}]
    survey = drafting.create_survey(values={"title": "How was it"}, questions=asked, by=maija, at=now)
    survey = drafting.move_survey(survey, "open", by=maija, at=now)
    answering.submit(survey, aada, sent={"nps": ["9"]}, language="en", at=now)
    friends = segment_actions.create_segment(name="Friends", kind="static", by=BY, at=now)
    segment_actions.add_members(segment=friends, customers=[aada.pk], by=BY, at=now)
    others = segment_actions.create_segment(name="Others", kind="static", by=BY, at=now)
    segment_actions.add_members(segment=others, customers=[aada.pk], by=BY, at=now)
    Lesson.objects.create(text="=Short ones win", figures=["9%"], created_by=cast.maija, created_at=now)
    actions.file_request(aada, kind="access", by=maija, at=now)
    profile_actions.refresh(at=now)
    return cast


def texts(answer: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))


def cells(answer: Any) -> list[list[str]]:
    sheet = load_workbook(io.BytesIO(b"".join(answer.streaming_content))).active
    return [["" if cell is None else str(cell) for cell in row] for row in sheet.values]


# page, its file without the ending, who takes it, and a row by the headings that are looked at
LISTS = [
    ("/worklist/", "/worklist/file", "anna", {"Customer": "Aada", "Number": "1", "Last contact": ""}),
    ("/data/", "/data/file", "aino", {"Key": "language", "Feature": "Language"}),
    ("/surveys/", "/surveys/file", "maija", {"Survey": "How was it", "State": "Takes answers", "Answers": "1"}),
    ("/surveys/how-was-it/", "/surveys/how-was-it/answers", "aino", {"Key": "nps", "Answer": "9", "Count": "1"}),
    ("/segments/friends/members/", "/segments/friends/members", "maija", {"number": "1", "first_name": "Aada"}),
    ("/segments/overlap/", "/segments/overlap", "aino", {"Other segment": "Others", "In both": "1"}),
    ("/segments/flows/", "/segments/flows", "aino", {"Went to": "Others", "Customers": "1"}),
    ("/segments/compare/", "/segments/compare", "aino", {"Figure": "Members", "Friends": "1", "Others": "1"}),
    ("/privacy/", "/privacy/file", "maija", {"Customer": "Aada", "State": "Open"}),
    ("/campaigns/notebook/", "/campaigns/notebook/file", "aino", {"What was learned": "'=Short ones win"}),
]  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_the_rows_of_a_page_are_taken_out_in_both_formats(house: SimpleNamespace) -> None:
    for page, file, user, wanted in LISTS:
        client = Client()
        client.force_login(getattr(house, user))
        assert f'href="{file}.xlsx' in client.get(page).content.decode(), page
        for kind, read in (("csv", texts), ("xlsx", cells)):
            before = AuditLine.objects.filter(verb="exported").count()
            heading, *rows = read(client.get(f"{file}.{kind}"))
            found = [dict(zip(heading, row, strict=True)) for row in rows]
            assert any(wanted.items() <= row.items() for row in found), (page, kind, found)
            assert AuditLine.objects.filter(verb="exported").count() == before + 1
        assert client.get(f"{file}.pdf").status_code == 404
