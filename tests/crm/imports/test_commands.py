"""The import commands: JSON for machines, lines for people, one line per fault."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from crm.models import Customer, Event, Import

pytestmark = pytest.mark.django_db
MAPPING = {"number": "id", "columns": {"mail": "email"}}


@pytest.fixture
def files(tmp_path):
    (tmp_path / "f.csv").write_text("id,mail\n7,anna@x.fi\n8,bo(at)x\n")
    (tmp_path / "m.json").write_text(json.dumps(MAPPING))
    return tmp_path


def command(name, *arguments):
    out = io.StringIO()
    call_command(name, *map(str, arguments), stdout=out)
    return out.getvalue()


def test_a_dry_run_answers_and_leaves_nothing_behind(files):
    said = command("import_customers", files / "f.csv", "--mapping", files / "m.json", "--dry-run", "--json")
    answer = json.loads(said)
    assert (answer["counts"]["created"], answer["problems"]) == (2, {"invalid_email": 1})
    assert not Customer.objects.exists()
    assert not Import.objects.exists()


def test_an_import_and_its_undo_speak_to_machines_and_to_people(files):
    answer = json.loads(command("import_customers", files / "f.csv", "--mapping", files / "m.json", "--json"))
    assert (answer["status"], answer["counts"]["created"]) == ("finished", 2)
    assert "2 unchanged" in command("import_customers", files / "f.csv", "--mapping", files / "m.json")
    undone = json.loads(command("undo_import", answer["id"], "--json"))
    assert undone["counts"]["customers deleted"] == 2
    assert not Customer.objects.exists()


def test_without_a_mapping_the_columns_are_recognised_and_can_be_printed(files):
    printed = json.loads(command("import_customers", files / "f.csv", "--print-mapping"))
    assert (printed["number"], printed["columns"]) == ("id", {"mail": "email"})
    assert not Import.objects.exists()
    command("import_customers", files / "f.csv")
    assert dict(Customer.objects.values_list("number", "email")) == {"7": "anna@x.fi", "8": ""}


def test_events_come_in_once_however_often_they_are_sent(files):
    command("import_customers", files / "f.csv", "--mapping", files / "m.json")
    (files / "e.csv").write_text(
        "who,what,when,page\n7,visit,2025-01-01 10:00,/a\n7,visit,2025-01-01 10:00,/b\n9,visit,2025-01-02,/c\n"
    )
    mapping = {
        "customer": "who",
        "type": "what",
        "occurred_at": "when",
        "properties": {"page": "page"},
        "source": "web",
    }
    (files / "e.json").write_text(json.dumps(mapping))
    answer = json.loads(command("import_events", files / "e.csv", "--mapping", files / "e.json", "--json"))
    assert (answer["counts"], answer["problems"]) == (
        {"created": 2, "refused": 1},
        {"unknown_customer": 1, "constant_column": 1},
    )
    assert sorted(Event.objects.values_list("properties__page", flat=True)) == ["/a", "/b"]
    again = json.loads(command("import_events", files / "e.csv", "--mapping", files / "e.json", "--json"))
    assert again["counts"] == {"unchanged": 2, "refused": 1}
    command("undo_import", answer["id"])
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("file", "mapping", "sentence"),
    [
        ("none.csv", "m.json", "there is no file"),
        ("f.csv", "none.json", "there is no mapping"),
        ("f.csv", "broken.json", "is not JSON"),
        ("f.csv", "wrong.json", "columns.mail: “emial” is not a choice; choose from first_name"),
        ("f.csv", "utf16.json", "is not UTF-8"),
        ("latin.csv", "utf8.json", "is not written in utf-8"),
        ("picture.csv", "m.json", "not a text table"),
        ("other.csv", "m.json", "the file has no column “id”; it has a, b"),
    ],
)
def test_what_a_user_can_put_right_is_said_in_one_line(files, file, mapping, sentence):
    (files / "broken.json").write_text("{")
    (files / "wrong.json").write_text(json.dumps({**MAPPING, "columns": {"mail": "emial"}}))
    (files / "utf8.json").write_text(json.dumps({**MAPPING, "file": {"encoding": "utf-8"}}))
    (files / "utf16.json").write_bytes("{}".encode("utf-16"))
    (files / "latin.csv").write_bytes("id,mail\nä,ö\n".encode("cp1252"))
    (files / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    (files / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(CommandError) as caught:
        command("import_customers", files / file, "--mapping", files / mapping)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not Customer.objects.exists()


def test_only_what_has_run_can_be_undone():
    with pytest.raises(CommandError, match="no such import"):
        command("undo_import", 99)
