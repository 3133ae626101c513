"""A newcomer's file maps itself, in English and in Finnish."""

import pytest

from crm.imports.mapping import read_mapping
from crm.imports.suggestion import preview, suggested
from crm.models import Customer, Order

FINNISH = """Asiakasnumero;Etunimi;Sukunimi;Sähköposti;Puhelinnumero;Kaupunki;Syntymäaika;Uutiskirje;Taso;Ostot yhteensä
17;Anna;Virtanen;anna@x.fi;040 123 4567;Hämeenlinna;24.12.1980;kyllä;Kulta;1 204,50
18;Bo;Ek;bo@x.fi;050 123 4567;Turku;1.2.1990;ei;Hopea;10,00
19;Cia;Ek;cia@x.fi;050 123 4568;Turku;2.2.1990;ei;Hopea;7,25
20;Don;Ek;don@x.fi;050 123 4569;Turku;3.2.1990;ei;Hopea;0,5
21;Eva;Ek;eva@x.fi;050 123 4560;Turku;4.2.1990;kyllä;Kulta;3,5
22;Fia;Ek;fia@x.fi;050 123 4561;Turku;5.2.1990;kyllä;Kulta;2,5
"""


def suggestion(tmp_path, text, kind="customers", encoding="utf-8"):
    path = tmp_path / "own.csv"
    path.write_bytes(text.encode(encoding))
    return suggested(kind, preview(path), "Europe/Helsinki", "EUR")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_finnish_file_maps_itself_in_every_encoding(tmp_path, encoding):
    mapping = suggestion(tmp_path, FINNISH, encoding=encoding)
    assert mapping["number"] == "Asiakasnumero"
    columns = mapping["columns"]
    assert [columns[name] for name in ("Etunimi", "Sukunimi", "Sähköposti", "Puhelinnumero", "Kaupunki")] == [
        "first_name", "last_name", "email", "phone", "city",
    ]  # fmt: skip
    assert columns["Syntymäaika"] == "birth_date"
    assert (columns["Taso"]["type"], columns["Taso"]["choices"]) == ("choice", ["Hopea", "Kulta"])
    assert (columns["Ostot yhteensä"]["type"], columns["Ostot yhteensä"]["dimension"]) == ("money", "behavioural")
    assert mapping["consents"] == [{"column": "Uutiskirje", "purpose": "marketing", "channel": "email"}]
    assert mapping["style"]["decimal"] == ","
    read_mapping(mapping, "customers")


@pytest.mark.django_db
def test_a_suggested_mapping_imports_without_a_correction(tmp_path, load):
    load("customers", FINNISH.encode("cp1252"), suggestion(tmp_path, FINNISH, encoding="cp1252"))
    anna = Customer.objects.get(number="17")
    assert (anna.city, anna.phone, anna.attributes["ostot_yhteensa"]) == ("Hämeenlinna", "+358401234567", "1204.5")
    assert Customer.objects.filter(consents__is_granted=True).count() == 3


def test_without_a_number_the_address_tells_customers_apart(tmp_path):
    mapping = suggestion(tmp_path, "name,e-mail,city\nAnna Virtanen,Anna@x.fi,Oulu\n")
    assert mapping["number"] == {"column": "e-mail", "lower": True}
    assert mapping["columns"] == {"name": "full_name", "e-mail": "email", "city": "city"}


def test_a_file_without_headings_gets_names_for_its_columns(tmp_path):
    mapping = suggestion(tmp_path, "17,anna@x.fi,Oulu\n18,bo@x.fi,Turku\n")
    assert mapping["file"]["header"] is False
    assert mapping["file"]["columns"] == ["column_1", "column_2", "column_3"]
    assert mapping["columns"]["column_2"] == "email"


