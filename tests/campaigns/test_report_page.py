"""The end of a report: who did not get it and why, with the people behind each reason; what segmenting earned."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Message, Response
from tests.campaigns.conftest import launched

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_maija(client, maija):
    client.force_login(maija)
    return client


def words(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_every_reason_leads_to_its_people_and_to_no_others(as_maija, new_customer, new_campaign):
    sent, mute = new_customer(1), new_customer(2, consent=False)
    lost = new_customer(3, "")
    run = launched(new_campaign([sent, mute, lost]))
    page = as_maija.get(reverse("campaign-report", args=[run.campaign_id]))
    assert "Not allowed or not reachable No consent 1" in words(page)
    url = re.search(r'href="([^"]+reason=no_consent)"', page.content.decode())[1].replace("&amp;", "&")
    people = as_maija.get(url)
    assert [row[1] for row in people.context["rows"]] == [mute]
    everyone = as_maija.get(reverse("campaign-people", args=[run.campaign_id]))
    assert len(everyone.context["rows"]) == 3


@pytest.mark.parametrize("strange", ["?run=999999", "?run=x", "?run=%00", "?reason=%00", "?state=x&reason="])
def test_strange_addresses_of_people_are_answered(as_maija, new_customer, new_campaign, strange):
    run = launched(new_campaign([new_customer(1)]))
    assert as_maija.get(reverse("campaign-people", args=[run.campaign_id]) + strange).status_code == 200


@pytest.mark.parametrize(
    ("segmented", "mass", "said"),
    [(40, 10, "Segmenting itself earned"), (10, 40, "Segmenting itself lost"), (0, 0, "All values are the same")],
)
def test_the_report_says_what_segmenting_itself_earned(
    as_maija, new_customer, new_campaign, new_segment, segmented, mass, said
):
    """Version B is one text for all; everybody of an arm buys for about its amount."""
    variants = [{"key": key, "subject": key, "html": "<p>x</p>", "is_mass": key == "B"} for key in "AB"]
    campaign = new_campaign([new_customer(n) for n in range(120)], variants=variants, goal="revenue")
    run = launched(campaign)
    Message.objects.filter(run=run, state="queued").update(state="sent", final_at=timezone.now())
    amounts = {"A": segmented, "B": mass}
    Response.objects.bulk_create(
        Response(
            message=one, kind="conversion", by_class="human", at=timezone.now(), source_id="order",
            amount=amounts[one.variant.key] * (1 + place % 3),
        )
        for place, one in enumerate(Message.objects.filter(run=run).select_related("variant"))
        if amounts[one.variant.key]
    )  # fmt: skip
    assert said in words(as_maija.get(reverse("campaign-report", args=[campaign.pk])))


def test_a_version_for_all_reads_the_same_text_in_every_segment(as_maija, new_customer, new_campaign):
    """What the arm of one text rests on: its members get it whatever is written for their segment."""
    from campaigns import queries

    reader = new_customer(1)
    variants = [{"key": key, "subject": f"All {key}", "html": "<p>x</p>", "is_mass": key == "B"} for key in "AB"]
    campaign = new_campaign([reader], variants=variants)
    for one in campaign.variants.all():
        one.texts.create(segment=campaign.include.get(), language="", subject="Own", html="<p>own</p>")
    subjects = {key: queries.preview(campaign, key, reader, as_of=timezone.now()).subject for key in "AB"}
    assert subjects == {"A": "Own", "B": "All B"}


def test_the_calendar_shows_a_week_and_leads_to_its_month(as_maija):
    page = as_maija.get(reverse("campaigns-calendar") + "?week=2026-11-27").content.decode()
    assert "Week 48" in page and page.count("calendar__number") == 7 and "?month=2026-11" in page
    assert "?week=2026-11-16" in page and "?week=2026-11-30" in page
    for strange in ("", "x", "1500-01-01", "2026-13-40"):
        assert as_maija.get(reverse("campaigns-calendar"), {"week": strange}).status_code == 200
