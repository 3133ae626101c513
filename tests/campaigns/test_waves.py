"""A campaign in waves: later people get more of what works so far, the hold-out stays, the reading stays honest."""

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from campaigns import actions, doings, queries, rollout, waves
from campaigns.conversions import attribute
from campaigns.delivery.sweeping import sweep
from campaigns.experiments.comparison import compare
from campaigns.experiments.waves import worst_case
from campaigns.models import Message, Response, Run, Wave
from campaigns.results import answer, sketch
from campaigns.results.evidence import evidence
from crm.models import Order
from crm.refusals import Refused
from tests.campaigns.conftest import BY, launched

pytestmark = pytest.mark.django_db
PEOPLE = 240


@pytest.fixture
def run(new_customer, new_campaign, new_segment):
    """Two lists, a tenth held out, three waves a day apart; the first has been sent."""
    first, second = ([new_customer(n) for n in numbers] for numbers in (range(120), range(120, PEOPLE)))
    campaign = new_campaign(first, goal="click", holdout_share="0.1", waves=3, wave_hours=24)
    campaign.include.add(new_segment("others", second))
    return told(launched(campaign))


def told(run):
    Message.objects.filter(run=run, state="queued").update(state="sent", final_at=timezone.now())
    return run


def click(messages, by="human"):
    Response.objects.bulk_create(
        Response(message=one, kind="click", by_class=by, at=timezone.now(), source_id="planted") for one in messages
    )
    doings.recount(Message.objects.filter(pk__in=[one.pk for one in messages]))


def opened(run, days=1, minutes=1):
    at = timezone.now() + timedelta(days=days, minutes=minutes)
    return waves.open_due(answer.so_far, at=at)


def counts(run, **narrow):
    rows = list(Message.objects.filter(run=run, **narrow).order_by().values_list("variant__key", "state"))
    return {pair: rows.count(pair) for pair in set(rows)}


def test_the_first_wave_is_dealt_by_plan_and_the_others_wait_without_a_version(run):
    assert counts(run, wave=1) == {("A", "sent"): 36, ("B", "sent"): 36, (None, "held_out"): 24}
    assert counts(run, wave__gt=1) == {(None, "deferred"): 144}
    assert list(run.waves.values_list("number", "shares")) == [(1, {"A": 0.5, "B": 0.5}), (2, {}), (3, {})]
    assert not sweep(at=timezone.now() + timedelta(days=9)).to_send
    assert opened(run, days=0) == []


def test_a_later_wave_gets_more_of_the_better_version_by_clicks_of_people_with_a_floor_for_the_other(run):
    click(Message.objects.filter(run=run, variant__key="B"))
    click(Message.objects.filter(run=run, variant__key="A"), by="machine")
    assert opened(run) == [run.pk]
    second = Wave.objects.get(run=run, number=2)
    assert second.shares["B"] == pytest.approx(0.9, abs=0.001) and sum(second.shares.values()) == pytest.approx(1)
    assert second.seen["A"] == {"people": 36, "value": 0.0} and second.seen["B"]["value"] == 1.0
    dealt = counts(run, wave=2)
    assert sum(dealt.values()) == 72 and dealt["A", "queued"] in range(5, 11)
    assert counts(run, state="held_out") == {(None, "held_out"): 24}
    assert opened(run) == [] and counts(run, wave=2) == dealt
    for segment in run.campaign.include.all():
        own = counts(run, wave=2, customer__memberships__segment=segment)
        assert sum(own.values()) == pytest.approx(36, abs=1)
        assert own["B", "queued"] == pytest.approx(36 * 0.9, abs=1)


def test_a_wave_waits_while_the_run_is_paused_or_the_one_before_is_on_its_way(run):
    actions.pause(run.campaign, by=BY, at=timezone.now())
    assert opened(run) == []
    actions.resume(run.campaign, by=BY, at=timezone.now())
    Message.objects.filter(pk=Message.objects.filter(run=run, state="sent").first().pk).update(state="queued")
    assert opened(run) == []
    told(run)
    assert opened(run, days=5) == [run.pk]
    assert counts(run, wave=3) == {(None, "deferred"): 72}, "the third waits for the second to have left"


def test_cancelled_between_waves_nobody_more_is_written_to_and_those_count_as_nobody_held_out(run):
    actions.cancel(run.campaign, by=BY, at=timezone.now())
    assert counts(run, wave__gt=1) == {(None, "cancelled"): 144}
    arms = {arm.key: arm.people for arm in queries.results(run.campaign).report.overall.arms}
    assert arms == {"A": 36, "B": 36, "hold_out": 24}


