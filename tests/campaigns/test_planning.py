"""Planning step by step: from a name to a campaign that may leave, each step saved, each gap named with its place."""

import re
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
from django.urls import reverse
from lxml import html

from campaigns import actions
from campaigns.models import Campaign
from campaigns.results import planned, sketch
from campaigns.results.planned import Baseline
from tests.campaigns.conftest import AT, BY

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_maija(client, maija):
    client.force_login(maija)
    return client


@pytest.fixture
def people(new_customer, new_segment):
    return new_segment("regulars", [new_customer(n) for n in range(60)])


def filled(page, more=(), **values):
    """What a browser would post of the step on a page, with these fields filled in."""
    form = next(one for one in html.fromstring(page.content).forms if one.get("class") == "columns")
    for field in form.xpath(".//input[@name][not(@value)][not(@type='checkbox' or @type='radio')]"):
        field.set("value", "")  # a browser sends what is empty, too
    form.fields.update(values)
    kept = [pair for pair in form.form_values() if pair[0] not in ("csrfmiddlewaretoken", "later")]
    return urlencode([*kept, *more])


def posted(client, url, body, **headers):
    return client.post(url, body, content_type="application/x-www-form-urlencoded", headers=headers)


def plan(campaign, key):
    return reverse("campaign-plan", args=[campaign.pk, key])


def test_from_a_name_to_a_campaign_that_may_leave(as_maija, people):
    url = reverse("campaign-begin")
    answer = posted(as_maija, url, filled(as_maija.get(url), name="Winter", goal="click"))
    made = Campaign.objects.get(slug="winter")
    assert (answer["Location"], made.status, made.goal) == (plan(made, "audience"), "draft", "click")
    assert (float(made.holdout_share), float(made.worthwhile_lift)) == (0.1, 0.1), "an honest test is what one gets"

    page = as_maija.get(plan(made, "audience"))
    answer = posted(as_maija, plan(made, "audience"), filled(page, [("include", people.pk)]))
    assert answer["Location"] == plan(made, "messages") and made.include.get() == people

    page = as_maija.get(plan(made, "messages")).content.decode()
    assert "Nothing is written yet" in page and f'/campaigns/{made.pk}/texts/A/"' in page
    text = {"subject": "Hello", "html": "<p>Hello {{ customer.first_name }}</p>"}
    answer = as_maija.post(reverse("campaign-text", args=[made.pk, "A"]) + "?as=html", text)
    assert answer["Location"] == plan(made, "messages") + "?variant=A"
    as_maija.post(plan(made, "messages"), {"add": "yes"})
    assert list(made.variants.values_list("key", "subject")) == [("A", "Hello"), ("B", "Hello")]
    page = as_maija.get(plan(made, "messages") + "?variant=B").content.decode()
    assert page.count("<iframe") == 2 and "letter--phone" in page
    assert "Versions A and B say the same" in page
    assert as_maija.post(plan(made, "messages"))["Location"] == plan(made, "test")

    page = as_maija.get(plan(made, "test"))
    assert "four times in five" in page.content.decode() or "nothing can be told" in page.content.decode()
    body = filled(page, **{"v-1-weight": "2", "v-1-name": "Shorter", "waves": "3", "holdout_percent": "20"})
    assert posted(as_maija, plan(made, "test"), body)["Location"] == plan(made, "schedule")
    made.refresh_from_db()
    assert (made.waves, float(made.holdout_share), made.guardrails[0]["ceiling"]) == (3, 0.2, 0.02)
    assert list(made.variants.values_list("weight", "name", "subject")) == [(1, "", "Hello"), (2, "Shorter", "Hello")]

    page = as_maija.get(plan(made, "schedule"))
    body = filled(page, send_from="09:00", send_until="17:00")
    assert posted(as_maija, plan(made, "schedule"), body)["Location"] == reverse("campaign-launch", args=[made.pk])
    page = as_maija.get(reverse("campaign-launch", args=[made.pk])).content.decode()
    assert "exactly 48 people" in page and 'aria-current="step"' in page


