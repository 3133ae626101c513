"""A decision rolled out: to whom, with what, once; and taken back."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns import actions, queries, rollout
from campaigns.conversions import attribute, ends_at
from campaigns.delivery.sweeping import sweep
from campaigns.lifecycle import MoveNotAllowed
from campaigns.models import Message, MessageState, Response, Run
from campaigns.sealing import seal
from crm.models import Order
from crm.refusals import NotPossibleNow, Refused
from segments.models import Membership, MembershipReason
from tests.campaigns.conftest import AT, BY, launched, sent

pytestmark = pytest.mark.django_db


@pytest.fixture
def decided(new_customer, new_campaign, new_segment, sink):
    """A finished test over two lists, half held out; everybody in the first list who got B bought."""
    regulars, families = ([new_customer(n) for n in numbers] for numbers in (range(200), range(200, 400)))
    campaign = new_campaign(regulars, holdout_share="0.5")
    campaign.include.add(new_segment("families", families))
    run = sent(launched(campaign))
    campaign.refresh_from_db()
    buyers = Message.objects.filter(run=run, variant__key="B", customer__in=regulars)
    Response.objects.bulk_create(
        Response(message=one, kind="conversion", by_class="human", at=timezone.now(), source_id="planted")
        for one in buyers
    )
    return campaign


def choice(campaign):
    return {one.key: one.variant for one in rollout.choices(queries.results(campaign)) if one.key != "0"}


def rolled(campaign, **changes):
    given = {"groups": choice(campaign), "reason": "B sold more", "by": BY, "at": timezone.now(), **changes}
    return actions.roll_out(campaign, **given)


def carried_out(run):
    """Seal, let the grace pass, send."""
    seal(run.pk, at=timezone.now())
    sweep(at=timezone.now() + rollout.GRACE + timedelta(seconds=1))
    return sent(run)


def test_the_rest_of_the_decided_segment_gets_the_decided_version_and_nobody_else_anything(decided, sink):
    regulars = decided.include.get(slug="list-autumn")
    assert choice(decided) == {str(regulars.pk): "B"}
    before = sink.arrived.total()
    held = set(
        Message.objects.filter(state="held_out", customer__memberships__segment=regulars).values_list("customer")
    )
    run = carried_out(rolled(decided))
    got = Message.objects.filter(run=run)
    assert set(got.values_list("customer")) == held and len(held) == 100
    assert set(got.values_list("variant__key", "state")) == {("B", "sent")}
    assert sink.arrived.total() == before + 100
    assert queries.progress(run).is_accounted_for
    decided.refresh_from_db()
    assert decided.status == "finished"
    people = Message.objects.filter(state="sent").values_list("customer", flat=True)
    assert len(people) == len(set(people))


def test_nothing_leaves_before_the_time_to_think_again_is_over(decided, sink):
    before = sink.arrived.total()
    run = rolled(decided)
    seal(run.pk, at=timezone.now())
    sweep(at=timezone.now() + timedelta(minutes=9))
    sent(run)
    assert sink.arrived.total() == before


def test_who_came_since_gets_it_and_who_may_not_be_written_to_is_counted_with_the_reason(decided, new_customer):
    regulars = decided.include.get(slug="list-autumn")
    late, mute = new_customer(900), new_customer(901, consent=False)
    for one in (late, mute):
        Membership.objects.create(segment=regulars, customer=one, entered_at=AT, entered_reason=MembershipReason.ADDED)
    run = carried_out(rolled(decided))
    states = dict(Message.objects.filter(run=run, customer__in=[late, mute]).values_list("customer", "state"))
    assert states == {late.pk: "sent", mute.pk: "skipped"}
    assert Message.objects.get(run=run, customer=mute).reason == "no_consent"


def test_taken_back_in_time_nothing_left_and_the_test_goes_on(decided, sink):
    before, test = sink.arrived.total(), queries.test_run(decided)
    usual = ends_at(test)
    run = rolled(decided)
    seal(run.pk, at=timezone.now())
    test.refresh_from_db()
    assert ends_at(test) < usual
    assert actions.undo_roll_out(decided, by=BY, at=timezone.now()) == 0
    sweep(at=timezone.now() + timedelta(hours=1))
    assert sink.arrived.total() == before and decided.status == "finished"
    assert set(Message.objects.filter(run=run).values_list("state", flat=True)) == {MessageState.CANCELLED}
    test.refresh_from_db()
    assert ends_at(test) == usual
    again = carried_out(rolled(decided))
    assert Message.objects.filter(run=again, state="sent").count() == 100
    with pytest.raises(NotPossibleNow):
        actions.undo_roll_out(decided, by=BY, at=timezone.now())


def test_what_the_held_out_buy_after_the_roll_out_does_not_count_in_the_test(decided):
    test = queries.test_run(decided)
    held = Message.objects.filter(run=test, state="held_out").first().customer
    run = carried_out(rolled(decided))
    later = timezone.now() + timedelta(hours=1)
    Order.objects.create(
        source="shop", number="1", customer=held, currency="EUR", total_amount="20", ordered_at=later,
        created_at=later, updated_at=later,
    )  # fmt: skip
    for one in (test, run):
        one.refresh_from_db()
        attribute(one, at=later + timedelta(hours=1))
    counted = Response.objects.filter(message__customer=held, kind="conversion")
    assert [one.message.run_id for one in counted] == [run.pk]
    assert queries.results(decided).run == test


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reason": " "}, "Say why"),
        ({"groups": {}}, "another by now"),
        ({"groups": {"0": "A"}}, "another by now"),
    ],
)
def test_a_roll_out_without_a_reason_or_of_another_decision_is_refused(decided, changes, said):
    with pytest.raises(Refused, match=said):
        rolled(decided, **changes)
    assert Run.objects.count() == 1


def test_of_two_at_once_one_is_rolled_out(decided):
    groups = choice(decided)
    rolled(decided, groups=groups)
    with pytest.raises(MoveNotAllowed):
        rolled(decided, groups=groups)


def test_the_report_offers_it_and_takes_it_back(decided, client, maija, aino):
    url = reverse("campaign-report", args=[decided.pk])
    client.force_login(aino)
    assert "Send it to the rest" not in client.get(url).content.decode()
    client.force_login(maija)
    page = client.get(url).content.decode()
    assert "Send it to the rest" in page and "100 were held out" in page
    posted = {f"group-{key}": variant for key, variant in choice(decided).items()}
    page = client.post(reverse("campaign-roll-out", args=[decided.pk]), {**posted, "reason": "Sold more"}, follow=True)
    text = page.content.decode()
    assert "leaves in ten minutes" in text and "Sold more" in text and "Take it back" in text
    text = client.post(reverse("campaign-roll-out-undo", args=[decided.pk]), follow=True).content.decode()
    assert "the test goes on" in text and "Send it to the rest" in text


def test_cancelling_a_campaign_that_rolls_out_ends_the_roll_out_only(decided):
    run = rolled(decided)
    actions.cancel(decided, by=BY, at=timezone.now())
    run.refresh_from_db()
    assert (decided.status, run.status) == ("finished", "cancelled")
