"""The frame in a real browser: accessible, quiet console, usable by keyboard, at home in both themes."""

import pytest
from django.urls import reverse

from tests.browser.looking import serious

pytestmark = [pytest.mark.browser, pytest.mark.looks, pytest.mark.django_db(transaction=True)]
WIDTHS = {"desk": 1440, "tablet": 900, "phone": 390}


@pytest.fixture
def complaints(page):
    """What the console and the content security policy had to say."""
    heard = []
    page.on("console", lambda line: heard.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    return heard


@pytest.fixture
def inside(come_in, adele):
    """A page after Adele, the admin, has signed in."""
    return come_in("adele", "me")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_serious(inside, live_server, complaints, width, theme):
    inside.set_viewport_size({"width": WIDTHS[width], "height": 900})
    inside.emulate_media(color_scheme=theme, reduced_motion="reduce")
    for name in ("me", "security", "health", "styleguide"):
        inside.goto(live_server.url + reverse(name))
        assert serious(inside) == []
        assert inside.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} scrolls sideways"
    assert complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_sign_in_page_is_accessible(page, live_server, complaints, theme):
    page.emulate_media(color_scheme=theme)
    page.goto(live_server.url + reverse("sign-in"))
    assert serious(page) == [] and complaints == []


def test_a_menu_opens_and_closes_by_keyboard(inside):
    button = inside.locator("summary[aria-label=Help]")
    button.focus()
    inside.keyboard.press("Enter")
    panel = inside.get_by_text("Close what is open")
    panel.wait_for(state="visible")
    inside.keyboard.press("Escape")
    panel.wait_for(state="hidden")
    assert button.evaluate("one => one === document.activeElement")


def test_the_theme_changes_at_once_and_stays(inside):
    inside.locator(".top summary").last.click()
    inside.get_by_role("button", name="Dark").click()
    assert inside.locator("html").get_attribute("data-theme") == "dark"
    inside.reload()
    assert inside.locator("html").get_attribute("data-theme") == "dark"


def test_a_range_of_rows_is_ticked_with_shift(inside, live_server):
    inside.goto(live_server.url + reverse("styleguide"))
    ticks = inside.locator("#tick-rows [data-tick]")
    ticks.first.click()
    ticks.last.click(modifiers=["Shift"])
    assert inside.locator("[data-tick-count]").text_content() == "3"
    assert inside.locator(".bulk__bar").is_visible()


def test_the_page_speaks_finnish_after_the_switch(inside):
    inside.locator(".top summary").last.click()
    inside.get_by_role("button", name="Suomi").click()
    inside.get_by_role("heading", name="Omat asetukset").wait_for()
    assert inside.locator("html").get_attribute("lang") == "fi"
