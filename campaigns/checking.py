"""Checks before sending, kept: which are due, what they found, and whether a campaign may leave by it."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from campaigns.checks import links, sender
from campaigns.checks.lookups import Lookup, NoAnswer, look_up
from campaigns.checks.sender import BAD, Finding, Server
from campaigns.content import letters, matrix
from campaigns.models import Campaign, LinkCheck, SenderDomain
from crm import actions as crm_actions
from crm.refusals import NotPossibleNow, Refused
from crm.rights import Actor

FRESH = timedelta(days=1)  # an answer is not asked for again within that time, unless somebody asks
KEPT = timedelta(days=30)  # visits of links
LINKS_AT_A_TIME = 5  # so that a task ends within a minute
MOST_LINKS = 100  # of one campaign
UNSENT = ("draft", "scheduled", "sending", "paused")


def domain_of(address: str) -> str:
    """The domain of a mailbox, as the DNS knows it.

    >>> domain_of("Kohde <hello@Firm.fi>")
    'firm.fi'
    """
    domain = parseaddr(address)[1].rpartition("@")[2].strip().rstrip(".").lower()
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain


def is_needed() -> bool:
    """Whether mail leaves at all: what the catcher keeps needs nobody's trust."""
    return not settings.HAS_MAIL_CATCHER


def server() -> Server:
    """By what mail leaves, as it is set."""
    name = settings.MAIL_PROVIDER or str(settings.EMAIL.get("EMAIL_HOST") or "").lower()
    is_secure = urlsplit(settings.BASE_URL).scheme == "https"
    return Server(name, bool(settings.MAIL_PROVIDER), domain_of(settings.BOUNCE_ADDRESS), is_secure)


def domains() -> list[SenderDomain]:
    """Every domain mail leaves from: the firm's first, then those of campaigns that may still send; some are new."""
    of_campaigns = Campaign.objects.filter(status__in=UNSENT, channel="email").exclude(from_email="")
    addresses = [settings.DEFAULT_FROM_EMAIL, *of_campaigns.values_list("from_email", flat=True).distinct()]
    names = [name for name in dict.fromkeys(map(domain_of, addresses)) if name]
    known = {row.domain: row for row in SenderDomain.objects.filter(domain__in=names).select_related("accepted_by")}
    return [known.get(name) or SenderDomain(domain=name) for name in names]


def domain_named(name: str) -> SenderDomain:
    """One of them. Raises `Refused`."""
    known = {row.domain: row for row in domains()}
    if name not in known:
        raise Refused(_("Nothing is sent from this domain."), path="domain", choices=list(known))
    return known[name]


def findings_of(row: SenderDomain) -> list[Finding]:
    return [sender.from_json(one) for one in row.findings]


def is_waiting(row: SenderDomain) -> bool:
    """Whether somebody asked and nobody looked yet."""
    return row.asked_at is not None and (row.tried_at is None or row.tried_at < row.asked_at)


@transaction.atomic
def ask_domain(name: str, *, at: datetime) -> SenderDomain:
    """Have the domain looked at by the next worker."""
    return keep(domain_named(name), asked_at=at)


def keep(row: SenderDomain, **values: Any) -> SenderDomain:
    """Write these columns and no others: a worker may be writing what it found."""
    return SenderDomain.objects.update_or_create(domain=row.domain, defaults=values)[0]


@transaction.atomic
def set_selectors(name: str, selectors: str, *, by: Actor, at: datetime) -> SenderDomain:
    """Say under which names the keys of the domain stand, and have it looked at."""
    words = selectors.lower().replace(",", " ").split()
    if bad := [one for one in words if not one.replace("-", "").replace("_", "").replace(".", "").isalnum()]:
        raise Refused(
            _("“%(name)s” is no name of a key: letters, digits and hyphens.") % {"name": bad[0]}, path="selectors"
        )
    before = domain_named(name)
    row = keep(before, selectors=" ".join(words)[:200], asked_at=at)
    audit(row, "selectors changed", {"selectors": [before.selectors, row.selectors]}, by=by, at=at)
    return row


@transaction.atomic
def accept(name: str, *, reason: str, by: Actor, at: datetime) -> SenderDomain:
    """Let the domain send although it fails; another failure withdraws it."""
    row = domain_named(name)
    if row.verdict != BAD:
        raise NotPossibleNow(_("The domain does not fail its check."))
    if not reason.strip():
        raise Refused(_("Say why: a colleague will ask."), path="reason")
    row = keep(row, accepted_at=at, accepted_by=by.user, accepted_reason=reason.strip()[:300])
    audit(row, "accepted", {"accepted": ["", row.accepted_reason]}, by=by, at=at)
    return row


def audit(row: SenderDomain, verb: str, changes: dict[str, list[Any]], *, by: Actor, at: datetime) -> None:
    crm_actions.audit(kind="sender_domain", object_id=row.pk, verb=verb, changes=changes, by=by, at=at)


def check_domains(*, at: datetime, lookup: Lookup = look_up) -> int:
    """Look at the domains that somebody asked for or that were not looked at for a day; return how many."""
    if not is_needed():
        return sum(check_domain(row, at=at, lookup=lookup) for row in domains() if is_waiting(row))
    due = [row for row in domains() if is_waiting(row) or row.tried_at is None or row.tried_at <= at - FRESH]
    return sum(check_domain(row, at=at, lookup=lookup) for row in due)


