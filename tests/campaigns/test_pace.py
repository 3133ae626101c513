"""How fast, at what hours, and when to stop: rates hold for all workers together, hours are the recipient's."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from campaigns import actions, queries
from campaigns.delivery import rates
from campaigns.delivery.claims import claim
from campaigns.delivery.hours import Hours, opens_at
from campaigns.delivery.sweeping import sweep
from campaigns.delivery.worker import send_batch
from campaigns.models import Message, Run, RunStatus, SendingRate, SendingRules
from campaigns.sealing import seal
from chaos.sink import Sink
from crm.models import Suppression
from tests.campaigns.conftest import BY, launched, sent

pytestmark = pytest.mark.django_db(transaction=True)
ZONES = ("Europe/Helsinki", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo", "UTC")
clocks = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
spans = st.none() | st.tuples(clocks, clocks)


def is_within(clock: time, span: tuple[time, time]) -> bool:
    """Walk the clock minute by minute from the beginning of the span to its end."""
    minute, end = (one.hour * 60 + one.minute for one in span)
    while minute % 1440 != end:
        if minute % 1440 == clock.hour * 60 + clock.minute:
            return True
        minute += 1
    return False


@given(
    st.integers(0, 6 * 365 * 1440).map(lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)),
    st.sampled_from(ZONES),
    spans,
    spans,
    st.sets(st.integers(1, 7), min_size=1),
)
def test_a_message_waits_for_the_first_minute_that_is_allowed_where_its_reader_lives(at, zone, quiet, window, days):
    there = ZoneInfo(zone)
    found = opens_at(Hours(quiet, window, frozenset(days)), at, there)

    def allowed(moment: datetime) -> bool:
        local = moment.astimezone(there)
        in_window = window is None or is_within(local.time(), window)
        in_quiet = quiet is not None and is_within(local.time(), quiet)
        return local.isoweekday() in days and in_window and not in_quiet

    later = (
        at + timedelta(minutes=minute)
        for minute in range(0, 8 * 1440, 1 if found and found - at < timedelta(days=1) else 7)
    )
    first = next((one for one in later if allowed(one)), None)
    if found is None:
        assert first is None
    else:
        assert allowed(found)
        assert first is None or found <= first


@given(st.lists(st.tuples(st.floats(0, 90), st.integers(1, 40)), max_size=30), st.integers(1, 600), st.integers(1, 50))
def test_no_stretch_of_time_lets_more_through_than_the_rate_and_one_burst(asks, per_minute, burst):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    row = SendingRate(channel="email", per_minute=per_minute, burst=burst)
    passed: list[tuple[datetime, int]] = []
    for seconds, wanted in asks:
        now += timedelta(seconds=seconds)
        row.tokens = rates.refilled(row.tokens, row.filled_at, now, per_minute=per_minute, burst=burst)
        allowed = rates.Allowance({"": row}, now, Counter())
        passed.append((now, sum(allowed.take("a@b.example") for _ in range(wanted))))
        row.tokens, row.filled_at = row.tokens - allowed.taken[""], now
    for place, (start, _) in enumerate(passed):
        total = 0
        for moment, count in passed[place:]:
            total += count
            assert total <= burst + (moment - start).total_seconds() * per_minute / 60 + 1e-6


def test_workers_share_one_rate(new_customer, new_campaign, sink: Sink):
    SendingRate.objects.create(channel="email", per_minute=1, burst=20)
    run = launched(new_campaign([new_customer(n) for n in range(60)]))

    def take(_: int) -> int:
        try:
            return len(claim(run.pk, size=7).messages)
        finally:
            connection.close()

    at_once = 6 if connection.vendor == "postgresql" else 1  # SQLite in memory lets one in at a time
    with ThreadPoolExecutor(at_once) as pool:
        assert sum(pool.map(take, range(12))) == 20
    assert Message.objects.filter(run=run, state="leased").count() == 20


def test_a_slow_domain_holds_up_nobody_else_and_leaves_as_its_bucket_fills(new_customer, new_campaign, sink: Sink):
    SendingRate.objects.create(channel="email", domain="slow.example", per_minute=6, burst=3)
    customers = [new_customer(n, f"ok-{n}@slow.example") for n in range(10)] + [new_customer(100 + n) for n in range(5)]
    run = sent(launched(new_campaign(customers)))
    assert Counter(to.partition("@")[2] for to, _ in sink.arrived) == {"slow.example": 3, "mail.example": 5}
    assert queries.progress(run).states == {"sent": 8, "queued": 7}
    assert rates.book_return(run.pk) is not None
    assert rates.book_return(run.pk) is None, "one worker comes back, not each that asked"
    SendingRate.objects.update(filled_at=timezone.now() - timedelta(seconds=20))
    sent(run)
    assert sink.arrived.total() == 10, "two more in twenty seconds"


def test_whom_it_is_night_for_waits_until_the_morning_there(new_customer, new_campaign, sink: Sink):
    now = timezone.now()
    here = now.astimezone(ZoneInfo("Europe/Helsinki"))
    begins, ends = ((here + timedelta(hours=hours)).time().replace(second=0, microsecond=0) for hours in (-1, 2))
    SendingRules.objects.create(quiet_from=begins, quiet_until=ends)
    sleeper, other = new_customer(1), new_customer(2, time_zone="Pacific/Kiritimati")
    run = sent(launched(new_campaign([sleeper, other])))
    assert [to for to, _ in sink.arrived] == ["ok-2@mail.example"]
    waiting = Message.objects.get(run=run, customer=sleeper)
    assert (waiting.state, waiting.reason, waiting.attempts) == ("deferred", "quiet_hours", 0)
    assert waiting.next_at.astimezone(ZoneInfo("Europe/Helsinki")).time() == ends
    assert now < waiting.next_at <= now + timedelta(hours=2, minutes=1)


def test_service_messages_know_no_quiet_hours_and_a_campaigns_window_is_its_own(new_customer, new_campaign, sink: Sink):
    SendingRules.objects.create(quiet_from=time(0), quiet_until=time(23, 59))
    sent(launched(new_campaign([new_customer(1)], purpose="service")))
    assert sink.arrived.total() == 1
    tomorrow = str((timezone.now().astimezone(ZoneInfo("Europe/Helsinki")) + timedelta(days=1)).isoweekday())
    run = sent(launched(new_campaign([new_customer(2)], name="Later", purpose="service", send_weekdays=tomorrow)))
    assert queries.progress(run).states == {"deferred": 1}


def test_pause_stops_within_one_message_and_resume_goes_on(new_customer, new_campaign, sink: Sink):
    campaign = new_campaign([new_customer(n) for n in range(30)])
    run = launched(campaign)

    def pause(count: int) -> None:
        if count == 5:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(paused, campaign).result()

    sink.after_each = pause
    send_batch(run.pk)
    assert sink.arrived.total() == 5
    assert queries.progress(run).states == {"sent": 5, "queued": 25}
    actions.resume(campaign, by=BY, at=timezone.now())
    sent(run)
    assert (sink.arrived.total(), max(sink.arrived.values())) == (30, 1)


def paused(campaign) -> None:
    try:
        actions.pause(campaign, by=BY, at=timezone.now())
    finally:
        connection.close()


def test_what_waits_past_its_days_expires_and_only_what_a_person_asks_for_is_sent(
    client, maija, new_customer, new_campaign, sink: Sink
):
    """An offer that was paused for weeks is not sent as if it were new; nobody is lost from the account by it."""
    run = launched(new_campaign([new_customer(n) for n in range(4)], window_days=3))
    first = Message.objects.filter(run=run).first()
    Message.objects.filter(pk=first.pk).update(state="unknown", attempts=1, reason="connection_broke")
    actions.pause(run.campaign, by=BY, at=timezone.now())
    Run.objects.filter(pk=run.pk).update(sealed_at=timezone.now() - timedelta(days=4))
    client.force_login(maija)
    assert "Its days are over" in client.get(f"/campaigns/{run.campaign_id}/").content.decode()
    actions.resume(run.campaign, by=BY, at=timezone.now())
    actions.resend_unknown(run, by=BY, at=timezone.now())
    run = sent(Run.objects.get(pk=run.pk))
    assert queries.progress(run).states == {"expired": 3, "sent": 1} and run.status == RunStatus.COMPLETED
    assert [to for to, _ in sink.arrived] == [first.customer.email]
    assert queries.progress(run).is_accounted_for
    page = client.get(f"/campaigns/{run.campaign_id}/report/").content.decode()
    assert "Too late to be sent" in page and "The days in which it counts were over" in page


def test_a_run_told_of_the_past_is_sent_as_of_then(new_customer, new_campaign, sink: Sink):
    """The demo's campaign of three weeks ago: its days are over now, and were not when it left."""
    then = timezone.now() - timedelta(days=21)
    run = launched(new_campaign([new_customer(n) for n in range(3)], window_days=7))
    Run.objects.filter(pk=run.pk).update(sealed_at=then, started_at=then)
    actions.carry_out(run.pk, at=then)
    assert queries.progress(Run.objects.get(pk=run.pk)).states == {"sent": 3} and sink.arrived.total() == 3


