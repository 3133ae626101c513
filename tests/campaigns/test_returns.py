"""What comes back pauses a run before mailbox providers do, and mails that come back are read as the standards say."""

import re
from email.message import EmailMessage
from io import StringIO
from mailbox import mbox

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns import actions, queries
from campaigns.content import addresses
from campaigns.delivery import health, returned
from campaigns.delivery.sweeping import sweep
from campaigns.models import Attempt, Message, ProviderEvent, Response, Run
from crm.models import Suppression
from tests.campaigns.conftest import BY, launched

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(new_customer, new_campaign, monkeypatch) -> Run:
    """Twenty messages that a server took, where ten are enough to judge by."""
    monkeypatch.setattr(health, "ENOUGH", 10)
    people = [new_customer(n, f"ok-{n}@{'a' if n < 15 else 'b'}.example") for n in range(20)]
    found = launched(new_campaign(people))
    Message.objects.filter(run=found).update(state="sent", final_at=timezone.now())
    Message.objects.filter(run=found, customer=people[-1]).update(state="queued", final_at=None)
    return found


def came_back(run: Run, kind: str, count: int, by: str = "hard") -> None:
    for one in run.messages.filter(state="sent").order_by("pk")[:count]:
        Response.objects.create(message=one, kind=kind, at=timezone.now(), source_id=f"{kind}{by}", class_reason=by)


@pytest.mark.parametrize(
    ("kind", "by", "count", "paused"),
    [
        ("bounce", "hard", 1, "too_many_hard_bounces"),
        ("bounce", "soft", 5, ""),
        ("complaint", "own_act", 1, "too_many_complaints"),
    ],
)
def test_a_run_pauses_at_the_limit_and_says_why(run, kind, by, count, paused, maija):
    came_back(run, kind, count, by)
    sweep(at=timezone.now())
    run.refresh_from_db()
    assert (run.status, run.pause_reason) == (("paused", paused) if paused else ("sending", ""))
    client = Client()
    client.force_login(maija)
    page = client.get(f"/campaigns/{run.campaign_id}/").content.decode()
    assert ("before you resume" in page) is bool(paused)
    assert "Hard bounces" in page


def test_a_person_may_let_it_go_on_and_is_asked_again_only_for_what_comes_then(run):
    came_back(run, "complaint", 1, "own_act")
    sweep(at=timezone.now())
    run.refresh_from_db()
    assert run.status == "paused" and run.resume_at is None
    actions.resume(run.campaign, by=BY, at=timezone.now())
    sweep(at=timezone.now())
    run.refresh_from_db()
    assert run.status == "sending" and run.judged_from
    assert [rate.count for rate in health.rates(run)] == [0, 0]


def test_few_sends_are_no_reason(run, monkeypatch):
    monkeypatch.setattr(health, "ENOUGH", 500)
    came_back(run, "complaint", 5, "own_act")
    sweep(at=timezone.now())
    run.refresh_from_db()
    assert run.status == "sending"


@pytest.mark.parametrize(
    ("count", "sends", "complaints", "bounces"),
    [
        (0, 1_000, "", ""),
        (1, 1_000, "warn", ""),
        (3, 1_000, "stop", ""),
        (20, 1_000, "stop", "warn"),
        (50, 1_000, "stop", "stop"),
    ],
)
def test_the_limits_are_those_of_mailbox_providers(count, sends, complaints, bounces):
    assert [health.Rate(limit, count, sends).level for limit in health.LIMITS] == [complaints, bounces]


def test_rates_are_told_per_domain_of_recipients(run, maija, django_assert_max_num_queries):
    came_back(run, "complaint", 2, "own_act")
    with django_assert_max_num_queries(2):
        found = health.by_domain(run)
    assert [(one.name, one.tried, one.complaints) for one in found] == [("a.example", 15, 2), ("b.example", 4, 0)]
    client = Client()
    client.force_login(maija)
    assert "a.example" in client.get(f"/campaigns/{run.campaign_id}/domains/").content.decode()