def test_a_tick_is_saved_at_once_and_shows_whom_it_reaches(as_maija, new_campaign, people, new_customer, new_segment):
    draft = new_campaign([])
    new_customer(99, consent=False).memberships.create(
        segment=people, entered_at="2026-11-01T00:00Z", entered_reason="added"
    )
    body = urlencode([("include", people.pk)])
    page = posted(as_maija, plan(draft, "audience"), body, **{"HX-Request": "true"})
    text = re.sub(r"<[^>]+>", "", page.content.decode())
    assert page.status_code == 200 and "60 people would get it" in text and "No consent" in text
    assert draft.include.get() == people


def test_the_smallest_effect_is_that_of_those_who_would_get_it(as_maija, new_campaign, new_customer):
    draft = new_campaign([new_customer(n) for n in range(60)])
    for n in range(60, 100):
        new_customer(n, consent=False).memberships.create(
            segment=draft.include.get(), entered_at="2026-11-01T00:00Z", entered_reason="added"
        )
    for url in (plan(draft, "test"), reverse("campaign-launch", args=[draft.pk])):
        page = as_maija.get(url).content.decode()
        assert "60 people: an effect of" in page and "100 people: an effect" not in page, url


def test_what_is_missing_is_named_at_every_step_with_the_way_to_mend_it(as_maija, new_campaign):
    draft = new_campaign([], variants=[{"key": "A", "subject": "Hi", "html": "{{ customer.shoe_size }}"}])
    draft.include.clear()
    for key in ("goal", "audience", "messages", "test", "schedule"):
        page = as_maija.get(plan(draft, key)).content.decode()
        assert "Choose at least one segment." in page and plan(draft, "audience") in page, key
        assert "shoe_size" in page
    launch = as_maija.get(reverse("campaign-launch", args=[draft.pk])).content.decode()
    assert "It cannot leave yet" in launch and "Mend it" in launch


def test_a_link_left_bare_is_named_at_every_step(as_maija, new_campaign):
    bare = '<p>Hello</p><a href="https://">Read more</a>'
    draft = new_campaign([], variants=[{"key": "A", "subject": "Hi", "html": bare}])
    for key in ("goal", "messages", "schedule"):
        page = as_maija.get(plan(draft, key)).content.decode()
        assert "Version A: “https://” is not finished" in page and "it could leave as it is" not in page, key


@pytest.mark.parametrize(
    ("key", "wrong", "said"),
    [
        ("goal", {"name": ""}, "required"),
        ("audience", {}, "Choose at least one segment."),
        ("test", {"waves": "50"}, "10"),
        ("schedule", {"send_from": "09:00", "send_until": ""}, "both hours"),
    ],
)
def test_a_wrong_step_says_so_at_its_place_and_changes_nothing(as_maija, new_campaign, key, wrong, said):
    draft = new_campaign([])
    page = as_maija.get(plan(draft, key))
    body = urlencode({}) if key == "audience" else filled(page, **wrong)
    answer = posted(as_maija, plan(draft, key), body)
    assert answer.status_code == 400 and said in answer.content.decode()
    assert Campaign.objects.get(pk=draft.pk).updated_at == draft.updated_at


def test_what_is_left_for_later_stands_on_the_campaigns_page(as_maija, new_campaign):
    draft = new_campaign([])
    body = filled(as_maija.get(plan(draft, "goal")), [("later", "yes")], name="Renamed")
    assert posted(as_maija, plan(draft, "goal"), body)["Location"] == reverse("campaign", args=[draft.pk])
    draft.refresh_from_db()
    assert draft.name == "Renamed"


def test_a_glance_at_the_test_shows_the_price_of_waves_and_saves_nothing(as_maija, new_campaign, new_customer):
    draft = new_campaign([new_customer(n) for n in range(60)])
    body = filled(as_maija.get(plan(draft, "test")), waves="4")
    page = posted(as_maija, plan(draft, "test"), body, **{"HX-Request": "true"}).content.decode()
    assert "It leaves in 4 waves" in page
    draft.refresh_from_db()
    assert draft.waves == 1


