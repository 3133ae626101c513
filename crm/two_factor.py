"""Codes of an authenticator app, and recovery codes on paper: made and compared; the rows are the actions' affair.

Time-based one-time passwords: RFC 6238 over HOTP, RFC 4226; SHA-1, six digits, half minutes, as every app understands.
"""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

import segno
from django.conf import settings

STEP = timedelta(seconds=30)
DRIFT = 1  # steps before and after that are taken too: clocks differ, and people type slowly (RFC 6238, 5.2)
DIGITS = 6
CODES = 10
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is read as something else
GROUPS, GROUP = 4, 4  # 31^16: about 79 bits


def step_of(at: datetime) -> int:
    """Half minutes since 1970."""
    return int(at.timestamp() // STEP.total_seconds())


def code(secret: bytes, step: int) -> str:
    """The six digits of one half minute.

    >>> code(b"12345678901234567890", 59 // 30), code(b"12345678901234567890", 1111111109 // 30)
    ('287082', '081804')
    """
    digest = hmac.new(secret, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def matching_step(secret: bytes, given: str, *, at: datetime, after: int) -> int | None:
    """The step whose code was given, later than the last one that was taken; None when there is none."""
    now = step_of(at)
    steps = [step for step in range(now - DRIFT, now + DRIFT + 1) if step > after]
    return next((step for step in steps if hmac.compare_digest(code(secret, step), given)), None)


def new_seed() -> str:
    return secrets.token_hex(20)


def secret_of(user_id: int, seed: str) -> bytes:
    """What the app is given: made from the seed and the house's own secret, so that no database or dump holds it."""
    said = f"two-factor|{user_id}|{seed}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), said, hashlib.sha256).digest()[:20]


def written(secret: bytes) -> str:
    """The secret as people type it into an app: base32 in groups of four."""
    text = base64.b32encode(secret).decode()
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))


def address(secret: bytes, account: str) -> str:
    """The otpauth address that an app reads (Google's Key URI Format)."""
    issuer = f"Kohde – {settings.FIRM_NAME}"
    asked = {"secret": base64.b32encode(secret).decode(), "issuer": issuer, "digits": DIGITS, "period": 30}
    return f"otpauth://totp/{quote(issuer)}:{quote(account)}?{urlencode(asked, quote_via=quote)}"


def picture(text: str) -> str:
    """The text as a QR code: an SVG element of its own, coordinates and colours only, dark on light in every theme."""
    return segno.make(text, error="m", micro=False).svg_inline(scale=5, border=4, dark="#000", light="#fff")


def new_codes() -> list[str]:
    """Recovery codes, each good once."""
    return ["-".join(_letters(GROUP) for _ in range(GROUPS)) for _ in range(CODES)]


def hash_of(recovery_code: str) -> str:
    """Keyed hash of a recovery code, however it was typed; 79 random bits need no slow one.

    >>> hash_of("ABCD efgh-jkmn-pqrs") == hash_of("abcd-efgh-jkmn-pqrs")
    True
    """
    plain = "".join(letter for letter in recovery_code.casefold() if letter.isalnum())
    return hmac.new(settings.SECRET_KEY.encode(), f"recovery|{plain}".encode(), hashlib.sha256).hexdigest()


def _letters(count: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(count))