def dsn(message: Message, status: str = "5.1.1", action: str = "failed") -> bytes:
    """A delivery report as in RFC 3464, appendix E."""
    ours = addresses.message_id(message, "kohde.example")
    return f"""Date: Thu, 7 Jul 2026 17:16:05 -0400
From: Mail Delivery Subsystem <MAILER-DAEMON@mail.example>
Message-Id: <199407072116.RAA14128@mail.example>
To: <hello@kohde.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="RAA14128.773615765/mail.example"
Subject: Returned mail: Cannot send message for 5 days

--RAA14128.773615765/mail.example

The original message was received at Sat, 2 Jul 2026 17:10:28 -0400.

--RAA14128.773615765/mail.example
content-type: message/delivery-status

Reporting-MTA: dns; mail.example
Original-Envelope-Id: 1

Original-Recipient: rfc822;ok-1@a.example
Final-Recipient: rfc822;ok-1@a.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} as told
Last-Attempt-Date: Thu, 7 Jul 2026 17:15:49 -0400

--RAA14128.773615765/mail.example
content-type: message/rfc822

From: hello@kohde.example
To: ok-1@a.example
Message-ID: {ours}
Subject: Hello

Hello

--RAA14128.773615765/mail.example--
""".replace("\n", "\r\n").encode()


def arf(message: Message, kind: str = "abuse") -> bytes:
    """A complaint as in RFC 5965, appendix B."""
    ours = addresses.message_id(message, "kohde.example")
    return f"""From: <abusedesk@mail.example>
Date: Sun, 1 Nov 2026 17:40:36 EDT
Subject: FW: Earn money
To: <abuse@kohde.example>
Message-ID: <arf-1@mail.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="part1_13d.2e68ed54_boundary"

--part1_13d.2e68ed54_boundary
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report.

--part1_13d.2e68ed54_boundary
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1

--part1_13d.2e68ed54_boundary
Content-Type: text/rfc822-headers

From: <hello@kohde.example>
Message-ID: {ours}
Subject: Hello

--part1_13d.2e68ed54_boundary--
""".replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    ("status", "action", "kind"),
    [("5.1.1", "failed", "hard_bounce"), ("5.2.2", "failed", "soft_bounce"), ("4.4.7", "failed", "soft_bounce"),
     ("4.2.1", "delayed", "nothing"), ("2.0.0", "delivered", "delivered")],
)  # fmt: skip
def test_a_delivery_report_is_read_by_its_status(run, status, action, kind):
    message = run.messages.first()
    assert returned.take(dsn(message, status, action), at=timezone.now()) == kind
    assert Suppression.objects.filter(address_key=message.address_key).exists() is (kind == "hard_bounce")


@pytest.mark.parametrize(
    ("feedback", "kind"), [("abuse", "complaint"), ("opt-out", "unsubscribed"), ("not-spam", "nothing")]
)
def test_a_complaint_is_read_by_its_type(run, feedback, kind):
    message = run.messages.first()
    assert returned.take(arf(message, feedback), at=timezone.now()) == kind
    assert Suppression.objects.exists() is (kind != "nothing")


def test_a_report_settles_a_doubt(run):
    message = run.messages.first()
    Message.objects.filter(pk=message.pk).update(state="unknown")
    message.refresh_from_db()
    returned.take(dsn(message, "2.0.0", "delivered"), at=timezone.now())
    message.refresh_from_db()
    assert message.state == "sent"


def test_a_forged_report_and_plain_mail_do_nothing(run):
    message = run.messages.first()
    forged = dsn(message).replace(addresses.signature(message, addresses.ID).encode(), b"0" * 32)
    plain = EmailMessage()
    plain.set_content("Hello")
    for mail in (forged, plain.as_bytes(), b"", b"\xff\x00 nonsense"):
        assert returned.take(mail, at=timezone.now()) == "nothing"
    assert not Suppression.objects.exists() and not ProviderEvent.objects.exists()


