"""SPF (RFC 7208): who may send for a domain, read as receivers read it, and how far the record is from its limits."""

import ipaddress
from contextlib import suppress
from dataclasses import dataclass, field

from campaigns.checks import lookups
from campaigns.checks.lookups import Lookup, NoSuchName

MOST_LOOKUPS = 10  # §4.6.4: above it receivers treat the record as an error
ASKING = ("include", "a", "mx", "ptr", "exists", "redirect")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Term:
    """One word of a record: +include:example.com."""

    qualifier: str
    name: str
    value: str


@dataclass
class Walk:
    """What a walk through a record and those it includes has found so far."""

    addresses: frozenset[Address]
    lookups: int = 0
    included: set[str] = field(default_factory=set)
    passed: set[Address] = field(default_factory=set)
    end: str = ""  # what the record says of everybody else: -, ~, ? or +
    broken: str = ""  # an included domain without a record of its own


def record_of(lookup: Lookup, domain: str) -> tuple[str, ...]:
    """The SPF records of the domain: one, if all is well."""
    return lookups.texts(lookup, domain, "v=spf1")


def terms(record: str) -> list[Term]:
    """The words of a record.

    >>> terms("v=spf1 ip4:192.0.2.1/28 -all")[1]
    Term(qualifier='-', name='all', value='')
    """
    found = []
    for word in record.split()[1:]:
        qualifier, rest = (word[0], word[1:]) if word[0] in "+-~?" else ("+", word)
        name, _sign, value = rest.replace("=", ":", 1).partition(":")
        name, slash, length = name.partition("/")
        found.append(Term(qualifier, name.lower(), value + slash + length))
    return found


def walk(lookup: Lookup, domain: str, record: str, addresses: frozenset[Address]) -> Walk:
    """Read the record and all it includes. Raises `lookups.NoAnswer`."""
    found = Walk(addresses)
    step(lookup, domain, record, found, is_first=True)
    return found


def step(lookup: Lookup, domain: str, record: str, found: Walk, *, is_first: bool = False) -> None:
    for term in terms(record):
        found.lookups += term.name in ASKING
        if found.lookups > MOST_LOOKUPS * 3:  # a ring of records that include each other
            return
        if term.name == "all" and is_first:
            found.end = term.qualifier
        elif term.name in ("include", "redirect"):
            follow(lookup, term, found, is_first=is_first)
        elif term.qualifier == "+":
            found.passed |= {one for one in found.addresses if is_in(lookup, domain, term, one)}


def follow(lookup: Lookup, term: Term, found: Walk, *, is_first: bool) -> None:
    """Into the record of another domain; macros are left to receivers."""
    target = term.value.lower().rstrip(".")
    if "%" in target or target in found.included:
        return
    found.included.add(target)
    records = record_of(lookup, target)
    if len(records) != 1:
        found.broken = found.broken or target
        return
    step(lookup, target, records[0], found, is_first=is_first and term.name == "redirect")


def is_in(lookup: Lookup, domain: str, term: Term, address: Address) -> bool:
    """Whether the word names the address."""
    target, slash, length = term.value.partition("/")
    if term.name in ("ip4", "ip6"):
        return is_within(address, term.value)
    if term.name == "a":
        return any(is_within(address, one + slash + length) for one in hosts(lookup, target or domain))
    if term.name == "mx":
        names = [one.split()[-1].rstrip(".") for one in records(lookup, target or domain, "MX")]
        return any(is_within(address, one + slash + length) for name in names for one in hosts(lookup, name))
    return False


def is_within(address: Address, network: str) -> bool:
    with suppress(ValueError):
        return address in ipaddress.ip_network(network.split("//")[0], strict=False)
    return False


def hosts(lookup: Lookup, name: str) -> list[str]:
    """Every address of a name."""
    return [one for kind in ("A", "AAAA") for one in records(lookup, name, kind)]


def records(lookup: Lookup, name: str, kind: str) -> tuple[str, ...]:
    try:
        return lookup(name, kind)
    except NoSuchName:
        return ()


def with_word(record: str, word: str) -> str:
    """The record with one more word, before what it says of everybody else.

    >>> with_word("v=spf1 mx ~all", "include:spf.example.com")
    'v=spf1 mx include:spf.example.com ~all'
    """
    words = record.split()
    place = next((n for n, one in enumerate(words) if one.lstrip("+-~?").lower().startswith(("all", "redirect"))), None)
    return " ".join([*words, word] if place is None else [*words[:place], word, *words[place:]])


def merged(found: tuple[str, ...]) -> str:
    """Several records as the one that is allowed; the mildest end stays.

    >>> merged(("v=spf1 mx -all", "v=spf1 include:a.example ~all"))
    'v=spf1 mx include:a.example ~all'
    """
    words = [word for record in found for word in record.split()[1:] if word.lstrip("+-~?").lower() != "all"]
    return " ".join(["v=spf1", *dict.fromkeys(words), "~all"])