def test_removing_a_version_keeps_the_texts_of_the_others(as_maija, new_campaign):
    draft = new_campaign([])
    draft.variants.get(key="B").texts.create(language="fi", subject="Hei", html="<p>x</p>")
    as_maija.post(plan(draft, "messages"), {"remove": "A"})
    assert list(draft.variants.values_list("key", "texts__subject")) == [("B", "Hei")]


def test_a_campaign_on_its_way_is_not_planned_any_more_and_a_strange_step_is_none(as_maija, new_campaign):
    draft = new_campaign([])
    assert as_maija.get(plan(draft, "nonsense")).status_code == 404
    Campaign.objects.filter(pk=draft.pk).update(status="sending")
    assert as_maija.get(plan(draft, "goal"))["Location"] == reverse("campaign", args=[draft.pk])


def test_what_can_be_found_is_told_for_the_rule_that_decides(new_campaign):
    """A version has to beat all others, and in a segment even where no other segment helps: both cost something."""
    draft = new_campaign([], goal="click")
    segments = [SimpleNamespace(name=name, size=800) for name in ("one", "two")]

    def of(arms):
        return sketch.sketch(draft, arms, segments, Baseline(800, 0.1), 800)

    two, three = of(sketch.Arms({"A": 1, "B": 1}, 0)), of(sketch.Arms({"A": 1, "B": 1, "C": 1}, 0))
    assert two.meaning == "In a segment it is found even if no other segment has such an effect."
    assert "it has to beat every other." in three.meaning
    everybody, segment, _other = (float(re.search(r"effect of ([\d.]+)", line.text)[1]) for line in two.lines)
    assert everybody < segment, "the same number of people, but read among two"
    fewer = sketch.sketch(draft, sketch.Arms({"A": 1, "B": 1}, 0), segments, Baseline(1600, 0.1), 800)
    assert [line.people for line in fewer.lines] == [800, 400, 400], "half of the members may be written to"
    draft.goal = "conversion"
    held = of(sketch.Arms({"A": 1, "B": 1}, 0.1))
    assert "every other and the hold-out" in held.meaning


def test_a_version_without_weight_is_no_arm(new_campaign):
    weights = {"A": 1, "B": 1, "C": 0}
    plan = planned.plan(
        {"goal": "click", "weights": weights, "holdout_share": "0", "guardrails": []}, Baseline(100, 0.1), {}, 0
    )
    assert plan.variants == ("A", "B")


def test_what_somebody_else_saved_while_a_step_was_open_stays(as_maija, new_campaign, new_customer):
    campaign = new_campaign([new_customer(1)])
    for key, mine, theirs in (
        ("goal", {"name": "Mine"}, {"window_days": "9"}),
        ("schedule", {"from_name": "Me"}, {"reply_to": "them@example.fi"}),
        ("test", {"holdout_percent": "20"}, {"unsubscribe_percent": "1"}),
    ):
        pages = [as_maija.get(plan(campaign, key)) for _ in range(2)]
        for page, values in zip(pages, (theirs, mine), strict=True):
            assert posted(as_maija, plan(campaign, key), filled(page, **values)).status_code == 302
    campaign.refresh_from_db()
    assert (campaign.name, campaign.window_days, campaign.from_name) == ("Mine", 9, "Me")
    assert (campaign.reply_to, float(campaign.holdout_share)) == ("them@example.fi", 0.2)
    assert {rail["key"]: rail["ceiling"] for rail in campaign.guardrails}["unsubscribe"] == 0.01


def test_a_change_writes_only_what_it_changes(new_campaign, new_customer):
    """Rows are read when a page begins and written when it ends: what was saved between is not set back."""
    campaign = new_campaign([new_customer(1)])
    early = Campaign.objects.get()
    actions.change_campaign(campaign, changes={"from_name": "Them"}, by=BY, at=AT)
    actions.change_campaign(early, changes={"name": "Mine"}, by=BY, at=AT)
    campaign.refresh_from_db()
    assert (campaign.name, campaign.from_name) == ("Mine", "Them")
