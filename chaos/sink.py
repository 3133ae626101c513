"""A mail server that keeps what it gets and misbehaves as the recipient's local part asks.

ok-… accepts · 4xx-… and 5xx-… refuse at RCPT (450 4.2.0, 550 5.1.1) · 57x-… refuses by policy (554 5.7.1) ·
slow5-… answers the final dot after 5 seconds · dropbefore-… breaks off at RCPT · dropafter-… keeps the message and
breaks off before its 250.
"""

import argparse
import asyncio
import contextlib
import json
import re
from collections import Counter
from collections.abc import Callable
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

AT_RCPT = {"4xx": "450 4.2.0 try later", "5xx": "550 5.1.1 no such user", "57x": "554 5.7.1 not wanted"}
SLOW = re.compile(r"slow(\d+)$")


class Sink:
    """Handler of aiosmtpd; `arrived` counts messages by (recipient, Message-ID)."""

    def __init__(self, log: Path | None = None, refuse_all: str = "", refuse_data: str = "") -> None:
        self.arrived: Counter[tuple[str, str]] = Counter()
        self.bodies: dict[str, bytes] = {}
        self.refuse_all, self.refuse_data = refuse_all, refuse_data
        self.conversations = 0
        self.after_each: Callable[[int], None] = lambda count: None
        self.log = log.open("a", buffering=1) if log else None

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.conversations += 1
        return responses

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        if self.refuse_all:
            return self.refuse_all
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        kind = address.split("-")[0]
        if kind == "dropbefore":
            return hang_up(server)
        if kind in AT_RCPT:
            return AT_RCPT[kind]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        recipient, content = envelope.rcpt_tos[0], bytes(envelope.content or b"")
        if self.refuse_data:
            return self.refuse_data
        if slow := SLOW.match(recipient.split("-")[0]):
            await asyncio.sleep(int(slow[1]))
        self.keep(recipient, content)
        return hang_up(server) if recipient.startswith("dropafter-") else "250 OK"

    def keep(self, recipient: str, content: bytes) -> None:
        message_id = BytesHeaderParser().parsebytes(content)["Message-ID"] or ""
        self.arrived[recipient, message_id] += 1
        self.bodies[recipient] = content
        self.after_each(self.arrived.total())
        if self.log:
            self.log.write(json.dumps([recipient, message_id]) + "\n")


def hang_up(server: SMTP) -> str:
    """Break the connection off without an answer."""
    if server.transport:
        server.transport.abort()
    return "421 gone"


@contextlib.contextmanager
def running(sink: Sink, *, host: str = "127.0.0.1", port: int = 0) -> Any:
    """Serve in a thread; yields the port."""
    controller = Controller(sink, hostname=host, port=port or free_port(host))
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def free_port(host: str) -> int:
    import socket

    with socket.socket() as one:
        one.bind((host, 0))
        return int(one.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True)
    asked = parser.parse_args()
    controller = Controller(Sink(asked.log), hostname="127.0.0.1", port=asked.port)
    controller.start()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(asyncio.sleep(86_400))


if __name__ == "__main__":
    main()
