"""Every channel keeps the same promises: consent, suppression and caps hold, and each message leaves once."""

import base64
import csv
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from io import StringIO

import pytest
from django.apps import apps
from django.test import Client
from django.utils import timezone

from campaigns import actions, channels, queries
from campaigns.delivery import webhooks
from campaigns.delivery.worker import send_batch
from campaigns.models import ContactCap, Message, RunStatus, WebhookTarget
from chaos.sink import Sink
from chaos.texts import Texts, answering
from crm import actions as crm_actions
from crm import addresses, calling, rights
from crm.models import ConsentState, Customer, Suppression
from tests.campaigns.conftest import AT, launched, sent

pytestmark = pytest.mark.django_db(transaction=True)


class Receiver:
    """A firm's own system on loopback: keeps what it gets and answers as told."""

    def __init__(self) -> None:
        self.status, self.got = 200, []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), body))
                self.send_response(receiver.status)
                if receiver.status == 302:
                    self.send_header("Location", "http://127.0.0.1/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *words: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"


@pytest.fixture
def receiver(settings) -> Iterator[Receiver]:
    one = Receiver()
    thread = threading.Thread(target=one.server.serve_forever, daemon=True)
    thread.start()
    settings.WEBHOOK_INSIDE = frozenset([one.host])
    yield one
    one.server.shutdown()
    thread.join()
    one.server.server_close()


@pytest.fixture
def target(receiver: Receiver) -> WebhookTarget:
    return WebhookTarget.objects.create(name="App", url=f"http://{receiver.host}/in?x=1")


def consents(customers, channel):
    for one in customers:
        said = {"purpose": "marketing", "is_granted": True, "since_at": AT, "updated_at": AT}
        ConsentState.objects.create(customer=one, channel=channel, **said)


def test_a_webhook_is_signed_as_the_standard_says_and_names_each_message_once(
    new_customer, new_campaign, receiver: Receiver, target
):
    customers = [new_customer(n, consent=False) for n in range(3)]
    consents(customers, "webhook")
    run = sent(launched(new_campaign(customers, channel="webhook", webhook=target)))
    assert queries.progress(run).states == {"sent": 3}
    secret = base64.b64decode(webhooks.shown_secret(target).removeprefix("whsec_"))
    for headers, body in receiver.got:
        said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        signed = base64.b64encode(hmac.new(secret, said, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{signed}"
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 3
    told = [json.loads(body)["data"] for _, body in receiver.got]
    assert sorted(one["customer"] for one in told) == ["N0", "N1", "N2"]
    assert "Hello Name" in told[0]["text"] and "/u/" in told[0]["text"]


def test_the_published_example_of_a_signature_comes_out():
    """From the specification's reference tests (standard-webhooks, `test_sign_function`)."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    found = calling.signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body)
    assert found == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("status", "state"), [(500, "deferred"), (429, "deferred"), (401, "queued"), (404, "deferred"), (302, "deferred")]
)
def test_what_a_receiver_answers_decides(new_customer, new_campaign, receiver: Receiver, target, status, state):
    customer = new_customer(1, consent=False)
    consents([customer], "webhook")
    receiver.status = status
    run = launched(new_campaign([customer], channel="webhook", webhook=target))
    send_batch(run.pk)
    assert run.messages.get().state == state
    assert len(receiver.got) == 1, "a redirect is not followed"


def test_the_same_message_keeps_its_id_when_it_is_sent_again(new_customer, new_campaign, receiver: Receiver, target):
    customer = new_customer(1, consent=False)
    consents([customer], "webhook")
    receiver.status = 503
    run = launched(new_campaign([customer], channel="webhook", webhook=target))
    send_batch(run.pk)
    receiver.status = 200
    Message.objects.update(next_at=AT)
    sent(run)
    assert [headers["webhook-id"] for headers, _ in receiver.got] == [receiver.got[0][0]["webhook-id"]] * 2
    assert run.status == RunStatus.COMPLETED


INSIDE = ("127.0.0.1", "[::1]", "localhost", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1")


@pytest.mark.parametrize("host", INSIDE)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_nothing_inside_is_ever_called(host, scheme, monkeypatch):
    called = []
    monkeypatch.setattr(socket, "create_connection", lambda *words, **more: called.append(words))
    line = webhooks.WebhookLine(WebhookTarget(pk=1, url=f"{scheme}://{host}/"))
    call = webhooks.call_of("m", {}, "now")
    try:
        reply = line.hand_over(call, lambda: pytest.fail("it was begun"))
        assert reply and reply.code == 550
    except webhooks.Broken:
        pass  # this machine knows no such address
    assert not called


@pytest.mark.parametrize(
    "inside", ["10.0.0.5", "169.254.169.254", "192.168.1.1", "fd00::1", "::ffff:10.1.1.1", "100.64.0.1"]
)
def test_a_name_with_one_address_inside_is_refused(inside, monkeypatch):
    found = [(0, 0, 0, "", (ip, 443)) for ip in ("93.184.215.14", inside)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *words, **more: found)
    with pytest.raises(calling.NotAllowed):
        calling.address_of("rebind.example", 443)


def test_a_port_other_than_the_webs_is_refused(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *words, **more: [(0, 0, 0, "", ("93.184.215.14", 25))])
    with pytest.raises(calling.NotAllowed):
        calling.address_of("mail.example", 25)


@pytest.fixture
def text_provider(settings) -> Iterator[Texts]:
    texts = Texts()
    with answering(texts) as settings.SMS_URL:
        yield texts


CHANNELS = [one for one in channels.CHANNELS if one != "email"]


@pytest.mark.parametrize("channel", CHANNELS)
def test_consent_suppression_and_caps_hold_on_every_channel(
    channel, new_customer, new_campaign, target, sink: Sink, text_provider
):
    ContactCap.objects.create(at_most=1, period_hours=24)
    values = {"channel": channel, "webhook": target if channel == "webhook" else None}
    fine, mute, barred, busy = (
        new_customer(n, consent=n == 3, street=f"Katu {n}", phone=f"040 123 450{n}") for n in range(4)
    )
    consents([fine, barred, busy], channel)
    key = channels.key_of(channels.address_of(barred, channel), channel)
    Suppression.objects.create(channel=channel, address_key=key, reason="manual", at=AT, source="test")
    sent(launched(new_campaign([busy], name="Before")))
    run = sent(launched(new_campaign([fine, mute, barred, busy], **values)))
    assert dict(run.messages.values_list("customer", "reason")) == {
        fine.pk: "",
        mute.pk: "no_consent",
        barred.pk: "suppressed",
        busy.pk: "too_soon",
    }
    assert run.messages.get(customer=fine).state == "sent"


def rows(client: Client, campaign, kind):
    answer = client.get(f"/campaigns/{campaign.pk}/list/{kind}.csv")
    assert answer.status_code == 200
    return list(csv.DictReader(StringIO(b"".join(answer.streaming_content).decode())))


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_ad_networks_get_hashes_in_their_own_form_and_nobody_who_left(
    client: Client, new_customer, new_campaign, maija
):
    who = {
        "first_name": " Anna-Liisa",
        "last_name": "Virta",
        "phone": "+358401234567",
        "country": "fi",
        "postal_code": "00 100",
    }
    anna = new_customer(1, " Anna.Virta@Gmail.com ", consent=False, **who)
    left = new_customer(2, consent=False)
    consents([anna, left], "ads")
    campaign = new_campaign([anna, left], channel="ads")
    sent(launched(campaign))
    client.force_login(maija)
    assert len(rows(client, campaign, "google")) == 2
    Customer.objects.filter(pk=left.pk).update(objected_at=timezone.now())
    (google,) = rows(client, campaign, "google")
    assert google == {
        "Email": sha("annavirta@gmail.com"),
        "Phone": sha("+358401234567"),
        "First Name": sha("anna-liisa"),
        "Last Name": sha("virta"),
        "Country": "FI",
        "Zip": "00 100",
    }
    (meta,) = rows(client, campaign, "meta")
    plain = ("anna.virta@gmail.com", "358401234567", "annaliisa", "virta", "00100", "fi")
    assert tuple(meta.values()) == tuple(map(sha, plain))


def test_letters_are_a_file_with_the_finished_text(client: Client, new_customer, new_campaign, maija):
    one = new_customer(1, consent=False, street="Katu 1", city="=cmd()", first_name="Aino")
    consents([one], "post")
    campaign = new_campaign([one], channel="post")
    sent(launched(campaign))
    client.force_login(maija)
    (row,) = rows(client, campaign, "letters")
    assert (row["name"], row["street"], row["city"]) == ("Aino", "Katu 1", "'=cmd()")
    assert "Hello Aino" in row["text"]
    assert client.get(f"/campaigns/{campaign.pk}/list/google.csv").status_code == 404


@pytest.mark.parametrize("is_erased", [False, True])
def test_one_street_in_two_towns_is_two_letterboxes(is_erased, new_customer, new_campaign):
    here = {"street": "Kirkkokatu 1", "postal_code": "00100", "city": "Helsinki"}
    again = {"street": " kirkkokatu  1", "postal_code": "00 100", "city": "HELSINKI", "country": "FI"}
    there = {"street": "Kirkkokatu 1", "postal_code": "33100", "city": "Tampere"}
    people = [new_customer(n, consent=False, **where) for n, where in enumerate((here, again, there))]
    consents(people, "post")
    if is_erased:
        crm_actions.erase_customer(people[0], by=rights.machine("test"), at=timezone.now())
    run = launched(new_campaign(people, channel="post"))
    reasons = ("erased", "suppressed", "") if is_erased else ("", "same_address", "")
    assert tuple(run.messages.order_by("pk").values_list("reason", flat=True)) == reasons


def test_whoever_lived_at_a_barred_street_stays_barred_at_the_whole_address(new_customer):
    new_customer(1, street="Katu  1", postal_code="00100", city="Helsinki")
    new_customer(2, street="Katu 2", postal_code="00100", city="Helsinki")
    by_street = addresses._keyed("street:katu 1")
    Suppression.objects.create(channel="post", address_key=by_street, reason="erased", at=AT, source="erasure")
    import_module("crm.migrations.0019_postal_keys").carry_over(apps, None)
    whole = addresses.address_key("post", "katu 1\n00100\nhelsinki\nfi")
    kept = Suppression.objects.filter(channel="post").values_list("address_key", "reason")
    assert set(kept) == {(by_street, "erased"), (whole, "erased")}


def test_a_webhook_without_target_is_refused(new_customer, new_campaign, target):
    for values in ({"channel": "webhook"}, {"channel": "email", "webhook": target}, {"channel": "pigeon"}):
        with pytest.raises(actions.Refused):
            new_campaign([], name=f"C{values}"[:20], **values)
    assert new_campaign([new_customer(1)], channel="webhook", webhook=target).on_ambiguous == "resend"