def check_domain(row: SenderDomain, *, at: datetime, lookup: Lookup) -> bool:
    """Ask the DNS; without an answer what it said last stays."""
    try:
        found = sender.check(row.domain, server(), tuple(row.selectors.split()), lookup)
    except NoAnswer:
        keep(row, tried_at=at)
        return True
    failed = {one.code for one in found if one.verdict == BAD}
    values: dict[str, Any] = {
        "findings": [one.as_json() for one in found],
        "verdict": sender.worst(found),
        "tried_at": at,
        "checked_at": at,
    }
    if failed - {one.code for one in findings_of(row) if one.verdict == BAD}:
        values |= {"accepted_at": None, "accepted_by": None, "accepted_reason": ""}
    keep(row, **values)
    return True


def sender_domain(campaign: Campaign) -> SenderDomain | None:
    """The domain a campaign is sent from, as known; None for channels without one, and while nothing leaves."""
    if campaign.channel != "email" or not is_needed():
        return None
    name = domain_of(letters.sender_of(campaign))
    return SenderDomain.objects.filter(domain=name).first() or SenderDomain(domain=name)


def refuses(row: SenderDomain | None) -> bool:
    """Whether nothing may leave from the domain: it fails, and no administrator accepted that."""
    return row is not None and row.verdict == BAD and row.accepted_at is None


@dataclass(frozen=True)
class Links:
    """The links of a campaign: what is to be said of them, how many were found well, how many still wait."""

    notes: tuple[links.Note, ...]
    good: int
    waiting: int
    unasked: int
    checked_at: datetime | None


def links_of(campaign: Campaign, *, at: datetime) -> Links:
    """What is known of every link of the campaign's texts, the worst first."""
    sources = matrix.sources(matrix.matrices_of(campaign).values())
    visited = visited_urls(sources)
    rows = {row.url: row for row in LinkCheck.objects.filter(url_key__in=map(key_of, visited))}
    done = [row for row in rows.values() if row.checked_at]
    notes = [*links.seen(sources), *(links.Note(row.url, row.verdict, row.code, row.about) for row in done)]
    told = sorted((one for one in notes if one.code != "good"), key=lambda one: -sender.ORDER.index(one.verdict))
    return Links(
        notes=tuple(dict.fromkeys(told)),
        good=sum(row.verdict == sender.GOOD for row in done),
        waiting=sum(waits(row) for row in rows.values()),
        unasked=sum(url not in rows or is_old(rows[url], at) for url in visited),
        checked_at=min((row.checked_at for row in done if row.checked_at), default=None),
    )


def waits(row: LinkCheck) -> bool:
    return row.checked_at is None or row.checked_at < row.asked_at


def is_old(row: LinkCheck, at: datetime) -> bool:
    return row.asked_at < at - FRESH


def visited_urls(sources: Iterable[Any]) -> list[str]:
    """The addresses of the texts that a visit can say something of."""
    written = dict.fromkeys(url for source in sources for url in links.written(source))
    return [url for url in written if links.is_visited(url) and len(url) <= 2000][:MOST_LINKS]


def key_of(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


@transaction.atomic
def ask(campaign: Campaign, *, at: datetime, again: bool = False) -> None:
    """Have links and the sender's domain looked at: those not looked at for a day; all, if `again`."""
    urls = visited_urls(matrix.sources(matrix.matrices_of(campaign).values()))
    rows = [LinkCheck(url_key=key_of(url), url=url, asked_at=at) for url in urls]
    LinkCheck.objects.bulk_create(rows, ignore_conflicts=True)
    known = LinkCheck.objects.filter(url_key__in=[row.url_key for row in rows])
    known.filter(Q() if again else Q(asked_at__lt=at - FRESH)).update(asked_at=at)
    row = sender_domain(campaign)
    if row is not None and (again or row.tried_at is None or row.tried_at <= at - FRESH):
        keep(row, asked_at=at)


def due_links() -> QuerySet[LinkCheck]:
    """Links that somebody asked for and nobody visited since, the oldest first."""
    return LinkCheck.objects.filter(Q(checked_at=None) | Q(checked_at__lt=F("asked_at"))).order_by("asked_at", "pk")


def check_links(*, at: datetime, fetch: links.Fetch = links.fetch) -> bool:
    """Visit a few; whether more wait. No transaction is held meanwhile: two workers at once visit twice, no more."""
    due = list(due_links()[: LINKS_AT_A_TIME + 1])
    for row in due[:LINKS_AT_A_TIME]:
        note, _status = links.visit(row.url, fetch)
        found = {"verdict": note.verdict, "code": note.code, "about": note.about[:2000]}
        LinkCheck.objects.filter(pk=row.pk).update(checked_at=max(at, row.asked_at), **found)
    return len(due) > LINKS_AT_A_TIME


def forget_links(*, at: datetime) -> int:
    """Let go of visits nobody asked for in a month."""
    return LinkCheck.objects.filter(asked_at__lt=at - KEPT).delete()[0]
