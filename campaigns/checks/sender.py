"""The sender's domain as receivers see it: SPF, DKIM, DMARC, mail back, and leaving by one click. Pure, given a lookup.

What large receivers ask of those who send to many: https://support.google.com/a/answer/81126; RFC 7208, 6376, 7489.
"""

import base64
import ipaddress
from dataclasses import asdict, dataclass
from typing import Any

from campaigns.checks import lookups, spf
from campaigns.checks.lookups import Lookup, NoSuchName

GOOD, UNKNOWN, WARN, BAD = "good", "unknown", "warn", "bad"
ORDER = (GOOD, UNKNOWN, WARN, BAD)
RESERVED = ("example", "test", "invalid", "localhost", "local", "example.com", "example.org", "example.net")  # RFC 2606

# Part of a server's name, or a provider's → the domain whose SPF record names its servers.
RELAYS = {
    "gmail": "_spf.google.com",
    "google": "_spf.google.com",
    "office365": "spf.protection.outlook.com",
    "outlook": "spf.protection.outlook.com",
    "amazon": "amazonses.com",
    "resend": "amazonses.com",
    "sendgrid": "sendgrid.net",
    "mailgun": "mailgun.org",
    "postmark": "spf.mtasv.net",
    "mtasv": "spf.mtasv.net",
    "mailjet": "spf.mailjet.com",
    "brevo": "spf.brevo.com",
    "sendinblue": "spf.brevo.com",
    "sparkpost": "_spf.sparkpostmail.com",
    "mandrill": "spf.mandrillapp.com",
    "mailersend": "_spf.mailersend.net",
}
# Under which names keys are usually published: by the mail systems themselves, then by providers.
USUAL = ("default", "mail", "dkim", "selector1", "selector2", "google", "s1", "s2", "k1", "smtp", "kohde", "mailjet")
KEY_BYTES = ((150, BAD, "dkim_short"), (290, WARN, "dkim_1024"))  # of a public RSA key below 1024 and 2048 bits


@dataclass(frozen=True)
class Server:
    """By what mail leaves: a host or a provider, the domain bounces go to, and whether links are secure."""

    name: str
    is_provider: bool = False
    bounce_domain: str = ""
    is_secure: bool = True


@dataclass(frozen=True)
class Record:
    """A record to publish, word for word."""

    name: str
    kind: str
    value: str


@dataclass(frozen=True)
class Finding:
    """What was found of one thing: how good it is, a code for the words, what stands there, what should."""

    key: str
    verdict: str
    code: str
    found: str = ""
    publish: tuple[Record, ...] = ()
    about: str = ""  # the name or number that the words speak of

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def from_json(row: dict[str, Any]) -> Finding:
    return Finding(**{**row, "publish": tuple(Record(**one) for one in row["publish"])})


def worst(findings: list[Finding]) -> str:
    """The verdict on the whole."""
    return max((one.verdict for one in findings), key=ORDER.index, default=UNKNOWN)


def check(domain: str, server: Server, selectors: tuple[str, ...], lookup: Lookup) -> list[Finding]:
    """Everything there is to say of the domain. Raises `lookups.NoAnswer` when the DNS says nothing."""
    if is_reserved(domain):
        return [Finding("domain", BAD, "reserved", about=domain)]
    if not exists(lookup, domain):
        return [Finding("domain", BAD, "no_such_domain", about=domain)]
    sent_by, signed, policy = (
        of_spf(domain, server, lookup),
        of_dkim(domain, selectors, lookup),
        of_dmarc(domain, lookup),
    )
    alignment = of_alignment(domain, server, sent_by, signed, policy)
    return [sent_by, signed, policy, alignment, of_mail_back(domain, server, lookup), of_leaving(server)]


def is_reserved(domain: str) -> bool:
    """Whether the name is set aside for examples, so that nobody can publish anything under it.

    >>> is_reserved("kohde.example"), is_reserved("example.com"), is_reserved("firm.fi")
    (True, True, False)
    """
    return domain in RESERVED or domain.endswith(tuple(f".{one}" for one in RESERVED))


def exists(lookup: Lookup, domain: str) -> bool:
    try:
        lookup(domain, "SOA")
    except NoSuchName:
        return False
    return True


