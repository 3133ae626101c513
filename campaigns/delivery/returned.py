"""Mail that comes back: delivery reports (RFC 3464) and complaints (RFC 5965), read with the standard parser.

Believed when they carry the Message-ID of a message of ours, which is signed: nobody else knows it but its recipient.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.utils import parsedate_to_datetime
from typing import Any

from campaigns.content import addresses
from campaigns.delivery import providers
from campaigns.delivery.providers import COMPLAINT, DELIVERED, HARD, LEFT, NOTHING, SOFT
from campaigns.delivery.replies import ENHANCED, RCPT, Meaning, Reply, meaning
from campaigns.models import Message as Sent

SOURCE = "mailbox"
OWN_ID = re.compile(r"<(\d{1,18}\.[0-9a-f]{32})@")
FEEDBACK = {"abuse": COMPLAINT, "fraud": COMPLAINT, "opt-out": LEFT, "opt-out-list": LEFT}
ACTIONS = {"delivered": DELIVERED, "relayed": DELIVERED, "expanded": DELIVERED}
MOST_BYTES = 2_000_000
PARSER_FAILS = (ValueError, LookupError, AttributeError, TypeError, NameError)  # on what no standard foresaw


@dataclass(frozen=True)
class Return:
    """What a mail tells: of which kind, of which message of ours, when, and what names the mail itself."""

    kind: str
    token: str
    at: datetime | None
    key: str


def read(mail: bytes) -> Return | None:
    """What the mail tells; None when it is no report, or of no message of ours."""
    try:
        parsed: Any = message_from_bytes(mail[:MOST_BYTES], EmailMessage, policy=policy.default)
        kind, token = kind_of(parsed), token_in(parsed)
    except PARSER_FAILS:
        return None
    if kind == NOTHING or not token:
        return None
    key = field(parsed, "Message-ID") or hashlib.sha256(mail).hexdigest()
    return Return(kind, token, moment_of(parsed), key)


def field(mail: Message, name: str) -> str:
    """A field of the mail; empty when there is none, or none that the parser can read."""
    try:
        return str(mail.get(name, ""))
    except PARSER_FAILS:
        return ""


def kind_of(mail: EmailMessage) -> str:
    """By the part that machines read: a delivery status or a feedback report."""
    for part in mail.walk():
        if part.get_content_type() == "message/delivery-status":
            return next(filter(None, (status_kind(one) for one in groups(part))), NOTHING)
        if part.get_content_type() == "message/feedback-report":
            return next((FEEDBACK[one] for one in said(part, "Feedback-Type") if one in FEEDBACK), NOTHING)
    return NOTHING


def groups(part: Message) -> Iterator[Message]:
    """The groups of fields in a delivery status: of the message, then of each recipient."""
    payload = part.get_payload()
    yield from (one for one in payload if isinstance(one, Message)) if isinstance(payload, list) else ()


def said(part: Message, name: str) -> list[str]:
    """Values of a field in a part whose parser may see it as fields or as text."""
    parts = part.get_payload() if part.is_multipart() else []
    fields = [one.get(name, "") for one in parts if isinstance(one, Message)] if isinstance(parts, list) else []
    text = part.get_payload() if isinstance(part.get_payload(), str) else ""
    found = re.findall(rf"^{name}:\s*(\S+)", str(text), re.IGNORECASE | re.MULTILINE)
    return [str(one).strip().lower() for one in (*fields, *found) if one]


def status_kind(group: Message) -> str:
    """What one recipient's fields say; "" for the fields of the message."""
    action = str(group.get("Action", "")).strip().lower()
    if action in ACTIONS:
        return ACTIONS[action]
    status = ENHANCED.search(f"{group.get('Diagnostic-Code', '')} {group.get('Status', '')}")
    if action != "failed" or not status:
        return NOTHING if action == "delayed" else ""  # it may come through yet
    code = status.group(1)
    is_gone = meaning(Reply(RCPT, int(code[0]) * 100 + 50, code)) == Meaning.NO_MAILBOX
    return HARD if is_gone else SOFT


def token_in(mail: EmailMessage) -> str:
    """The token of the message of ours that it returns: by the Message-ID of what is returned, else of the answer."""
    for part in mail.walk():
        if part is mail:
            continue
        text = field(part, "Message-ID")
        if part.get_content_type() in ("text/rfc822-headers", "message/rfc822") and not part.is_multipart():
            text += str(part.get_payload())
        if found := OWN_ID.search(text):
            return found.group(1).replace(".", "-")
    found = OWN_ID.search(f"{field(mail, 'In-Reply-To')} {field(mail, 'References')}")
    return found.group(1).replace(".", "-") if found else ""


def moment_of(mail: EmailMessage) -> datetime | None:
    try:
        found = parsedate_to_datetime(field(mail, "Date"))
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo else None


def take(mail: bytes, *, at: datetime) -> str:
    """Do what the mail asks for, once however often it is read; return its kind."""
    found = read(mail)
    message: Sent | None = addresses.message_of(found.token, addresses.ID) if found else None
    if found is None or message is None:
        return NOTHING
    return providers.do_once(SOURCE, found.key, message, found.kind, at=min(found.at or at, at))
