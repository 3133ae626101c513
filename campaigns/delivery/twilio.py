"""Twilio's words: the Messages resource, its errors, its signed reports and replies.

https://www.twilio.com/docs/messaging/api/message-resource · https://www.twilio.com/docs/usage/security
It knows no idempotency key for messages: a doubt stays one until its report comes, which carries our token.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from django.http import HttpRequest

from campaigns.delivery.replies import CONNECT, DATA, MAIL, RCPT, Reply
from campaigns.delivery.texts import DELIVERED, HARD, NOTHING, SOFT, STOP, Account, Answer, Call, Report, Text

HOST = "api.twilio.com"
THANKS = ("<Response/>", "text/xml")  # TwiML: say nothing back

# Error codes → the reply of a mail server that means the same to us; the first row that names the code.
# https://www.twilio.com/docs/api/errors
ERRORS = (
    ((21211, 21217, 21421, 21614), RCPT, 550, "5.1.1 not a number that takes texts"),
    ((21610,), RCPT, 550, "5.2.1 replied STOP to the provider"),
    ((21408, 21612), RCPT, 550, "5.2.0 not sent to such numbers"),
    ((21602, 21617), DATA, 554, "5.6.0 no such text"),
    ((20003, 20404, 21606, 21603, 21659, 21660, 21703), MAIL, 535, "account or sender"),
    ((14107, 20429, 21611), DATA, 451, "4.3.2 too fast"),
)

# What became of a message, and why it was not delivered.
STATUSES = {"sent": DELIVERED, "delivered": DELIVERED, "read": DELIVERED, "undelivered": SOFT, "failed": SOFT}
GONE = ("30005", "30006")  # unknown handset, landline
LEFT = ("21610",)
# Twilio's own, then those of Finland's two languages.
STOP_WORDS = frozenset(
    {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"}
    | {"lopeta", "seis", "peru", "peruuta", "stopp", "avsluta"}
)


def call(account: Account, text: Text, report_to: str) -> Call:
    """The request for one message; `from` is a number or a name, `service` a messaging service."""
    sender = {name: account.options[key] for key, name in SENDERS.items() if account.options.get(key)}
    said = {"To": text.to, "Body": text.body, "StatusCallback": report_to, **sender}
    user = base64.b64encode(f"{account.user}:{account.secret}".encode()).decode()
    return Call(
        path=f"/2010-04-01/Accounts/{quote(account.options.get('account', account.user), safe='')}/Messages.json",
        body=urlencode(said).encode(),
        headers={"Authorization": f"Basic {user}", "Content-Type": "application/x-www-form-urlencoded"},
    )


SENDERS = {"from": "From", "service": "MessagingServiceSid"}


def reply(answer: Answer) -> Reply | None:
    """What an answer means; None when it says nothing for certain.

    >>> str(reply(Answer(201, b'{"sid": "SM1"}'))), str(reply(Answer(400, b'{"code": 21211}')))
    ('250 SM1', '550 5.1.1 not a number that takes texts: 21211')
    >>> reply(Answer(503, b""))
    """
    said = as_json(answer.body)
    if answer.status in (200, 201):
        return Reply(DATA, 250, str(said.get("sid", "")))
    code = said.get("code")
    for codes, phase, number, words in ERRORS:
        if code in codes:
            return Reply(phase, number, f"{words}: {code}")
    if answer.status in (401, 403, 404):
        return Reply(CONNECT, 535, f"HTTP {answer.status}")
    if answer.status == 429:
        return Reply(DATA, 451, "4.3.2 too fast")
    if 400 <= answer.status < 500:
        return Reply(DATA, 554, f"HTTP {answer.status}: {code}")  # never its words: they repeat the number
    return None


def as_json(body: bytes) -> dict[str, object]:
    try:
        said = json.loads(body or b"{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def signature_of(request: HttpRequest) -> str:
    return request.headers.get("X-Twilio-Signature", "")


def is_signed(account: Account, url: str, form: Mapping[str, str], signature: str) -> bool:
    """Whether the call is theirs: HMAC-SHA1, by the token, of the address and the fields in their order."""
    return hmac.compare_digest(signed(account.secret, url, form).encode(), signature.encode())


def signed(secret: str, url: str, form: Mapping[str, str]) -> str:
    said = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    return base64.b64encode(hmac.new(secret.encode(), said.encode(), hashlib.sha1).digest()).decode()


def report(form: Mapping[str, str]) -> Report:
    """What they tell: the status of a message of ours, or a reply of somebody."""
    number = form.get("MessageSid", "")
    if status := form.get("MessageStatus", ""):
        error = form.get("ErrorCode", "")
        kind = STATUSES.get(status, NOTHING)
        if kind == SOFT:
            kind = HARD if error in GONE else STOP if error in LEFT else SOFT
        return Report(kind, f"{number} {status}", detail=error)
    words = form.get("Body", "").strip().strip(".!").lower()
    is_stop = form.get("OptOutType", "") == "STOP" or words in STOP_WORDS
    return Report(STOP if is_stop else NOTHING, number, sender=form.get("From", ""))