def test_the_command_reads_a_mailbox_twice_and_does_it_once(run, tmp_path):
    first, second = run.messages.order_by("pk")[:2]
    box = mbox(tmp_path / "box")
    for mail in (dsn(first), arf(second)):
        box.add(mail)
    box.flush()
    told = [StringIO(), StringIO()]
    for out in told:
        call_command("read_bounces", str(tmp_path / "box"), "--json", stdout=out)
    assert '"hard_bounce": 1' in told[0].getvalue() and '"complaint": 1' in told[0].getvalue()
    assert told[1].getvalue().strip() == '{"nothing": 2}'
    assert Response.objects.count() == 2


@pytest.mark.parametrize(
    ("said", "status", "kind"),
    [
        ("smtp; 552 mailbox full, says mx.example[5.9.12.33]", "5.2.2", "soft_bounce"),
        ("smtp; 550 no such user, says mx.example[4.31.5.2]", "5.1.1", "hard_bounce"),
        ("smtp; 550 5.1.8 sender's domain not found", "5.1.8", "soft_bounce"),
        ("smtp; 554 5.6.1 no such content", "5.6.1", "soft_bounce"),
    ],
)
def test_an_address_of_a_server_is_no_code_and_only_a_missing_mailbox_is_hard(run, said, status, kind):
    message = run.messages.first()
    mail = re.sub(rb"Diagnostic-Code: .*\r\n", f"Diagnostic-Code: {said}\r\n".encode(), dsn(message, status, "failed"))
    assert returned.take(mail, at=timezone.now()) == kind


@pytest.mark.parametrize("broken", ["<[", "<>", "<a@[>"])
def test_a_report_whose_own_fields_are_broken_is_read_all_the_same(run, broken):
    message = run.messages.first()
    mail = f"Message-ID: {broken}\r\n".encode() + dsn(message).replace(
        b"Message-Id: <199407072116.RAA14128@mail.example>\r\n", b"", 1
    )
    assert returned.take(mail, at=timezone.now()) == "hard_bounce"


def test_a_run_that_is_over_is_counted_again_only_when_something_moves(run, monkeypatch):
    run.messages.filter(state="queued").update(state="unknown")
    Run.objects.filter(pk=run.pk).update(status="completed", finished_at=timezone.now())
    run.refresh_from_db()
    asked = []
    counted = queries.states_of
    monkeypatch.setattr(queries, "states_of", lambda one: asked.append(1) or counted(one))
    for _ in range(2):
        assert queries.progress(run).states == {"sent": 19, "unknown": 1}
        assert [rate.count for rate in queries.rates_of(run)] == [0, 0]
        assert [one.tried for one in queries.by_domain(run)] == [15, 5]
    assert len(asked) == 1
    came_back(run, "bounce", 1)
    assert queries.rates_of(run)[1].count == 1 and queries.by_domain(run)[0].hard == 1
    run.messages.filter(state="unknown").update(state="sent")
    assert queries.progress(run).states == {"sent": 20}, "a doubt that is settled leaves no row"
    moved = run.messages.latest("pk").customer
    moved.email, moved.updated_at = "new@c.example", timezone.now()
    moved.save()
    assert [one.name for one in queries.by_domain(run)] == ["a.example", "b.example", "c.example"]


def test_what_people_got_is_counted_again_when_more_left(run, django_assert_num_queries):
    now = timezone.now()
    assert queries.contacts(at=now, days=7) == {}
    run.messages.filter(state="sent").update(handed_at=now)
    Attempt.objects.create(message=run.messages.first(), n=1, phase="dot", started_at=now, worker="x")
    assert queries.contacts(at=now, days=7) == {1: 19}
    with django_assert_num_queries(1):
        queries.contacts(at=now, days=7)


@pytest.mark.parametrize(
    ("name", "what"), [("campaign-domains", "a.example"), ("sending-rules", "What people got in the last 7 days")]
)
def test_of_many_messages_the_page_comes_at_once_and_the_figures_after(run, client, adele, monkeypatch, name, what):
    monkeypatch.setattr("crm.answers.MANY", 1)
    client.force_login(adele)
    url = reverse(name, args=[run.campaign_id] if name == "campaign-domains" else [])
    page = client.get(url).content.decode()
    assert "The figures are being worked out" in page and what not in page
    assert what in client.get(f"{url}?figures=now").content.decode()
    assert what in client.get(url).content.decode(), "they are at hand"
