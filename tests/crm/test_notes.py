"""Notes: who reads, writes, changes and deletes them, whom they call, and what becomes of their files."""

import json
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm import access, actions, note_files, rights
from crm.models import AuditLine, Customer, IdempotencyRecord, Mention, Note, NoteFile
from crm.rights import NotAllowed
from tests.crm.conftest import NOW


@pytest.fixture
def signed_in(cast: SimpleNamespace) -> Callable[[str], Client]:
    """A browser of one of the cast."""

    def make(name: str) -> Client:
        client = Client()
        client.force_login(getattr(cast, name))
        return client

    return make


@pytest.fixture
def row(cast: SimpleNamespace, make_customer: Callable) -> Customer:
    return make_customer("17", cast.north, first_name="Aada")


def written(row: Any, text: str, user: Any, *uploads: Any) -> Note:
    return actions.add_note(row, text=text, uploads=uploads, by=access.of_user(user), at=NOW).note


def test_a_note_is_written_on_the_customers_page_and_told_in_the_audit(
    signed_in: Callable, row: Customer, cast: Any
) -> None:
    anna = signed_in("anna")
    answer = anna.post(f"/customers/{row.pk}/notes/new/", {"text": "Likes <b>blue</b>"}, follow=True)
    assert "Likes &lt;b&gt;blue&lt;/b&gt;" in answer.content.decode()
    line = AuditLine.objects.get(kind="note")
    assert (line.verb, line.by) == ("created", cast.anna)
    assert anna.post(f"/customers/{row.pk}/notes/new/", {"text": " "}).status_code == 400
    assert Note.objects.count() == 1


def test_other_teams_find_neither_notes_nor_files(signed_in: Callable, row: Customer, cast: Any) -> None:
    note = written(row, "Secret", cast.anna, SimpleUploadedFile("a.txt", b"Secret"))
    bertil, at = signed_in("bertil"), f"/notes/{note.pk}/"
    seen = [bertil.get(f"{at}files/{note.files.get().pk}/"), bertil.get(f"{at}edit/"), bertil.post(f"{at}delete/")]
    assert [one.status_code for one in [*seen, bertil.get(f"/customers/{row.pk}/notes/")]] == [404] * 4
    other = written(row, "Another", cast.anna)
    assert signed_in("anna").get(f"/notes/{other.pk}/files/{note.files.get().pk}/").status_code == 404, "not its file"


def test_only_authors_change_notes_and_deleting_is_taken_back(signed_in: Callable, row: Customer, cast: Any) -> None:
    note = written(row, "First words", cast.anna)
    assert signed_in("maija").post(f"/notes/{note.pk}/edit/", {"text": "Mine now"}).status_code == 400
    with pytest.raises(NotAllowed):
        actions.delete_note(note, by=access.of_user(cast.maija), at=NOW)
    anna = signed_in("anna")
    anna.post(f"/notes/{note.pk}/edit/", {"text": "Second words"})
    note.refresh_from_db()
    assert note.text == "Second words" and note.edited_at
    gone = anna.post(f"/notes/{note.pk}/delete/", follow=True).content.decode()
    assert "Second words" not in gone and f"/notes/{note.pk}/restore/" in gone
    assert "Second words" in anna.post(f"/notes/{note.pk}/restore/", follow=True).content.decode()
    verbs = list(AuditLine.objects.filter(kind="note").order_by("id").values_list("verb", flat=True))
    assert verbs == ["created", "changed", "deleted", "restored"]


def test_pinned_notes_stand_above_newer_ones(signed_in: Callable, row: Customer, cast: Any) -> None:
    old, _new = written(row, "Oldest", cast.anna), written(row, "Newest", cast.anna)
    maija, address = signed_in("maija"), f"/customers/{row.pk}/notes/"
    before = maija.get(address).content.decode()
    after = maija.post(f"/notes/{old.pk}/pin/", follow=True).content.decode()
    assert before.index("Newest") < before.index("Oldest") and after.index("Oldest") < after.index("Newest")
    again = maija.post(f"/notes/{old.pk}/pin/", {"off": "yes"}, follow=True).content.decode()
    assert again.index("Newest") < again.index("Oldest")


def test_those_mentioned_see_it_at_home_until_they_looked_and_strangers_are_named(
    signed_in: Callable, row: Customer, cast: Any
) -> None:
    text = "@maija, @bertil and @nobody: ring x@anna.fi. Thanks @maija."
    done = actions.add_note(row, text=text, by=access.of_user(cast.anna), at=NOW)
    assert done.strangers == ("bertil", "nobody"), "Bertil sells in another team"
    assert [one.user for one in Mention.objects.all()] == [cast.maija]
    maija = signed_in("maija")
    home = maija.get("/home/mentions/").content.decode()
    assert f"/customers/{row.pk}/notes/" in home and "New" in home
    maija.get(f"/customers/{row.pk}/notes/")
    assert Mention.objects.get().seen_at and "New<" not in maija.get("/home/mentions/").content.decode()
    said = signed_in("anna").post(f"/customers/{row.pk}/notes/new/", {"text": "@bertil?"}, follow=True).content.decode()
    assert "@bertil is nobody who may see it." in said
    actions.change_note(done.note, text="@adele instead", by=access.of_user(cast.anna), at=NOW)
    assert [one.user for one in Mention.objects.all()] == [cast.adele]


