"""Events of mail providers, in the providers' own words: believed only when signed, done once, and by class."""

import base64
import hashlib
import hmac
import json
import random
import time
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from campaigns import responses
from campaigns.content import addresses
from campaigns.delivery import health, lines, returned
from campaigns.delivery.worker import send_batch
from campaigns.models import Message, ProviderEvent, Response, RunStatus
from chaos.sink import Sink
from crm.models import ConsentState, Suppression
from tests.campaigns.conftest import launched, sent
from tests.campaigns.test_returns import dsn

pytestmark = pytest.mark.django_db(transaction=True)
KEY, SECRET = "a signing key", "hook:secret"


@pytest.fixture(autouse=True)
def provider(settings):
    settings.ANYMAIL = {"WEBHOOK_SECRET": SECRET, "MAILGUN_WEBHOOK_SIGNING_KEY": KEY}


@pytest.fixture
def message(new_customer, new_campaign, sink: Sink):
    return sent(launched(new_campaign([new_customer(1)]))).messages.get()


def post(client: Client, provider: str, body: dict, secret: str = SECRET):
    word = base64.b64encode(secret.encode()).decode()
    headers = {"Authorization": f"Basic {word}"}
    return client.post(f"/hooks/mail/{provider}/", json.dumps(body), "application/json", headers=headers).status_code


def postmark(message, kind="HardBounce", n=901542550, **values) -> dict:
    """A bounce as Postmark posts it (postmarkapp.com/developer/webhooks/bounce-webhook)."""
    return {
        "RecordType": "Bounce",
        "ID": n,
        "Type": kind,
        "TypeCode": 1,
        "Name": "Hard bounce",
        "MessageID": "2706ee8a-737c-4285-b032-ccd317af53ed",
        "Metadata": {"kohde": addresses.token(message, addresses.ID)},
        "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
        "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
        "Email": "ok-1@mail.example",
        "From": "sender@firm.example",
        "BouncedAt": "2026-11-21T13:28:10.8370000Z",
        "DumpAvailable": True,
        "Inactive": True,
        "CanActivate": True,
        "Subject": "Hello",
        **values,
    }


