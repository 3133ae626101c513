"""Calls to addresses outside: signed as Standard Webhooks says, never to an address inside, no redirect followed.

Signature and headers: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

SECONDS = 5
MOST_READ = 64 * 1024
LONGEST_SECONDS = 20  # for a whole call: SECONDS bounds each single wait for the next byte
PORTS = {"https": 443, "http": 80}
OPEN_IPV6 = ipaddress.ip_network("2000::/3")  # all that is given out on the internet, RFC 4291
Address = tuple[str, int]


class NotAllowed(Exception):
    """The address leads to where no message may go."""


@dataclass(frozen=True)
class Call:
    """One message as a call: its id is the same at every attempt, so that the receiver knows a repeat."""

    id: str
    body: bytes


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
        if ip not in OPEN_IPV6:  # site-local, NAT64 of a house (RFC 8215), IPv4-compatible and whatever is yet to come
            return False
    return ip.is_global and not ip.is_multicast


def post(url: str, call: Call, secrets: Sequence[bytes]) -> int:
    """Call the address once and return the HTTP status. Raises `NotAllowed`, OSError, http.client.HTTPException."""
    parts = urlsplit(url)
    plug = connected(parts)
    watch = threading.Timer(LONGEST_SECONDS, cut, [plug])
    watch.daemon = True
    watch.start()
    try:
        return posted(plug, parts, call, secrets)
    finally:
        watch.cancel()
        plug.close()


def cut(plug: socket.socket) -> None:
    """End a call: who answers one byte now and then would keep a worker, and all other calls, for days."""
    with suppress(OSError):
        socket.socket.shutdown(plug, socket.SHUT_RDWR)  # past TLS, which would say goodbye first


def posted(plug: socket.socket, parts: SplitResult, call: Call, secrets: Sequence[bytes]) -> int:
    """Send the call and read what is said to it; return the HTTP status."""
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS)
    connection.sock = plug
    path = parts.path or "/"
    connection.request("POST", f"{path}?{parts.query}" if parts.query else path, call.body, headers(call, secrets))
    answer = connection.getresponse()
    with suppress(OSError, http.client.HTTPException):
        answer.read(MOST_READ)  # never shown to anybody
    return answer.status


def headers(call: Call, secrets: Sequence[bytes]) -> dict[str, str]:
    """The three headers of Standard Webhooks, and what the body is; while a key is changed, a signature of each."""
    stamp = str(int(time.time()))
    return {
        "Content-Type": "application/json",
        "User-Agent": f"Kohde/{settings.VERSION}",
        "webhook-id": call.id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{signature(one, call.id, stamp, call.body)}" for one in secrets),
    }


def signature(secret: bytes, call_id: str, stamp: str, body: bytes) -> str:
    """HMAC-SHA256 of `id.timestamp.body`, base64."""
    said = f"{call_id}.{stamp}.".encode() + body
    return base64.b64encode(hmac.new(secret, said, hashlib.sha256).digest()).decode()


def secret_of(kind: str, pk: int, number: int) -> bytes:
    """A key made from the house's own secret, so that no database or dump holds it."""
    return hmac.new(settings.SECRET_KEY.encode(), f"{kind}|{pk}|{number}".encode(), hashlib.sha256).digest()


def shown(secret: bytes) -> str:
    """The key as receivers paste it: whsec_ and base64."""
    return f"whsec_{base64.b64encode(secret).decode()}"