def test_versions_are_compared_within_waves_and_everybody_is_counted(run):
    """The second day everybody clicks, and most of that day's people got B: no version is better for it."""
    click(Message.objects.filter(run=run, variant__key="B")[:12])
    click(Message.objects.filter(run=run, variant__key="A")[:3])
    opened(run)
    told(run)
    click(Message.objects.filter(run=run, wave=2, variant__isnull=False))
    opened(run, days=3)
    told(run)
    sweep(at=timezone.now())
    run.refresh_from_db()
    assert run.status == "completed" and queries.progress(run).is_accounted_for
    overall = queries.results(run.campaign).report.overall
    assert overall.people == PEOPLE and sum(arm.people for arm in overall.arms) == PEOPLE
    assert not getattr(overall.ratio, "is_suspect", False)
    value = {arm.key: arm.value for arm in overall.arms}
    assert value["B"] - value["A"] == pytest.approx((12 / 36 - 3 / 36) / 3, abs=1e-6)


def test_the_window_closes_its_days_after_the_last_wave(run):
    assert queries.results(run.campaign).window_ends_at == run.sealed_at + timedelta(days=14 + 2)


@pytest.mark.parametrize("changes", [{"waves": 0}, {"waves": 11}, {"waves": 2, "wave_hours": 0}])
def test_waves_out_of_range_are_refused(new_campaign, changes):
    with pytest.raises(Refused, match="wave"):
        new_campaign([], **changes)


def test_waves_of_a_single_version_are_not_launched(new_campaign, new_customer):
    campaign = new_campaign([new_customer(1)], waves=2, variants=[{"key": "A", "subject": "Hi", "html": "<p>x</p>"}])
    with pytest.raises(Refused, match="two versions"):
        launched(campaign)


def test_the_page_the_api_and_the_file_tell_the_waves_and_what_they_cost(run, client, maija):
    click(Message.objects.filter(run=run, variant__key="B"))
    opened(run)
    told(run)
    client.force_login(maija)
    page = client.get(f"/campaigns/{run.campaign_id}/report/").content.decode()
    assert "Following the results kept" in page and "(90%)" in page
    api = client.get(f"/api/v1/campaigns/{run.campaign_id}/results/").json()
    assert [one["people"] for one in api["waves"][:2]] == [{"A": 36, "B": 36}, dealt_in_the_second(run)]
    assert 0 < api["certainty_kept"] < 1
    assert "Waits for a later wave 72" in client.get(f"/campaigns/{run.campaign_id}/").content.decode()


def dealt_in_the_second(run):
    return {key: count for (key, _state), count in counts(run, wave=2).items()}


def test_before_the_launch_the_cost_in_certainty_is_said(new_campaign, new_customer):
    campaign = new_campaign([new_customer(n) for n in range(20)], waves=3)
    price = sketch.of_campaign(campaign, 20, at=timezone.now()).price
    kept = worst_case(2, 3, 0.2)
    assert "3 waves, 24 hours apart" in price and f"takes {1 / kept:.1f} times as many people" in price


def test_a_roll_out_after_waves_goes_to_everybody_at_once(run):
    own = rollout.columns(run, {"0": "B"}, [], "B sold more", timezone.now())
    assert "waves" not in own["plan"] and own["plan"]["window_days"] == 14
    assert run.plan["waves"] == 3


def test_a_pause_can_be_undone_from_its_notice(run, client, maija):
    client.force_login(maija)
    page = client.post(f"/campaigns/{run.campaign_id}/move/pause/", follow=True).content.decode()
    assert "Paused." in page and f'action="/campaigns/{run.campaign_id}/move/resume/"' in page
    client.post(f"/campaigns/{run.campaign_id}/move/resume/")
    run.campaign.refresh_from_db()
    assert run.campaign.status == "sending"


def test_past_spend_sharpens_revenue_in_waves_too(run):
    """What people spent the year before explains what they spend now: taken out wave by wave, and said."""
    random = np.random.default_rng(8)
    run.plan |= {"goal": "revenue", "baseline": {"people": PEOPLE, "expected": 100.0, "deviation": 70.0}}
    Run.objects.filter(pk=run.pk).update(plan=run.plan)
    for days in (1, 2):
        opened(run, days=days)
        told(run)
    past = random.gamma(2, 50, PEOPLE)
    orders = [
        Order(source="s", number=f"{n}-{when}", customer=message.customer, currency="EUR", ordered_at=at,
              total_amount=round(amount, 2), created_at=at, updated_at=at)
        for n, message in enumerate(Message.objects.filter(run=run).select_related("customer"))
        for when, at, amount in (("before", run.sealed_at - timedelta(days=30), past[n]),
                                 ("after", run.sealed_at + timedelta(days=1), past[n] + random.normal(0, 5) ** 2))
    ]  # fmt: skip
    Order.objects.bulk_create(orders)
    attribute(Run.objects.get(pk=run.pk), at=run.sealed_at + timedelta(days=5))
    found = answer.results(Run.objects.get(pk=run.pk))
    adjusted = found.report.overall.adjustment
    assert adjusted.is_helpful and adjusted.variance_removed > 0.8
    pair = next(one for one in found.report.overall.pairs if one.against == "A")
    plain = compare(*(arm_of(run, key) for key in ("B", "A")))
    assert pair.once.standard_error < 0.6 * plain.standard_error


def arm_of(run, key):
    overall, _segments = evidence(run, {})
    return overall.arms[key].goal
