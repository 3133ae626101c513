"""Everything held is found by its foreign keys, taken out in one file, and erased after a second confirmation."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

from django.apps import apps
from django.core.management import call_command
from django.test import Client

from crm import access, actions, erasures, holdings, rights, takeout
from crm.models import AuditLine, Customer, CustomerTag, Note, NoteFile
from tests.crm.conftest import NOW

MACHINE = rights.machine("test")


def test_every_table_keyed_to_a_customer_is_exported_or_says_why_not(db: None) -> None:
    known = {holding.key: holding for holding in holdings.every()}
    keys = {
        f"{model._meta.label}:{field.name}"
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.related_model is Customer or field.name == "customer_id"
    }
    assert len(keys) >= 12 and keys <= known.keys(), keys - known.keys()
    assert not [key for key, holding in known.items() if not holding.columns and not holding.reason]
    for holding in known.values():
        list(holding.rows([0]).values(*holding.columns))  # every column and lookup is real


def test_everything_is_in_the_file_and_taking_it_is_written_down(
    cast: SimpleNamespace, make_customer: Callable, tmp_path: Path
) -> None:
    row = make_customer("1", cast.north, first_name="Aada", email="aada@example.fi")
    other = make_customer("2", cast.north, first_name="Ada")
    for number, one in (("A", row), ("B", other)):
        order = actions.NewOrder("s", number, NOW, "EUR", total_amount=Decimal("12.50"), customer_id=one.pk)
        actions.record_order(order, by=MACHINE, at=NOW)
    actions.merge_customers(row, other, by=access.of_user(cast.anna), at=NOW)
    client = Client()
    client.force_login(cast.anna)
    assert client.post(f"/customers/{row.pk}/privacy/export/").status_code == 403
    client.force_login(cast.adele)
    file = client.post(f"/customers/{row.pk}/privacy/export/")
    folder = zipfile.ZipFile(io.BytesIO(b"".join(file.streaming_content)))
    found = json.loads(folder.read("everything.json"))
    assert {one["number"] for one in found["person"]} == {"1", "2"}
    assert {one["number"] for one in found["crm_order"]} == {"A", "B"}
    assert "12.50" in folder.read("crm_order.csv").decode()
    assert AuditLine.objects.get(verb="exported").by == cast.adele
    call_command("export_customer", "1", str(tmp_path / "a.zip"))
    assert zipfile.is_zipfile(tmp_path / "a.zip")


def test_erasure_takes_the_typed_number_and_reaches_records_joined(
    cast: SimpleNamespace, make_customer: Callable
) -> None:
    row = make_customer("1", cast.north, first_name="Planted", email="planted@example.fi")
    other = make_customer("2", cast.north, first_name="Planted", city="Oulu")
    actions.merge_customers(row, other, by=access.of_user(cast.anna), at=NOW)
    client = Client()
    client.force_login(cast.adele)
    address = f"/customers/{row.pk}/privacy/erase/"
    assert "Type the number 1" in client.get(address).content.decode()
    assert client.post(address, {"number": "2"}).status_code == 400
    assert client.post(address, {"number": "1"}).status_code == 302
    tables = ("crm.Customer", "crm.Merge", "crm.AuditLine", "crm.LikePair")
    told = [name for name in tables if "lanted" in str(list(apps.get_model(name).objects.values()))]
    assert told == [] and Customer.objects.filter(erased_at=None).count() == 0


def test_tags_are_in_the_export_by_name_and_go_with_the_person(cast: SimpleNamespace, make_customer: Callable) -> None:
    row, other = make_customer("1", cast.north), make_customer("2", cast.north)
    tag = actions.create_tag(name="Left-handed", by=access.of_user(cast.adele), at=NOW)
    actions.add_tag(tag, to=Customer, ids=[row.pk, other.pk], by=access.of_user(cast.adele), at=NOW)
    found = takeout.everything(row, language="en")
    assert found["crm_customertag"] == [{"tag__name": "Left-handed", "at": NOW}]
    assert "crm_bulkchangerow" not in found
    actions.erase_customer(row, by=access.of_user(cast.adele), at=NOW)
    assert list(CustomerTag.objects.values_list("customer", flat=True)) == [other.pk]


def test_an_objection_holds_at_once_and_restriction_is_lifted_again(
    cast: SimpleNamespace, make_customer: Callable
) -> None:
    row = make_customer("1", cast.north)
    client = Client()
    client.force_login(cast.anna)
    client.post(f"/customers/{row.pk}/privacy/object/")
    client.force_login(cast.adele)
    client.post(f"/customers/{row.pk}/privacy/restrict/")
    row.refresh_from_db()
    assert row.objected_at and row.restricted_at
    client.post(f"/customers/{row.pk}/privacy/restrict/", {"lift": "1"})
    row.refresh_from_db()
    assert row.restricted_at is None


def test_whom_a_restore_brings_back_is_erased_again(db: None, make_customer: Callable, tmp_path: Path) -> None:
    row, new = make_customer("aada@example.fi", first_name="Aada", email="aada@example.fi"), make_customer("2")
    backup = Customer.objects.filter(pk=row.pk).values().get()
    actions.erase_customer(row, by=MACHINE, at=NOW)
    before = erasures.ledger().read_text() if erasures.ledger().exists() else ""
    assert erasures.keep() == 1 and erasures.keep() == 0
    told = erasures.ledger().read_text().removeprefix(before)
    assert "aada" not in told
    (tmp_path / "ledger.jsonl").write_text(told)
    erasures.ledger().write_text(before)
    Customer.objects.filter(pk=row.pk).update(**backup)
    call_command("replay_erasures", str(tmp_path / "ledger.jsonl"))
    row.refresh_from_db()
    new.refresh_from_db()
    assert row.erased_at and row.first_name == "" and new.erased_at is None


def test_whoever_had_another_number_in_the_backup_is_erased_again_and_nobody_else(
    db: None, make_customer: Callable
) -> None:
    row, other = make_customer("old"), make_customer("other")
    backup = Customer.objects.filter(pk=row.pk).values().get()
    actions.change_customer(row, values={"number": "new"}, by=MACHINE, at=NOW)
    line = erasures.told(actions.erase_customer(row, by=MACHINE, at=NOW + timedelta(days=1)))
    Customer.objects.filter(pk=row.pk).update(**backup)
    row.refresh_from_db()
    assert erasures.is_meant(row, line) and not erasures.is_meant(row, {**line, "row": ""})
    row.created_at += timedelta(microseconds=1)
    assert not erasures.is_meant(row, line) and not erasures.is_meant(other, line)
    assert not {"old", "new", str(backup["created_at"])} & set(map(str, line.values()))


def test_a_ledger_that_a_crash_cut_off_is_read_and_written_on(db: None, make_customer: Callable) -> None:
    first, second = make_customer("1"), make_customer("2")
    kept = erasures.ledger().read_text() if erasures.ledger().exists() else ""
    actions.erase_customer(first, by=MACHINE, at=NOW)
    erasures.keep()
    erasures.ledger().write_text(erasures.ledger().read_text() + '{"customer": 7, "num')
    actions.erase_customer(second, by=MACHINE, at=NOW)
    assert erasures.keep() == 1 and erasures.keep() == 0
    assert {first.pk, second.pk} <= {line["customer"] for line in erasures.lines(erasures.ledger())}
    erasures.ledger().write_text(kept)


def test_a_file_that_is_gone_keeps_nobody_from_their_data(cast: SimpleNamespace, make_customer: Callable) -> None:
    row = make_customer("1", cast.north)
    note = Note.objects.create(customer=row, text="Aada", created_by=cast.adele, created_at=NOW)
    NoteFile.objects.create(note=note, name="a.txt", path="files/notes/gone", size=1, created_at=NOW)
    with takeout.archive(row, language="en") as file:
        names = zipfile.ZipFile(file).namelist()
    assert "crm_notefile.csv" in names and not [name for name in names if name.startswith("files/")]
