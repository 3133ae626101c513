"""The rule editor by keyboard alone and by dragging: a nested rule is drawn, moved, taken back and saved."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from crm.models import Customer
from crm.rights import machine
from profiles import actions as profile_actions
from segments import actions
from segments.models import Segment

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MOST_TABS = 60
RULE = {
    "all": [
        {"feature": "city", "op": "one_of", "value": ["Oulu"]},
        {"any": [{"event": "order", "window": {"last_days": 365}, "op": "at_least", "value": 2}]},
    ]
}


@pytest.fixture
def editor(request, page, come_in, cast):
    """The page of a new segment, opened by the marketer of a house with two customers; what its console says."""
    cast.maija.language, width, said = getattr(request, "param", ("en", 1280, "2 customers now"))
    cast.maija.save()
    page.set_viewport_size({"width": width, "height": 720})
    long_ago, heard = timezone.now() - timedelta(days=3), []
    for number, city in (("K1", "Oulu"), ("K2", "Turku")):
        Customer.objects.create(number=number, first_name=number, city=city, created_at=long_ago, updated_at=long_ago)
    profile_actions.refresh(at=timezone.now())
    page.on("console", lambda line: heard.append(line.text) if line.type in ("error", "warning") else None)
    come_in("maija", "segment-new")
    expect(page.locator("#live")).to_contain_text(said)
    yield page
    page.goto("about:blank")  # nothing on a page asks the database after the test
    assert heard == []


def tab_to(page, selector: str) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(MOST_TABS):
        if page.locator(f"{selector}:focus").count():
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{selector} is not reached by Tab")


def pick(page, add: str, words: str, then: str) -> None:
    """Open a picker, search in it, take the first that is found."""
    tab_to(page, add)
    page.keyboard.press("Enter")
    expect(page.locator("[data-picker-search]:focus")).to_have_count(1)
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    expect(page.locator(f"{then} select:focus")).to_have_count(1)


@pytest.mark.parametrize(("editor", "city", "event", "said"), [
    (("en", 1280, "2 customers now"), "city", "what happened",
     ("1 customer now", "there are at least 2 orders in the last 365 days", "0 customers now")),
    (("fi", 390, "2 asiakasta nyt"), "kaupunki", "mitä tapahtui",
     ("1 asiakas nyt", "tilausten määrä viimeisten 365 päivän aikana on vähintään 2", "0 asiakasta nyt")),
], indirect=["editor"], ids=["en", "fi"])  # fmt: skip
def test_a_nested_rule_is_drawn_and_saved_by_keyboard_alone(editor, city, event, said) -> None:
    one, sentence, nobody = said
    tab_to(editor, "#id_name")
    editor.keyboard.type("Oulu again")
    pick(editor, "#add-r", city, "#part-r-0")
    tab_to(editor, "#r-0-value-new")
    editor.keyboard.type("Oulu")
    editor.keyboard.press("Tab")
    expect(editor.locator("#live")).to_contain_text(one)
    tab_to(editor, ".box__add > button")
    editor.keyboard.press("Enter")
    expect(editor.locator("#word-r-1")).to_be_focused()
    pick(editor, "#add-r-1", event, "#part-r-1-0")
    tab_to(editor, "#part-r-1-0 [name='r.1.0:value']")
    editor.keyboard.press("Control+a")
    editor.keyboard.type("2")
    expect(editor.locator("#live")).to_contain_text(sentence)
    expect(editor.locator("#live")).to_contain_text(nobody)
    tab_to(editor, ".editor__buttons [type=submit]")
    editor.keyboard.press("Enter")
    expect(editor.locator("h1")).to_have_text("Oulu again")
    assert Segment.objects.get().rule == {"version": 1, "where": RULE}


def drop_under_the_size(page) -> None:
    """Drag the line of the group to where the group's upper edge lies under the bar that stays in sight."""
    page.set_viewport_size({"width": 1200, "height": 400})
    grip, bar = page.locator("#part-r-0-0 [data-grip]"), page.locator("#live")
    page.evaluate("scrollBy(0, document.querySelector('#part-r').getBoundingClientRect().top - 150)")
    size, start = bar.bounding_box(), grip.bounding_box()
    page.mouse.move(start["x"] + 4, start["y"] + 4)
    page.mouse.down()
    page.mouse.move(start["x"] + 20, size["y"] + size["height"] + 20, steps=3)
    page.mouse.move(start["x"] + 20, size["y"] + size["height"] - 4, steps=3)
    page.mouse.up()


def test_lines_move_by_drag_and_arrows_and_every_step_is_taken_back(editor, live_server) -> None:
    actions.create_segment(
        name="Oulu", rule={"version": 1, "where": RULE}, by=machine("test"), at=timezone.now(), slug="oulu"
    )
    editor.goto(live_server.url + reverse("segment-edit", args=["oulu"]))
    editor.locator("#part-r-0 [data-grip]").drag_to(editor.locator("#part-r-1-0"), target_position={"x": 60, "y": 3})
    expect(editor.locator("#part-r-0-0 .line__label")).to_have_text("City")
    editor.locator("#part-r-0-0 select").first.focus()
    editor.keyboard.press("Alt+ArrowDown")
    expect(editor.locator("#part-r-0-1 .line__label")).to_have_text("City")
    editor.get_by_role("button", name="Undo").click()
    expect(editor.locator("#part-r-0-0 .line__label")).to_have_text("City")
    editor.get_by_role("button", name="Undo").press("Enter")
    expect(editor.locator("#part-r-0 > .line__body .line__label")).to_have_text("City")
    expect(editor.get_by_role("button", name="Redo")).to_be_focused()
    editor.get_by_role("button", name="Redo").click()
    expect(editor.locator("#part-r-0-0 .line__label")).to_have_text("City")
    drop_under_the_size(editor)
    expect(editor.locator("#part-r-0 > .line__body .line__label")).to_have_text("City")
    asked = []
    editor.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    editor.get_by_role("link", name="Cancel").click()
    expect(editor.locator("h1")).to_have_text("Oulu")
    assert asked == ["beforeunload"]


def test_a_newer_question_takes_the_place_of_one_under_way_without_an_error(editor) -> None:
    """The fixture finds the console empty: giving up what nobody waits for any more is no fault."""
    pick(editor, "#add-r", "city", "#part-r-0")
    held = []
    editor.route("**" + reverse("segment-new"), lambda route: held.append(route) if not held else route.continue_())
    for city in ("Oulu", "Turku"):
        editor.locator("#r-0-value-new").fill(city)
        editor.keyboard.press("Tab")
        editor.wait_for_timeout(200)
    expect(editor.locator("#live")).to_contain_text("1 customer now")
    assert held
