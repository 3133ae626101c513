"""The pages of campaigns: what each shows, what each changes, and to whom."""

import csv
from datetime import timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override
from lxml import html

from campaigns import actions, queries, scheduling
from campaigns.delivery import setbacks
from campaigns.delivery.sweeping import sweep
from campaigns.lifecycle import MoveNotAllowed
from campaigns.models import Campaign, Message, Run, SendingRules
from campaigns.sealing import seal
from tests.campaigns.conftest import BY, launched, sent
from tests.campaigns.test_results import world

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_maija(client, maija):
    client.force_login(maija)
    return client


@pytest.fixture
def draft(new_customer, new_campaign):
    return new_campaign([new_customer(n) for n in range(30)], holdout_share="0.1")


def given(draft, **changes):
    """What the editor posts for a draft."""
    segment = draft.include.get()
    fields = {
        "name": draft.name, "purpose": "marketing", "include": [segment.pk], "goal": "conversion",
        "goal_event": "order", "window_days": "14", "holdout_percent": "10", "unsubscribe_percent": "2",
        "complaint_percent": "0.3",
        "worthwhile_percent": "10",
        "cost_per_message_amount": "0.02", "v-TOTAL_FORMS": "2", "v-INITIAL_FORMS": "2", "v-MIN_NUM_FORMS": "1",
        "v-MAX_NUM_FORMS": "6", "v-0-subject": "Hello", "v-0-html": "<p>One</p>", "v-0-weight": "1",
        "v-1-subject": "Hi", "v-1-html": "<p>Two</p>", "v-1-weight": "2",
    }  # fmt: skip
    return {**fields, **changes}


def test_the_report_opens_with_the_answer_and_counts_in_english_and_finnish(as_maija, maija):
    made = world(np.random.default_rng(3), people=400)
    url = reverse("campaign-report", args=[made.campaign.pk])
    page = as_maija.get(url).content.decode()
    assert "No decision yet" in page and "Families" in page and "Version B compared with Version A" in page
    maija.language = "fi"
    maija.save()
    page = as_maija.get(url).content.decode()
    assert "Päätös segmenteittäin" in page and "Ei vielä ratkaistavissa" in page


def test_the_file_holds_every_group_and_version(as_maija):
    made = world(np.random.default_rng(3), people=200)
    rows = as_maija.get(reverse("campaign-report-csv", args=[made.campaign.pk])).content.decode().splitlines()
    assert len(rows) == 1 + 4 * 3 and rows[0].removeprefix("\ufeff").startswith("group,arm,people,goal")


def test_a_segment_named_like_a_formula_runs_in_no_spreadsheet(as_maija):
    made = world(np.random.default_rng(3), people=200)
    made.campaign.include.update(name="=cmd|' /C calc'!A0")
    text = as_maija.get(reverse("campaign-report-csv", args=[made.campaign.pk])).content.decode()
    groups = [row[0] for row in csv.reader(text.splitlines())]
    assert "'=cmd|' /C calc'!A0" in groups and not [name for name in groups if name.startswith("=")]


@pytest.mark.parametrize(("people", "is_said"), [(100, True), (2500, False)])
def test_a_report_says_when_too_few_bought_for_an_interval_of_revenue(as_maija, people, is_said):
    made = world(np.random.default_rng(3), people=people)
    page = as_maija.get(reverse("campaign-report", args=[made.campaign.pk])).content.decode()
    assert ("too few for an interval of revenue to be trusted" in page) is is_said


