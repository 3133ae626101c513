"""The guide for those who sell, walked through in a browser: from the sign-in to a call logged and a deal moved."""

from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.walking import IN_BOTH, Walk, a_page, steps, walk_through

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FOLLOWING = {"en": "Send the offer", "fi": "Lähetä tarjous"}


@dataclass
class SellersWalk(Walk):
    """What is remembered from one step to the next."""

    called: str = ""
    deal: str = ""
    stage: str = ""

    @property
    def entries(self) -> Any:
        return self.page.locator(".worklist__entry")

    @property
    def card(self) -> Any:
        return self.page.locator(f"#{self.deal}")

    def stage_of_the_card(self) -> str:
        return self.page.locator("[data-stage]", has=self.card).get_attribute("data-stage")


STEPS, step = steps()


@step("Sign in", "Kirjaudu sisään")
def sign_in(walk: SellersWalk) -> None:
    walk.sign_in("anna")


@step("See whom to call today", "Katso, kenelle soitat tänään")
def open_the_worklist(walk: SellersWalk) -> None:
    walk.go("Worklist")
    expect(walk.entries.first).to_be_visible()
    walk.picture("worklist")


@step("Know why this person", "Tiedä, miksi juuri hän")
def read_the_reasons(walk: SellersWalk) -> None:
    first = walk.entries.first
    expect(first.locator(".worklist__reasons li").first).to_be_visible()
    expect(first.locator(".worklist__ways li").first).to_be_visible()
    first.locator("summary", has_text=walk.named("Not now")).click()
    expect(first.locator("[name=until]").first).to_be_visible()
    walk.page.keyboard.press("Escape")


@step("Open the customer's page", "Avaa asiakkaan sivu")
def open_the_customer(walk: SellersWalk) -> None:
    link = walk.entries.first.locator("h2 a")
    walk.called = link.inner_text()
    link.click()
    expect(walk.page.locator("h1")).to_contain_text(walk.called)
    expect(walk.page.locator("#customer-tasks h2")).to_have_text(walk.named("Next steps"))
    walk.page.wait_for_load_state("networkidle")
    walk.picture("selling-customer")
    tabs = walk.page.locator("nav.tabs")
    tabs.get_by_role("link", name=walk.named("Segments"), exact=True).click()
    walk.press("Why in?", "link")
    expect(walk.page.locator("#customer-segments .reasons").first).to_be_visible()


@step("Call, and write it down in two clicks", "Soita ja kirjaa puhelu kahdella napsautuksella")
def log_the_call(walk: SellersWalk) -> None:
    walk.go("Worklist")
    expect(walk.entries.first.locator("h2 a")).to_have_text(walk.called)
    first = walk.page.locator(f"#{walk.entries.first.get_attribute('id')}")
    expect(first.locator("a[href^='tel:']").first).to_be_attached()
    first.locator("summary", has_text=walk.named("Log a call")).click()
    words = walk.named("Then")
    first.locator("[name=kind][value=call] ~ .contact__next label", has_text=words).locator("input").fill(
        walk.typed(FOLLOWING[walk.language])
    )
    first.get_by_role("button", name=walk.named("Agreed"), exact=True).click()
    expect(walk.page.locator("#toasts")).to_contain_text(FOLLOWING[walk.language])
    expect(first).to_have_count(0)
    expect(walk.entries.first).to_be_visible()


@step("The task that follows", "Tehtävä, joka seuraa")
def find_the_task(walk: SellersWalk) -> None:
    walk.go("Tasks")
    rows = walk.page.locator("main table tr", has_text=FOLLOWING[walk.language])
    expect(rows.filter(has_text=walk.called)).to_have_count(1)


@step("Move a deal", "Siirrä myyntimahdollisuutta")
def move_a_deal(walk: SellersWalk) -> None:
    walk.go("Deals")
    first = walk.page.locator("[data-stage]").first.locator("[data-card]").first
    walk.deal = first.get_attribute("id")
    walk.stage = walk.stage_of_the_card()
    first.focus()
    walk.page.keyboard.press("ArrowRight")
    expect(walk.page.locator("[data-stage]").nth(1).locator(f"#{walk.deal}")).to_be_visible()
    walk.picture("board")


@step("Take it back", "Peru se")
def take_it_back(walk: SellersWalk) -> None:
    walk.press("Undo")
    expect(walk.page.locator(f"[data-stage='{walk.stage}'] #{walk.deal}")).to_be_visible()


@pytest.mark.parametrize("language", IN_BOTH)
def test_the_guide_leads_from_the_worklist_to_a_deal_moved(house: Any, browser: Any, language: str) -> None:
    walk_through(SellersWalk(a_page(house, browser), house, language), f"selling-{language}.md", STEPS)
