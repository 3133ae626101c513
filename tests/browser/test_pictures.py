"""The pictures of the README, taken anew by `make screenshots` from the demo house."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.pictures import saved

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_report_on_a_desk(signed_in: Any) -> None:
    page = signed_in("marketer")
    page.goto("/campaigns/")
    page.locator("main table").get_by_role("link", name="Spring outdoor", exact=True).click()
    page.get_by_role("link", name="Report", exact=True).click()
    expect(page.locator("#decisions")).to_be_visible()
    saved(page, "report.png")


def test_a_customer_on_a_phone(signed_in: Any) -> None:
    page = signed_in("sales", width=390)
    page.goto("/customers/")
    page.locator("main table tbody a").first.click()
    expect(page.locator("h1")).to_be_visible()
    page.wait_for_load_state("networkidle")
    saved(page, "customer-phone.png")


def test_home_in_the_dark(signed_in: Any) -> None:
    page = signed_in("marketer")
    page.emulate_media(color_scheme="dark")
    page.wait_for_load_state("networkidle")
    saved(page, "home-dark.png")


def test_the_segment_editor_in_finnish(signed_in: Any) -> None:
    page = signed_in("marketer", language="fi")
    try:
        page.goto("/segments/eco-families/edit/")
        expect(page.locator(".live__size strong")).to_be_visible()
        saved(page, "segment-fi.png")
    finally:
        page.goto("/")
        page.locator("details", has=page.locator("button[lang=en]")).locator("summary").click()
        page.locator("button[name=language][lang=en]").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