def test_one_connection_carries_a_hundred_messages(new_customer, new_campaign, sink: Sink):
    sent(launched(new_campaign([new_customer(n) for n in range(150)])))
    assert (sink.arrived.total(), sink.conversations) == (150, 2)


@pytest.mark.parametrize(
    "reply", ["554 5.7.1 looks like spam", "554 transaction failed", "550 5.7.26 not authenticated"]
)
@pytest.mark.parametrize("size", [3, 200])
def test_a_server_that_refuses_every_text_pauses_the_run_and_blames_nobody(
    new_customer, new_campaign, sink: Sink, reply, size
):
    sink.refuse_data = reply
    run = launched(new_campaign([new_customer(n) for n in range(14)]))
    for _ in range(6):
        send_batch(run.pk, size=size)
    run.refresh_from_db()
    assert run.status == RunStatus.PAUSED
    assert queries.progress(run).states == {"queued": 14}
    assert not Suppression.objects.exists()


def test_a_server_that_turns_against_us_in_mid_run_harms_fewer_than_ten(new_customer, new_campaign, sink: Sink):
    run = launched(new_campaign([new_customer(n) for n in range(60)]))
    sink.after_each = lambda count: setattr(sink, "refuse_data", "554 5.7.1 blocked" if count == 20 else "")
    for _ in range(12):
        send_batch(run.pk, size=4)
    run.refresh_from_db()
    states = queries.progress(run).states
    assert run.status == RunStatus.PAUSED
    assert states["sent"] == 20 and states.get("failed", 0) < 10
    assert states["sent"] + states["queued"] + states.get("failed", 0) == 60


def test_a_server_that_knows_no_mailbox_suppresses_nobody(new_customer, new_campaign, sink: Sink):
    run = launched(new_campaign([new_customer(n, f"5xx-{n}@mail.example") for n in range(30)]))
    send_batch(run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.PAUSED
    assert queries.progress(run).states == {"queued": 30}
    assert not Suppression.objects.exists()


def test_a_run_that_lost_rows_says_so_and_one_call_mends_it(new_customer, new_campaign, sink: Sink):
    run = launched(new_campaign([new_customer(n) for n in range(12)]))
    Message.objects.filter(run=run, customer__number__in=("N3", "N7")).delete()
    sent(run)
    assert run.status == RunStatus.INCOMPLETE
    assert {one.number for one in queries.missing(run, BY)} == {"N3", "N7"}
    actions.mend(run, by=BY, at=timezone.now())
    seal(run.pk, at=timezone.now())
    sent(run)
    run.refresh_from_db()
    assert (run.status, run.expected) == (RunStatus.COMPLETED, 12)
    assert (sink.arrived.total(), max(sink.arrived.values())) == (12, 1)
    sweep(at=timezone.now())
    assert Run.objects.get().status == RunStatus.COMPLETED