def of_spf(domain: str, server: Server, lookup: Lookup) -> Finding:
    """Whether the domain that bounces go to lets our server send for it."""
    asked, word = server.bounce_domain or domain, word_for(server)
    records = spf.record_of(lookup, asked)
    if not records:
        verdict = WARN if server.is_provider else BAD  # a provider's own domain may stand in the envelope
        wanted = Record(asked, "TXT", f"v=spf1 {word or 'mx'} ~all")
        return Finding("spf", verdict, "spf_missing", publish=(wanted,), about=asked)
    if len(records) > 1:
        wanted = Record(asked, "TXT", spf.merged(records))
        return Finding("spf", BAD, "spf_twice", " · ".join(records), (wanted,), asked)
    return of_record(asked, server, word, records[0], lookup)


def of_record(asked: str, server: Server, word: str, record: str, lookup: Lookup) -> Finding:
    addresses = frozenset() if server.is_provider else addresses_of(server.name, lookup)
    found = spf.walk(lookup, asked, record, addresses)
    if found.broken:
        return Finding("spf", BAD, "spf_broken", record, about=found.broken)
    if found.lookups > spf.MOST_LOOKUPS:
        return Finding("spf", BAD, "spf_too_long", record, about=str(found.lookups))
    if found.end == "+":
        return Finding("spf", BAD, "spf_everybody", record, (Record(asked, "TXT", closed(record)),))
    if not is_named(found, word, addresses):
        wanted = Record(asked, "TXT", spf.with_word(record, word))
        return Finding("spf", WARN, "spf_without_us", record, (wanted,), server.name)
    if found.end in ("", "?"):
        return Finding("spf", WARN, "spf_open", record, (Record(asked, "TXT", closed(record)),))
    return Finding("spf", GOOD, "spf_good" if word else "spf_unseen", record)


def closed(record: str) -> str:
    """The record with a soft end.

    >>> closed("v=spf1 mx +all"), closed("v=spf1 mx")
    ('v=spf1 mx ~all', 'v=spf1 mx ~all')
    """
    words = [one for one in record.split() if one.lstrip("+-~?").lower() != "all"]
    return " ".join([*words, "~all"])


def is_named(found: spf.Walk, word: str, addresses: frozenset[spf.Address]) -> bool:
    """Whether the record names our server; one on this machine sends from addresses that cannot be seen from here."""
    return not word or bool(found.passed) or word.removeprefix("include:") in found.included


def word_for(server: Server) -> str:
    """What an SPF record says to name the server; "" when that cannot be known from here.

    >>> word_for(Server("smtp.sendgrid.net")), word_for(Server("smtp.firm.fi")), word_for(Server("127.0.0.1"))
    ('include:sendgrid.net', 'a:smtp.firm.fi', '')
    """
    for part, included in RELAYS.items():
        if part in server.name:
            return f"include:{included}"
    if server.is_provider or is_inside(server.name):
        return ""
    return f"{'ip6' if ':' in server.name else 'ip4'}:{server.name}" if is_ip(server.name) else f"a:{server.name}"


def is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_inside(name: str) -> bool:
    """Whether the server stands on this machine or in this network."""
    return not ipaddress.ip_address(name).is_global if is_ip(name) else "." not in name


def addresses_of(name: str, lookup: Lookup) -> frozenset[spf.Address]:
    if is_inside(name):
        return frozenset()
    return frozenset(ipaddress.ip_address(one) for one in ([name] if is_ip(name) else spf.hosts(lookup, name)))


def of_dkim(domain: str, selectors: tuple[str, ...], lookup: Lookup) -> Finding:
    """Whether a key stands under the names it is looked for: those we were told, else the usual ones."""
    for selector in selectors or USUAL:
        name = f"{selector}._domainkey.{domain}"
        found = (
            lookups.texts(lookup, name, "v=dkim1")
            or lookups.texts(lookup, name, "k=")
            or lookups.texts(lookup, name, "p=")
        )
        if found:
            verdict, code = of_key(tags(found[0]))
            return Finding("dkim", verdict, code, found[0], about=selector)
    wanted = Record(f"{(selectors or USUAL)[0]}._domainkey.{domain}", "TXT", "v=DKIM1; k=rsa; p=…")
    if selectors:
        return Finding("dkim", BAD, "dkim_missing", publish=(wanted,), about=", ".join(selectors))
    return Finding("dkim", UNKNOWN, "dkim_unknown", about=domain)


