"""The search over everything: each role finds its own, nobody more, and it costs the same in a large house."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from crm import actions as crm_actions
from crm.models import Company, Customer
from crm.rights import machine
from segments import actions as segment_actions

pytestmark = pytest.mark.django_db


def asked(user: Any, text: str, **headers: str) -> str:
    client = Client()
    client.force_login(user)
    return client.get(reverse("search"), {"q": text}, headers=headers).content.decode()


def options(user: Any, text: str) -> list[str]:
    """The words of what the palette offers, as its reader hears them."""
    page = asked(user, text, **{"HX-Request": "true"})
    return re.findall(r'role="option".*?<span>(.*?)</span>', page, re.DOTALL)


def people(team: Any, *names: str) -> None:
    now = timezone.now()
    Customer.objects.bulk_create(
        Customer(
            number=f"{team.slug}-{index}", first_name="Sirpa", last_name=name, team=team, created_at=now, updated_at=now
        )
        for index, name in enumerate(names)
    )


def test_sales_find_customers_of_their_teams_only(cast):
    people(cast.north, "Quistberg")
    people(cast.south, "Quistgaard")
    assert options(cast.anna, "quist") == ["Sirpa Quistberg"]
    assert options(cast.bertil, "quist") == ["Sirpa Quistgaard"]
    assert options(cast.adele, "quist") == ["Sirpa Quistberg", "Sirpa Quistgaard"]


def test_analysts_find_nobody_by_name_and_see_no_names(cast):
    people(cast.north, "Quistberg")
    assert options(cast.aino, "quist") == []
    page = asked(cast.aino, "north-0")
    assert "north-0" in page and "Quistberg" not in page


def test_actions_and_pages_follow_the_rights(cast):
    assert "New segment" in options(cast.maija, "new seg") and options(cast.anna, "new seg") == []
    assert "Let somebody in" not in options(cast.maija, "let some")
    assert "Data" in options(cast.aino, "data")


def test_segments_are_found_by_any_word_of_their_name(cast):
    rule = {"version": 1, "where": {"everyone": True}}
    now = timezone.now()
    segment_actions.create_segment(name="Regulars who slowed down", rule=rule, by=machine("test"), at=now)
    assert options(cast.anna, "slow reg") == ["Regulars who slowed down"]


def test_more_than_fit_lead_to_the_list_with_the_same_words(cast):
    people(cast.north, *(f"Quist{letter}" for letter in "abcdefgh"))
    assert len(options(cast.anna, "quist")) == 7
    assert 'href="/customers/?q=quist"' in asked(cast.anna, "quist", **{"HX-Request": "true"})


def test_the_plain_page_needs_no_script_and_says_when_nothing_is_found(cast):
    page = asked(cast.anna, "xyzzy")
    assert "Nothing begins with “xyzzy”." in page and 'value="xyzzy"' in page
    assert "<script>" not in page


def test_a_typing_error_is_forgiven_and_said(cast):
    people(cast.north, "Quistberg")
    people(cast.south, "Quistgaard")
    crm_actions.gather_words(at=timezone.now())
    assert options(cast.anna, "sirpa quitsberg") == ["Sirpa Quistberg"]
    assert "Nothing is written “quitsberg”. Nearest: Quistberg." in asked(cast.anna, "quitsberg")
    assert options(cast.anna, "quitsgaard") == []  # another team's, and no word of it
    assert "Quistgaard" not in asked(cast.anna, "quitsgaard")
    assert options(cast.aino, "quitsberg") == [] and "Quistberg" not in asked(cast.aino, "quitsberg")


def test_what_is_asked_is_shown_as_text(cast):
    assert "<b>x" not in asked(cast.anna, "<b>x") and "&lt;b&gt;x" in asked(cast.anna, "<b>x")


def test_the_cost_is_the_same_for_few_and_many(cast):
    client = Client()
    client.force_login(cast.maija)

    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            client.get(reverse("search"), {"q": "quist"}, headers={"HX-Request": "true"})
        return len(found)

    people(cast.north, "Quistberg")
    few = queries()
    people(cast.south, *(f"Quist{n}" for n in range(300)))
    assert queries() == few <= 12


def test_companies_are_looked_up_in_an_index(cast):
    from crm import search

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
    plan = Company.objects.filter(search.company("quist")).order_by().explain()
    assert "SCAN crm" not in plan and "Seq Scan" not in plan
