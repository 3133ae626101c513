"""The wizard by keyboard alone: from the goal to a launched campaign, by Tab, Space, Enter and letters."""

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from campaigns.models import Campaign
from crm.models import ConsentState, Customer
from segments.models import Membership, MembershipReason, Segment, SegmentKind

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MOST_TABS = 120


@pytest.fixture
def regulars(cast) -> Segment:
    now = timezone.now()
    segment = Segment.objects.create(
        slug="regulars", name="Regulars", kind=SegmentKind.STATIC, created_at=now, updated_at=now
    )
    for n in range(3):
        who = {"number": f"N{n}", "email": f"n{n}@mail.example", "first_name": "Aada"}
        one = Customer.objects.create(**who, team=cast.north, created_at=now, updated_at=now)
        ConsentState.objects.create(
            customer=one, purpose="marketing", channel="email", is_granted=True, since_at=now, updated_at=now
        )
        Membership.objects.create(segment=segment, customer=one, entered_at=now, entered_reason=MembershipReason.ADDED)
    return segment


def tab_to(page: Page, place: Locator) -> None:
    """Tab until the place has the focus, on a new page by the way past its navigation."""
    place.wait_for()
    if page.evaluate("document.activeElement === document.body"):
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
    for _ in range(MOST_TABS):
        if place.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{place} cannot be reached by Tab")


def press(page: Page, name: str, role: str = "button") -> None:
    tab_to(page, page.locator("main").get_by_role(role, name=name).first)
    page.keyboard.press("Enter")


def write(page: Page, label: str, words: str) -> None:
    tab_to(page, page.get_by_label(label).first)
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(words)


WORDS = {
    "en": ("Name", "Save and continue", "Write the text", "Subject", "Add", "Words", "Save", "people now",
           ("Goal", "Audience", "Messages", "Test", "Schedule", "Check and launch")),
    "fi": ("Nimi", "Tallenna ja jatka", "Kirjoita teksti", "Aihe", "Lisää", "Sanat", "Tallenna", "ihmiselle",
           ("Tavoite", "Kohdeyleisö", "Viestit", "Testi", "Aikataulu", "Tarkista ja käynnistä")),
}  # fmt: skip


@pytest.mark.parametrize(("language", "width"), [("en", 1280), pytest.param("fi", 390, marks=pytest.mark.looks)])
def test_a_campaign_is_planned_and_launched_by_keyboard(page: Page, come_in, regulars, cast, language, width) -> None:
    cast.maija.language = language
    cast.maija.save()
    name, onward, text, subject, add, words, save, launch, steps = WORDS[language]
    page.set_viewport_size({"width": width, "height": 844})
    heard = []
    page.on("console", lambda line: heard.append(line.text) if line.type == "error" else None)
    come_in("maija", "campaign-begin")
    current = page.locator(".stepper__step--current")
    expect(current).to_contain_text(steps[0])
    write(page, name, "By keyboard")
    press(page, onward)
    expect(current).to_contain_text(steps[1])
    tab_to(page, page.locator("[name=include]").first)
    page.keyboard.press("Space")
    expect(page.locator("#reach")).to_contain_text("3")
    press(page, onward)
    expect(current).to_contain_text(steps[2])
    press(page, text, "link")
    write(page, subject, "Hello")
    press(page, add)
    write(page, words, "There is news, {{ customer.first_name }}.")
    press(page, save)
    expect(page.locator(".version").first).to_contain_text("Hello")
    for step in steps[3:]:
        press(page, onward)
        expect(current).to_contain_text(step)
    expect(page.locator("#checks")).to_be_visible()
    expect(page.locator(".stepper__step--undone")).to_have_count(0)
    press(page, launch)
    expect(page.locator("h1")).to_contain_text("By keyboard")
    assert Campaign.objects.get().status == "sending"
    assert heard == []
