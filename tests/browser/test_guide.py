"""The user guide walked through in a browser: its very steps, its very words, its very files, in both languages."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.utils import translation
from django.utils.translation import gettext, pgettext
from playwright.sync_api import expect

from tests.browser.conftest import PASSWORD
from tests.browser.pictures import saved
from tests.config.test_serve import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.slow]
GUIDE = ROOT / "docs" / "guide"
PATIENCE = 60_000


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
class Walk:
    """Somebody with the guide in one hand: presses and fills only what the guide names in bold."""

    page: Any
    house: Any
    language: str
    section: str = ""
    seen: list[str] = field(default_factory=list)

    @property
    def told(self) -> Told:
        return TOLD[self.language]

    def named(self, english: str, context: str = "", **given: str) -> str:
        """The words on the page, which the guide has to name."""
        with translation.override(self.language):
            words = pgettext(context, english) if context else gettext(english)
        words = words % given if given else words
        assert f"**{words}**" in self.section, f"The guide does not name **{words}** here."
        return words

    def press(self, english: str, role: str = "button", context: str = "", **given: str) -> None:
        words = self.named(english, context, **given)
        self.page.get_by_role(role, name=words, exact=True).first.click()

    def go(self, english: str) -> None:
        """By the links on the left."""
        self.page.locator("nav.nav").get_by_role("link", name=self.named(english), exact=True).click()

    def write(self, english: str, value: str) -> None:
        words = re.compile("^" + re.escape(self.named(english)))
        self.page.get_by_label(words).first.fill(value)

    def choose(self, english: str, value: str) -> None:
        field = self.page.get_by_label(self.named(english)).and_(self.page.locator("select"))
        field.first.select_option(label=self.named(value))

    def picture(self, name: str) -> None:
        """Named by the guide, and saved where the caller wants pictures."""
        file = f"guide-{name}-{self.language}.png"
        assert f"../images/{file})" in self.section, f"The guide does not show {file} here."
        self.seen.append(file)
        saved(self.page, file)


Step = Callable[[Walk], None]
STEPS: list[tuple[dict[str, str], Step]] = []


def step(en: str, fi: str) -> Callable[[Step], Step]:
    """Binds a function to its heading in both guides."""

    def bound(function: Step) -> Step:
        STEPS.append(({"en": en, "fi": fi}, function))
        return function

    return bound


@step("Sign in", "Kirjaudu sisään")
def sign_in(walk: Walk) -> None:
    walk.page.goto("/sign-in/")
    walk.page.get_by_role("button", name={"en": "English", "fi": "Suomi"}[walk.language], exact=False).click()
    for word, value in ((USERNAME[walk.language], "maija"), (walk.named("Password"), PASSWORD)):
        assert f"**{word}**" in walk.section
        walk.page.get_by_label(word).fill(value)
    walk.press("Sign in")
    expect(walk.page.locator("nav.nav")).to_be_visible()
    speak(walk.page, walk.language)


def speak(page: Any, language: str) -> None:
    """By the menu of oneself, at the top right."""
    choice = page.locator("form.menu__choice button[name=language]").locator(f"xpath=self::*[@lang='{language}']")
    page.locator("details", has=choice).locator("summary").click()
    choice.click()
    expect(page.locator("html")).to_have_attribute("lang", language)


@step("Bring your customers", "Tuo asiakkaasi")
def bring_customers(walk: Walk) -> None:
    bring(walk, "Customers", walk.told.customers, "customers")


@step("Bring their orders", "Tuo heidän tilauksensa")
def bring_orders(walk: Walk) -> None:
    bring(walk, "Orders", walk.told.orders)


def bring(walk: Walk, kind: str, file: str, picture: str = "") -> None:
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
def look_at_a_customer(walk: Walk) -> None:
    walk.house.manage("refresh_profiles")  # what the timetable does within the minute the guide speaks of
    walk.go("Customers")
    search = walk.page.locator("main input[type=search]").first
    search.fill(walk.told.first_customer)
    assert f"`{walk.told.first_customer}`" in walk.section
    walk.page.locator("main table").get_by_role("link", name=re.compile(walk.told.first_customer)).first.click()
    expect(walk.page.locator("h1")).to_contain_text(walk.told.first_customer)
    walk.picture("customer")


USERNAME = {"en": "Username", "fi": "Käyttäjätunnus"}  # Django's own word
CITY, ORDERS = {"en": "City", "fi": "Kaupunki"}, {"en": "Orders", "fi": "Tilauksia"}


@step("Draw a segment", "Piirrä segmentti")
def draw_a_segment(walk: Walk) -> None:
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


def add_condition(walk: Walk, feature: str, value: str) -> None:
    assert f"**{feature}**" in walk.section and f"`{value}`" in walk.section
    walk.page.get_by_text(walk.named("Add a condition"), exact=True).first.click()
    walk.page.locator("[data-picker-search]").first.fill(feature)
    walk.page.locator("[data-picker-item]").get_by_role("button", name=feature, exact=True).first.click()
    line = walk.page.locator("#editor .line").last
    expect(line.locator(".line__label")).to_have_text(feature)
    given = line.locator("input.line__input").last
    given.fill(value)
    given.press("Tab")
    expect(walk.page.locator("#editor .line").last.locator(".line__count")).to_be_visible()


@step("Plan a campaign: the goal", "Suunnittele kampanja: tavoite")
def plan_the_goal(walk: Walk) -> None:
    walk.go("Campaigns")
    walk.press("New campaign", "link")
    walk.write("Name", walk.told.campaign)
    walk.choose("Goal", "Click")
    onward(walk, "Audience")


def onward(walk: Walk, following: str, context: str = "") -> None:
    with translation.override(walk.language):
        label = pgettext(context, following) if context else gettext(following)
    walk.press("Save and continue: %(next)s", next=label)
    expect(walk.page.locator(".stepper__step--current")).to_contain_text(label)


@step("The audience", "Kohdeyleisö")
def choose_the_audience(walk: Walk) -> None:
    walk.page.get_by_label(re.compile(walk.told.segment)).first.check()
    expect(walk.page.locator("#reach p strong")).to_contain_text("25")  # 28, of whom three said no to the newsletter
    onward(walk, "Messages")


@step("The messages, A and B", "Viestit A ja B")
def write_the_messages(walk: Walk) -> None:
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
def design_the_test(walk: Walk) -> None:
    walk.write("Hold-out, %", "20")
    walk.page.get_by_label(walk.named("What is different about it")).nth(1).fill(walk.told.version)
    onward(walk, "Schedule", "step")


@step("The schedule", "Aikataulu")
def set_the_schedule(walk: Walk) -> None:
    onward(walk, "Check and launch")


@step("Check and launch", "Tarkista ja käynnistä")
def launch(walk: Walk) -> None:
    words = walk.named("Send to %(contacted)s people now", contacted="…")
    send = walk.page.get_by_role("button", name=re.compile(re.escape(words).replace("…", r"\d+")))
    expect(send).to_be_visible()
    walk.picture("launch")
    send.click()
    expect(walk.page.locator("#campaign")).to_contain_text("28 / 28", timeout=PATIENCE)


@step("Read what was sent", "Lue, mitä lähti")
def read_the_mail(walk: Walk) -> None:
    walk.press("Read the messages as they arrive", "link")
    letter = walk.page.locator("main table").get_by_role("link", name=walk.told.subjects[1], exact=True).first
    expect(letter).to_be_visible()
    letter.click()
    expect(walk.page.frame_locator("iframe.letter").locator("body")).to_contain_text("Kohde")
    walk.picture("mail")


@step("Read the report", "Lue raportti")
def read_the_report(walk: Walk) -> None:
    walk.go("Campaigns")
    walk.page.locator("main table").get_by_role("link", name=walk.told.campaign, exact=True).click()
    walk.press("Report", "link")
    expect(walk.page.locator("#versions")).to_be_visible()
    expect(walk.page.locator("#decisions")).to_contain_text(walk.named("No decision yet"))
    walk.picture("report")


@step("Write down what you learned", "Kirjaa, mitä opit")
def write_it_down(walk: Walk) -> None:
    assert f"`{walk.told.lesson}`" in walk.section
    walk.write("In your own words", walk.told.lesson)
    walk.page.get_by_label(walk.told.segment, exact=True).last.check()
    walk.press("Write it down")
    expect(walk.page.locator(".lesson").first).to_contain_text(walk.told.lesson)
    walk.go("Segments")
    walk.page.get_by_role("link", name=walk.told.segment, exact=True).first.click()
    expect(walk.page.locator("main")).to_contain_text(walk.told.lesson)


def sections(language: str) -> dict[str, str]:
    """The guide by its headings, which are numbered from 1."""
    parts = re.split(r"^## (\d+)\. (.+)$", (GUIDE / f"{language}.md").read_text(encoding="utf-8"), flags=re.M)
    numbers, titles, texts = parts[1::3], parts[2::3], parts[3::3]
    assert [int(one) for one in numbers] == list(range(1, len(numbers) + 1))
    return dict(zip(titles, texts, strict=True))


@pytest.mark.parametrize("language", TOLD)
def test_the_guide_leads_from_sign_in_to_what_was_learned(house: Any, browser: Any, language: str) -> None:
    guide = sections(language)
    assert list(guide) == [titles[language] for titles, _ in STEPS], "Each heading is a step, and each step a heading."
    context = browser.new_context(base_url=house.url, viewport={"width": 1200, "height": 800})
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    walk = Walk(context.new_page(), house, language)
    try:
        for titles, do in STEPS:
            walk.section = guide[titles[language]]
            do(walk)
        speak(walk.page, "en")  # as the other journeys expect to find her
    finally:
        context.close()
        expect.set_options(timeout=5_000)
    shown = re.findall(r"images/(guide-[\w-]+\.png)", "".join(guide.values()))
    assert shown == walk.seen, "Each picture of the guide is taken on the way."
    assert all((ROOT / "docs" / "images" / name).is_file() for name in shown)
