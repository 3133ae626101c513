"""A mail as the bytes that travel. Django's own writer takes longer for it than all the rest of sending a mail."""

import re
import secrets
from binascii import b2a_qp
from email.header import Header
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.message import forbid_multi_line_headers, sanitize_address

LINE = 76  # characters of a header that need no folding (RFC 5322 §2.1.1 asks for 78)
LONGEST_LINE = 998  # octets of a line that may travel as it is
LINE_ENDS = re.compile(r"\r\n|\r|\n")
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
PLAIN_ADDRESS = re.compile(rf"{ATOM}(?:\.{ATOM})*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
PLAIN_VALUE = re.compile(r"[!-~]+(?: [!-~]+)*")


def written(mail: EmailMultiAlternatives, *, is_7bit: bool = False) -> bytes:
    """The whole mail, its lines ended as SMTP asks. What has more than a text and an HTML part Django writes.

    `is_7bit` is for servers that take no other letters (RFC 6152 §3): all but ASCII is quoted.
    """
    others: list[Any] = mail.alternatives
    is_plain = not mail.attachments and [one.mimetype for one in others] in ([], ["text/html"])
    if not is_plain or not mail.body or mail.content_subtype != "plain":
        message: Any = mail.message()  # Django's own class, whose bytes know their line ends
        return bytes(message.as_bytes(linesep="\r\n"))  # 8-bit parts are rare here: files travel as base64
    head = "".join(header(name, value) for name, value in headers(mail))
    if not others:
        return f"MIME-Version: 1.0\r\n{head}".encode("ascii") + part("plain", str(mail.body), is_7bit=is_7bit)
    mark = f"=_{secrets.token_hex(16)}"  # 128 random bits stand in no text, and "=_" in none that is quoted
    begin = f'Content-Type: multipart/alternative; boundary="{mark}"\r\nMIME-Version: 1.0\r\n{head}\r\n'
    between = f"--{mark}\r\n".encode("ascii")
    texts = (("plain", mail.body), ("html", others[0].content))
    parts = [part(kind, str(text), is_7bit=is_7bit) for kind, text in texts]
    return begin.encode("ascii") + b"".join(between + one for one in parts) + f"--{mark}--\r\n".encode("ascii")


def headers(mail: EmailMultiAlternatives) -> list[tuple[str, str]]:
    """What Django would write, in its order."""
    given = {name: str(value) for name, value in mail.extra_headers.items()}
    lists = (("To", mail.to), ("Cc", mail.cc), ("Reply-To", mail.reply_to))
    named = [(name, given.pop(name, ", ".join(map(str, people)))) for name, people in lists]
    first = [("Subject", str(mail.subject)), ("From", given.pop("From", mail.from_email))]
    date = [] if "Date" in given else [("Date", formatdate(localtime=settings.EMAIL_USE_LOCALTIME))]
    return [*first, *((name, value) for name, value in named if value), *date, *given.items()]


def header(name: str, value: str) -> str:
    """One header with its line end; what is long or not ASCII is folded and encoded as Django does it."""
    if len(name) + len(value) + 2 <= LINE and PLAIN_VALUE.fullmatch(value):
        return f"{name}: {value}\r\n"
    return folded(name, value)


@lru_cache(maxsize=500)
def folded(name: str, value: str) -> str:
    name, safe = forbid_multi_line_headers(name, value, "utf-8")
    return f"{name}: {Header(safe, header_name=name).encode(linesep=chr(13) + chr(10), maxlinelen=78)}\r\n"


def part(kind: str, text: str, *, is_7bit: bool = False) -> bytes:
    """A part with its headers: as it is, or quoted where a mail server could not take its lines or letters."""
    lines = LINE_ENDS.sub("\n", text).encode("utf-8", "surrogateescape")
    coding = "7bit" if lines.isascii() else "8bit"
    if max(map(len, lines.split(b"\n"))) > LONGEST_LINE or (is_7bit and coding == "8bit"):
        coding, lines = "quoted-printable", b2a_qp(lines)
    head = f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: {coding}\r\n\r\n'
    return head.encode("ascii") + lines.replace(b"\n", b"\r\n") + b"\r\n"


def bare(address: str) -> str:
    """The address as the envelope names it."""
    return address if PLAIN_ADDRESS.fullmatch(address) else bare_of_named(address)


@lru_cache(maxsize=500)
def bare_of_named(address: str) -> str:
    """Of `Name <address>`, or of an address that is not plain ASCII."""
    return str(sanitize_address(address, "utf-8"))