def test_files_come_back_as_downloads_and_too_large_ones_leave_nothing(
    signed_in: Callable, row: Customer, cast: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, script = signed_in("anna"), b"<script>alert(1)</script>"
    files = [SimpleUploadedFile("../x.html", script, "text/html"), SimpleUploadedFile("b.txt", b"two")]
    anna.post(f"/customers/{row.pk}/notes/new/", {"text": "See", "files": files})
    kept = NoteFile.objects.get(name="x.html")
    answer = anna.get(f"/notes/{kept.note_id}/files/{kept.pk}/")
    assert b"".join(answer.streaming_content) == script and NoteFile.objects.count() == 2
    assert answer["Content-Disposition"] == 'attachment; filename="x.html"'
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("application/octet-stream", "nosniff")
    on_disk = lambda: set((settings.DATA_DIR / note_files.FOLDER).iterdir())  # noqa: E731
    before = on_disk()
    monkeypatch.setattr(note_files, "MOST_BYTES", 4)
    files = [SimpleUploadedFile("ok.txt", b"1"), SimpleUploadedFile("large.txt", b"12345")]
    refused = anna.post(f"/customers/{row.pk}/notes/new/", {"text": "Large", "files": files})
    assert refused.status_code == 400 and "large.txt" in refused.content.decode()
    assert on_disk() == before and Note.objects.count() == 1


def test_a_company_has_notes_too(signed_in: Callable, cast: Any) -> None:
    values = {"number": "C", "name": "Firm", "team": cast.north}
    firm = actions.create_company(values=values, by=rights.machine("test"), at=NOW)
    said = signed_in("anna").post(f"/companies/{firm.pk}/notes/new/", {"text": "Pays late"}, follow=True)
    assert "Pays late" in said.content.decode()
    assert "Pays late" not in signed_in("aino").get(f"/companies/{firm.pk}/").content.decode(), "analysts read no notes"
    assert signed_in("bertil").post(f"/companies/{firm.pk}/notes/new/", {"text": "x"}).status_code == 404


def test_the_api_lists_creates_changes_and_deletes(caller: Callable, row: Customer, cast: Any) -> None:
    client, at, json_ = caller(), "/api/v1/notes/", {"content_type": "application/json"}
    made = client.post(at, {"customer": "17", "text": "Hello @anna", "is_pinned": True}, **json_)
    assert made.status_code == 201 and made.json()["mentions"] == ["anna"] and made.json()["is_pinned"]
    one = f"{at}{made.json()['id']}/"
    assert client.patch(one, {"text": "Bye", "is_pinned": False}, **json_).json()["text"] == "Bye"
    assert client.patch(one, {"customer": "17"}, **json_).status_code == 400
    assert client.post(at, {"text": "About nobody"}, **json_).json()["error"]["path"] == "customer"
    assert caller(team=cast.south).post(at, {"customer": "17", "text": "x"}, **json_).status_code == 400
    assert caller(team=cast.south).get(one).status_code == 404
    assert [found["text"] for found in client.get(f"{at}?customer=17").json()["results"]] == ["Bye"]
    assert client.delete(one).status_code == 204 and client.get(one).status_code == 404


def test_a_list_takes_as_many_queries_for_ten_notes_as_for_one(
    caller: Callable, signed_in: Callable, row: Customer, cast: Any
) -> None:
    client, anna = caller(), signed_in("anna")
    counts = []
    client.get("/api/v1/notes/"), anna.get(f"/customers/{row.pk}/notes/")
    for _round in range(2):
        for n in range(5):
            written(row, f"Note {n} @maija", cast.anna, SimpleUploadedFile("a.txt", b"a"))
        with CaptureQueriesContext(connection) as asked:
            client.get("/api/v1/notes/?customer=17")
            anna.get(f"/customers/{row.pk}/notes/")
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_erasure_empties_notes_and_answers_and_what_was_deleted_goes_after_a_month(
    caller: Callable, row: Customer, cast: Any, django_capture_on_commit_callbacks: Callable
) -> None:
    said = {"content_type": "application/json", "headers": {"Idempotency-Key": "1"}}
    made = caller().post("/api/v1/notes/", json.dumps({"customer": "17", "text": "Planted"}), **said).json()
    note = written(row, "Planted", cast.anna, SimpleUploadedFile("a.txt", b"Planted"))
    actions.change_note(note, text="Planted again", by=access.of_user(cast.anna), at=NOW)
    kept = [Note, AuditLine, IdempotencyRecord, NoteFile]
    tell = lambda: {model.__name__ for model in kept for one in model.objects.values() if "lanted" in str(one)}  # noqa: E731
    assert made["id"] and tell() == {"Note", "AuditLine", "IdempotencyRecord"}
    path = note_files.path_of(note.files.get())
    with django_capture_on_commit_callbacks(execute=True):
        actions.erase_customer(row, by=rights.machine("test"), at=NOW)
    assert tell() == set() and not path.exists()
    assert (
        actions.forget_notes(at=NOW + timedelta(days=29)) == 0
        and actions.forget_notes(at=NOW + timedelta(days=31)) == 2
    )
