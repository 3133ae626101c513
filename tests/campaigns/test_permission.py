"""Between the sealing and the sending people change their minds: the fresh check is the one that counts."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns import actions, queries, responses
from campaigns.delivery import claims, transitions, worker
from campaigns.delivery.permission import OBJECTIONS
from campaigns.lifecycle import MOVES, MoveNotAllowed, possible
from campaigns.models import Campaign, CampaignStatus, Message, Run, RunStatus, SendingRules, Topic, TopicChoice
from chaos.sink import Sink
from crm.addresses import address_key
from crm.models import ConsentState, Customer, Suppression
from segments.models import Membership, Segment
from tests.campaigns.conftest import BY, launched, sent

pytestmark = pytest.mark.django_db(transaction=True)
LATER = timezone.now()


def grant_any(customer, **values):
    said = {"purpose": "marketing", "channel": "any", "since_at": timezone.now(), "updated_at": LATER, **values}
    ConsentState.objects.create(customer=customer, **said)


def leave_its_topic(customer):
    topic = Topic.objects.create(name_en="News", name_fi="Uutiset")
    Campaign.objects.update(topic=topic)
    TopicChoice.objects.create(customer=customer, topic=topic, is_wanted=False, said_at=LATER)


CHANGES = {
    "erased": lambda one: Customer.objects.filter(pk=one.pk).update(erased_at=LATER),
    "merged": lambda one: Customer.objects.filter(pk=one.pk).update(
        merged_into=Customer.objects.exclude(pk=one.pk).first()
    ),
    "restricted": lambda one: Customer.objects.filter(pk=one.pk).update(restricted_at=LATER),
    "objected": lambda one: Customer.objects.filter(pk=one.pk).update(objected_at=LATER),
    "no_consent": lambda one: grant_any(one, is_granted=False),
    "topic_refused": lambda one: leave_its_topic(one),
    "suppressed": lambda one: Suppression.objects.create(
        channel="email", address_key=one.messages.get().address_key, reason="manual", at=LATER, source="test"
    ),
}


def test_every_objection_has_its_case():
    assert {one.code for one in OBJECTIONS} == set(CHANGES) | {"too_soon", "too_many", "outranked", "own_wish"}, (
        "see test_pressure"
    )


@pytest.mark.parametrize("reason", CHANGES)
def test_a_change_of_mind_after_the_sealing_is_heard(reason, new_customer, new_campaign, sink: Sink):
    first, second = new_customer(1), new_customer(2)
    run = launched(new_campaign([first, second]))
    CHANGES[reason](first)
    sent(run)
    message = Message.objects.get(run=run, person_key=Message.objects.get(customer=first).person_key)
    assert (message.state, message.reason) == ("skipped", reason)
    assert [to for to, _ in sink.arrived] == [second.email]


def moved_to(address):
    return lambda one: Customer.objects.filter(pk=one.pk).update(email=address)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("gone@mail.example", "suppressed"),
        ("everywhere@mail.example", "suppressed"),
        ("OK-2@mail.example", "same_address"),
        ("nonsense", "bad_address"),
        ("", "no_address"),
        ("ok-new@mail.example", ""),
    ],
)
def test_whoever_changed_mailbox_after_the_sealing_is_judged_by_the_new_one(
    address, reason, new_customer, new_campaign, sink: Sink
):
    for gone, channel in (("gone@mail.example", "email"), ("everywhere@mail.example", "any")):
        more = {"reason": "manual", "at": LATER, "source": "test"}
        Suppression.objects.create(channel=channel, address_key=address_key("email", gone), **more)
    first, second = new_customer(1), new_customer(2)
    run = launched(new_campaign([first, second]))
    moved_to(address)(first)
    sent(run)
    message = Message.objects.get(run=run, customer=first)
    assert (message.state, message.reason) == ("skipped" if reason else "sent", reason)
    assert {to for to, _ in sink.arrived} == {second.email, *([] if reason else [address])}


def test_service_messages_need_no_marketing_consent(new_customer, new_campaign, sink: Sink):
    sent(launched(new_campaign([new_customer(1, consent=False)], purpose="service")))
    assert sink.arrived.total() == 1


def test_the_latest_word_on_any_channel_counts(new_customer, new_campaign, sink: Sink):
    came_back, expired = new_customer(1, consent=False), new_customer(2, consent=False)
    grant_any(came_back, is_granted=True)
    grant_any(expired, is_granted=True, expires_at=LATER - timedelta(days=1))
    reach = queries.reach(new_campaign([came_back, expired]), as_of=timezone.now())
    assert reach.will_get_it == 1


def test_a_pause_holds_after_the_message_in_hand(new_customer, new_campaign, sink: Sink, monkeypatch):
    run = launched(new_campaign([new_customer(n) for n in range(20)]))
    begin, passed = worker.begin, []

    def pausing(batch, message):
        passed.append(message)
        if len(passed) == 5:
            actions.pause(run.campaign, by=BY, at=timezone.now())
        return begin(batch, message)

    monkeypatch.setattr(worker, "begin", pausing)
    worker.send_batch(run.pk)
    assert sink.arrived.total() == 4
    assert queries.progress(run).states == {"sent": 4, "queued": 16}
    actions.resume(run.campaign, by=BY, at=timezone.now())
    assert sent(run).status == RunStatus.COMPLETED and sink.arrived.total() == 20


def test_a_cancelled_run_sends_nothing_more(new_customer, new_campaign, sink: Sink):
    run = launched(new_campaign([new_customer(n) for n in range(3)]))
    actions.cancel(run.campaign, by=BY, at=timezone.now())
    assert not worker.send_batch(run.pk)
    assert queries.progress(run).states == {"cancelled": 3}


def test_a_lost_lease_hands_nothing_over(new_customer, new_campaign, sink: Sink):
    run = launched(new_campaign([new_customer(1)]))
    claim = claims.claim(run.pk)
    Message.objects.update(lease_until=LATER - timedelta(hours=1))
    assert not transitions.HAND_OVER.run(id=claim.messages[0].pk, token=claim.token)
    assert transitions.release_expired() == 1
    other = claims.claim(run.pk)
    assert not transitions.HAND_OVER.run(id=claim.messages[0].pk, token=claim.token), "the old token is worth nothing"
    assert transitions.HAND_OVER.run(id=claim.messages[0].pk, token=other.token)


def test_whoever_answers_a_message_in_doubt_has_got_it(new_customer, new_campaign, sink: Sink):
    run = sent(launched(new_campaign([new_customer(1, "dropafter-1@mail.example")])))
    message = Message.objects.get(run=run)
    assert message.state == "unknown" and run.status == RunStatus.COMPLETED
    responses.record_open(responses.answered_message(message), user_agent="x", method="GET", at=timezone.now())
    assert Message.objects.get(run=run).state == "sent"


def test_unknown_messages_are_sent_again_only_by_a_person(new_customer, new_campaign, sink: Sink):
    run = sent(launched(new_campaign([new_customer(1, "dropafter-1@mail.example")])))
    assert actions.resend_unknown(run, by=BY, at=timezone.now()) == 1
    assert Campaign.objects.get().status == CampaignStatus.SENDING
    sent(run)
    assert list(sink.arrived.values()) == [2], "the same Message-ID both times"


@pytest.mark.parametrize("status", CampaignStatus.values)
@pytest.mark.parametrize("name", ["pause", "resume", "cancel"])
def test_only_moves_of_the_table_are_made(status, name, new_campaign):
    campaign = new_campaign([])
    Campaign.objects.update(status=status)
    if name in possible(status):
        getattr(actions, name)(campaign, by=BY, at=timezone.now())
        assert campaign.status == MOVES[name].after
    else:
        with pytest.raises(MoveNotAllowed):
            getattr(actions, name)(campaign, by=BY, at=timezone.now())
        assert Campaign.objects.get().status == status


def test_approval_is_of_this_text_and_a_change_withdraws_it(new_customer, new_campaign, cast):
    from crm import access

    maija, adele = access.of_user(cast.maija), access.of_user(cast.adele)
    campaign = new_campaign([new_customer(1)])
    Campaign.objects.update(created_by=cast.maija)
    campaign.refresh_from_db()
    with pytest.raises(Exception, match="second person"):
        actions.approve(campaign, by=maija, at=timezone.now())
    actions.approve(campaign, by=adele, at=timezone.now())
    campaign.variants.filter(key="A").update(subject="Another")
    with pytest.raises(actions.ApprovalMissing):
        actions.launch(campaign, by=maija, at=timezone.now())
    actions.change_campaign(campaign, changes={"name": "New"}, by=maija, at=timezone.now())
    assert Campaign.objects.get().approved_hash == ""


def test_whoever_wrote_any_of_it_is_not_a_second_person(new_customer, new_campaign, cast):
    from crm import access

    maija, adele = access.of_user(cast.maija), access.of_user(cast.adele)
    campaign = new_campaign([new_customer(1)])
    actions.change_campaign(campaign, changes={"name": "Mine now"}, by=adele, at=timezone.now())
    with pytest.raises(Exception, match="second person"):
        actions.approve(campaign, by=adele, at=timezone.now())
    with pytest.raises(Exception, match="second person"):
        actions.approve(campaign, by=BY, at=timezone.now())
    assert queries.approval_of(actions.approve(campaign, by=maija, at=timezone.now()), at=timezone.now()).is_given


@pytest.mark.parametrize(("above", "is_needed"), [(None, False), (0, True), (2, True), (3, False)])
def test_the_firm_says_above_how_many_a_second_person_is_needed(new_customer, new_campaign, cast, above, is_needed):
    SendingRules.objects.create(approval_above=above)
    campaign = new_campaign([new_customer(n) for n in range(3)])
    if not is_needed:
        actions.launch(campaign, by=BY, at=timezone.now())
        return
    with pytest.raises(actions.ApprovalMissing):
        actions.launch(campaign, by=BY, at=timezone.now())
    with pytest.raises(actions.ApprovalMissing):
        actions.schedule(campaign, send_at=timezone.now(), by=BY, at=timezone.now())
    assert not Run.objects.exists()


def test_the_approved_people_get_it_and_nobody_who_joined_since(new_customer, new_campaign, cast, sink: Sink):
    from crm import access

    stayed, left, late = (new_customer(n) for n in range(3))
    campaign = new_campaign([stayed, left])
    actions.approve(campaign, by=access.of_user(cast.adele), at=timezone.now())
    segment = campaign.include.get()
    Membership.objects.filter(segment=segment, customer=left).update(left_at=timezone.now())
    Membership.objects.create(segment=segment, customer=late, entered_at=timezone.now(), entered_reason="added")
    assert queries.reach(campaign, as_of=timezone.now()).matches == 2
    sent(launched(campaign))
    assert {to for to, _ in sink.arrived} == {stayed.email, left.email}


CHANGED = {
    "text": lambda one: one.variants.filter(key="A").update(preheader="Another"),
    "version": lambda one: one.variants.filter(key="B").delete(),
    "sender": lambda one: Campaign.objects.filter(pk=one.pk).update(from_email="other@firm.example"),
    "hold-out": lambda one: Campaign.objects.filter(pk=one.pk).update(holdout_share="0.3"),
    "hours": lambda one: Campaign.objects.filter(pk=one.pk).update(send_weekdays="7"),
    "purpose": lambda one: Campaign.objects.filter(pk=one.pk).update(purpose="service"),
    "audience": lambda one: one.exclude.add(one.include.get()),
}


@pytest.mark.parametrize("change", CHANGED)
def test_nothing_that_was_approved_can_be_changed_behind_it(change, new_customer, new_campaign, cast):
    from crm import access

    campaign = new_campaign([new_customer(1)])
    actions.approve(campaign, by=access.of_user(cast.adele), at=timezone.now())
    CHANGED[change](campaign)
    campaign = Campaign.objects.get()
    assert queries.approval_of(campaign, at=timezone.now()).is_stale
    with pytest.raises(actions.ApprovalMissing):
        actions.launch(campaign, by=BY, at=timezone.now())


def test_a_segment_older_than_its_limit_is_not_sent_to_until_it_is_refreshed(new_campaign, new_customer):
    campaign, now = new_campaign([new_customer(1)]), timezone.now()
    everyone = {"version": 1, "where": {"everyone": True}}
    Segment.objects.update(kind="rule", rule=everyone, stale_after_minutes=60, refreshed_at=now - timedelta(minutes=61))
    with pytest.raises(actions.NotReady, match="Out of date, so not used for sending: list-autumn"):
        actions.launch(campaign, by=BY, at=now)
    Segment.objects.update(refreshed_at=now - timedelta(minutes=59))
    assert actions.launch(campaign, by=BY, at=now).pk
