"""The pages and addresses that set segments beside each other say what the ledger says."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from lxml import html

from crm.models import Customer, Order
from crm.rights import machine
from profiles import actions as profile_actions
from segments import actions

pytestmark = pytest.mark.django_db(transaction=True)
BY = machine("test")
ASK = {"slugs": "north,south"}


@pytest.fixture
def lists(cast):
    """Ten customers: 0–5 in north and 4–9 in south, then 0 and 1 move from north to south."""
    long_ago, now = timezone.now() - timedelta(days=60), timezone.now()
    people = [Customer(number=f"K{i}", city="Oulu", created_at=long_ago, updated_at=long_ago) for i in range(10)]
    ids = [one.pk for one in Customer.objects.bulk_create(people)]
    north, south = (actions.create_segment(name=name, kind="static", by=BY, at=long_ago) for name in ("North", "South"))
    actions.add_members(segment=north, customers=ids[:6], by=BY, at=long_ago)
    actions.add_members(segment=south, customers=ids[4:], by=BY, at=long_ago)
    actions.remove_members(segment=north, customers=ids[:2], by=BY, at=now - timedelta(days=3))
    actions.add_members(segment=south, customers=ids[:2], by=BY, at=now - timedelta(days=2))
    profile_actions.refresh(at=now)
    return north, south


@pytest.mark.usefixtures("lists")
def test_the_page_shows_overlap_and_movement(client, maija) -> None:
    client.force_login(maija)
    page = client.get(reverse("segments-compare"), {"s": ["north", "south"], "days": "30"}).content.decode()
    assert "“North” and “South” are most alike: 2 are in both." in page
    assert "2 members of “North”, 50% of them, are in “South” too. Jaccard index: 0.20." in page
    assert "Side by side" in page and "Spend in 365 days" in page


@pytest.mark.usefixtures("lists")
def test_the_page_asks_no_more_for_more_customers(client, maija) -> None:
    client.force_login(maija)
    client.get(reverse("segments-compare"))
    with CaptureQueriesContext(connection) as asked:
        client.get(reverse("segments-compare"))
    assert len(asked) <= 40


def test_one_segment_cannot_be_compared(client, maija) -> None:
    client.force_login(maija)
    assert "Choose at least two segments." in client.get(reverse("segments-compare")).content.decode()


def test_the_api_gives_overlap_flows_worth_and_distinctions(client, maija, lists) -> None:
    client.force_login(maija)
    first = client.get("/api/v1/segments/overlap/", ASK).json()[0]
    assert first == {"segment": "north", "other": "south", "shared": 2, "share": 0.5, "jaccard": 0.2}
    since = (timezone.localdate() - timedelta(days=10)).isoformat()
    flows = client.get("/api/v1/segments/flows/", {**ASK, "since": since}).json()
    assert flows[0] == {
        "segment": "north", "before": 6, "after": 4, "stayed": 4, "moved": {"south": 2}, "elsewhere": 0, "new": 0,
    }  # fmt: skip
    assert (flows[1]["before"], flows[1]["after"], flows[1]["new"]) == (6, 8, 0)
    worth = client.get(f"/api/v1/segments/{lists[0].pk}/worth/").json()
    assert len(worth["periods"]) == 13 and worth["size_a_year_ago"] is None
    assert client.get(f"/api/v1/segments/{lists[0].pk}/distinctions/").status_code == 200


@pytest.mark.parametrize(
    ("asked", "path"),
    [({"slugs": "north"}, "slugs"), ({"slugs": "north,none"}, "slugs[1]"), ({**ASK, "since": "soon"}, "since")],
)
def test_what_cannot_be_compared_is_refused_with_its_place(client, maija, lists, asked, path) -> None:
    client.force_login(maija)
    answer = client.get("/api/v1/segments/flows/", asked)
    assert (answer.status_code, answer.json()["error"]["path"]) == (400, path)


def test_the_value_page_says_when_nobody_can_tell_yet(client, maija) -> None:
    actions.create_segment(name="Empty", kind="static", by=BY, at=timezone.now())
    client.force_login(maija)
    page = client.get(reverse("segment-value", args=["empty"])).content.decode()
    assert "Profiles have not been built yet" in page
    pk = actions.Segment.objects.get().pk
    assert client.get(f"/api/v1/segments/{pk}/worth/").status_code == 409


def test_the_value_page_shows_the_same_weeks_a_year_before(client, maija, lists) -> None:
    client.force_login(maija)
    page = client.get(reverse("segment-value", args=["north"])).content.decode()
    assert "Sales are not known" in page and "Year before" not in page and "Average basket" in page
    at = timezone.now() - timedelta(days=1200)
    Order.objects.create(
        source="shop", number="1", customer=Customer.objects.earliest("pk"), ordered_at=at, currency="EUR",
        total_amount=10, created_at=at, updated_at=at,
    )  # fmt: skip
    profile_actions.refresh(at=timezone.now())
    page = client.get(reverse("segment-value", args=["north"])).content.decode()
    assert "Year before" in page and "no more than in the same weeks a year before" in page


def test_no_segment_takes_the_address_of_a_page(db) -> None:
    assert actions.create_segment(name="Compare", kind="static", by=BY, at=timezone.now()).slug == "compare-2"


@pytest.mark.usefixtures("lists")
def test_the_matrix_shows_shares_or_lift_and_opens_those_in_both_as_a_rule(client, maija, aino) -> None:
    client.force_login(maija)
    page = client.get(reverse("segments-overlap")).content.decode()
    assert "2 members of “North”, 50% of them, are in “South” too." in page
    assert "/segments/new/?in=south&amp;in=north" in page and "Draw those in both" in page
    lift = client.get(reverse("segments-overlap"), {"show": "lift"}).content.decode()
    assert ">0.6×</a>" in lift  # 2 in both; 4 × 8 ÷ 10 = 3.2 by chance
    rule = client.get("/segments/new/?in=south&in=north").content.decode()
    assert "2</strong> customers now" in rule.replace("\n", "")
    client.force_login(aino)
    page = client.get(reverse("segments-overlap")).content.decode()
    assert "/segments/new/" not in page and "/segments/compare/?s=south&amp;s=north" in page


@pytest.mark.usefixtures("lists")
def test_the_matrix_is_for_all_ones_own_or_starred_segments(client, maija) -> None:
    client.force_login(maija)
    address = reverse("segments-overlap")
    assert "There are not two segments to compare" in client.get(address, {"which": "mine"}).content.decode()
    for slug in ("north", "south"):
        client.post(reverse("segment-star", args=[slug]), {"is_starred": "yes"})
    assert "Most alike" in client.get(address, {"which": "starred"}).content.decode()
    assert "North" in client.get(reverse("segments"), {"show": "starred"}).content.decode()
    client.post(reverse("segment-star", args=["north"]))
    assert "There are not two segments" in client.get(address, {"which": "starred"}).content.decode()


@pytest.mark.usefixtures("lists")
def test_movement_over_a_chosen_period_is_drawn_and_tabled(client, maija) -> None:
    client.force_login(maija)
    address = reverse("segments-flows")
    page = client.get(address).content.decode()
    assert "Most moved from “North” to “South”: 2." in page and "North → South: 2" in page
    around = client.get(address, {"of": "south"}).content.decode()
    assert "“South”: 2 came, 0 left and 6 stayed." in around and "North → North" not in around
    first, last = (timezone.localdate() - timedelta(days=n) for n in (50, 20))
    then = client.get(address, {"from": first.isoformat(), "to": last.isoformat()}).content.decode()
    assert "Nobody moved from one of these segments to another." in then and "North → North: 6" in then
    for nonsense in ({"from": "x", "to": "2026-99-99"}, {"from": "9999-12-31"}, {"of": "none", "s": "none"}):
        assert client.get(address, nonsense).status_code == 200


def test_beside_a_name_stands_how_many_were_in_it_though_some_moved_to_two(client, maija, lists) -> None:
    north, _south = lists
    third = actions.create_segment(name="Third", kind="static", by=BY, at=timezone.now() - timedelta(days=59))
    gone = [row.customer_id for row in north.memberships.filter(left_at__isnull=False)]
    actions.add_members(segment=third, customers=gone, by=BY, at=timezone.now())
    client.force_login(maija)
    shown = client.get(reverse("segments-flows"))
    assert [one.name for one in shown.context["segments"]] == ["South", "North", "Third"]
    assert sum(one.count for one in shown.context["streams"] if one.start == 1) == 8  # two of six went to both
    assert shown.context["sizes"] == ([6, 6, 0, None], [8, 4, 2, None])
    around = client.get(reverse("segments-flows"), {"of": "north"}).context["sizes"]
    assert around == ([6, 0, 0, 0], [4, 2, 2, 0])


@pytest.mark.usefixtures("lists")
def test_the_api_tells_movement_until_a_moment(client, maija) -> None:
    client.force_login(maija)
    first, last = (timezone.localdate() - timedelta(days=n) for n in (50, 20))
    asked = {**ASK, "since": first.isoformat(), "until": last.isoformat()}
    north, _south = client.get("/api/v1/segments/flows/", asked).json()
    assert (north["stayed"], north["moved"], north["after"]) == (6, {"south": 0}, 6)
    wrong = client.get("/api/v1/segments/flows/", {**asked, "until": (first - timedelta(days=1)).isoformat()})
    assert wrong.status_code == 400 and wrong.json()["error"]["path"] == "until"


@pytest.mark.usefixtures("lists")
@pytest.mark.parametrize(
    ("name", "args", "query", "said"),
    [
        ("segments-compare", [], {"s": ["north", "south"]}, "are most alike: 2 are in both."),
        ("segments-overlap", [], {}, "are most alike: 2 are in both."),
        ("segments-flows", [], {}, "Who went where"),
        ("segment-value", ["north"], {}, "Worth of a member"),
    ],
)
def test_of_many_members_the_page_comes_at_once_and_the_figures_after(
    client, maija, monkeypatch, lists, name, args, query, said
) -> None:
    monkeypatch.setattr("crm.answers.MANY", 1)
    client.force_login(maija)
    address = reverse(name, args=args)
    page = client.get(address, query).content.decode()
    assert "The figures are being worked out" in page and said not in page
    url = html.fromstring(page).get_element_by_id("figures").get("hx-get")
    waited = client.get(address + url).content.decode()
    assert said in html.fromstring(waited).text_content()
    again = client.get(address, query).content.decode()
    assert said in html.fromstring(again).text_content() and "being worked out" not in again, "they are at hand"
    actions.remove_members(segment=lists[0], customers=[Customer.objects.get(number="K5").pk], by=BY, at=timezone.now())
    assert "being worked out" in client.get(address, query).content.decode(), "never stale"
