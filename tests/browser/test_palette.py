"""The palette by keyboard alone: opened, asked, walked through, left; accessible while it is open."""

import pytest
from django.urls import reverse

from tests.browser.looking import serious

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def inside(come_in, adele):
    return come_in("adele", "me")


def test_keys_open_it_choose_a_page_and_go_there(inside):
    heard = []
    inside.on("console", lambda line: heard.append(line.text) if line.type in ("error", "warning") else None)
    inside.keyboard.press("Control+k")
    inside.get_by_role("option", name="New segment").wait_for()
    inside.keyboard.type("imports")
    chosen = inside.locator("[role=option][aria-selected=true]", has_text="Imports")
    chosen.wait_for()
    field = inside.get_by_role("combobox", name="Search everything")
    assert field.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    assert inside.locator("[data-palette-said]").text_content().endswith("found")
    assert serious(inside) == []
    inside.keyboard.press("Enter")
    inside.wait_for_url("**" + reverse("imports"))
    assert heard == []


def test_escape_gives_the_focus_back_and_a_slash_in_a_field_is_a_slash(inside):
    first = inside.get_by_label("First name")
    first.focus()
    inside.keyboard.type("a/b")
    assert first.input_value() == "a/b"
    inside.keyboard.press("Control+k")
    inside.get_by_role("combobox", name="Search everything").wait_for()
    inside.keyboard.press("Escape")
    assert first.evaluate("one => one === document.activeElement")


def test_the_first_page_loads_its_parts_without_a_complaint(inside, live_server):
    heard = []
    inside.on("console", lambda line: heard.append(line.text) if line.type in ("error", "warning") else None)
    inside.on("pageerror", lambda error: heard.append(str(error)))
    inside.goto(live_server.url + reverse("home"))
    inside.get_by_text("Nobody yet.").or_(inside.get_by_role("link", name="adele")).first.wait_for()
    inside.wait_for_load_state("networkidle")
    assert heard == []
