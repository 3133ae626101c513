"""Messages as calls to a firm's own systems: signed as Standard Webhooks says, and never to an address inside.

Signature and headers: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import http.client
import ipaddress
import json
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from campaigns.delivery.conversation import Begin, Broken
from campaigns.delivery.replies import CONNECT, DATA, Reply
from campaigns.models import WebhookTarget

SECONDS = 5
MOST_READ = 64 * 1024
PORTS = {"https": 443, "http": 80}
Address = tuple[str, int]


class NotAllowed(Exception):
    """The address leads to where no message may go."""


@dataclass(frozen=True)
class Call:
    """One message as a call: its id is the same at every attempt, so that the receiver knows a repeat."""

    id: str
    body: bytes


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
            return posted(plug, parts, call, secret_of(self.target)) if begin() else None
        except (OSError, http.client.HTTPException) as error:
            raise Broken(DATA, type(error).__name__) from error
        finally:
            plug.close()

    def close(self) -> None:
        """Nothing is held open."""


def connected(parts: SplitResult) -> socket.socket:
    """A socket to an allowed address of the host. Raises `NotAllowed` and OSError."""
    host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
    plug = socket.create_connection(address_of(host, port), timeout=SECONDS)
    if parts.scheme == "http":
        return plug
    try:
        return ssl.create_default_context().wrap_socket(plug, server_hostname=host)
    except BaseException:
        plug.close()
        raise


def address_of(host: str, port: int) -> Address:
    """The address to call: the first one, when every address of the name is public. Raises `NotAllowed`."""
    found = [one[4][:2] for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if f"{host}:{port}" not in settings.WEBHOOK_INSIDE:
        if port not in PORTS.values():
            raise NotAllowed("only the ports 80 and 443 are called")
        if not all(is_public(str(ip)) for ip, _port in found):
            raise NotAllowed("the address is not public")
    return str(found[0][0]), int(found[0][1])


def is_public(text: str) -> bool:
    """Whether an IP address is one of the open internet; what is wrapped in IPv6 is unwrapped first.

    >>> [is_public(one) for one in ("93.184.215.14", "127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1")]
    [True, False, False, False]
    """
    ip = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo or (None, None))[1]
        if inner is not None:
            return is_public(str(inner))
        if ip in ipaddress.ip_network("64:ff9b::/96"):  # NAT64, RFC 6052
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
    return ip.is_global and not ip.is_multicast


def posted(plug: socket.socket, parts: SplitResult, call: Call, secret: bytes) -> Reply:
    """Send the call and read what is said to it."""
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS)
    connection.sock = plug
    path = parts.path or "/"
    connection.request("POST", f"{path}?{parts.query}" if parts.query else path, call.body, headers(call, secret))
    answer = connection.getresponse()
    with suppress(OSError, http.client.HTTPException):
        answer.read(MOST_READ)  # never shown to anybody
    return reply(answer.status)


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


def headers(call: Call, secret: bytes) -> dict[str, str]:
    """The three headers of Standard Webhooks, and what the body is."""
    stamp = str(int(time.time()))
    return {
        "Content-Type": "application/json",
        "User-Agent": f"Kohde/{settings.VERSION}",
        "webhook-id": call.id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature(secret, call.id, stamp, call.body)}",
    }


def signature(secret: bytes, call_id: str, stamp: str, body: bytes) -> str:
    """HMAC-SHA256 of `id.timestamp.body`, base64."""
    said = f"{call_id}.{stamp}.".encode() + body
    return base64.b64encode(hmac.new(secret, said, hashlib.sha256).digest()).decode()


def secret_of(target: WebhookTarget) -> bytes:
    """The key of the target: made from the house's own secret, so that no database or dump holds it."""
    said = f"webhook|{target.pk}|{target.key_number}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), said, hashlib.sha256).digest()


def shown_secret(target: WebhookTarget) -> str:
    """The key as receivers paste it: whsec_ and base64."""
    return f"whsec_{base64.b64encode(secret_of(target)).decode()}"


def call_of(message_id: str, data: dict[str, Any], at: str) -> Call:
    """The body: type, time and data."""
    body = {"type": "campaign.message", "timestamp": at, "data": data}
    return Call(message_id, json.dumps(body, ensure_ascii=False, sort_keys=True).encode())
