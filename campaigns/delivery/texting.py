"""Text messages: one call of a provider's API per message. The seam for providers is the table at the end."""

import http.client
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from campaigns.delivery import twilio
from campaigns.delivery.conversation import Begin, Broken
from campaigns.delivery.replies import CONNECT, DATA, Reply
from campaigns.delivery.texts import Account, Answer, Call, Report, Text

CONNECT_SECONDS, ANSWER_SECONDS = 10, 60
MOST_READ = 64 * 1024


class NoProvider(Exception):
    """KOHDE_SMS_URL is not set, or names a provider that is not in the table."""


@dataclass(frozen=True)
class Provider:
    """What differs between providers: how they are asked, what their answers mean, how their reports are read.

    `call` makes the request for one text; `reply` turns HTTP status and body into a reply of our table;
    `is_signed` and `report` read what they tell us later. Both get the form fields of a POST.
    """

    host: str
    call: Callable[[Account, Text, str], Call]
    reply: Callable[[Answer], Reply | None]
    is_signed: Callable[[Account, str, Mapping[str, str], str], bool]
    signature: Callable[[HttpRequest], str]
    report: Callable[[Mapping[str, str]], Report]
    thanks: tuple[str, str]


PROVIDERS = {
    "twilio": Provider(
        twilio.HOST, twilio.call, twilio.reply, twilio.is_signed, twilio.signature_of, twilio.report, twilio.THANKS
    ),
}


def account() -> Account:
    """The account that KOHDE_SMS_URL names. Raises `NoProvider`."""
    parts = urlsplit(settings.SMS_URL)
    key, _plus, way = parts.scheme.partition("+")
    if key not in PROVIDERS or not parts.username or not parts.password:
        raise NoProvider(_("No provider of text messages is set up: see KOHDE_SMS_URL."))
    return Account(
        provider=key,
        host=parts.hostname or PROVIDERS[key].host,
        port=parts.port,
        is_plain=way == "http",
        user=unquote(parts.username),
        secret=unquote(parts.password),
        options=dict(parse_qsl(parts.query)),
    )


def is_set_up() -> bool:
    try:
        account()
    except NoProvider:
        return False
    return True


def takes_replies() -> bool:
    """Whether people can answer: a sender that is a word, such as a firm's name, cannot be written to."""
    try:
        sender = account().options.get("from", "")
    except NoProvider:
        return True
    return not sender or sender.lstrip("+").isdigit()


def report_url(token: str = "") -> str:
    """Where the provider tells what became of a message."""
    base = f"{settings.BASE_URL}/hooks/sms/{account().provider}/"
    return f"{base}?m={token}" if token else base


class TextLine:
    """Calls the provider: one connection per message, so that no stale one makes a doubt."""

    def __init__(self) -> None:
        self.account = account()
        self.provider = PROVIDERS[self.account.provider]

    def hand_over(self, text: Text, begin: Begin) -> Reply | None:
        call = self.provider.call(self.account, text, report_url(text.token))
        line = opened(self.account)
        try:
            line.connect()
        except OSError as error:
            raise Broken(CONNECT, type(error).__name__) from error
        try:
            return self._asked(line, call) if begin() else None
        except (OSError, http.client.HTTPException) as error:
            raise Broken(DATA, type(error).__name__) from error
        finally:
            line.close()

    def _asked(self, line: http.client.HTTPConnection, call: Call) -> Reply:
        if line.sock:
            line.sock.settimeout(ANSWER_SECONDS)
        line.request("POST", call.path, call.body, dict(call.headers))
        answer = line.getresponse()
        found = self.provider.reply(Answer(answer.status, answer.read(MOST_READ)))
        if found is None:
            raise Broken(DATA, f"HTTP {answer.status}")
        return found

    def close(self) -> None:
        """Nothing is held open."""


def opened(account: Account) -> http.client.HTTPConnection:
    """A connection to the provider, not yet made; without TLS only to a stand-in that the address asks for."""
    said: dict[str, Any] = {"timeout": CONNECT_SECONDS}
    if account.is_plain:
        return http.client.HTTPConnection(account.host, account.port, **said)
    return http.client.HTTPSConnection(account.host, account.port, context=ssl.create_default_context(), **said)
