"""The reach beside a segment's size, against the judgement by which a campaign decides member by member."""

import random
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns import audience
from campaigns.models import Campaign, ContactCap, Message, Run
from crm import addresses
from crm.models import ConsentState, Customer, Suppression
from crm.rights import machine
from profiles import actions as profile_actions
from segments import actions, evaluation, ledger, queries, reaching

pytestmark = pytest.mark.django_db(transaction=True)
BY = machine("test")


@pytest.fixture
def crowd(cast):
    """200 customers with every mixture of addresses, wishes and consents, old and newer ones, by channel and in all."""
    chance, now = random.Random(3), timezone.now()
    maybe = lambda odds: chance.random() < odds  # noqa: E731
    people = Customer.objects.bulk_create(
        Customer(
            number=f"K{i}",
            email=f"k{i}@mail.example" if maybe(0.8) else "",
            restricted_at=now if maybe(0.1) else None,
            objected_at=now if maybe(0.1) else None,
            created_at=now,
            updated_at=now,
        )
        for i in range(200)
    )
    ConsentState.objects.bulk_create(
        ConsentState(
            customer=one,
            purpose="marketing",
            channel=channel,
            is_granted=maybe(0.7),
            since_at=now - timedelta(days=chance.randint(1, 9)),
            expires_at=now + timedelta(days=chance.choice([-1, 30])) if maybe(0.3) else None,
            updated_at=now,
        )
        for one in people
        for channel in ("email", "any")
        if maybe(0.7)
    )
    Suppression.objects.bulk_create(
        Suppression(
            channel=chance.choice(["email", "any"]),
            address_key=addresses.address_key("email", one.email),
            reason="manual",
            at=now,
        )
        for one in people
        if one.email and maybe(0.2)
    )
    segment = actions.create_segment(name="Crowd", kind="static", by=BY, at=now)
    actions.add_members(segment=segment, customers=[one.pk for one in people], by=BY, at=now)
    profile_actions.refresh(at=timezone.now())
    return segment


def test_who_has_had_too_much_lately_is_a_step_of_its_own_as_a_campaign_judges(crowd, cast, client) -> None:
    now = timezone.now()
    assert all(one.later == () for one in queries.reach(crowd, at=now))
    campaign = Campaign.objects.create(slug="c", name="C", seed="s", created_at=now, updated_at=now)
    campaign.include.add(crowd)
    other = Campaign.objects.create(slug="o", name="O", seed="s", created_at=now, updated_at=now)
    run = Run.objects.create(campaign=other, seed="s", content_hash="", plan={}, started_at=now, sealed_at=now)
    Message.objects.bulk_create(
        Message(
            run=run,
            customer=one,
            channel="email",
            state="sent",
            person_key=f"p{one.pk}",
            token=f"t{one.pk}",
            handed_at=now,
        )
        for one in Customer.objects.all()[:90]
    )
    ContactCap.objects.create(channel="email", at_most=1, period_hours=24)
    mail, text = queries.reach(crowd, at=now)
    judged = next(step for step in audience.reach(campaign, now).steps if step.key == "within_caps")
    assert mail.later == ((judged.label, judged.count, {"Got a message a short while ago": judged.losses[0][2]}),)
    assert 0 < judged.count < mail.not_suppressed and text.later == ()
    client.force_login(cast.maija)
    page = client.get(reverse("segment-reach", args=[crowd.slug])).content.decode()
    assert "have not had too much lately" in page.lower() and "usual priority" in page
    type(crowd).objects.update(purpose="service")
    crowd.refresh_from_db()
    assert all(one.later == () for one in queries.reach(crowd, at=now))


@pytest.mark.parametrize("purpose", ["marketing", "service"])
def test_the_reach_by_mail_is_what_a_campaign_would_judge(crowd, purpose) -> None:
    type(crowd).objects.update(purpose=purpose)
    crowd.refresh_from_db()
    now = timezone.now()
    campaign = Campaign.objects.create(name="X", channel="email", purpose=purpose, created_at=now, updated_at=now)
    campaign.include.add(crowd)
    judged = {step.key: step.count for step in audience.reach(campaign, now).steps}
    mail = queries.reach(crowd, at=now)[0]
    assert mail.matches == 200 and mail.channel == "email"
    assert dict(mail.steps) == {key: judged[key] for key in ("has_address", "consents", "not_suppressed")}
    assert 0 < mail.not_suppressed < mail.consents <= mail.has_address < 200


def test_the_consent_condition_lets_in_those_whom_a_campaign_may_write_to(crowd) -> None:
    rule = {"version": 1, "where": {"consent": "marketing", "channel": "email"}}
    from campaigns.delivery.permission import consents

    expected = consents(channel="email").values("customer").distinct().count()
    assert queries.preview(actions.check_rule(rule, by=BY), BY, as_of=timezone.now()).size == expected


def test_the_page_the_editor_and_the_api_show_it(client, maija, crowd) -> None:
    client.force_login(maija)
    reached = queries.reach(crowd, at=timezone.now())[0]
    assert "on the suppression list" in client.get(reverse("segment-reach", args=[crowd.slug])).content.decode()
    told = client.get(f"/api/v1/segments/{crowd.pk}/reach/").json()[0]
    assert told["not_suppressed"] == reached.not_suppressed
    sent = {"do": "json", "json": '{"version": 1, "where": {"feature": "has_email", "op": "is", "value": true}}'}
    page = client.post(reverse("segment-new"), sent).content.decode()
    assert f"{reached.has_address} have an address, {reached.consents} of them consent" in page


def test_a_consent_that_lapses_is_counted_out_though_the_facts_are_held(crowd) -> None:
    now, members = timezone.now(), ledger.members(crowd.pk)
    held = reaching.of_customers(members, evaluation.engine(at=now))
    assert reaching.of_customers(members, evaluation.engine(at=now)) == held
    later = reaching.of_customers(members, evaluation.engine(at=now + timedelta(days=31)))
    assert later[0].consents < held[0].consents
    reaching._held.clear()
    assert later == reaching.of_customers(members, evaluation.engine(at=now + timedelta(days=31)))
    assert held == reaching.of_customers(members, evaluation.engine(at=now))


def test_the_facts_are_read_once_for_many_questions(crowd, monkeypatch) -> None:
    now, members, read = timezone.now(), ledger.members(crowd.pk), []
    whole = reaching.read
    monkeypatch.setattr(reaching, "read", lambda engine: read.append(1) or whole(engine))
    for few in (members, members[:10], members[:0]):
        (mail, _text) = reaching.of_customers(few, evaluation.engine(at=now))
        assert mail.matches == len(few) >= mail.has_address >= mail.not_suppressed
    assert len(read) == 1
