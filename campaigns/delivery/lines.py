"""Lines to a mail server: one conversation per message, its phases visible, so that "provably not sent" is known."""

import smtplib
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection

from campaigns.channels import CHANNELS
from campaigns.content.merge import RenderFailed
from campaigns.content.mime import bare, written
from campaigns.delivery.calls import CallLine
from campaigns.delivery.conversation import Begin, Broken, Line
from campaigns.delivery.replies import CONNECT, DATA, MAIL, RCPT, Reply
from campaigns.delivery.texting import TextLine
from campaigns.delivery.webhooks import WebhookLine
from campaigns.models import Campaign

CONNECT_SECONDS, COMMAND_SECONDS, FINAL_DOT_SECONDS = 10, 60, 600  # RFC 5321 §4.5.3.2
MESSAGES_PER_CONNECTION, SECONDS_PER_CONNECTION = 100, 60
SMTP_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
POLITE, CLOSING = 250, 421


def is_yes(code: int) -> bool:
    """Any positive completion (RFC 5321 §4.2.1): 252 as much as 250."""
    return 200 <= code < 300


def is_no(code: int) -> bool:
    return 400 <= code < 600


class SmtpLine:
    """A connection of our own, used for at most 100 messages or 60 seconds, then made anew."""

    def __init__(self) -> None:
        self.smtp: smtplib.SMTP | None = None
        self.used, self.opened_at = 0, 0.0

    def hand_over(self, mail: EmailMultiAlternatives, begin: Begin) -> Reply | None:
        to, payload = ready(mail)  # before the beginning: what cannot be written must not become a doubt
        if refusal := self._admit(mail.from_email, to):
            return refusal
        if not payload.isascii() and not self._smtp.has_extn("8bitmime"):
            payload = written(mail, is_7bit=True)
        if not begin():
            self._reset()
            return None
        self.used += 1
        return self._payload(payload)

    def close(self) -> None:
        smtp, self.smtp = self.smtp, None
        if smtp:
            with suppress(OSError):
                smtp.quit()
            smtp.close()

    def _admit(self, usual: str, to: str) -> Reply | None:
        """Connect, name sender and recipient; the reply that prevented it.

        Servers may close a line after any message: that shows with the next one, and a new line is its answer.
        """
        if refusal := self._open():
            return refusal
        was_used = self.used > 0
        try:
            refusal = self._envelope(usual, to)
        except Broken as broken:
            if not was_used or broken.phase != MAIL:
                raise
        else:
            if not (was_used and refusal and (refusal.phase, refusal.code) == (MAIL, CLOSING)):
                return refusal
        return self._open() or self._envelope(usual, to)

    def _open(self) -> Reply | None:
        """Make sure there is a fresh enough connection; the reply that prevented it."""
        if self.used >= MESSAGES_PER_CONNECTION or time.monotonic() > self.opened_at + SECONDS_PER_CONNECTION:
            self.close()
        if self.smtp:
            return None
        self.smtp = (
            smtplib.SMTP_SSL(timeout=CONNECT_SECONDS)
            if settings.EMAIL_USE_SSL
            else smtplib.SMTP(timeout=CONNECT_SECONDS)
        )
        self.used, self.opened_at = 0, time.monotonic()
        reply = self._ask(CONNECT, self._greet)
        if reply.code >= 400:
            self._drop()
            return reply
        return None

    def _greet(self) -> tuple[int, bytes]:
        """Connect, secure the connection and sign in, as the settings say."""
        smtp: Any = self._smtp
        smtp._host = settings.EMAIL_HOST  # smtplib wants the name for TLS when connecting late
        code, text = smtp.connect(settings.EMAIL_HOST, settings.EMAIL_PORT)
        if code >= 400:
            return code, text
        if settings.EMAIL_USE_TLS:
            smtp.starttls()
        smtp.ehlo_or_helo_if_needed()
        if settings.EMAIL_HOST_USER:
            smtp.login(settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD)
        if smtp.sock:
            smtp.sock.settimeout(COMMAND_SECONDS)
        return POLITE, b""

    def _envelope(self, usual: str, to: str) -> Reply | None:
        """Name sender and recipient; the reply that refused one of them."""
        try:
            sender = bare(settings.BOUNCE_ADDRESS or usual)
        except ValueError:
            return Reply(MAIL, 553, "our own address is not one")
        for phase, command, address in ((MAIL, self._smtp.mail, sender), (RCPT, self._smtp.rcpt, to)):
            reply = self._ask(phase, command, address)
            if not is_yes(reply.code):
                self._reset()
                return reply
        return None

    def _payload(self, payload: bytes) -> Reply:
        smtp = self._smtp
        if smtp.sock:
            smtp.sock.settimeout(FINAL_DOT_SECONDS)
        reply = self._ask(DATA, smtp.data, payload)
        if smtp.sock:
            smtp.sock.settimeout(COMMAND_SECONDS)
        if reply.code != POLITE:
            self._reset()
        return reply

    @property
    def _smtp(self) -> smtplib.SMTP:
        if self.smtp is None:
            raise Broken(CONNECT, "not connected")
        return self.smtp

    def _ask(self, phase: str, command: Callable[..., tuple[int, bytes]], *words: object) -> Reply:
        """One command and its reply. A reply is looked for first: every exception of smtplib is an OSError too.

        What is neither yes nor no belongs to another command or means nothing: such a line cannot be talked on.
        """
        try:
            code, said = command(*words)
        except smtplib.SMTPResponseException as error:
            code, said = error.smtp_code, as_text(error.smtp_error).encode()
            if not is_no(code):  # not the go-ahead that was asked for: no payload has left
                self._drop()
                raise Broken(RCPT if phase == DATA else phase, f"{code} out of turn") from error
        except OSError as error:
            self._drop()
            raise Broken(phase, type(error).__name__) from error
        if code == CLOSING:
            self._drop()
        if not is_yes(code) and not is_no(code):
            self._drop()
            raise Broken(phase, "no reply" if code == -1 else f"{code} out of turn")
        return Reply(phase, code, as_text(said))

    def _reset(self) -> None:
        """Clear the conversation; a server that cannot is left."""
        try:
            if self.smtp and self.smtp.rset()[0] != POLITE:
                self._drop()
        except OSError:
            self._drop()

    def _drop(self) -> None:
        smtp, self.smtp = self.smtp, None
        if smtp:
            smtp.close()