@pytest.mark.parametrize(
    ("goal", "event", "said"),
    [
        ("revenue", "order", "Nobody has bought anything yet"),
        ("conversion", "order", "Nobody has bought anything yet"),
        ("conversion", "signup", "Nobody has done yet what counts"),
        ("click", "order", "Nobody has clicked yet"),
    ],
)
def test_a_report_to_which_nothing_came_back_yet_says_so_and_claims_nothing(
    goal, event, said, as_maija, new_customer, new_campaign
):
    run = launched(new_campaign([new_customer(n) for n in range(40)], goal=goal, goal_event=event))
    page = as_maija.get(reverse("campaign-report", args=[run.campaign_id])).content.decode()
    assert f"{said}, so nothing can be told." in page
    assert "€0.00 – €0.00" not in page and "Past spend explains" not in page
    assert 'maxlength="2000" required></textarea>' in page, "nothing was learned yet"


def test_a_report_before_the_launch_says_so(as_maija, draft):
    page = as_maija.get(reverse("campaign-report", args=[draft.pk]))
    assert "before the audience is sealed" in page.content.decode()
    assert as_maija.get(reverse("campaign-report-csv", args=[draft.pk])).status_code == 409


@pytest.mark.parametrize("people", [40, 400])
def test_the_report_asks_as_much_of_the_database_for_many_as_for_few(as_maija, django_assert_max_num_queries, people):
    made = world(np.random.default_rng(3), people=people)
    url = reverse("campaign-report", args=[made.campaign.pk])
    with django_assert_max_num_queries(19):
        as_maija.get(url)
    with django_assert_max_num_queries(15):  # kept: nothing has come since
        as_maija.get(url)


def test_the_list_asks_as_much_for_many_as_for_few(as_maija, new_campaign, django_assert_max_num_queries):
    for n in range(12):
        new_campaign([], name=f"Number {n}")
    with django_assert_max_num_queries(10):
        page = as_maija.get(reverse("campaigns")).content.decode()
    assert "Number 11" in page
    assert "Number 3" in as_maija.get(reverse("campaigns") + "?q=ber+3").content.decode()
    assert "Number 11" not in as_maija.get(reverse("campaigns") + "?q=ber+3&cursor=nonsense").content.decode()
    assert "No campaign matches" in as_maija.get(reverse("campaigns") + "?status=paused").content.decode()


def test_a_new_campaign_is_written_and_stored_as_written(as_maija, draft):
    answer = as_maija.post(reverse("campaign-new"), given(draft, name="Spring"))
    made = Campaign.objects.exclude(pk=draft.pk).get()
    assert answer["Location"] == reverse("campaign-preview", args=[made.pk])
    assert (made.slug, float(made.holdout_share), made.window_days) == ("spring", 0.1, 14)
    assert list(made.variants.values_list("key", "subject", "weight")) == [("A", "Hello", 1), ("B", "Hi", 2)]
    assert made.guardrails[0] == {"key": "unsubscribe", "ceiling": 0.02, "allowed_rise": 0.005}
    as_maija.post(reverse("campaign-new"), given(draft, name="Spring"))
    assert Campaign.objects.filter(slug="spring-2").exists()


def form_of(page, **filled):
    """What a browser would post of the editor on a page: every field as it stands, and what was filled in."""
    forms = html.fromstring(page.content).forms
    editor = next(form for form in forms if "goal_event" in form.fields)
    editor.fields.update(filled)
    return [pair for pair in editor.form_values() if pair[0] != "csrfmiddlewaretoken"]


