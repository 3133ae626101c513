"""The user guide walked through in a browser: its very steps, its very words, its very files, in both languages."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from django.utils import translation
from django.utils.translation import gettext, pgettext
from playwright.sync_api import expect

from tests.browser.walking import GUIDE, IN_BOTH, PATIENCE, Walk, a_page, steps, walk_through

pytestmark = [pytest.mark.browser, pytest.mark.slow(70)]


@dataclass(frozen=True)
class Told:
    """What the guide of one language speaks of: its files, its town, its names."""

    customers: str
    orders: str
    town: str
    first_customer: str
    segment: str
    campaign: str
    version: str
    subjects: tuple[str, str]
    lesson: str


TOLD = {
    "en": Told("customers.csv", "orders.csv", "Hanko", "Gardener", "Regulars of Hanko", "Spring in Hanko", "Asks",
               ("News for you", "Did you see this?"), "Too few people to tell; ask again with all regulars."),
    "fi": Told("asiakkaat.csv", "tilaukset.csv", "Kuhmo", "Niemi", "Kuhmon vakioasiakkaat", "Kuhmon kevät", "Kysyy",
               ("Uutisia sinulle", "Huomasitko tämän?"), "Liian vähän väkeä; kysytään uudelleen kaikilta."),
}  # fmt: skip


@dataclass
class MarketersWalk(Walk):
    """The guide from a file to a first decision."""

    @property
    def told(self) -> Told:
        return TOLD[self.language]


STEPS, step = steps()


@step("Sign in", "Kirjaudu sisään")
def sign_in(walk: MarketersWalk) -> None:
    walk.sign_in("maija")


@step("Bring your customers", "Tuo asiakkaasi")
def bring_customers(walk: MarketersWalk) -> None:
    bring(walk, "Customers", walk.told.customers, "customers")


@step("Bring their orders", "Tuo heidän tilauksensa")
def bring_orders(walk: MarketersWalk) -> None:
    bring(walk, "Orders", walk.told.orders)


def bring(walk: MarketersWalk, kind: str, file: str, picture: str = "") -> None:
    walk.go("Imports")
    walk.press("New import", "link")
    walk.choose("The rows are", kind)
    assert f"]({file})" in walk.section
    walk.page.locator("[name=file]").set_input_files(GUIDE / file)
    walk.press("Upload and look at its columns")
    walk.press("See what would happen")
    button = walk.page.get_by_role("button", name=walk.named("Import"), exact=True)
    expect(button).to_be_visible()
    if picture:
        walk.picture(picture)
    button.click()
    expect(walk.page.get_by_role("button", name=walk.named("Undo the import"))).to_be_visible()


@step("Look at a customer", "Katso yhtä asiakasta")
def look_at_a_customer(walk: MarketersWalk) -> None:
    walk.house.manage("refresh_profiles")  # what the timetable does within the minute the guide speaks of
    walk.go("Customers")
    search = walk.page.locator("main input[type=search]").first
    search.fill(walk.told.first_customer)
    assert f"`{walk.told.first_customer}`" in walk.section
    walk.page.locator("main table").get_by_role("link", name=re.compile(walk.told.first_customer)).first.click()
    expect(walk.page.locator("h1")).to_contain_text(walk.told.first_customer)
    walk.picture("customer")


CITY, ORDERS = {"en": "City", "fi": "Kaupunki"}, {"en": "Orders", "fi": "Tilauksia"}


@step("Draw a segment", "Piirrä segmentti")
def draw_a_segment(walk: MarketersWalk) -> None:
    walk.go("Segments")
    walk.press("New segment", "link")
    walk.write("Name", walk.told.segment)
    add_condition(walk, CITY[walk.language], walk.told.town)
    add_condition(walk, ORDERS[walk.language], "2")
    expect(walk.page.locator(".live__size strong")).to_have_text("28")  # counted in the two files by hand
    expect(walk.page.locator(".live__sentence")).to_contain_text(walk.told.town)
    walk.picture("segment")
    walk.press("Save")
    walk.house.manage("refresh_segments")  # what the timetable does within the minute the guide speaks of
    expect(walk.page.locator("h1")).to_have_text(walk.told.segment)


def add_condition(walk: MarketersWalk, feature: str, value: str) -> None:
    assert f"**{feature}**" in walk.section and f"`{value}`" in walk.section
    walk.page.get_by_text(walk.named("Add a condition"), exact=True).first.click()
    walk.page.locator("[data-picker-search]").first.fill(feature)
    walk.page.locator("[data-picker-item]").get_by_role("button", name=feature, exact=True).first.click()
    line = walk.page.locator("#editor .line").last
    expect(line.locator(".line__label")).to_have_text(feature)
    expect(walk.page.locator(".htmx-settling")).to_have_count(0)  # only then does what is typed there ask the server
    given = line.locator("input.line__input").last
    given.fill(value)
    given.press("Tab")
    expect(walk.page.locator("#editor .line").last.locator(".line__count")).to_be_visible()


@step("Plan a campaign: the goal", "Suunnittele kampanja: tavoite")
def plan_the_goal(walk: MarketersWalk) -> None:
    walk.go("Campaigns")
    walk.press("New campaign", "link")
    walk.write("Name", walk.told.campaign)
    walk.choose("Goal", "Click")
    onward(walk, "Audience")


def onward(walk: MarketersWalk, following: str, context: str = "") -> None:
    with translation.override(walk.language):
        label = pgettext(context, following) if context else gettext(following)
    walk.press("Save and continue: %(next)s", next=label)
    expect(walk.page.locator(".stepper__step--current")).to_contain_text(label)


@step("The audience", "Kohdeyleisö")
def choose_the_audience(walk: MarketersWalk) -> None:
    walk.page.get_by_label(re.compile(walk.told.segment)).first.check()
    expect(walk.page.locator("#reach p strong")).to_contain_text("25")  # 28, of whom three said no to the newsletter
    onward(walk, "Messages")


@step("The messages, A and B", "Viestit A ja B")
def write_the_messages(walk: MarketersWalk) -> None:
    walk.press("Write the text", "link")
    walk.press("News", "link")
    walk.page.wait_for_url("**starter=news**")
    for place, subject in enumerate(walk.told.subjects):
        assert f"`{subject}`" in walk.section
        if place:
            walk.press("Add a version")
            second = walk.page.get_by_role("link", name=walk.named("Write the text"), exact=True).nth(1)
            second.click()
        walk.write("Subject", subject)
        walk.press("Save")
        expect(walk.page.locator(".version")).to_have_count(place + 1)
        expect(walk.page.locator(".version").last).to_contain_text(subject)
    expect(walk.page.locator("iframe.letter--phone")).to_be_visible()
    walk.picture("messages")
    onward(walk, "Test")


@step("The test and its hold-out", "Testi ja verrokkiryhmä")
def design_the_test(walk: MarketersWalk) -> None:
    walk.write("Hold-out, %", "20")
    walk.page.get_by_label(walk.named("What is different about it")).nth(1).fill(walk.told.version)
    onward(walk, "Schedule", "step")


@step("The schedule", "Aikataulu")
def set_the_schedule(walk: MarketersWalk) -> None:
    onward(walk, "Check and launch")


@step("Check and launch", "Tarkista ja käynnistä")
def launch(walk: MarketersWalk) -> None:
    words = walk.named("Send to %(contacted)s people now", contacted="…")
    send = walk.page.get_by_role("button", name=re.compile(re.escape(words).replace("…", r"\d+")))
    expect(send).to_be_visible()
    walk.picture("launch")
    send.click()
    expect(walk.page.locator("#campaign")).to_contain_text("28 / 28", timeout=PATIENCE)


@step("Read what was sent", "Lue, mitä lähti")
def read_the_mail(walk: MarketersWalk) -> None:
    walk.press("Read the messages as they arrive", "link")
    letter = walk.page.locator("main table").get_by_role("link", name=walk.told.subjects[1], exact=True).first
    expect(letter).to_be_visible()
    letter.click()
    expect(walk.page.frame_locator("iframe.letter").locator("body")).to_contain_text("Kohde")
    walk.picture("mail")


@step("Read the report", "Lue raportti")
def read_the_report(walk: MarketersWalk) -> None:
    walk.go("Campaigns")
    walk.page.locator("main table").get_by_role("link", name=walk.told.campaign, exact=True).click()
    walk.press("Report", "link")
    expect(walk.page.locator("#versions")).to_be_visible()
    expect(walk.page.locator("#decisions")).to_contain_text(walk.named("No decision yet"))
    walk.picture("report")


@step("Write down what you learned", "Kirjaa, mitä opit")
def write_it_down(walk: MarketersWalk) -> None:
    assert f"`{walk.told.lesson}`" in walk.section
    walk.write("In your own words", walk.told.lesson)
    walk.page.get_by_label(walk.told.segment, exact=True).last.check()
    walk.press("Write it down")
    expect(walk.page.locator(".lesson").first).to_contain_text(walk.told.lesson)
    walk.go("Segments")
    walk.page.get_by_role("link", name=walk.told.segment, exact=True).first.click()
    expect(walk.page.locator("main")).to_contain_text(walk.told.lesson)


@pytest.mark.parametrize("language", IN_BOTH)
def test_the_guide_leads_from_sign_in_to_what_was_learned(house: Any, browser: Any, language: str) -> None:
    walk_through(MarketersWalk(a_page(house, browser), house, language), f"{language}.md", STEPS)
