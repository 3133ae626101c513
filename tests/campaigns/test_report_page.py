"""The end of a report: who did not get it and why, with the people behind each reason; what segmenting earned."""

import csv
import io
import re
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns import doings
from campaigns.models import Message, Response
from crm import figures
from crm.models import AuditLine, Customer
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


def lines(answer):
    return list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))


def test_people_of_a_campaign_are_taken_out_with_what_became_of_them(as_maija, new_customer, new_campaign):
    people = [new_customer(1), new_customer(2, consent=False), new_customer(3)]
    run = launched(new_campaign(people))
    Customer.objects.filter(pk=people[2].pk).update(erased_at=timezone.now(), number="gone")
    page = as_maija.get(reverse("campaign-people", args=[run.campaign_id])).content.decode()
    assert reverse("campaign-people-file", args=[run.campaign_id, "xlsx"]) in page
    url = reverse("campaign-people-file", args=[run.campaign_id, "csv"])
    heading, *rows = lines(as_maija.get(url))
    assert heading == ["Number", "Customer", "Version", "State", "Why", "When"]
    assert [row[:2] for row in rows] == [["N1", "Name 1"], ["N2", "Name 2"], ["", "Erased"]]
    assert [row[4] for row in rows] == ["", "No consent", ""]
    assert [row[0] for row in lines(as_maija.get(f"{url}?reason=no_consent"))[1:]] == ["N2"]
    assert AuditLine.objects.filter(verb="exported").count() == 2


def test_sales_take_out_whom_their_teams_see(client, cast, new_customer, new_campaign):
    ours, theirs = new_customer(1, team=cast.north), new_customer(2, team=cast.south)
    run = launched(new_campaign([ours, theirs]))
    client.force_login(cast.anna)
    _heading, *rows = lines(client.get(reverse("campaign-people-file", args=[run.campaign_id, "csv"])))
    assert [row[0] for row in rows] == ["N1"]


def test_compared_campaigns_are_taken_out_beside_each_other(as_maija, new_customer, new_campaign):
    runs = [launched(new_campaign([new_customer(n)], name)) for n, name in enumerate(("Autumn", "=Winter"))]
    query = "&".join(f"id={run.campaign_id}" for run in runs)
    page = as_maija.get(reverse("campaigns-compare") + f"?{query}").content.decode()
    url = reverse("campaigns-compare-file", args=["csv"]) + f"?{query}"
    assert url.replace("&", "&amp;") in page
    heading, *rows = lines(as_maija.get(url))
    assert sorted(heading[1:]) == ["'=Winter", "Autumn"] and dict(row[:2] for row in rows)["People"] == "1"
    assert as_maija.get(reverse("campaigns-compare-file", args=["csv"])).status_code == 200


@pytest.mark.parametrize("strange", ["?run=999999", "?run=x", "?run=%00", "?reason=%00", "?state=x&reason="])
def test_strange_addresses_of_people_are_answered(as_maija, new_customer, new_campaign, strange):
    run = launched(new_campaign([new_customer(1)]))
    assert as_maija.get(reverse("campaign-people", args=[run.campaign_id]) + strange).status_code == 200


@pytest.mark.parametrize(
    ("segmented", "mass", "said"),
    [
        (40, 10, "Segmenting itself earned"),
        (10, 40, "Segmenting itself lost"),
        (0, 0, "Nothing can be told yet"),
    ],
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


def clicked(run, shares):
    """Who got it clicked: these shares of each version's people."""
    Message.objects.filter(run=run, state="queued").update(state="sent", final_at=timezone.now())
    for key, share in shares.items():
        rows = list(Message.objects.filter(run=run, variant__key=key))
        Response.objects.bulk_create(
            Response(message=one, kind="click", by_class="human", at=timezone.now(), source_id="c")
            for one in rows[: round(len(rows) * share)]
        )
    doings.recount(Message.objects.filter(run=run))


def test_nothing_is_called_better_where_the_split_is_broken(as_maija, new_customer, new_campaign):
    """A marketer reads the badges first: beside figures that mean nothing there may be none that judges."""
    run = launched(new_campaign([new_customer(n) for n in range(400)], goal="click"))
    url = reverse("campaign-report", args=[run.campaign_id])
    clicked(run, {"A": 0.05, "B": 0.4})
    page = as_maija.get(url)
    assert page.context["forests"][0].intervals[0].verdict == "better" and page.context["arms"][1].chance == "100%"
    one_of = run.campaign.variants.get(key="A")
    wrong = Message.objects.filter(run=run, variant__key="B").values_list("pk", flat=True)[:90]
    Message.objects.filter(pk__in=list(wrong)).update(variant=one_of)
    clicked(run, {"A": 0.0})
    Response.objects.create(
        message=Message.objects.filter(run=run).first(), kind="open", at=timezone.now(), source_id="read the sums again"
    )
    page = as_maija.get(url)
    assert "(p-value &lt; 0.0001). Trust no figure here." in words(page)
    assert {row.verdict for plot in page.context["forests"] for row in plot.intervals} == {"cannot tell"}
    assert {arm.chance for arm in page.context["arms"]} == {figures.MISSING}


def test_differences_of_shares_are_told_in_points_and_the_leader_is_drawn_first(as_maija, new_customer, new_campaign):
    """Five points more of eight in a hundred are sixty per cent more: the two must not be taken for each other."""
    variants = [{"key": key, "subject": key, "html": "<p>x</p>"} for key in "ABC"]
    run = launched(new_campaign([new_customer(n) for n in range(600)], goal="click", variants=variants))
    clicked(run, {"A": 0.1, "B": 0.1, "C": 0.4})
    page = as_maija.get(reverse("campaign-report", args=[run.campaign_id]))
    assert page.context["forests"][0].title.startswith("Version C compared")
    assert "pp or more would be found" in page.context["decisions"][0].detectable
    row = next(one for one in page.context["proof"] if one.pair == "C − A")
    assert row.difference == "30.0\xa0pp" and "pp" in row.always and "%" in row.lift
    assert page.context["losses"][0].loss.endswith("pp")


def test_campaigns_side_by_side_say_once_why_nothing_can_be_told(as_maija, new_customer, new_campaign):
    run = launched(new_campaign([new_customer(n) for n in range(20)], holdout_share=Decimal(0)))
    page = as_maija.get(reverse("campaigns-compare"), {"id": run.campaign_id})
    cells = {line.label: line.cells[0] for line in page.context["lines"]}
    assert cells["Caused revenue"] == "Without a hold-out nobody knows what would have come anyway."
    assert cells["Return on spend"] == cells["95% interval"] == figures.MISSING