def test_what_the_empty_editor_holds_becomes_a_campaign_once_filled_in(as_maija, draft):
    url = reverse("campaign-new")
    texts = {f"v-{n}-{part}": "Hello" for n in (0, 1) for part in ("subject", "html")}
    filled = form_of(as_maija.get(url), name="Winter", **texts)
    body = urlencode([*filled, ("include", draft.include.get().pk)])
    answer = as_maija.post(url, body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 302, answer.content.decode()
    assert Campaign.objects.get(name="Winter").variants.count() == 2


def test_what_somebody_else_saved_while_the_editor_stood_open_is_told_before_it_is_replaced(as_maija, draft):
    url = reverse("campaign-edit", args=[draft.pk])
    sent = {"content_type": "application/x-www-form-urlencoded"}
    mine = form_of(as_maija.get(url), name="Mine")
    as_maija.post(url, given(draft, **{"v-0-subject": "Theirs"}))
    refused = as_maija.post(url, urlencode(mine), **sent)
    assert refused.status_code == 400 and "Somebody changed the campaign" in refused.content.decode()
    assert draft.variants.get(key="A").subject == "Theirs"
    again = as_maija.post(url, urlencode(form_of(refused)), **sent)
    draft.refresh_from_db()
    assert again.status_code == 302 and draft.name == "Mine" and draft.variants.get(key="A").subject.startswith("A for")
    assert as_maija.post(url, urlencode(form_of(as_maija.get(url))), **sent).status_code == 302


def test_a_fault_in_a_text_is_said_at_its_place_and_what_was_written_is_kept(as_maija, draft):
    wrong = given(draft, **{"v-1-html": "<p>\n{{ customer.shoe_size }}</p>"})
    page = as_maija.post(reverse("campaign-edit", args=[draft.pk]), wrong)
    text = page.content.decode()
    assert page.status_code == 400
    assert "line 2" in text and "shoe_size" in text and text.index("Version 2") < text.index("line 2")


def test_checking_shows_what_the_audience_can_show_and_saves_nothing(as_maija, draft):
    page = as_maija.post(reverse("campaign-edit", args=[draft.pk]), given(draft, name="Other", check="yes"))
    assert page.status_code == 200 and "four times in five" in page.content.decode()
    draft.refresh_from_db()
    assert draft.name == "Autumn"


def test_the_cells_of_the_matrix_survive_the_editor(as_maija, draft):
    segment = draft.include.get()
    draft.variants.get(key="A").texts.create(language="fi", segment=segment, subject="Hei", html="<p>Yksi</p>")
    as_maija.post(reverse("campaign-edit", args=[draft.pk]), given(draft))
    kept = draft.variants.get(key="A").texts.get()
    assert (kept.subject, kept.segment) == ("Hei", segment)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"holdout_percent": "0"}, "Nobody is held out"),
        ({"goal": "click"}, "cannot click"),
        ({"goal": "event", "goal_event": "ordr"}, "Is that the event you mean?"),
        ({}, "below 5 nothing can be told"),
        ({}, "times as many"),
        ({}, "It runs for 14 days"),
    ],
)
def test_the_editor_warns_before_it_is_too_late(as_maija, draft, changes, said):
    page = as_maija.post(reverse("campaign-edit", args=[draft.pk]), given(draft, check="yes", **changes))
    assert said in page.content.decode()


def test_one_version_may_be_the_text_for_all_and_not_both(as_maija, draft):
    url = reverse("campaign-edit", args=[draft.pk])
    both = as_maija.post(url, given(draft, **{"v-0-is_mass": "on", "v-1-is_mass": "on"}))
    assert both.status_code == 400 and "another has to stand beside it" in both.content.decode()
    assert as_maija.post(url, given(draft, **{"v-1-is_mass": "on"})).status_code == 302
    assert actions.plan(draft)["mass"] == "B"


def test_the_launch_page_says_to_exactly_how_many_and_launches_once(as_maija, draft, settings):
    url = reverse("campaign-launch", args=[draft.pk])
    page = as_maija.get(url)
    assert "exactly 27 people" in page.content.decode()
    stamp = {"stamp": page.context["stamp"]}
    for _ in range(2):
        assert as_maija.post(url, stamp)["Location"] == reverse("campaign", args=[draft.pk])
    assert Run.objects.count() == 1


def test_what_changed_since_it_was_looked_at_is_not_launched(as_maija, draft):
    url = reverse("campaign-launch", args=[draft.pk])
    stamp = {"stamp": as_maija.get(url).context["stamp"]}
    actions.change_campaign(draft, changes={"name": "Later"}, by=BY, at=timezone.now())
    assert as_maija.post(url, stamp)["Location"] == url
    assert not Run.objects.exists()