def ready(mail: EmailMultiAlternatives) -> tuple[str, bytes]:
    """Recipient and bytes of a mail. Raises `RenderFailed` for one that cannot travel."""
    try:
        return bare(mail.to[0]), written(mail)
    except ValueError as error:  # letters that are none, or a line break where none may be
        raise RenderFailed(type(error).__name__) from error


class BackendLine:
    """Any other of Django's mail back ends, providers by django-anymail among them: its phases are hidden.

    An answer of the provider is definite; an error without one, after the beginning, is a doubt.
    """

    def __init__(self) -> None:
        self.backend = get_connection()

    def hand_over(self, mail: EmailMultiAlternatives, begin: Begin) -> Reply | None:
        if not begin():
            return None
        try:
            self.backend.send_messages([mail])
        except smtplib.SMTPResponseException as error:
            return Reply(DATA, error.smtp_code, as_text(error.smtp_error))
        except AnymailRecipientsRefused:
            return Reply(DATA, 550, "5.1.1 refused by the provider")
        except AnymailAPIError as error:
            return self._answer(error)
        except AnymailError as error:
            return Reply(MAIL, 554, as_text(str(error)))
        except OSError as error:
            raise Broken(DATA, type(error).__name__) from error
        return Reply(DATA, POLITE, "accepted by the back end")

    def _answer(self, error: AnymailAPIError) -> Reply:
        """What the provider's HTTP status means in SMTP's terms: our key, its hurry, its trouble, or the message."""
        status = error.status_code
        if status is None or status >= 500:
            raise Broken(DATA, type(error).__name__) from error
        phase, code = next((row[1:] for row in STATUSES if status in row[0]), (DATA, 554))
        return Reply(phase, code, f"HTTP {status}")

    def close(self) -> None:
        self.backend.close()


STATUSES = (
    ((401, 402, 403), MAIL, 535),  # our key or account: pause the run
    ((429,), DATA, 450),
    ((400, 413, 422), DATA, 554),
)


class FileLine:
    """Hands over by being put on the list that people fetch as a file; nothing leaves the house by itself."""

    def hand_over(self, item: object, begin: Begin) -> Reply | None:
        return Reply(DATA, POLITE, "on the list") if begin() else None

    def close(self) -> None:
        """Nothing is held open."""


LINES: dict[str, Callable[[], Line]] = {"sms": TextLine, "phone": CallLine}


def open_line(campaign: Campaign) -> Line:
    """The line of the campaign's channel; for mail the one that EMAIL_URL or the provider asks for."""
    if campaign.webhook is not None:
        return WebhookLine(campaign.webhook)
    if campaign.channel in LINES:
        return LINES[campaign.channel]()
    if CHANNELS[campaign.channel].is_file:
        return FileLine()
    return SmtpLine() if settings.EMAIL_BACKEND == SMTP_BACKEND else BackendLine()


def as_text(said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return " ".join(text.split())
