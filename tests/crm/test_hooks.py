"""Webhooks: told in the transaction of the change, signed, repeated, stopped when nobody listens."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, ThreadingTCPServer
from time import monotonic
from types import SimpleNamespace
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.test import Client
from django.utils import timezone

from crm import access, actions, calling, hooks
from crm.models import Customer, Hook, HookCall
from crm.refusals import Refused
from segments import ledger
from segments.models import Membership, Segment

pytestmark = pytest.mark.django_db


class Receiver:
    """A system that listens, and answers as it is told."""

    def __init__(self) -> None:
        self.status, self.got = 204, []  # type: int, list[tuple[Any, bytes]]
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.got.append((self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *words: Any) -> None:
                """Nothing is printed."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.place = f"127.0.0.1:{self.server.server_port}"


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    one = Receiver()
    settings.WEBHOOK_INSIDE = frozenset([one.place])
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture
def adele(cast: SimpleNamespace) -> Any:
    return access.of_user(cast.adele)


def hook_for(receiver: Receiver, by: Any, *topics: str) -> tuple[Hook, str]:
    values = {"name": "Shop", "url": f"http://{receiver.place}/in", "topics": list(topics)}
    return actions.create_hook(values=values, by=by, at=timezone.now())


def new_customer(by: Any, number: str = "1") -> Customer:
    return actions.create_customer(values={"number": number, "first_name": "Ada"}, by=by, at=timezone.now())


def test_a_change_is_told_signed_by_the_key_that_was_shown_and_once(receiver: Receiver, adele: Any) -> None:
    _hook, secret = hook_for(receiver, adele, "customer.created")
    new_customer(adele)
    assert hooks.deliver(at=timezone.now()) == 1 and hooks.deliver(at=timezone.now()) == 0
    headers, body = receiver.got[0]
    said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(key, said, hashlib.sha256)).decode()
    told = json.loads(body)
    assert told["type"] == "customer.created" and told["data"]["customer_number"] == "1" and "Ada" not in body.decode()


def test_what_is_taken_back_is_not_told_and_what_nobody_wants_is_not_kept(receiver: Receiver, adele: Any) -> None:
    new_customer(adele, "0")
    hook_for(receiver, adele, "customer.created")
    with pytest.raises(RuntimeError), transaction.atomic():
        new_customer(adele)
        raise RuntimeError
    assert not HookCall.objects.exists()


def test_many_changes_at_once_are_told_by_as_many_statements_as_one(
    receiver: Receiver, adele: Any, cast: SimpleNamespace, django_assert_max_num_queries: Any
) -> None:
    ids = [new_customer(adele, str(n)).pk for n in range(30)]
    hook_for(receiver, adele, "customer.changed")
    with django_assert_max_num_queries(12):
        actions.assign_customers(customers=ids, team=cast.north, by=adele, at=timezone.now())
    assert HookCall.objects.filter(topic="customer.changed").count() == 30


def test_who_enters_and_leaves_a_segment_is_told(receiver: Receiver, adele: Any) -> None:
    now, who = timezone.now(), new_customer(adele)
    segment = Segment.objects.create(slug="vip", name="VIP", kind="static", created_at=now, updated_at=now)
    hook_for(receiver, adele, "segment.entered", "segment.left")
    wanted = {"entered_reason": "added", "left_reason": "removed", "version": None}
    ledger.replace(segment, ledger.ids([who.pk]), at=now, **wanted)
    ledger.replace(segment, ledger.ids([]), at=now + timedelta(hours=1), **wanted)
    told = HookCall.objects.order_by("pk").values_list("topic", "data")
    assert [(topic, data["segment"], data["customer_number"]) for topic, data in told] == [
        ("segment.entered", "vip", "1"),
        ("segment.left", "vip", "1"),
    ]
    assert Membership.objects.count() == 1


def test_a_failed_call_is_repeated_later_and_later_then_given_up_and_may_be_made_again(
    receiver: Receiver, adele: Any
) -> None:
    hook, _secret = hook_for(receiver, adele, "customer.created")
    new_customer(adele)
    receiver.status, now, waits = 500, timezone.now(), []
    for _n in range(len(hooks.WAITS) + 1):
        hooks.deliver(at=now)
        call = HookCall.objects.get()
        if call.next_at:
            waits.append(call.next_at - now)
            now = call.next_at
        Hook.objects.update(is_active=True)
    assert waits == [timedelta(minutes=n) for n in hooks.WAITS] and call.state == "failed" and call.answer == "HTTP 500"
    receiver.status = 200
    assert actions.replay_calls(hook, by=adele, at=now) == 1
    hooks.deliver(at=now)
    assert HookCall.objects.get().state == "done" and len({got[0]["webhook-id"] for got in receiver.got}) == 1