def test_a_time_to_come_schedules_and_a_past_one_is_refused(as_maija, draft):
    url = reverse("campaign-launch", args=[draft.pk])
    stamp = as_maija.get(url).context["stamp"]
    as_maija.post(url, {"stamp": stamp, "send_at": "2001-01-01T10:00"})
    draft.refresh_from_db()
    assert draft.status == "draft"
    soon = timezone.now().astimezone(ZoneInfo("Europe/Helsinki")) + timedelta(days=1)
    as_maija.post(url, {"stamp": stamp, "send_at": f"{soon:%Y-%m-%dT%H:%M}"})
    draft.refresh_from_db()
    assert draft.status == "scheduled" and abs(draft.send_at - soon) < timedelta(minutes=1)


def test_pause_resume_and_cancel_move_the_campaign(as_maija, draft):
    launched(draft)
    for name, status in [("pause", "paused"), ("resume", "sending"), ("cancel", "cancelled"), ("pause", "cancelled")]:
        as_maija.post(reverse("campaign-move", args=[draft.pk, name]))
        draft.refresh_from_db()
        assert draft.status == status
    assert as_maija.post(reverse("campaign-move", args=[draft.pk, "fly"])).status_code == 404


def test_a_member_sees_their_own_letter_in_a_frame_where_nothing_runs(as_maija, draft):
    page = as_maija.get(reverse("campaign-preview", args=[draft.pk]) + "?variant=B&width=phone").content.decode()
    assert "B for Name 0" in page and 'sandbox=""' in page and "letter--phone" in page
    reader = draft.include.get().memberships.earliest("pk").customer_id
    frame = as_maija.get(reverse("campaign-letter", args=[draft.pk]) + f"?variant=B&customer={reader}")
    assert "Hello Name 0" in frame.content.decode()
    assert "sandbox" in frame["Content-Security-Policy"] and "script-src" not in frame["Content-Security-Policy"]
    assert as_maija.get(reverse("campaign-letter", args=[draft.pk]) + "?customer=x").status_code == 404


def test_a_test_message_goes_to_the_visitor_and_counts_nowhere(as_maija, draft, mailoutbox):
    reader = draft.include.get().memberships.earliest("pk").customer_id
    as_maija.post(reverse("campaign-test", args=[draft.pk]), {"variant": "A", "customer": reader})
    assert [mail.to for mail in mailoutbox] == [["maija@kohde.example"]]
    assert not Message.objects.exists()


def test_sales_see_only_their_own_customers_in_a_campaign(client, anna, cast, new_customer, new_campaign):
    mine, other = new_customer(1, team=cast.north), new_customer(2, team=cast.south)
    run = launched(new_campaign([mine, other]))
    client.force_login(anna)
    page = client.get(reverse("campaign-people", args=[run.campaign_id])).content.decode()
    assert "Name 1" in page and "Name 2" not in page


def test_an_analyst_sees_no_names(client, aino, new_customer, new_campaign):
    run = launched(new_campaign([new_customer(1)]))
    client.force_login(aino)
    page = client.get(reverse("campaign-people", args=[run.campaign_id])).content.decode()
    assert "Name 1" not in page and "Waiting" in page


def test_an_admin_sends_again_what_is_in_doubt(client, adele, new_customer, new_campaign):
    run = launched(new_campaign([new_customer(1), new_customer(2)]))
    Message.objects.filter(run=run).update(state="unknown")
    client.force_login(adele)
    page = client.get(reverse("campaign", args=[run.campaign_id])).content.decode()
    assert "Send to those again" in page
    client.post(reverse("campaign-resend", args=[run.campaign_id]))
    assert queries.progress(run).states == {"queued": 2}