def mailgun(message, event="complained", n="CPgfbmQMTCKtHW6uIWtuVe", **values) -> dict:
    """An event as Mailgun posts it (documentation.mailgun.com, webhook payload), signed with our key."""
    stamp, token = str(int(time.time())), hashlib.sha256(n.encode()).hexdigest()  # each event has a token of its own
    signature = hmac.new(KEY.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    return {
        "signature": {"timestamp": stamp, "token": token, "signature": signature},
        "event-data": {
            "event": event,
            "id": n,
            "timestamp": time.time() - 60,
            "recipient": "ok-1@mail.example",
            "user-variables": {"kohde": addresses.token(message, addresses.ID)},
            "message": {"headers": {"message-id": "20260101@mg.example", "to": "ok-1@mail.example"}},
            "flags": {"is-test-mode": False},
            **values,
        },
    }


def test_a_hard_bounce_suppresses_once_however_often_it_comes(client: Client, message):
    for _ in range(20):
        assert post(client, "postmark", postmark(message)) == 200
    assert Suppression.objects.get().reason == "hard_bounce"
    assert (Response.objects.filter(kind="bounce").count(), ProviderEvent.objects.count()) == (1, 1)


SOFT = {"Type": "SoftBounce", "Details": "smtp;452 4.2.2 mailbox full", "Description": "mailbox is full"}


def test_a_soft_bounce_suppresses_nobody_until_it_is_the_fifth_message_in_a_row(
    client: Client, new_customer, new_campaign, sink: Sink
):
    customer = new_customer(1)
    for number in range(5):
        assert not Suppression.objects.exists()
        message = sent(launched(new_campaign([customer], name=f"C{number}"))).messages.get()
        assert post(client, "postmark", postmark(message, n=number, **SOFT)) == 200
    assert Suppression.objects.get().reason == "soft_bounces"


def test_a_blocked_sender_is_our_trouble_and_not_the_mailboxs(client: Client, message):
    blocked = {"Type": "HardBounce", "Details": "smtp;550 5.7.1 message rejected as spam by policy"}
    assert post(client, "postmark", postmark(message, **blocked)) == 200
    assert not Suppression.objects.exists()
    assert Response.objects.get(kind="bounce").class_reason == "soft"


def test_complaints_and_leaving_at_the_provider_are_heard(client: Client, message, new_customer, new_campaign):
    assert post(client, "mailgun", mailgun(message)) == 200
    assert Suppression.objects.get().reason == "complaint"
    other = sent(launched(new_campaign([new_customer(2)], name="Other"))).messages.get()
    assert post(client, "mailgun", mailgun(other, "unsubscribed", n="x2")) == 200
    assert not ConsentState.objects.get(customer=other.customer).is_granted


def test_a_replay_does_not_send_away_who_came_back(client: Client, message):
    body = mailgun(message, "unsubscribed")
    assert post(client, "mailgun", body) == 200
    ConsentState.objects.update(is_granted=True, since_at=timezone.now())
    Suppression.objects.all().delete()
    assert post(client, "mailgun", body) == 200
    assert ConsentState.objects.get().is_granted and not Suppression.objects.exists()


TOLD = {
    "delivered": lambda message: ("mailgun", mailgun(message, "delivered", n="d1")),
    "opened": lambda message: ("mailgun", mailgun(message, "opened", n="o1")),
    "full": lambda message: ("postmark", postmark(message, n=1, **SOFT)),
    "gone": lambda message: ("postmark", postmark(message, n=2)),
    "complained": lambda message: ("mailgun", mailgun(message, n="c1")),
    "left": lambda message: ("mailgun", mailgun(message, "unsubscribed", n="u1")),
}


def standing(message) -> dict:
    """What is known of a message and its recipient, but which of the reasons to write no more was heard first."""
    message.refresh_from_db()
    return {
        "responses": sorted(Response.objects.values_list("kind", "by_class", "class_reason")),
        "did": message.did,
        "state": message.state,
        "suppressed": Suppression.objects.filter(address_key=message.address_key).count(),
        "consent": ConsentState.objects.get(purpose="marketing").is_granted,
    }


@pytest.mark.parametrize("seed", range(4))
def test_events_out_of_order_and_again_come_to_the_same_and_suppress_for_good(client: Client, message, seed):
    """Nothing that is told later, or once more, takes a suppression off or counts twice."""
    draw, words = random.Random(seed), list(TOLD)
    draw.shuffle(words)
    barred = False
    for word in [*words, *draw.choices(words, k=8)]:
        assert post(client, *TOLD[word](message)) == 200
        now = Suppression.objects.exists()
        assert now or not barred
        barred = now
    assert standing(message) == {
        "responses": [
            ("bounce", "machine", "hard"),
            ("bounce", "machine", "soft"),
            ("complaint", "human", "own_act"),
            ("unsubscribe", "human", "own_act"),
        ],
        "did": sum(1 << place for place in (7, 8, 9, 10, 11)),
        "state": "sent",
        "suppressed": 1,
        "consent": False,
    }
    assert ProviderEvent.objects.count() == len(TOLD)


def test_one_bounce_told_by_the_provider_and_by_mail_is_one_person_who_was_lost(client: Client, message):
    assert post(client, "postmark", postmark(message)) == 200
    assert returned.take(dsn(message), at=timezone.now()) == "hard_bounce"
    assert [(one.name, one.hard) for one in health.by_domain(message.run)] == [("mail.example", 1)]
    assert health.rates(message.run)[1].count == 1 and Suppression.objects.count() == 1


def test_leaving_that_is_told_after_the_person_came_back_bars_nobody(client: Client, message):
    """The event is an hour old when it arrives, and half an hour ago they signed up again."""
    ConsentState.objects.update(since_at=timezone.now() - timedelta(minutes=30))
    assert post(client, "mailgun", mailgun(message, "unsubscribed", timestamp=time.time() - 3600)) == 200
    assert Response.objects.get().kind == "unsubscribe"
    assert ConsentState.objects.get().is_granted and not Suppression.objects.exists()


@pytest.mark.parametrize(("word", "comes_back"), [("complained", False), ("gone", False), ("full", True)])
def test_who_left_and_then_complained_or_is_gone_is_not_taken_off_the_list_by_coming_back(
    client: Client, message, word, comes_back
):
    for one in ("left", word):
        assert post(client, *TOLD[one](message)) == 200
    assert Suppression.objects.get().reason == "unsubscribed"
    responses.lift_own_unsubscription(message, at=timezone.now())
    assert Suppression.objects.exists() is not comes_back


def test_an_event_of_one_message_does_nothing_to_another(client: Client, message, new_customer, new_campaign):
    """The key is signed for its message: another number before it, or another message's key, is nobody's."""
    other = sent(launched(new_campaign([new_customer(2)], name="Other"))).messages.get()
    key = addresses.token(message, addresses.ID).partition("-")[2]
    assert post(client, "postmark", postmark(message, Metadata={"kohde": f"{other.pk}-{key}"})) == 200
    opener = addresses.token(other, addresses.OPEN)
    assert post(client, "postmark", postmark(message, n=3, Metadata={"kohde": opener})) == 200
    assert not Suppression.objects.exists() and not Response.objects.exists()


def test_a_delivery_settles_a_doubt(client: Client, message):
    Message.objects.update(state="unknown")
    assert post(client, "mailgun", mailgun(message, "delivered")) == 200
    assert Message.objects.get().state == "sent"


def test_nobody_is_believed_without_secret_signature_and_message_key(client: Client, message, settings):
    assert post(client, "postmark", postmark(message), secret="hook:wrong") == 401
    forged = mailgun(message)
    forged["signature"]["signature"] = "0" * 64
    assert post(client, "mailgun", forged) == 401
    for metadata in ({"kohde": f"{message.pk}-{'0' * 32}"}, {}, {"kohde": "nonsense"}):
        assert post(client, "postmark", postmark(message, Metadata=metadata)) == 200
    settings.ANYMAIL = {}
    assert post(client, "postmark", postmark(message)) == 404
    assert post(client, "nobody", {}) == 404
    assert not Suppression.objects.exists() and not ProviderEvent.objects.exists()


@pytest.mark.parametrize("body", ["[]", "3", "null", "{", '{"RecordType": 3}', '"x"', '{"RecordType":"Bounce"}'])
def test_nonsense_is_refused_and_changes_nothing(client: Client, body, message):
    word = base64.b64encode(SECRET.encode()).decode()
    headers = {"Authorization": f"Basic {word}"}
    answer = client.post("/hooks/mail/postmark/", body, "application/json", headers=headers)
    assert answer.status_code in (200, 400)
    assert not ProviderEvent.objects.exists()


def test_mail_through_a_provider_carries_the_key_of_its_message(new_customer, new_campaign, settings):
    settings.EMAIL_BACKEND = "anymail.backends.test.EmailBackend"
    run = sent(launched(new_campaign([new_customer(1)])))
    message = run.messages.get()
    assert message.state == "sent"
    assert mail.outbox[0].anymail_test_params["metadata"] == {"kohde": addresses.token(message, addresses.ID)}


@pytest.mark.parametrize(
    ("status", "state", "run_status"),
    [
        (401, "queued", "paused"),
        (429, "deferred", "sending"),
        (500, "unknown", "completed"),
        (None, "unknown", "completed"),
    ],
)
def test_a_providers_refusal_is_understood(
    new_customer, new_campaign, settings, monkeypatch, status, state, run_status
):
    from anymail.exceptions import AnymailAPIError

    class Refusing:
        def send_messages(self, mails):
            error = AnymailAPIError("no")
            error.status_code = status
            raise error

        def close(self):
            pass

    settings.EMAIL_BACKEND = "anymail.backends.test.EmailBackend"
    monkeypatch.setattr(lines, "get_connection", Refusing)
    run = launched(new_campaign([new_customer(1)]))
    send_batch(run.pk)
    sent(run, rounds=0)
    assert (run.messages.get().state, run.status) == (state, RunStatus(run_status))
