"""However many campaigns want the same person, they get what the caps allow, and the more important one wins."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from campaigns import actions, queries, scheduling
from campaigns.delivery.worker import send_batch
from campaigns.models import Campaign, ContactCap, Message, Run
from chaos.sink import Sink
from tests.campaigns.conftest import BY, launched, sent

pytestmark = pytest.mark.django_db(transaction=True)


def reasons_of(run) -> Counter:
    return Counter(Message.objects.filter(run=run, state="skipped").values_list("reason", flat=True))


def age(hours: float) -> None:
    """Let that much time pass since every hand-over."""
    for message in Message.objects.exclude(handed_at=None):
        Message.objects.filter(pk=message.pk).update(handed_at=message.handed_at - timedelta(hours=hours))


def test_a_person_who_had_enough_is_passed_over_and_the_funnel_says_why(new_customer, new_campaign, sink: Sink):
    ContactCap.objects.create(at_most=2, period_hours=168)
    customers = [new_customer(n) for n in range(4)]
    for name in ("One", "Two"):
        sent(launched(new_campaign(customers[:2], name=name)))
    third = new_campaign(customers, name="Three")
    reach = queries.reach(third, as_of=timezone.now())
    assert reach.as_json()["within_caps"] == {"count": 2, "losses": {"too_many": 2}}
    run = sent(launched(third))
    assert reasons_of(run) == {"too_many": 2}
    assert (run.reach, sink.arrived.total()) == (reach.as_json(), 6)
    age(169)
    assert queries.reach(new_campaign(customers, name="Four"), as_of=timezone.now()).will_get_it == 4


def test_service_messages_are_neither_counted_nor_bounded(new_customer, new_campaign, sink: Sink):
    ContactCap.objects.create(at_most=1, period_hours=48)
    customer = new_customer(1)
    for name in ("Receipt", "Reminder"):
        sent(launched(new_campaign([customer], name=name, purpose="service")))
    sent(launched(new_campaign([customer], name="Offer")))
    sent(launched(new_campaign([customer], name="Invoice", purpose="service")))
    run = sent(launched(new_campaign([customer], name="Second offer")))
    assert sink.arrived.total() == 4
    assert reasons_of(run) == {"too_soon": 1}


def test_a_scheduled_campaign_of_higher_priority_keeps_its_turn(new_customer, new_campaign, sink: Sink):
    ContactCap.objects.create(at_most=1, period_hours=24)
    shared, alone = new_customer(1), new_customer(2)
    great = new_campaign([shared], name="Great", priority=9)
    actions.schedule(great, send_at=timezone.now() + timedelta(hours=5), by=BY, at=timezone.now())
    run = sent(launched(new_campaign([shared, alone], name="Small")))
    assert reasons_of(run) == {"outranked": 1}
    assert [to for to, _ in sink.arrived] == [alone.email]


def test_a_campaign_that_missed_its_time_keeps_no_turn(new_customer, new_campaign, sink: Sink):
    """Nobody launches it by itself any more: those it would have gone to must not wait for it for ever."""
    ContactCap.objects.create(at_most=1, period_hours=24)
    customer = new_customer(1)
    great, small = new_campaign([customer], name="Great", priority=9), new_campaign([customer], name="Small")
    actions.schedule(great, send_at=timezone.now() + timedelta(hours=1), by=BY, at=timezone.now())
    for hours_late, will_get_it in ((5, 0), (7, 1)):
        Campaign.objects.filter(pk=great.pk).update(send_at=timezone.now() - timedelta(hours=hours_late))
        Campaign.objects.filter(pk=small.pk).update(updated_at=timezone.now())  # the answer is not kept
        small.refresh_from_db()
        assert queries.reach(small, as_of=timezone.now()).will_get_it == will_get_it
    assert scheduling.was_missed(Campaign.objects.get(pk=great.pk), timezone.now())
    assert reasons_of(sent(launched(small))) == {}


def test_of_two_sealed_runs_the_more_important_wins_whoever_sends_first(new_customer, new_campaign, sink: Sink):
    ContactCap.objects.create(at_most=1, period_hours=24)
    customers = [new_customer(n) for n in range(6)]
    small = launched(new_campaign(customers, name="Small"))
    great = launched(new_campaign(customers[:4], name="Great", priority=8))
    sent(small)
    assert reasons_of(small) == {"outranked": 4}
    sent(great)
    assert queries.progress(great).states == {"sent": 4}
    assert Counter(to for to, _ in sink.arrived) == dict.fromkeys([one.email for one in customers], 1)


class Arbiter(RuleBasedStateMachine):
    """Campaigns begin, send a little, and time passes; an oracle in plain Python watches what each person got."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    @initialize()
    def empty(self) -> None:
        for model in (Message, Run):
            model.objects.all().delete()

    @rule(who=st.sets(st.integers(0, 4), min_size=1), priority=st.integers(4, 6))
    def begin(self, who: set[int], priority: int) -> None:
        self.count += 1
        people = [self.people[one] for one in sorted(who)]
        launched(self.new_campaign(people, name=f"C{next(self.names)}", priority=priority))

    @rule(at=st.integers(0, 5), size=st.integers(1, 3))
    def send(self, at: int, size: int) -> None:
        runs = list(Run.objects.filter(status="sending"))
        if runs:
            send_batch(runs[at % len(runs)].pk, size=size)

    @rule(hours=st.sampled_from([1, 12, 25, 100]))
    def wait(self, hours: int) -> None:
        age(hours)

    @invariant()
    def nobody_got_more_than_a_cap_allows(self) -> None:
        got: dict[int, list] = {}
        for customer, handed_at in Message.objects.filter(state="sent").values_list("customer", "handed_at"):
            got.setdefault(customer, []).append(handed_at)
        for moments in got.values():
            for at_most, hours in ((1, 24), (2, 72)):
                for start in moments:
                    inside = [one for one in moments if start <= one < start + timedelta(hours=hours)]
                    assert len(inside) <= at_most


def test_no_order_of_events_breaks_a_cap(new_customer, new_campaign, sink: Sink):
    ContactCap.objects.create(at_most=1, period_hours=24)
    ContactCap.objects.create(at_most=2, period_hours=72)
    Arbiter.people = [new_customer(n) for n in range(5)]
    Arbiter.new_campaign, Arbiter.names = staticmethod(new_campaign), iter(range(100_000))
    quick = settings(  # each step talks to a database and a mail server: shrinking would take minutes
        max_examples=8, stateful_step_count=14, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(Arbiter, settings=quick)
