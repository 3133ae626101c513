"""Questions to the DNS: what is published under a name, told apart from "no such name" and from no answer at all."""

from collections.abc import Callable

import dns.exception
import dns.resolver

SECONDS = 5
Lookup = Callable[[str, str], tuple[str, ...]]  # name and kind of record → their texts, none when there are none


class NoSuchName(Exception):
    """The name does not exist."""


class NoAnswer(Exception):
    """Nobody answered, or nobody who knows: nothing can be said."""


def look_up(name: str, kind: str) -> tuple[str, ...]:
    """The records of that kind. Raises `NoSuchName` and `NoAnswer`."""
    try:
        found = dns.resolver.resolve(name, kind, lifetime=SECONDS, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN as error:
        raise NoSuchName(name) from error
    except (dns.exception.DNSException, OSError, ValueError) as error:
        raise NoAnswer(type(error).__name__) from error
    return tuple(text_of(record) for record in found.rrset or ())


def text_of(record: object) -> str:
    """A record as its text; the strings of a TXT record are one text (RFC 7208 §3.3)."""
    strings = getattr(record, "strings", None)
    return b"".join(strings).decode("utf-8", "replace") if strings else str(record)


def texts(lookup: Lookup, name: str, begins: str) -> tuple[str, ...]:
    """The TXT records of a name that begin with a tag; none when there is no such name. Raises `NoAnswer`."""
    try:
        found = lookup(name, "TXT")
    except NoSuchName:
        return ()
    return tuple(one for one in found if one.lower().replace(" ", "").startswith(begins))
