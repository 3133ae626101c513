"""Imports over the REST API: the same way as on the pages, and faults that name their place."""

import json
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from crm import tasks
from crm.models import Customer, Import, OrderLine

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/imports/"
MAPPING = {"number": "id", "columns": {"mail": "email"}}
FILE = b"id,mail\n7,anna@x.fi\n8,bo(at)x\n"


@pytest.fixture
def api(caller, monkeypatch):
    monkeypatch.setattr(tasks, "poke_import", lambda import_id: None)
    return caller("import:read", "import:write")


def upload(api, content=FILE, kind="customers", mapping=MAPPING, name="f.csv"):
    body = {"kind": kind, "file": SimpleUploadedFile(name, content)}
    if mapping is not None:
        body["mapping"] = mapping if isinstance(mapping, str) else json.dumps(mapping)
    return api.post(ADDRESS, body)


def ask(api, import_id, what):
    answer = api.post(f"{ADDRESS}{import_id}/{what}/")
    tasks.sweep_imports()
    return answer


def test_a_file_goes_in_is_checked_run_and_undone(api):
    answer = upload(api)
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert ask(api, made["id"], "check").status_code == 202
    checked = api.get(f"{ADDRESS}{made['id']}/").json()
    assert checked["diff"]["counts"]["created"] == 2
    assert not Customer.objects.exists()
    assert ask(api, made["id"], "start").status_code == 202
    done = api.get(f"{ADDRESS}{made['id']}/").json()
    assert (done["status"], done["cursor"], done["counts"]["created"]) == ("finished", 2, 2)
    problems = api.get(f"{ADDRESS}{made['id']}/problems/").json()["results"]
    assert [(one["row"], one["column"], one["code"]) for one in problems] == [(3, "mail", "invalid_email")]
    assert ask(api, made["id"], "undo").status_code == 202
    assert api.get(f"{ADDRESS}{made['id']}/").json()["status"] == "undone"
    assert not Customer.objects.exists()
    assert ask(api, made["id"], "undo").status_code == 409


def test_without_a_mapping_one_is_suggested(api):
    made = upload(api, mapping=None).json()
    assert made["mapping"]["number"] == "id"
    assert made["mapping"]["columns"]["mail"] == "email"
    changed = api.patch(
        f"{ADDRESS}{made['id']}/", {"mapping": {"number": "mail", "columns": {}}}, content_type="application/json"
    )
    assert changed.json()["mapping"]["number"] == "mail"


@pytest.mark.parametrize(
    ("mapping", "path"),
    [
        ({"number": "id", "columns": {"mail": "emial"}}, "columns.mail"),
        ({"columns": {}}, "number"),
        ({"number": "id", "colums": {}}, "colums"),
        ({"number": "nr", "columns": {}}, "columns.nr"),
        ({"number": "id", "columns": {"mail": {"field": "x", "type": "munny"}}}, "columns.mail.type"),
        ({"number": "id", "columns": {"mail": {"field": "X!", "dimension": "social"}}}, "columns.mail.field"),
        ({"number": "id", "checks": [{"all": [{"sum": ["id"], "is": "~", "of": 0}]}]}, "checks[0].all[0].is"),
        ({"number": "id", "style": {"time_zone": "Mars/Base"}}, "style.time_zone"),
        ({"number": "id", "file": {"encoding": "klingon"}}, "file.encoding"),
        ([], ""),
        ("{", ""),
        ('{"number": NaN}', ""),
    ],
)  # fmt: skip
def test_a_bad_mapping_is_400_with_the_place(api, mapping, path):
    answer = upload(api, mapping=mapping)
    assert answer.status_code == 400, answer.content
    assert answer.json()["error"]["path"] == path
    assert not Import.objects.exists()


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n" + bytes(99), b"PK\x03\x04broken", b"\x1f\x8bbroken", b"%PDF-1.7", bytes(64)]
)
def test_a_file_that_is_no_table_is_400(api, content):
    answer = upload(api, content)
    assert answer.status_code == 400, answer.content
    assert not Import.objects.exists()


def test_a_key_without_the_scope_is_refused(caller):
    assert upload(caller("customers:read")).status_code == 403


@pytest.mark.data
def test_published_totals_come_in_over_the_api_too(api, data_dir, saved_mapping):
    content = (data_dir / "cdnow" / "CDNOW_sample.txt").read_bytes()
    made = upload(api, content, "orders", saved_mapping("cdnow_sample"), "CDNOW_sample.txt").json()
    ask(api, made["id"], "start")
    assert sum(OrderLine.objects.values_list("amount", flat=True)) == Decimal("244091.94")
    assert OrderLine.objects.count() == 6919