def test_a_hook_that_fails_for_days_is_stopped_and_its_maker_told(receiver: Receiver, adele: Any) -> None:
    hook, _secret = hook_for(receiver, adele, "customer.created")
    new_customer(adele)
    receiver.status = 503
    now = timezone.now()
    hooks.deliver(at=now)
    hooks.deliver(at=now + timedelta(days=4))
    hook.refresh_from_db()
    assert not hook.is_active and hook.stopped_at and "Shop" in mail.outbox[0].subject
    assert hooks.deliver(at=now + timedelta(days=9)) == 0
    actions.change_hook(hook, values={"is_active": True}, by=adele, at=now)
    assert hooks.deliver(at=now + timedelta(days=9)) == 1


def test_for_a_day_after_the_key_changed_both_keys_sign(receiver: Receiver, adele: Any) -> None:
    hook, old = hook_for(receiver, adele, "customer.created")
    new = actions.rotate_hook(hook, by=adele, at=timezone.now())
    actions.try_hook(hook, by=adele, at=timezone.now())
    assert old != new and receiver.got[0][0]["webhook-signature"].count("v1,") == 2
    assert len(hooks.secrets_of(hook, timezone.now() + timedelta(days=2))) == 1


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://localhost/", "http://example.com/", "ftp://x/", "no"])
def test_addresses_inside_and_unsafe_ones_are_refused(adele: Any, url: str) -> None:
    with pytest.raises(Refused):
        values = {"name": "Bad", "url": url, "topics": ["deal.won"]}
        actions.create_hook(values=values, by=adele, at=timezone.now())


def test_an_administrator_makes_tries_and_stops_one_on_the_pages(
    receiver: Receiver, cast: SimpleNamespace, client: Client
) -> None:
    client.force_login(cast.adele)
    assert "No webhook yet" in client.get("/settings/webhooks/").content.decode()
    given = {"name": "Shop", "url": f"http://{receiver.place}/", "topics": ["deal.won", "segment.left"]}
    made = client.post("/settings/webhooks/new/", given)
    assert "whsec_" in made.content.decode() and made["Cache-Control"].count("no-store")
    hook = Hook.objects.get()
    page = client.post(f"/settings/webhooks/{hook.pk}/test/", follow=True).content.decode()
    assert "HTTP 204" in page and "Trial" in page and "whsec_" not in page
    assert "whsec_" in client.post(f"/settings/webhooks/{hook.pk}/key/").content.decode()
    assert "Stopped" in client.post(f"/settings/webhooks/{hook.pk}/switch/", follow=True).content.decode()
    assert "Shop" in client.get("/settings/webhooks/").content.decode()
    assert client.post(f"/settings/webhooks/{hook.pk}/edit/", {**given, "topics": ["x"]}).status_code == 400
    client.post(f"/settings/webhooks/{hook.pk}/delete/")
    assert not Hook.objects.exists()


@pytest.mark.parametrize("address", ["::7f00:1", "fec0::1", "64:ff9b:1::7f00:1", "5f00::1", "2002:7f00:1::", "100::1"])
def test_nothing_that_may_lie_inside_counts_as_public(address: str) -> None:
    assert not calling.is_public(address) and calling.is_public("2606:4700::1111")


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"])
def test_who_answers_a_byte_now_and_then_is_cut_off(begun: bytes, settings: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(calling, "LONGEST_SECONDS", 0.5)
    stop = threading.Event()

    class Dripping(BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self.request.sendall(begun)
                while not stop.wait(0.05):
                    self.request.sendall(b"H")

    server = ThreadingTCPServer(("127.0.0.1", 0), Dripping)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.WEBHOOK_INSIDE = frozenset([f"127.0.0.1:{server.server_address[1]}"])
    hook = Hook(url=f"http://127.0.0.1:{server.server_address[1]}/", pk=1)
    started = monotonic()
    answer = hooks.answer_to(HookCall(pk=1, hook=hook, topic="test", data={}, at=timezone.now()), at=timezone.now())
    assert monotonic() - started < 4 and answer.is_taken == bool(begun)
    stop.set()
    server.shutdown()
    server.server_close()
