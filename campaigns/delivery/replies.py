"""What a mail server's reply means for recipient, server and suppression list: a table, the first match wins."""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

CONNECT, MAIL, RCPT, DATA = "connect", "mail", "rcpt", "data"
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360, 1440))
ADDRESS = re.compile(r"[^\s<>]+@[^\s<>]+")
ENHANCED = re.compile(r"(?<![\w.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\w)")  # RFC 3463; no part of an IP address
OF_SENDER = ("5.1.7", "5.1.8")  # our own address, or its domain, is what they do not take

# How servers without enhanced codes say that they do not want *us*: such a recipient may well exist.
OURS = re.compile(
    r"relay|authenticat|not permitted|not allowed|denied|block|spam|policy|reputation|black ?list|spamhaus|dmarc|spf",
    re.IGNORECASE,
)


class Meaning(StrEnum):
    ACCEPTED = "accepted"
    SERVER = "server"  # the trouble is between the server and us: pause the run, blame no recipient
    CLOSING = "closing"  # this connection ends (RFC 5321 §3.8); the recipient is not to blame
    LATER = "later"
    REFUSED = "refused"
    NO_MAILBOX = "no_mailbox"  # refused for good: the address goes on the suppression list


@dataclass(frozen=True)
class Row:
    """In any of `phases`, a reply that begins with one of `codes` (plain or enhanced) has this meaning."""

    phases: tuple[str, ...]
    codes: tuple[str, ...]
    meaning: Meaning


ANY = (CONNECT, MAIL, RCPT, DATA)
TABLE = (
    Row(ANY, ("421",), Meaning.CLOSING),
    Row((CONNECT, MAIL), ("4", "5"), Meaning.SERVER),
    Row(ANY, ("500", "502", "503", "530", "534", "535", "538", "454"), Meaning.SERVER),
    Row(ANY, OF_SENDER, Meaning.REFUSED),
    Row(ANY, ("5.1.",), Meaning.NO_MAILBOX),
    Row(ANY, ("5.2.1", "5.2.2", "5.3.", "5.4.6", "5.4.7", "5.6.", "5.7.", "552"), Meaning.REFUSED),
    Row((RCPT,), ("550", "551", "553"), Meaning.NO_MAILBOX),
    Row(ANY, ("5",), Meaning.REFUSED),
    Row(ANY, ("4",), Meaning.LATER),
    Row(ANY, ("2",), Meaning.ACCEPTED),
)


def without_addresses(text: str) -> str:
    """What a server said, without the mailboxes that servers like to repeat.

    >>> without_addresses("5.1.1 <aada@example.fi>: no such user")
    '5.1.1 <…>: no such user'
    """
    return ADDRESS.sub("…", text)


@dataclass(frozen=True)
class Reply:
    """A server's answer in one phase of the conversation."""

    phase: str
    code: int
    text: str = ""

    def __str__(self) -> str:
        return f"{self.code} {without_addresses(self.text)}"[:120]

    @property
    def enhanced(self) -> str:
        """The code of RFC 3463. Of another class than the reply it is no part of it, but of what its words quote."""
        found = ENHANCED.search(self.text)
        return found.group(1) if found and found.group(1)[0] == str(self.code)[0] else ""

    @property
    def short(self) -> str:
        """The most telling code, empty when there was none."""
        return self.enhanced or str(self.code or "")

    @property
    def is_policy(self) -> bool:
        """A refusal that rests on rules, such as "relay denied" or "looks like spam", and not on the mailbox."""
        if self.enhanced in OF_SENDER:
            return True
        if self.phase == DATA:
            return not self.enhanced.startswith(("5.1.", "5.2."))
        return self.phase == RCPT and (self.enhanced.startswith("5.7.") or (not self.enhanced and self.is_about_us))

    @property
    def is_about_us(self) -> bool:
        return bool(OURS.search(self.text))

    def is_like(self, other: "Reply") -> bool:
        """The same codes; the words may name the recipient."""
        return (self.code, self.enhanced) == (other.code, other.enhanced)


def meaning(reply: Reply) -> Meaning:
    """Meaning of the reply.

    >>> meaning(Reply("rcpt", 550, "5.1.1 no such user")), meaning(Reply("rcpt", 550, "5.7.1 not wanted"))
    (<Meaning.NO_MAILBOX: 'no_mailbox'>, <Meaning.REFUSED: 'refused'>)
    >>> meaning(Reply("rcpt", 550, "relay not permitted")), meaning(Reply("rcpt", 550, "unknown user"))
    (<Meaning.REFUSED: 'refused'>, <Meaning.NO_MAILBOX: 'no_mailbox'>)
    >>> meaning(Reply("rcpt", 550, "[5.9.12.33] blocked")), meaning(Reply("rcpt", 550, "5.1.8 sender's domain"))
    (<Meaning.REFUSED: 'refused'>, <Meaning.REFUSED: 'refused'>)
    >>> meaning(Reply("mail", 550, "5.7.1 sender not allowed"))
    <Meaning.SERVER: 'server'>
    """
    if 500 <= reply.code < 600 and reply.phase == RCPT and not reply.enhanced and reply.is_about_us:
        return Meaning.REFUSED
    said = tuple(filter(None, (reply.enhanced, str(reply.code))))
    for row in TABLE:
        if reply.phase in row.phases and any(one.startswith(row.codes) for one in said):
            return row.meaning
    return Meaning.SERVER


def wait_after(attempts: int) -> timedelta | None:
    """How long to wait after that many attempts; None when enough were made.

    >>> wait_after(1), wait_after(7)
    (datetime.timedelta(seconds=60), None)
    """
    return WAITS[attempts - 1] if attempts <= len(WAITS) else None
