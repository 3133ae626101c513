"""The pages of imports, from upload to undo, as a marketer walks them."""

from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils.translation import override
from openpyxl import Workbook

from crm import tasks
from crm.imports import forgetting
from crm.models import Customer, FieldDefinition, Import
from crm.views import imports

pytestmark = pytest.mark.django_db
FILE = """Asiakasnumero;Nimi;Sähköposti;Kaupunki;Taso
17;Anna Virtanen;anna@x.fi;Oulu;Kulta
18;Bo Ek;bo(at)x;Turku;Hopea
""".encode("cp1252")


@pytest.fixture
def marketer(client, maija, monkeypatch):
    """A signed-in marketer; the worker comes when called."""
    monkeypatch.setattr(tasks, "poke_import", lambda import_id: None)
    client.force_login(maija)
    return client


def upload(marketer, content=FILE, kind="customers", **more):
    file = SimpleUploadedFile("own.csv", content)
    return marketer.post(reverse("import-new"), {"kind": kind, "file": file, **more})


def columns_as_shown(response):
    """What a browser would send back unchanged."""
    posted = {name: response.context["parts"][name].value() or "" for name in response.context["parts"].fields}
    for row in response.context["rows"]:
        posted |= {f"to_{row.place}": row.to, f"type_{row.place}": row.type, f"dimension_{row.place}": row.dimension}
    return posted


def test_a_marketer_walks_from_upload_to_undo(marketer):
    answer = upload(marketer)
    run = Import.objects.get()
    assert answer.url == reverse("import-mapping", args=[run.pk])
    shown = marketer.get(answer.url)
    assert [row.to for row in shown.context["rows"]] == ["", "full_name", "email", "city", "field"]
    assert "Anna Virtanen" in shown.content.decode()

    answer = marketer.post(answer.url, columns_as_shown(shown))
    assert answer.url == reverse("import", args=[run.pk])
    tasks.sweep_imports()
    shown = marketer.get(answer.url).content.decode()
    assert "It would make 2" in shown
    assert "Kulta" in shown and "First name" in shown and "first_name" not in shown
    assert not Customer.objects.exists()

    marketer.post(reverse("import-start", args=[run.pk]))
    assert "hx-trigger" in marketer.get(answer.url).content.decode()
    tasks.sweep_imports()
    shown = marketer.get(answer.url).content.decode()
    assert "It made 2" in shown
    assert "bo(at)x" in shown and "Row kept" in shown
    assert Customer.objects.get(number="17").attributes == {"taso": "Kulta"}

    problems = b"".join(marketer.get(reverse("import-problems", args=[run.pk]))).decode()
    assert "3,Sähköposti,invalid_email" in problems

    marketer.post(reverse("import-undo", args=[run.pk]))
    tasks.sweep_imports()
    assert not Customer.objects.exists()
    assert "It is undone" in marketer.get(answer.url).content.decode()
    assert marketer.get(reverse("imports")).status_code == 200


def test_choices_of_the_page_become_the_mapping(marketer):
    upload(marketer)
    run = Import.objects.get()
    address = reverse("import-mapping", args=[run.pk])
    posted = columns_as_shown(marketer.get(address))
    posted |= {"to_3": "", "type_4": "text", "dimension_4": "social"}
    marketer.post(address, posted)
    run.refresh_from_db()
    assert run.mapping["columns"]["Kaupunki"] is None
    assert run.mapping["columns"]["Taso"]["dimension"] == "social"
    tasks.sweep_imports()
    marketer.post(reverse("import-start", args=[run.pk]))
    tasks.sweep_imports()
    assert FieldDefinition.objects.get().type == "text"
    assert Customer.objects.get(number="17").city == ""


def test_orders_are_mapped_part_by_part(marketer):
    upload(marketer, b"nr;asiakas;pvm;koodi;kpl;hinta\n1;17;24.12.2025;A;2;3,5\n", "orders")
    run = Import.objects.get()
    address = reverse("import-mapping", args=[run.pk])
    shown = marketer.get(address)
    posted = {name: shown.context["parts"][name].value() or "" for name in shown.context["parts"].fields}
    assert (posted["customer"], posted["quantity"], posted["decimal"]) == ("asiakas", "kpl", ",")
    refused = marketer.post(address, posted)
    assert refused.status_code == 400
    assert "number" in refused.content.decode()
    marketer.post(address, {**posted, "number": "nr", "sku": "koodi"})
    tasks.sweep_imports()
    marketer.post(reverse("import-start", args=[run.pk]))
    tasks.sweep_imports()
    assert str(Customer.objects.get(number="17").orders.get().total_amount) == "7.0000"


def test_a_mapping_written_as_json_is_refused_with_its_place(marketer):
    upload(marketer)
    address = reverse("import-mapping", args=[Import.objects.get().pk])
    answer = marketer.post(address, {"document": '{"kind": "customers", "number": "Asiakasnumero", "colums": {}}'})
    assert answer.status_code == 400
    assert "colums" in answer.content.decode()


@pytest.mark.parametrize("document", ['{"source": "a\\u0000"}', '{"source": "\\ud800"}', '{"source": NaN}', "1" * 5000])
def test_a_mapping_that_no_database_could_keep_is_refused_on_both_forms(document, marketer):
    answer = upload(marketer, mapping=SimpleUploadedFile("mapping.json", document.encode()))
    assert answer.status_code == 400 and "mapping" in answer.context["form"].errors
    upload(marketer)
    answer = marketer.post(reverse("import-mapping", args=[Import.objects.get().pk]), {"document": document})
    assert answer.status_code == 400 and "document" in answer.context["document"].errors


def test_an_excel_file_is_uploaded_and_imported(marketer):
    book, packed = Workbook(), BytesIO()
    for row in (("Asiakasnumero", "Nimi"), (17, "Anna Virtanen")):
        book.active.append(row)
    book.save(packed)
    shown = marketer.get(upload(marketer, packed.getvalue()).url)
    marketer.post(shown.request["PATH_INFO"], columns_as_shown(shown))
    tasks.sweep_imports()
    marketer.post(reverse("import-start", args=[Import.objects.get().pk]))
    tasks.sweep_imports()
    assert Customer.objects.get().last_name == "Virtanen"


def test_a_stored_file_that_is_gone_is_said_and_breaks_no_page(marketer):
    upload(marketer)
    run = Import.objects.get()
    forgetting.forget_files(at=run.created_at + forgetting.KEPT * 2)
    answer = marketer.get(reverse("import-mapping", args=[run.pk]), follow=True)
    assert answer.redirect_chain == [(reverse("import", args=[run.pk]), 302)]
    assert "is gone; start the import again" in answer.content.decode()
    for name in ("import-check", "import-start"):
        assert marketer.post(reverse(name, args=[run.pk]), follow=True).status_code == 200
        tasks.sweep_imports()
    assert "is gone" in Import.objects.get().error


def test_a_file_that_is_no_table_is_refused_on_the_form(marketer):
    answer = upload(marketer, b"\x89PNG\r\n\x1a\n" + bytes(200))
    assert answer.status_code == 400
    assert "not a text table" in answer.content.decode()
    assert not Import.objects.exists()


def test_a_marketer_may_not_undo_the_import_of_somebody_else(marketer, client, adele):
    upload(marketer)
    run = Import.objects.get()
    Import.objects.update(created_by=adele, status="finished")
    marketer.post(reverse("import-undo", args=[run.pk]))
    run.refresh_from_db()
    assert run.status == "finished"


def test_the_headings_are_in_the_language_of_the_visitor() -> None:
    with override("fi"):
        assert str(imports.COLUMNS[0].label) == "Tiedosto"
