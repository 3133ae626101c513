"""Search by beginnings agrees with a plain reading of every customer, for few matches and for many."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

import hypothesis
import pytest
from django.db import connection
from hypothesis import strategies as st

from crm import actions, keyset, search, words
from crm.models import Company, Customer, Word
from crm.rights import machine
from tests.crm.conftest import NOW

PEOPLE = [
    ("1001", "Aada", "Virtanen"), ("1002", "aada", "virtanen"), ("1003", "Åke", "Öberg"), ("2001", "Ville", "Aalto"),
    ("2%02", "Percy", "50% off"), ("2_03", "Under", "A_b"), ("V9", "Nina", "Å"), ("x1", "Vi", "Rtanen"),
]  # fmt: skip
TEXTS = [
    "aada",
    "AADA",
    "vi",
    "virt",
    "100",
    "åke",
    "Åke",
    "öb",
    "2%",
    "2_",
    "5",
    "50%",
    "a_",
    "aada virt",
    "virt aa",
    "vi rt",
]


def read_plainly(text: str) -> set[str]:
    """What a person expects, from the rows alone."""
    first, _blank, last = text.lower().partition(" ")
    if last:
        return {
            number
            for number, given, family in PEOPLE
            if (given.lower().startswith(first) and family.lower().startswith(last))
            or (given.lower().startswith(last) and family.lower().startswith(first))
            or family.lower().startswith(text.lower())
            or given.lower().startswith(text.lower())
        }
    return {
        number
        for number, given, family in PEOPLE
        if number.startswith(text) or given.lower().startswith(first) or family.lower().startswith(first)
    }


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.django_db
def test_few_matches_are_those_of_a_plain_reading(text: str, make_customer: Callable) -> None:
    for number, given, family in PEOPLE:
        make_customer(number, first_name=given, last_name=family)
    found = search.found(Customer.objects.all(), text, by_name=True)
    assert {row.number for row in found} == read_plainly(text)


@pytest.mark.django_db
def test_many_matches_are_met_on_the_way_through_the_order(make_customer: Callable, monkeypatch: Any) -> None:
    monkeypatch.setattr(search, "FEW", 3)
    for index in range(5):
        make_customer(f"N{index}", first_name="Aada", last_name=f"Virtanen{index}")
    for text in ("virt", "aada virt", "N"):
        assert search.found(Customer.objects.all(), text, by_name=True).count() == 5, text


def slow_mistakes(typed: str, word: str) -> int:
    """Plain recursion over the definition, to the nearest beginning of the word."""

    @cache
    def between(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        best = min(between(i - 1, j) + 1, between(i, j - 1) + 1, between(i - 1, j - 1) + (typed[i - 1] != word[j - 1]))
        if i > 1 and j > 1 and typed[i - 1] == word[j - 2] and typed[i - 2] == word[j - 1]:
            best = min(best, between(i - 2, j - 2) + 1)
        return best

    return min(between(len(typed), j) for j in range(len(word) + 1))


@hypothesis.given(st.text("abc", max_size=6), st.text("abc", max_size=7))
def test_mistakes_are_those_of_a_plain_recursion(typed: str, word: str) -> None:
    assert words.mistakes(typed, word) == slow_mistakes(typed, word)


@pytest.fixture
def people(make_customer: Callable) -> None:
    firm = Company.objects.create(number="F1", name="Saimaan Konepaja Oy", created_at=NOW, updated_at=NOW)
    make_customer("1", first_name="Aino", last_name="Virtanen", email="aino.virtanen@posti.example")
    make_customer("2", first_name="Väinö", last_name="Hämäläinen", phone="+358401234567")
    make_customer("3", first_name="Eino", last_name="Korhonen", company=firm)
    actions.gather_words(at=NOW)


TYPED = {
    "Virtanne": "1", "vritanen": "1", "hamalain": "2", "vaino": "2", "aino virtanne": "1", "korhoen eino": "3",
    "konepja": "3", "aino.virtane@posti": "1",
}  # fmt: skip


@pytest.mark.parametrize("text", TYPED)
def test_typing_errors_are_forgiven_and_said(text: str, people: None) -> None:
    found = search.meant(Customer.objects.all(), text, by_name=True)
    assert [row.number for row in found.rows] == [TYPED[text]] and found.nearest


@pytest.mark.parametrize(("text", "number"), {"aino.v": "1", "040 123": "2", "saimaan": "3", "00358401": "2"}.items())
def test_addresses_phones_and_companies_are_found_by_their_beginning(text: str, number: str, people: None) -> None:
    found = search.meant(Customer.objects.all(), text, by_name=True)
    assert [row.number for row in found.rows] == [number] and not found.nearest


@pytest.mark.parametrize("text", ["qwertyu", "xy", "12345678", "¤¤¤", "%%%"])
def test_what_is_near_nothing_finds_nobody(text: str, people: None) -> None:
    found = search.meant(Customer.objects.all(), text, by_name=True)
    assert not found.rows and not found.nearest


def test_parts_that_half_of_all_names_hold_are_not_read_and_a_common_name_is_still_found(
    people: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    words.learn("last_name", [f"Virta{one}nen" for one in ("ma", "sa", "la", "ka")])
    monkeypatch.setattr(words, "COMMON", 2)
    assert words.rarest({"vir", "ine", "zzz"}) == ["zzz", "ine"]
    assert words.nearest("vritanen")[0] == words.Near("Virtanen", "last_name", 1)
    monkeypatch.setattr(words, "READ", 0)
    assert words.rarest({"zzz", "ine"}) == ["zzz"]


@pytest.mark.parametrize("typed", ["korhoen", "korhonenn", "kohronen", "korhanen", "orhonen"])
def test_a_name_one_mistake_away_is_met_by_its_spelling_alone(
    typed: str, people: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "READ", -1)
    assert [one.text for one in words.nearest(typed)] == ["Korhonen"]


def test_names_of_other_teams_are_not_told(people: None, cast: Any) -> None:
    Customer.objects.filter(number="1").update(team=cast.south)
    mine = Customer.objects.filter(team=cast.north)
    assert search.meant(mine, "Virtanne", by_name=True).nearest == ()
    assert search.meant(Customer.objects.all(), "Virtanne", by_name=False).nearest == ()


def test_the_words_of_an_erased_customer_are_forgotten(people: None) -> None:
    row = Customer.objects.get(number="1")
    actions.erase_customer(row, by=machine("test"), at=NOW)
    assert not Word.objects.filter(text__in=["Aino", "Virtanen"]).exists()
    assert Word.objects.filter(text="Korhonen").exists()
    actions.gather_words(at=NOW)
    assert not Word.objects.filter(text="Virtanen").exists()


def test_gathering_again_looks_at_what_changed_only(people: None, django_assert_max_num_queries: Any) -> None:
    late = NOW + timedelta(hours=1)
    actions.gather_words(at=late)
    Customer.objects.filter(number="3").update(last_name="Korhola", updated_at=late)
    assert actions.gather_words(at=late) == 1
    assert actions.forget_words() == 1 and not Word.objects.filter(text="Korhonen").exists()


@pytest.mark.django_db
def test_beginnings_are_looked_up_in_an_index() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # which reads a table this small from end to end, where it may
            cursor.execute("SET LOCAL enable_seqscan = off")
    plan = Customer.objects.filter(search.close("virt")).order_by().explain()
    assert "SCAN crm" not in plan and "Seq Scan" not in plan
    for index in ("customer_last_name_begins", "customer_first_name_begins", "customer_phone"):
        assert index in plan


@pytest.mark.django_db
def test_every_row_comes_once_by_id_piece_after_piece(make_customer: Callable, django_assert_num_queries: Any) -> None:
    made = [make_customer(f"N{index}").pk for index in range(7)]
    with django_assert_num_queries(4):
        assert [row.pk for row in keyset.every_row(Customer.objects.all(), size=3)] == made


@pytest.mark.parametrize("text", ["Ilamri Rasnen", "rasnen ilamri", "Ilmri Räsännen"])
def test_two_mistyped_words_find_the_person_though_nearer_names_are_borne_apart(text: str, db: None) -> None:
    people = [("1", "Ilmari", "Räsänen"), ("2", "Ilari", "Korhonen"), ("3", "Ilma", "Aho"), ("4", "Kaisa", "Rasanen")]
    for number, given, family in people:
        Customer.objects.create(number=number, first_name=given, last_name=family, created_at=NOW, updated_at=NOW)
    actions.gather_words(at=NOW)
    found = search.meant(Customer.objects.all(), text, by_name=True)
    assert [row.number for row in found.rows] == ["1"] and found.nearest == ("Ilmari Räsänen",)
