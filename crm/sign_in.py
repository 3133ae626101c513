"""Slows down guessing of passwords: each failure makes the next attempt wait longer, and nobody is locked out.

Attempts count per account and per network address (OWASP: credential stuffing, device cookies). A browser that has
signed in to the account before has its own counter, so an attacker's guesses do not keep the owner waiting.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.db import transaction

from crm.models.sign_in import SignInCounter

FORGOTTEN_AFTER = timedelta(days=1)
LONGEST_WAIT_SECONDS = 900
KNOWN_BROWSER_DAYS = 180
SALT = "known browser"


class TooManyAttempts(Exception):
    """Not looked at: the wait set by earlier failures is not over."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"Wait {wait.total_seconds():.0f} seconds.")
        self.wait = wait


@dataclass(frozen=True)
class Counter:
    """What is counted: `free` attempts cost nothing, then the wait starts at `first_wait_seconds` and doubles."""

    kind: str
    name: str
    free: int
    first_wait_seconds: int

    @property
    def key_hash(self) -> str:
        text = f"{self.kind}:{self.name}".encode()
        return hmac.new(settings.SECRET_KEY.encode(), text, hashlib.sha256).hexdigest()

    def wait(self, failures: int) -> timedelta:
        """Wait after so many failures in a row."""
        over = failures - self.free
        seconds = 0 if over < 0 else min(self.first_wait_seconds * 2 ** min(over, 20), LONGEST_WAIT_SECONDS)
        return timedelta(seconds=seconds)


def counters(account: str, ip: str, known_browser: str = "") -> list[Counter]:
    """What an attempt on `account` counts against; `known_browser` is the browser's cookie."""
    name = account.strip().casefold()
    own = Counter("browser" if is_known(known_browser, name) else "account", name, free=3, first_wait_seconds=15)
    return [own, Counter("address", ip, free=30, first_wait_seconds=5)]


def code_counters(account: str, ip: str) -> list[Counter]:
    """What a guess of a code counts against: only a right code sets it back, a new sign-in does not."""
    own = Counter("code", account.strip().casefold(), free=3, first_wait_seconds=300)
    return [own, Counter("address", ip, free=30, first_wait_seconds=5)]


@transaction.atomic
def begin_attempt(counted: Sequence[Counter], *, at: datetime) -> None:
    """Count an attempt as failed before the password is looked at, so that parallel guesses count too.

    Raises TooManyAttempts when one of the counters still waits; then nothing is counted.
    """
    rows = [_locked(counter, at) for counter in counted]
    wait = max(row.waits_until for row in rows) - at
    if wait > timedelta(0):
        raise TooManyAttempts(wait)
    for counter, row in zip(counted, rows, strict=True):
        row.failures = 1 if at - row.last_at > FORGOTTEN_AFTER else row.failures + 1
        row.last_at, row.waits_until = at, at + counter.wait(row.failures)
        row.save()


def forgive(counted: Sequence[Counter]) -> None:
    """After the right password: clear the account's counter and take this attempt off the address's."""
    own, address = counted
    SignInCounter.objects.filter(key_hash=own.key_hash).delete()
    for row in SignInCounter.objects.filter(key_hash=address.key_hash, failures__gt=0):
        SignInCounter.objects.filter(pk=row.pk).update(failures=row.failures - 1, waits_until=row.last_at)


def known_browser(account: str) -> str:
    """A signed token for the browser of somebody who knew the password of `account`."""
    return signing.dumps(account.strip().casefold(), salt=SALT)


def is_known(token: str, account: str) -> bool:
    """Whether `token` was given for `account` within the last 180 days."""
    try:
        return signing.loads(token, salt=SALT, max_age=timedelta(days=KNOWN_BROWSER_DAYS)) == account
    except signing.BadSignature:
        return False


def _locked(counter: Counter, at: datetime) -> SignInCounter:
    fresh = {"last_at": at, "waits_until": at}
    SignInCounter.objects.get_or_create(key_hash=counter.key_hash, defaults=fresh)
    return SignInCounter.objects.select_for_update().get(key_hash=counter.key_hash)
