"""Mail servers that answer as no server should: everybody is accounted for, and nobody gets two."""

import socketserver
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from typing import Any

import pytest

from campaigns import queries
from campaigns.models import Run, RunStatus
from crm.models import Suppression
from tests.campaigns.conftest import launched, sent

pytestmark = pytest.mark.django_db(transaction=True)
USUAL = {"EHLO": "250 hello", "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", ".": "250 taken", "RSET": "250"}


class Server(socketserver.ThreadingTCPServer):
    """Answers each command by the script, hangs up where it says None, and counts whom it took a message for."""

    daemon_threads = allow_reuse_address = True

    def __init__(self, script: dict[str, Any], greeting: str | None, most: int) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.script, self.greeting, self.most = {**USUAL, **script}, greeting, most
        self.arrived: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.lines: list[bytes] = []


class Conversation(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        with suppress(OSError):
            if not self.say(self.server.greeting):
                return
            taken, to = 0, ""
            for line in self.rfile:
                verb = line[:4].decode("latin-1").upper().strip()
                if verb == "QUIT":
                    return
                to = line.decode("latin-1").split("<")[-1].split(">")[0] if verb == "RCPT" else to
                answer = self.answer(verb, to)
                if not self.say(answer):
                    return
                if verb == "DATA" and str(answer).startswith("354"):
                    self.payload()
                    with self.server.lock:
                        self.server.arrived[to] += 1
                    if not self.say(self.answer(".", to)):
                        return
                    taken += 1
                    if taken == self.server.most:
                        return

    def answer(self, verb: str, to: str) -> str | None:
        answer = self.server.script.get(verb, "502 what")
        return answer(to) if callable(answer) else answer

    def payload(self) -> None:
        for line in self.rfile:
            if line == b".\r\n":
                return
            with self.server.lock:
                self.server.lines.append(line)

    def say(self, words: str | None) -> bool:
        if words is not None:
            self.wfile.write(words.encode() + b"\r\n")
        return words is not None


@pytest.fixture
def serving(settings: Any) -> Callable[..., Any]:
    @contextmanager
    def serve(script: dict[str, Any], greeting: str | None = "220 here", most: int = 10**9) -> Iterator[Server]:
        with Server(script, greeting, most) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
            settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address[:2]
            settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
            settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
            yield server
            server.shutdown()

    return serve


def states(run: Run) -> dict[str, int]:
    progress = queries.progress(run)
    assert progress.is_accounted_for
    return dict(progress.states)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
def test_any_positive_answer_lets_the_conversation_go_on(new_customer, new_campaign, serving, verb):
    """RFC 5321 §4.2.1: 2yz is a completion, 252 as much as 250."""
    with serving({verb: "252 cannot verify, will try"}) as server:
        run = sent(launched(new_campaign([new_customer(n) for n in range(4)])))
    assert (states(run), run.status, max(server.arrived.values())) == ({"sent": 4}, RunStatus.COMPLETED, 1)


def test_a_server_that_ends_every_conversation_after_one_message_gets_the_next_in_a_new_one(
    new_customer, new_campaign, serving
):
    with serving({}, most=1) as server:
        run = sent(launched(new_campaign([new_customer(n) for n in range(12)])))
    assert states(run) == {"sent": 12}, "a line that was closed meanwhile is nobody's fault"
    assert (len(server.arrived), max(server.arrived.values())) == (12, 1)


def test_a_server_that_says_it_closes_after_one_message_gets_the_next_in_a_new_one(new_customer, new_campaign, serving):
    count = Counter()

    def mail(_to: str) -> str:
        count["mail"] += 1
        return "421 4.7.0 enough for one connection" if count["mail"] % 2 == 0 else "250 ok"

    with serving({"MAIL": mail}) as server:
        run = sent(launched(new_campaign([new_customer(n) for n in range(6)])))
    assert (states(run), max(server.arrived.values())) == ({"sent": 6}, 1)


@pytest.mark.parametrize("answer", ["250 already", "220 hm"])
def test_a_payload_the_server_never_asked_for_did_not_arrive(new_customer, new_campaign, serving, answer):
    """An answer too many, as some gateways give, must not make the next command seem taken."""
    with serving({"DATA": answer}) as server:
        run = sent(launched(new_campaign([new_customer(n) for n in range(3)])))
    assert not server.arrived
    assert states(run) == {"deferred": 3}


@pytest.mark.parametrize("answer", ["354 go on", "150 working", "hello", None])
def test_what_is_no_answer_to_the_final_dot_leaves_a_doubt(new_customer, new_campaign, serving, answer):
    with serving({".": answer}) as server:
        run = sent(launched(new_campaign([new_customer(n) for n in range(3)])))
    assert (states(run), max(server.arrived.values())) == ({"unknown": 3}, 1)


def test_a_passing_refusal_stays_passing_whatever_code_of_a_lasting_one_stands_in_its_words(
    new_customer, new_campaign, serving
):
    """RFC 2034: the first digits are the same; where they are not, the server's own code is the answer."""
    with serving({"RCPT": "450 try later, last time they said 550 5.1.1"}):
        run = sent(launched(new_campaign([new_customer(n) for n in range(3)])))
    assert states(run) == {"deferred": 3}
    assert not Suppression.objects.exists()


@pytest.mark.parametrize(
    ("script", "greeting", "expected"),
    [
        ({}, None, {"queued": 3}),
        ({"EHLO": None}, "220 here", {"queued": 3}),
        ({"MAIL": None}, "220 here", {"deferred": 3}),
        ({"DATA": None}, "220 here", {"unknown": 3}),
        ({"DATA": "421 4.3.2 going down"}, "220 here", {"deferred": 3}),
        ({".": "421 4.3.2 going down"}, "220 here", {"deferred": 3}),
        ({".": "250-first\r\n250 last"}, "220 here", {"sent": 3}),
        ({"RCPT": "550 9.9.9 what"}, "220 here", {"failed": 3}),
        ({"RCPT": "599"}, "220 here", {"failed": 3}),
        ({"DATA": "hello"}, "220 here", {"deferred": 3}),
        ({".": "999 what"}, "220 here", {"unknown": 3}),
        ({"EHLO": "250-hello\r\n250-SIZE 10\r\n250 PIPELINING"}, "220 here", {"sent": 3}),
    ],
)
def test_everybody_is_accounted_for(new_customer, new_campaign, serving, script, greeting, expected):
    with serving(script, greeting) as server:
        run = sent(launched(new_campaign([new_customer(n) for n in range(3)])))
    assert states(run) == expected
    assert max(server.arrived.values(), default=1) == 1


@pytest.mark.parametrize(("greeting", "is_ascii"), [("250 hello", True), ("250-hello\r\n250 8BITMIME", False)])
def test_a_server_that_takes_ascii_only_gets_ascii_only(new_customer, new_campaign, serving, greeting, is_ascii):
    """RFC 6152 §3: what is not offered is not sent; such servers strip the eighth bit, and ä becomes d."""
    html = "<html><body><p>Hyvää päivää {{ customer.first_name }}, 5 = 5</p></body></html>"
    variants = [{"key": "A", "subject": "Ääni", "html": html}]
    with serving({"EHLO": greeting}) as server:
        run = sent(launched(new_campaign([new_customer(1, first_name="Åke")], variants=variants)))
    raw = b"".join(server.lines)
    assert (states(run), raw.isascii()) == ({"sent": 1}, is_ascii)
    mail = message_from_bytes(raw, policy=policy.default)
    for kind in ("plain", "html"):
        assert "Hyvää päivää Åke, 5 = 5" in mail.get_body((kind,)).get_content()
