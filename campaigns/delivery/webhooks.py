"""Messages as calls to a firm's own systems: signed as Standard Webhooks says, and never to an address inside."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from campaigns.delivery.conversation import Begin, Broken
from campaigns.delivery.replies import CONNECT, DATA, Reply
from campaigns.models import WebhookTarget
from crm import calling
from crm.calling import Call, NotAllowed, connected, posted


class WebhookLine:
    """Calls one target. The name is looked up once per call, that very address is called, no redirect followed."""

    def __init__(self, target: WebhookTarget) -> None:
        self.target = target

    def hand_over(self, call: Call, begin: Begin) -> Reply | None:
        parts = urlsplit(self.target.url)
        try:
            plug = connected(parts)
        except NotAllowed as error:
            return Reply(CONNECT, 550, str(error))
        except OSError as error:
            raise Broken(CONNECT, type(error).__name__) from error
        try:
            return reply(posted(plug, parts, call, [secret_of(self.target)])) if begin() else None
        except (OSError, http.client.HTTPException) as error:
            raise Broken(DATA, type(error).__name__) from error
        finally:
            plug.close()

    def close(self) -> None:
        """Nothing is held open."""


# (first, last) HTTP status → the phase and code of SMTP that mean the same to us
STATUSES = (
    ((200, 299), DATA, 250),
    ((401, 403), CONNECT, 535),
    ((408, 408), DATA, 451),
    ((425, 429), DATA, 451),
    ((500, 599), DATA, 451),
)


def reply(status: int) -> Reply:
    """The answer in the terms of the table of replies; redirects are refusals.

    >>> str(reply(204)), reply(503).code, reply(302).code, reply(401).phase
    ('250 HTTP 204', 451, 554, 'connect')
    """
    row = next((row for row in STATUSES if row[0][0] <= status <= row[0][1]), (None, DATA, 554))
    return Reply(row[1], row[2], f"HTTP {status}")


def secret_of(target: WebhookTarget) -> bytes:
    """The key of the target."""
    return calling.secret_of("webhook", target.pk, target.key_number)


def shown_secret(target: WebhookTarget) -> str:
    """The key as receivers paste it."""
    return calling.shown(secret_of(target))


def call_of(message_id: str, data: dict[str, Any], at: str) -> Call:
    """The body: type, time and data."""
    body = {"type": "campaign.message", "timestamp": at, "data": data}
    return Call(message_id, json.dumps(body, ensure_ascii=False, sort_keys=True).encode())
