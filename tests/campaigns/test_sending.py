"""The thread of a campaign: sealed, sent over a real SMTP server, accounted for to the last member."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from celery import current_app
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from campaigns import actions, audience, queries, tasks
from campaigns.delivery import lines, transitions
from campaigns.delivery.sweeping import complete, sweep
from campaigns.delivery.transitions import requeue_unknown
from campaigns.models import Attempt, Campaign, Message, MessageState, Run, RunStatus, SendingRules
from campaigns.tasks import sweep_campaigns
from chaos.sink import Sink
from crm import access
from crm.models import ConsentState, Suppression
from crm.refusals import NotPossibleNow, Refused
from tests.campaigns.conftest import BY, HTML, launched, sent

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_member_of_the_audience_ends_in_one_state(new_customer, new_campaign, sink: Sink):
    customers = [new_customer(n) for n in range(40)]
    customers += [new_customer(100 + n, f"5xx-{n}@mail.example") for n in range(3)]
    customers += [new_customer(200 + n, f"4xx-{n}@mail.example") for n in range(2)]
    customers += [new_customer(300, "ok-1@mail.example"), new_customer(301, ""), new_customer(302, consent=False)]
    customers += [new_customer(400 + n, f"dropafter-{n}@mail.example") for n in range(2)]
    customers += [new_customer(500, "57x-1@mail.example"), new_customer(600, "dropbefore-1@mail.example")]
    run = sent(launched(new_campaign(customers)))
    progress = queries.progress(run)
    assert progress.is_accounted_for
    assert progress.states == {"sent": 40, "failed": 4, "deferred": 3, "skipped": 3, "unknown": 2}
    assert queries.losses(run) == {"no_mailbox": 3, "refused": 1, "same_address": 1, "no_address": 1, "no_consent": 1}
    assert run.status == RunStatus.SENDING, "two are still to be tried again"
    assert max(sink.arrived.values()) == 1
    assert {to for to, _ in sink.arrived} >= set(addresses(run, MessageState.SENT))
    assert Suppression.objects.count() == 3, "only mailboxes that do not exist"
    assert Attempt.objects.filter(message__run=run).count() == 40 + 4 + 3 + 2


def test_a_text_that_cannot_be_filled_in_stops_the_run_instead_of_failing_everybody(new_customer, new_campaign, sink):
    """`divided_by` a field that is zero fails: found with the first readers, not after the last."""
    html = "<p>{{ 10 | divided_by: customer.city }}</p>"
    customers = [new_customer(n, city="0" if n != 3 else "5") for n in range(40)]
    run = sent(launched(new_campaign(customers, variants=[{"key": "A", "subject": "Hi", "html": html}])))
    assert (run.status, run.pause_reason, run.resume_at) == (RunStatus.PAUSED, "not_rendered", None)
    assert queries.progress(run).states == {"failed": 13, "sent": 1, "queued": 26}
    actions.resume(Campaign.objects.get(), by=BY, at=timezone.now())
    assert queries.progress(sent(run)).states == {"failed": 23, "sent": 1, "queued": 16}


def addresses(run, state):
    return Message.objects.filter(run=run, state=state).values_list("customer__email", flat=True)


def test_a_letter_is_personal_and_can_be_left_in_one_click(new_customer, new_campaign, sink: Sink):
    run = sent(launched(new_campaign([new_customer(1, "ok-a@mail.example", first_name="Aino {{7*7}} <b>")])))
    assert run.status == RunStatus.COMPLETED
    mail = message_from_bytes(sink.bodies["ok-a@mail.example"], policy=policy.default)
    html, text = (mail.get_body((kind,)).get_content() for kind in ("html", "plain"))
    assert mail["Subject"].endswith("for Aino {{7*7}} <b>")
    assert "Hello Aino {{7*7}} &lt;b&gt;" in html
    assert 'style="color: #123456;"' in html
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Unsubscribe"].strip().startswith("<http") and "/u/" in mail["List-Unsubscribe"]
    assert "shop.example" not in html, "links lead through the counter"
    assert "/o/" not in html, "no pixel without consent to tracking"
    assert "Hello Aino {{7*7}} <b>" in text and "/c/" in text and "/u/" in text


def test_arms_are_balanced_and_the_hold_out_gets_nothing(new_customer, new_campaign, sink: Sink):
    run = sent(launched(new_campaign([new_customer(n) for n in range(100)], holdout_share="0.2")))
    arms = Counter(Message.objects.filter(run=run).values_list("variant__key", "state"))
    assert arms == {("A", "sent"): 40, ("B", "sent"): 40, (None, "held_out"): 20}
    assert sink.arrived.total() == 80


def test_a_server_that_refuses_everybody_pauses_the_run_and_blames_nobody(new_customer, new_campaign, sink: Sink):
    sink.refuse_all = "503 5.5.1 say hello first"
    run = launched(new_campaign([new_customer(n) for n in range(10)]))
    sent(run)
    progress = queries.progress(run)
    assert progress.states == {"queued": 10}
    assert run.status == RunStatus.PAUSED
    assert "503" in progress.pause_reason
    assert progress.resume_at is not None


def test_a_relay_that_denies_everybody_pauses_the_run_and_blames_nobody(new_customer, new_campaign, sink: Sink):
    run = launched(new_campaign([new_customer(n, f"57x-{n}@mail.example") for n in range(15)]))
    sent(run)
    progress = queries.progress(run)
    assert progress.states == {"queued": 15}
    assert run.status == RunStatus.PAUSED
    assert "554 5.7.1" in progress.pause_reason
    assert not Attempt.objects.exists()


def test_a_few_refusals_by_policy_are_the_recipients_own(new_customer, new_campaign, sink: Sink):
    refused = [new_customer(n, f"57x-{n}@mail.example") for n in range(9)]
    run = sent(launched(new_campaign([*refused, new_customer(100)])))
    assert queries.progress(run).states == {"failed": 9, "sent": 1}
    assert run.status == RunStatus.COMPLETED


@pytest.fixture
def at_once():
    """Tasks are carried out where they are called."""
    current_app.conf.task_always_eager = True
    yield
    current_app.conf.task_always_eager = False


def test_a_scheduled_campaign_leaves_by_the_sweep_in_its_time(new_customer, new_campaign, sink: Sink, at_once):
    campaign = new_campaign([new_customer(n) for n in range(5)])
    actions.schedule(campaign, send_at=timezone.now() + timedelta(hours=1), by=BY, at=timezone.now())
    sweep_campaigns()
    assert not Run.objects.exists(), "not yet"
    Campaign.objects.filter(pk=campaign.pk).update(send_at=timezone.now() - timedelta(seconds=1))
    for _ in range(3):
        sweep_campaigns()
    run = Run.objects.get()
    assert (run.status, sink.arrived.total()) == (RunStatus.COMPLETED, 5)
    assert queries.progress(run).states == {"sent": 5}


@pytest.mark.parametrize(("rows", "status"), [(3, RunStatus.SENDING), (2, RunStatus.INCOMPLETE)])
def test_the_last_message_may_leave_while_the_run_is_being_closed(
    new_customer, new_campaign, monkeypatch: pytest.MonkeyPatch, rows: int, status: str
):
    """Another worker ends the last open row between the two questions: only lost rows make a run incomplete."""
    run = launched(new_campaign([new_customer(n) for n in range(3)]))
    Message.objects.filter(pk__in=list(Message.objects.filter(run=run).values_list("pk", flat=True)[rows:])).delete()
    ask = QuerySet.update

    def and_then_the_last_leaves(self: QuerySet, **values):
        found = ask(self, **values)
        monkeypatch.setattr(QuerySet, "update", ask)
        Message.objects.filter(run=run).update(state=MessageState.SENT)
        return found

    monkeypatch.setattr(QuerySet, "update", and_then_the_last_leaves)
    complete(run.pk, at=timezone.now())
    run.refresh_from_db()
    assert run.status == status


def test_a_run_is_not_closed_while_somebody_puts_rows_back_into_it(new_customer, new_campaign):
    run = launched(new_campaign([new_customer(n) for n in range(3)]))
    Message.objects.filter(run=run).update(state=MessageState.UNKNOWN)

    def close() -> bool:
        try:
            return complete(run.pk, at=timezone.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert requeue_unknown(run.pk) == 3
            if connection.vendor == "postgresql":  # SQLite in memory lets nobody in meanwhile
                closing = pool.submit(close)
                assert not wait([closing], timeout=0.3).done
        if connection.vendor == "sqlite":
            closing = pool.submit(close)
        assert closing.result() is False
    run.refresh_from_db()
    assert run.status == RunStatus.SENDING and queries.progress(run).states == {"queued": 3}


def test_what_was_in_hand_at_the_cancelling_ends_as_well(new_customer, new_campaign):
    campaign = new_campaign([new_customer(n) for n in range(3)])
    run = launched(campaign)
    put_off, taken_back = run.messages.order_by("pk")[:2]
    run.messages.filter(pk__in=(put_off.pk, taken_back.pk)).update(
        state="handing", lease_token="mine", lease_until=timezone.now() + timedelta(minutes=9)
    )
    actions.cancel(campaign, by=BY, at=timezone.now())
    told = {"reason": "try_later", "code": "450", "attempts": 1, "delay": timedelta(minutes=1)}
    assert transitions.DEFER.run(id=put_off.pk, token="mine", **told)
    assert transitions.TAKE_BACK.run(id=taken_back.pk, token="mine")
    assert transitions.RELEASE.run(id=taken_back.pk, token="mine")
    sweep(at=timezone.now())
    assert queries.progress(run).states == {"cancelled": 3}


def test_a_doubt_of_a_cancelled_run_is_not_sent_again(new_customer, new_campaign):
    campaign = new_campaign([new_customer(1)])
    run = launched(campaign)
    run.messages.update(state=MessageState.UNKNOWN)
    actions.cancel(campaign, by=BY, at=timezone.now())
    with pytest.raises(NotPossibleNow):
        actions.resend_unknown(run, by=BY, at=timezone.now())
    assert queries.progress(run).states == {"unknown": 1}


def test_a_sender_whose_domain_is_not_ascii_is_sent_from(new_customer, new_campaign, sink: Sink):
    run = sent(launched(new_campaign([new_customer(1)], from_name="Ääni", from_email="hei@ääni.example")))
    assert queries.progress(run).states == {"sent": 1}


def test_a_letter_that_cannot_travel_holds_up_nobody(new_customer, new_campaign, sink: Sink, monkeypatch):
    write = lines.written

    def refusing(mail):
        if "ok-1@" in mail.to[0]:
            raise UnicodeEncodeError("utf-8", "x", 0, 1, "surrogates not allowed")
        return write(mail)

    monkeypatch.setattr(lines, "written", refusing)
    run = sent(launched(new_campaign([new_customer(n) for n in range(3)])))
    assert queries.progress(run).states == {"sent": 2, "failed": 1}
    assert queries.losses(run) == {"not_rendered": 1}


def test_what_fails_in_the_sweep_does_not_keep_the_rest_from_being_sent(
    new_customer, new_campaign, sink: Sink, at_once, monkeypatch
):
    run = launched(new_campaign([new_customer(1)]))
    monkeypatch.setattr(tasks.waves, "open_due", lambda *_a, **_k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        sweep_campaigns()
    assert queries.progress(run).states == {"sent": 1}


def test_a_sealing_lets_the_database_know_how_much_sending_will_ask(new_customer, new_campaign):
    """PostgreSQL, where nobody vacuums yet, took 0.1 s for each message: it believed that there are no consents."""
    launched(new_campaign([new_customer(n) for n in range(150)]))
    if connection.vendor == "postgresql":
        with connection.cursor() as asked:
            asked.execute("SELECT reltuples FROM pg_class WHERE oid = 'crm_consentstate'::regclass")
            assert asked.fetchone()[0] >= 150
    assert ConsentState in audience.READ


def test_a_run_is_over_with_its_last_message_and_not_before(new_customer, new_campaign, sink: Sink, at_once):
    put_off = launched(new_campaign([new_customer(1), new_customer(2, "4xx-1@mail.example")]))
    whole = launched(new_campaign([new_customer(3)], "Winter"))
    for run in (put_off, whole):
        tasks.send_messages(run.pk)
        run.refresh_from_db()
    assert (put_off.status, whole.status) == (RunStatus.SENDING, RunStatus.COMPLETED)
    assert Campaign.objects.get(pk=whole.campaign_id).status == "finished"


def test_a_change_that_comes_between_is_not_launched_unseen(new_customer, new_campaign, maija):
    """The checks are made on what stands there once nobody can change it any more."""
    SendingRules.objects.create(approval_above=0)
    campaign = new_campaign([new_customer(1)])
    actions.approve(campaign, by=access.of_user(maija), at=timezone.now())
    held = Campaign.objects.get(pk=campaign.pk)
    actions.change_campaign(Campaign.objects.get(pk=campaign.pk), changes={"from_name": "X"}, by=BY, at=timezone.now())
    with pytest.raises(actions.ApprovalMissing):
        actions.launch(held, by=BY, at=timezone.now())
    assert Campaign.objects.get(pk=campaign.pk).status == "draft"


@pytest.mark.parametrize("key", ["held out", "wave 2", "", "ä"])
def test_a_version_is_not_called_as_an_arm_of_ours(new_customer, new_campaign, key: str):
    with pytest.raises(Refused):
        new_campaign([new_customer(1)], variants=[{"key": key, "subject": "s", "html": HTML}])
