"""What was learned stays with the segments; campaigns side by side and on the calendar."""

from datetime import timedelta

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns import actions, queries
from campaigns.models import Campaign, Lesson
from campaigns.results import drawn
from crm.models import AuditLine
from tests.campaigns.conftest import AT, BY
from tests.campaigns.test_results import world

pytestmark = pytest.mark.django_db


@pytest.fixture
def made(client, maija):
    client.force_login(maija)
    return world(np.random.default_rng(21), people=300)


def noted(client, made, text="Families like B", *names):
    ids = [one.pk for one in made.lists if one.name in names]
    return client.post(reverse("campaign-note", args=[made.campaign.pk]), {"text": text, "segments": ids}, follow=True)


def test_a_lesson_is_kept_with_the_figures_of_its_segments_as_they_stood(client, made):
    rows = {row.name: row for row in drawn.segment_rows(queries.results(made.campaign))}
    assert "Families like B" in noted(client, made, "Families like B", "Families").content.decode()
    lesson = Lesson.objects.get()
    assert [one.name for one in lesson.segments.all()] == ["Families"]
    assert len(lesson.figures) == 1 and rows["Families"].sentence in lesson.figures[0]
    shown = client.get(reverse("segment-lessons", args=["families"])).content.decode()
    assert "Families like B" in shown and "World" in shown
    assert "Nothing was learned" in client.get(reverse("segment-lessons", args=["regulars"])).content.decode()
    assert reverse("segment-lessons", args=["families"]) in client.get("/segments/families/").content.decode()


def test_lessons_are_found_by_words_and_segment(client, made):
    noted(client, made, "Vouchers cost more than they bring", "Families")
    noted(client, made, "Regulars need no message", "Regulars")
    for query, found in (("?q=voucher+more", {"Vouchers"}), ("?segment=regulars", {"Regulars"}), ("?q=zebra", set()),
                         ("", {"Vouchers", "Regulars"})):  # fmt: skip
        page = client.get(reverse("notebook") + query).content.decode()
        assert {word for word in ("Vouchers", "Regulars need") if word in page} == {
            {"Regulars": "Regulars need"}.get(word, word) for word in found
        }


def test_a_lesson_needs_words_and_can_be_struck_out(client, made):
    noted(client, made, "  ")
    assert not Lesson.objects.exists()
    noted(client, made, "Wrong")
    client.post(reverse("lesson-forget", args=[Lesson.objects.get().pk]))
    assert not Lesson.objects.exists()
    assert AuditLine.objects.filter(kind="lesson", verb="struck out").exists()
    assert client.post(reverse("lesson-forget", args=[99]), follow=True).status_code == 200


def test_sales_neither_read_the_notebook_nor_see_it_on_a_segment(client, made, anna):
    client.force_login(anna)
    assert client.get(reverse("notebook")).status_code == 403
    assert "lessons" not in client.get("/segments/families/").content.decode()


def test_campaigns_stand_side_by_side_with_the_figures_of_their_reports(client, made):
    found = queries.results(made.campaign)
    page = client.get(reverse("campaigns-compare") + f"?id={made.campaign.pk}&id=nonsense&id=999999")
    text = page.content.decode()
    assert "World" in text and page.context["chosen"] == [made.campaign]
    cells = {line.label: line.cells[0] for line in page.context["lines"]}
    assert cells["People"] == str(found.report.overall.people)
    assert client.get(reverse("campaigns-compare")).status_code == 200


def test_the_calendar_shows_what_left_and_what_will(client, maija, new_customer, new_campaign):
    client.force_login(maija)
    made = world(np.random.default_rng(22), people=20)
    waiting = new_campaign([new_customer(5001)], name="Later")
    actions.schedule(waiting, send_at=timezone.now() + timedelta(days=40), by=BY, at=timezone.now())
    page = client.get(reverse("campaigns-calendar") + "?month=2026-11")
    days = {day.day: [entry.campaign.name for entry in day.entries] for week in page.context["weeks"] for day in week}
    assert days[(AT + timedelta(days=3)).date()] == ["World"] and made.campaign.slug == "world"
    month = f"{timezone.localtime(Campaign.objects.get(name='Later').send_at):%Y-%m}"
    assert "Later" in client.get(reverse("campaigns-calendar") + f"?month={month}").content.decode()
    Campaign.objects.filter(name="Later").update(send_at=timezone.now() - timedelta(days=2))
    page = client.get(reverse("campaigns-calendar") + f"?week={timezone.localtime() - timedelta(days=2):%Y-%m-%d}")
    assert "missed its time" in page.content.decode()
    for strange in ("", "x", "2026-13", "9999-12", "0001-01"):
        assert client.get(reverse("campaigns-calendar"), {"month": strange}).status_code == 200


def test_pages_ask_as_much_for_many_as_for_few(client, made, django_assert_max_num_queries):
    for n in range(12):
        Lesson.objects.create(text=str(n), campaign=made.campaign, created_at=AT).segments.set(made.lists)
    for url in (reverse("notebook"), reverse("segment-lessons", args=["families"]), reverse("campaigns-calendar")):
        with django_assert_max_num_queries(14):
            client.get(url)