@pytest.mark.django_db(transaction=True)
def test_a_running_campaign_moves_by_itself_until_it_is_over(as_maija, new_customer, new_campaign, sink):
    run = launched(new_campaign([new_customer(n) for n in range(3)]))
    url = reverse("campaign", args=[run.campaign_id])
    assert 'hx-trigger="every 2s"' in as_maija.get(url).content.decode()
    sent(run)
    page = as_maija.get(url).content.decode()
    assert 'hx-trigger="every 2s"' not in page and "Sent to 3 of 3 people" in page


def test_a_campaign_late_by_days_waits_for_a_person_and_says_so(as_maija, new_customer, new_campaign):
    campaign = new_campaign([new_customer(1)])
    for hours, is_missed in ((49, True), (1, False)):
        late = timezone.now() - timedelta(hours=hours)
        Campaign.objects.filter(pk=campaign.pk).update(send_at=late, status="scheduled")
        assert ("missed its time" in as_maija.get(f"/campaigns/{campaign.pk}/").content.decode()) is is_missed
        assert bool(scheduling.launch_due(at=timezone.now())) is not is_missed


def test_what_paused_itself_is_paused_by_a_person_and_goes_on_only_by_one(as_maija, new_customer, new_campaign):
    run = launched(new_campaign([new_customer(1)]))
    assert setbacks.pause_for_trouble(run.pk, "503")
    assert "It tries again at" in as_maija.get(f"/campaigns/{run.campaign_id}/").content.decode()
    as_maija.post(f"/campaigns/{run.campaign_id}/move/pause/")
    assert not setbacks.try_again(run.pk, at=timezone.now() + timedelta(days=1))
    run.refresh_from_db()
    assert (run.status, run.resume_at) == ("paused", None)


def test_the_first_sentence_says_only_what_the_rows_say(as_maija, new_customer, new_campaign):
    """While messages wait nobody is called accounted for, and a lost row is not passed over in silence."""
    run = launched(new_campaign([new_customer(n) for n in range(3)]))
    url = reverse("campaign", args=[run.campaign_id])
    assert "Sent to 0 of 3 people so far." in as_maija.get(url).content.decode()
    Message.objects.filter(run=run).update(state="sent", final_at=timezone.now())
    Message.objects.filter(run=run).first().delete()
    sweep(at=timezone.now())
    page = as_maija.get(url).content.decode()
    assert "Sent to 2 of 3 people; 1 member of the audience has no row." in page
    assert "everyone is accounted for" not in page and "Add the missing and send to them" in page
    assert "/move/pause/" not in page and "/move/cancel/" in page, "nothing leaves before it is mended"
    assert "Incomplete" in page and 'hx-trigger="every 2s"' not in page
    as_maija.post(reverse("campaign-mend", args=[run.campaign_id]))
    assert queries.progress(sent(launched_again(run))).is_accounted_for


def launched_again(run):
    seal(run.pk, at=timezone.now())
    run.refresh_from_db()
    return run


def test_a_move_that_is_not_possible_is_refused_in_the_readers_words(as_maija, new_customer, new_campaign):
    run = launched(new_campaign([new_customer(1)]))
    for language, said in (
        ("en", "stands at “Sending”: you cannot resume it. What you can: pause it, take a roll-out back, cancel it."),
        ("fi", "et voi jatkaa. Voit: keskeyttää"),
    ):
        with override(language), pytest.raises(MoveNotAllowed) as refused:
            actions.resume(run.campaign, by=BY, at=timezone.now())
        assert said in str(refused.value)


def test_hours_and_approval_lead_to_the_one_row_and_not_to_a_list(client, adele):
    client.force_login(adele)
    assert "/admin/campaigns/sendingrules/add/" in client.get(reverse("sending-rules")).content.decode()
    SendingRules.objects.create(approval_above=100)
    page = client.get(reverse("sending-rules")).content.decode()
    assert "/admin/campaigns/sendingrules/1/change/" in page and "sendingrules/add/" not in page
