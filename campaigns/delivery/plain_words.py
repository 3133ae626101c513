"""What servers and providers reply, in words for people: a table, the first row that fits; the reply stays behind it.

Codes: RFC 3463 and https://www.iana.org/assignments/smtp-enhanced-status-codes
"""

import re
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Row:
    """Replies in which this is found mean that."""

    sign: re.Pattern[str]
    words: Any


def row(sign: str, words: Any) -> Row:
    return Row(re.compile(sign), words)


NOT_US = _("Our mail server does not accept our name and password.")
TABLE = (
    row(r": 21610\b|replied STOP", _("They told the provider of text messages that they want no more.")),
    row(r"not a number that takes texts", _("This number takes no text messages.")),
    row(r"not sent to such numbers", _("Our provider sends no text messages to numbers of this kind or country.")),
    row(r"no such text", _("The provider does not take this text: it is empty or too long.")),
    row(r"account or sender", _("The provider does not accept our account, or our sender.")),
    row(r"too fast|\b[45]\.7\.28\b|HTTP 429", _("We send faster than they take it.")),
    row(r"HTTP 40[13]", _("The system called does not accept our signature.")),
    row(r"HTTP 4(04|10)", _("At the address that is called there is nothing.")),
    row(r"HTTP 3", _("The address that is called leads on to another one, and we do not follow.")),
    row(r"HTTP 5", _("The system called is in trouble.")),
    row(r"\b(530|534|535|538)\b|\b[45]\.7\.[89]\b", NOT_US),
    row(r"\b[45]\.1\.(2|10)\b", _("The domain after the @ does not exist or takes no mail.")),
    row(r"\b[45]\.1\.[78]\b", _("The server does not accept our sender's address.")),
    row(r"\b5\.1\.", _("There is no such mailbox.")),
    row(r"\b4\.1\.", _("The server cannot tell now whether the mailbox exists.")),
    row(r"\b[45]\.2\.1\b", _("The mailbox is closed or takes nothing for now.")),
    row(r"\b[45]\.(2\.3|3\.4)\b", _("The message is too big for them.")),
    row(r"\b[45]\.2\.2\b|\b552\b", _("The mailbox is full.")),
    row(r"\b[45]\.2\.", _("The mailbox did not take it.")),
    row(r"\b[45]\.3\.|\b452\b", _("The recipient's server is full or in trouble.")),
    row(r"\b[45]\.4\.", _("The recipient's server cannot be reached from our mail server.")),
    row(r"\b[45]\.6\.", _("The server cannot work with the contents.")),
    row(
        r"\b[45]\.7\.(2[0-9]|30)\b|dmarc|DMARC|\b(SPF|spf|DKIM|dkim)\b",
        _("The server does not believe that it is from us: look at the sending domains."),
    ),
    row(r"[Rr]elay", _("Our mail server does not send on for us: it has to be told that we may.")),
    row(r"[Gg]reylist|[Gg]rey-list", _("The server lets strangers wait at first; we try again.")),
    row(
        r"[Ss]pam|SPAM|[Bb]lack ?list|[Bb]lock ?list|[Rr]eputation|[Ss]pamhaus",
        _("The server takes it for unwanted mail."),
    ),
    row(r"\b[45]\.7\.", _("The rules of the recipient's server do not let it in.")),
    row(r"\b421\b", _("The server is busy and ended the conversation.")),
    row(r"\b(450|451)\b", _("The server asks to try later.")),
    row(r"\b(550|551|553)\b", _("The server refuses this recipient.")),
    row(r"\b554\b", _("The server refuses the message.")),
    row(r"\b(500|502|503|454)\b|\b[45]\.5\.", _("The mail server and we do not understand each other.")),
    row(r"gaierror", _("Nothing is known by the name of the server.")),
    row(r"ConnectionRefused", _("Nobody answers at the address of the server.")),
    row(r"CertVerif", _("The certificate of the server cannot be trusted.")),
    row(r"SSL", _("The server does not speak the encryption that is set.")),
    row(r"[Tt]imeout", _("The server did not answer in time.")),
    row(r"Disconnected|ConnectionReset|BrokenPipe|ConnectionAborted|IncompleteRead", _("The connection broke.")),
    row(
        r"\b(no|other)\b.*\bpublic\b|not public|ports 80",
        _("The address that is called is not one of the open internet."),
    ),
)


def explained(reply: str) -> str:
    """The reply in plain words; empty when it was an acceptance, or nobody knows what it means.

    >>> explained("550 5.1.1 <…>: no such user"), explained("250 ok"), explained("connect: 0 ConnectionRefusedError")
    ('There is no such mailbox.', '', 'Nobody answers at the address of the server.')
    """
    if not reply or reply.startswith("2"):
        return ""
    return next((str(one.words) for one in TABLE if one.sign.search(reply)), "")