def of_key(said: dict[str, str]) -> tuple[str, str]:
    """How good a published key is."""
    if not said.get("p"):
        return BAD, "dkim_revoked"
    try:
        size = len(base64.b64decode(said["p"].replace(" ", ""), validate=True))
    except ValueError:
        return BAD, "dkim_damaged"
    if "y" in said.get("t", "").split(":"):
        return WARN, "dkim_testing"
    if said.get("k", "rsa") == "rsa":
        for least, verdict, code in KEY_BYTES:
            if size < least:
                return verdict, code
    return GOOD, "dkim_good"


def tags(record: str) -> dict[str, str]:
    """The tags of a DKIM or DMARC record.

    >>> tags("v=DMARC1; p=none; rua=mailto:a@firm.fi")["p"]
    'none'
    """
    pairs = (one.partition("=") for one in record.split(";"))
    return {name.strip().lower(): value.strip() for name, sign, value in pairs if sign}


def of_dmarc(domain: str, lookup: Lookup) -> Finding:
    """What receivers are asked to do with mail that is not ours; a subdomain has its parent's record."""
    for asked in parents(domain):
        records = lookups.texts(lookup, f"_dmarc.{asked}", "v=dmarc1")
        if len(records) > 1:
            return Finding("dmarc", BAD, "dmarc_twice", " · ".join(records), about=asked)
        if records:
            return of_policy(tags(records[0]), records[0], asked)
    wanted = Record(f"_dmarc.{domain}", "TXT", f"v=DMARC1; p=none; rua=mailto:postmaster@{domain}")
    return Finding("dmarc", BAD, "dmarc_missing", publish=(wanted,), about=domain)


def of_policy(said: dict[str, str], record: str, asked: str) -> Finding:
    policy = said.get("p", "").lower()
    if policy not in ("none", "quarantine", "reject"):
        wanted = Record(f"_dmarc.{asked}", "TXT", f"v=DMARC1; p=none; rua=mailto:postmaster@{asked}")
        return Finding("dmarc", BAD, "dmarc_damaged", record, (wanted,), asked)
    return Finding("dmarc", GOOD, "dmarc_none" if policy == "none" else "dmarc_good", record, about=policy)


def parents(domain: str) -> list[str]:
    """The domain and those above it, but no top one.

    >>> parents("news.firm.fi")
    ['news.firm.fi', 'firm.fi']
    """
    parts = domain.split(".")
    return [".".join(parts[n:]) for n in range(max(len(parts) - 1, 1))]


def of_alignment(domain: str, server: Server, sent_by: Finding, signed: Finding, policy: Finding) -> Finding:
    """Whether what SPF or DKIM proves is the domain that readers see: DMARC counts nothing else."""
    envelope = server.bounce_domain or domain
    by_spf = sent_by.verdict == GOOD and not server.is_provider and is_kin(envelope, domain)
    by_dkim = signed.verdict in (GOOD, WARN)
    if by_spf or by_dkim:
        return Finding("alignment", GOOD, f"by_{'both' if by_spf and by_dkim else 'spf' if by_spf else 'dkim'}")
    enforced = policy.code == "dmarc_good" and signed.verdict == BAD
    return Finding("alignment", BAD if enforced else WARN, "by_none", about=envelope)


def is_kin(one: str, other: str) -> bool:
    """Whether two domains count as one for DMARC's relaxed alignment.

    >>> is_kin("bounces.firm.fi", "firm.fi"), is_kin("firm.fi", "other.fi")
    (True, False)
    """
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def of_mail_back(domain: str, server: Server, lookup: Lookup) -> Finding:
    """Whether replies and bounces find their way back."""
    asked = server.bounce_domain or domain
    servers = spf.records(lookup, asked, "MX")
    if any(one.split()[-1] == "." for one in servers):  # RFC 7505
        return Finding("mx", BAD, "mx_null", servers[0], about=asked)
    if servers:
        return Finding("mx", GOOD, "mx_good", " · ".join(servers), about=asked)
    if spf.hosts(lookup, asked):
        return Finding("mx", WARN, "mx_implied", about=asked)
    return Finding("mx", BAD, "mx_missing", publish=(Record(asked, "MX", f"10 mail.{asked}."),), about=asked)


def of_leaving(server: Server) -> Finding:
    """Whether a reader can leave by one click of the mail program, which follows https only (RFC 8058)."""
    return Finding("leaving", GOOD, "one_click") if server.is_secure else Finding("leaving", BAD, "not_secure")