@pytest.mark.django_db
def test_a_finnish_file_of_orders_maps_itself(tmp_path, load):
    text = "Tilausnumero;Asiakasnumero;Tilauspäivä;Tuotekoodi;Määrä;Hinta\n1;17;24.12.2025 18:30;A1;2;3,50\n"
    load("orders", text.encode(), suggestion(tmp_path, text, "orders"))
    order = Order.objects.get(number="1")
    assert (str(order.total_amount), order.customer.number) == ("7.0000", "17")
    assert order.ordered_at.isoformat() == "2025-12-24T16:30:00+00:00"


def test_one_answer_that_is_neither_yes_nor_no_does_not_hide_the_consent(tmp_path):
    answers = ["kyllä", "ei", "kyllä", "ehkä", "ei", ""]
    text = "Asiakasnro;Markkinointilupa;Asiakas alkaen\n" + "".join(
        f"{number};{answer};1.2.2020\n" for number, answer in enumerate(answers)
    )
    mapping = suggestion(tmp_path, text)
    assert mapping["consents"] == [{"column": "Markkinointilupa", "purpose": "marketing", "channel": "email"}]
    assert mapping["columns"] == {"Asiakas alkaen": "created_at"}


@pytest.mark.parametrize("headings", ["Tuote;Tuotekoodi;Tuoteryhmä", "Tuoteryhmä;Tuotekoodi;Tuote"])
def test_code_name_and_group_of_a_product_are_told_apart_in_any_order(tmp_path, headings):
    text = f"Tilausnro;Asiakasnro;Pvm;{headings};Kpl;Hinta\n1;17;1.2.2026;a;b;c;1;2,50\n"
    line = suggestion(tmp_path, text, "orders")["line"]
    assert (line["sku"], line["description"], line["category"]) == ("Tuotekoodi", "Tuote", "Tuoteryhmä")
    alone = "Tilausnro;Asiakasnro;Pvm;Tuote;Kpl;Hinta\n1;17;1.2.2026;Kirves;1;2,50\n"
    assert suggestion(tmp_path, alone, "orders")["line"]["sku"] == "Tuote"


def test_birth_dates_do_not_outvote_the_decimal_comma(tmp_path):
    rows = "".join(f"{number};{number}.1.1980;{number}.2.2020;{number}000,50\n" for number in range(1, 10))
    mapping = suggestion(tmp_path, "Asiakasnro;Syntymäaika;Liittynyt;Vuosiostot\n" + rows)
    assert mapping["style"]["decimal"] == ","
    assert mapping["columns"]["Vuosiostot"]["type"] == "money"


@pytest.mark.parametrize(("strays", "kind"), [(1, "money"), (2, "text")])
def test_one_stray_word_in_twenty_leaves_a_column_of_sums_one(tmp_path, strays, kind):
    cells = ["paljon", "?"][:strays] + [f"{number},50" for number in range(20 - strays)]
    text = "Asiakasnro;Vuosiostot\n" + "".join(f"{number};{cell}\n" for number, cell in enumerate(cells))
    assert suggestion(tmp_path, text)["columns"]["Vuosiostot"]["type"] == kind


@pytest.mark.parametrize(
    ("heading", "answers", "channel"),
    [
        ("Suostumus", "kyllä ei kyllä", "email"),
        ("Markkinointilupa", "sallittu kielletty sallittu", "email"),
        ("Sähköpostisuostumus", "annettu annettu annettu", "email"),
        ("SMS-lupa", "x x x", "sms"),
        ("Lupa soittaa puhelimella", "1 0 1", "phone"),
        ("Suoramarkkinointi postitse", "k e k", "post"),
    ],
)
def test_a_column_of_consents_is_known_by_its_heading_and_so_is_its_channel(tmp_path, heading, answers, channel):
    text = f"Asiakasnro;{heading}\n" + "".join(f"{n};{word}\n" for n, word in enumerate(answers.split()))
    mapping = suggestion(tmp_path, text)
    assert mapping["consents"] == [{"column": heading, "purpose": "marketing", "channel": channel}]
