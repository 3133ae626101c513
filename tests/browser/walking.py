"""A guide walked through in a browser: its very steps, its very words, by somebody who has it in one hand."""

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

GUIDE = ROOT / "docs" / "guide"
PATIENCE = 60_000
IN_BOTH = ["en", pytest.param("fi", marks=pytest.mark.once("what is stored is the same in either language"))]
USERNAME = {"en": "Username", "fi": "Käyttäjätunnus"}  # Django's own word


@dataclass
class Walk:
    """Somebody with the guide in one hand: presses and fills only what the guide names in bold."""

    page: Any
    house: Any
    language: str
    section: str = ""
    seen: list[str] = field(default_factory=list)

    def named(self, english: str, context: str = "", **given: str) -> str:
        """The words on the page, which the guide has to name."""
        with translation.override(self.language):
            words = pgettext(context, english) if context else gettext(english)
        words = words % given if given else words
        assert f"**{words}**" in self.section, f"The guide does not name **{words}** here."
        return words

    def typed(self, words: str) -> str:
        """Words that the guide tells to type."""
        assert f"`{words}`" in self.section, f"The guide does not tell to type `{words}` here."
        return words

    def press(self, english: str, role: str = "button", context: str = "", **given: str) -> None:
        words = self.named(english, context, **given)
        self.page.get_by_role(role, name=words, exact=True).first.click()

    def go(self, english: str) -> None:
        """By the links on the left; what is pressed next finds the scripts of the page loaded."""
        with self.page.expect_event("load"):
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

    def sign_in(self, user: str) -> None:
        """By the words of the page, in the language of the guide, whatever the user's own was."""
        self.page.goto("/sign-in/")
        self.page.get_by_role("button", name={"en": "English", "fi": "Suomi"}[self.language], exact=False).click()
        for word, value in ((USERNAME[self.language], user), (self.named("Password"), PASSWORD)):
            assert f"**{word}**" in self.section
            self.page.get_by_label(word).fill(value)
        self.press("Sign in")
        expect(self.page.locator("nav.nav")).to_be_visible()
        speak(self.page, self.language)


Step = Callable[[Any], None]
Steps = list[tuple[dict[str, str], Step]]


def steps() -> tuple[Steps, Callable[[str, str], Callable[[Step], Step]]]:
    """The steps of one guide, and the decorator that binds a function to its heading in both languages."""
    found: Steps = []

    def step(en: str, fi: str) -> Callable[[Step], Step]:
        def bound(function: Step) -> Step:
            found.append(({"en": en, "fi": fi}, function))
            return function

        return bound

    return found, step


def speak(page: Any, language: str) -> None:
    """By the menu of oneself, at the top right."""
    choice = page.locator("form.menu__choice button[name=language]").locator(f"xpath=self::*[@lang='{language}']")
    page.locator("details", has=choice).locator("summary").click()
    choice.click()
    expect(page.locator("html")).to_have_attribute("lang", language)


def sections(file: str) -> dict[str, str]:
    """The guide by its headings, which are numbered from 1."""
    parts = re.split(r"^## (\d+)\. (.+)$", (GUIDE / file).read_text(encoding="utf-8"), flags=re.M)
    numbers, titles, texts = parts[1::3], parts[2::3], parts[3::3]
    assert [int(one) for one in numbers] == list(range(1, len(numbers) + 1))
    return dict(zip(titles, texts, strict=True))


def walk_through(walk: Any, file: str, steps: Steps) -> None:
    """Every step in its order; afterwards the user reads English, as the other journeys expect to find her."""
    guide, language = sections(file), walk.language
    assert list(guide) == [titles[language] for titles, _ in steps], "Each heading is a step, and each step a heading."
    walk.page.context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    try:
        for titles, do in steps:
            walk.section = guide[titles[language]]
            do(walk)
        speak(walk.page, "en")
    finally:
        walk.page.context.close()
        expect.set_options(timeout=5_000)
    shown = re.findall(r"images/(guide-[\w-]+\.png)", "".join(guide.values()))
    assert shown == walk.seen, "Each picture of the guide is taken on the way."
    assert all((ROOT / "docs" / "images" / name).is_file() for name in shown)


def a_page(house: Any, browser: Any) -> Any:
    """A desk of the size that the pictures of the guides show."""
    return browser.new_context(base_url=house.url, viewport={"width": 1200, "height": 800}).new_page()
