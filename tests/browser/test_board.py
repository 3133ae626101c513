"""The board of deals by keyboard and by mouse: a card moves, the move is said aloud, and the focus stays on it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from crm import access, actions
from crm.models import Customer, Deal

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def deal(cast) -> Deal:
    now = timezone.now()
    customer = Customer.objects.create(number="1", first_name="Aada", team=cast.north, created_at=now, updated_at=now)
    values = {"title": "Bikes", "customer": customer, "amount": Decimal(100), "expected_on": now.date() + timedelta(9)}
    return actions.create_deal(values=values, by=access.of_user(cast.anna), at=now)


def test_a_card_moves_by_arrow_key_and_by_drag(page, come_in, deal) -> None:
    heard = []
    page.on("console", lambda line: heard.append(line.text) if line.type in ("error", "warning") else None)
    come_in("anna", "deals")
    stages, card = page.locator("[data-stage]"), page.locator(f"#deal-{deal.pk}")
    expect(stages.nth(0).locator("[data-card]")).to_have_count(1)
    card.focus()
    page.keyboard.press("ArrowRight")
    expect(stages.nth(1).locator("[data-card]")).to_have_count(1)
    expect(page.locator("[data-board-live]")).to_have_text("“Bikes” moved to “In touch”.")
    expect(card).to_be_focused()
    card.drag_to(stages.nth(3))
    expect(stages.nth(3).locator("[data-card]")).to_have_count(1)
    deal.refresh_from_db()
    assert deal.stage.slug == "negotiating" and deal.moves.count() == 3 and heard == []


def test_a_move_is_said_though_something_else_comes_first(page, come_in, deal) -> None:
    """The bell asks for itself on every page; its answer is held back until the card is on its way."""
    bells = []
    page.route("**" + reverse("news-bell"), lambda route: bells.append(route))

    def let_the_bell_go_first(route) -> None:
        for bell in bells:
            bell.fulfill(response=bell.fetch())
        route.continue_()

    come_in("anna", "deals")
    page.route("**" + reverse("deal-move", args=[deal.pk]), let_the_bell_go_first)
    card = page.locator(f"#deal-{deal.pk}")
    card.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-board-live]")).to_have_text("“Bikes” moved to “In touch”.")
    expect(card).to_be_focused()
    assert bells


def tab_to(page, place) -> None:
    for _ in range(60):
        if place.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{place} cannot be reached by Tab")


@pytest.mark.parametrize(("language", "width", "moved", "undo"), [
    ("en", 1440, "“Bikes” moved to “In touch”.", "Undo"),
    pytest.param("fi", 390, "”Bikes” siirrettiin vaiheeseen", "Kumoa", marks=pytest.mark.looks),
])  # fmt: skip
def test_a_card_moves_and_comes_back_by_keys_alone(page, come_in, deal, cast, language, width, moved, undo) -> None:
    cast.anna.language = language
    cast.anna.save()
    page.set_viewport_size({"width": width, "height": 844})
    come_in("anna", "deals")
    card, stages = page.locator(f"#deal-{deal.pk}"), page.locator("[data-stage]")
    tab_to(page, card)
    page.keyboard.press("ArrowRight")
    expect(stages.nth(1).locator("[data-card]")).to_have_count(1)
    expect(page.locator("[data-board-live]")).to_contain_text(moved)
    tab_to(page, page.get_by_role("button", name=undo, exact=True))
    page.keyboard.press("Enter")
    expect(stages.nth(0).locator("[data-card]")).to_have_count(1)
