"""Domains we send from: what the DNS says of each, what to publish, and the buttons that look again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages as levels
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from campaigns import checking, tasks
from campaigns.checks import words
from campaigns.checks.sender import BAD, Record
from campaigns.models import SenderDomain
from crm.access import ActorRequest, needs
from crm.notices import notify
from crm.refusals import Refused
from crm.rights import may


@dataclass(frozen=True)
class Line:
    """One thing that was looked at, in words."""

    label: str
    state: str
    tone: str
    sentence: str
    found: str
    publish: tuple[Record, ...]


def lines(row: SenderDomain) -> list[Line]:
    return [
        Line(
            label=str(words.KEYS[one.key]),
            state=str(words.VERDICTS[one.verdict]),
            tone=words.TONES[one.verdict],
            sentence=words.sentence(one),
            found=one.found,
            publish=one.publish,
        )
        for one in checking.findings_of(row)
    ]


@dataclass(frozen=True)
class Shown:
    """One domain on the page."""

    row: SenderDomain
    state: str
    tone: str
    lines: list[Line]
    is_waiting: bool
    is_unanswered: bool
    may_be_accepted: bool


def shown(row: SenderDomain) -> Shown:
    return Shown(
        row=row,
        state=str(words.VERDICTS[row.verdict]) if row.verdict else _("Not looked at yet"),
        tone=words.TONES.get(row.verdict, "neutral"),
        lines=lines(row),
        is_waiting=checking.is_waiting(row),
        is_unanswered=is_unanswered(row),
        may_be_accepted=row.verdict == BAD and row.accepted_at is None,
    )


def is_unanswered(row: SenderDomain) -> bool:
    """Whether the last question to the DNS brought no answer."""
    return row.tried_at is not None and (row.checked_at is None or row.checked_at < row.tried_at)


@require_safe
@needs("settings.view")
def sender_domains(request: ActorRequest) -> HttpResponse:
    """Every domain that mail leaves from."""
    found = [shown(row) for row in checking.domains()]
    context = {
        "domains": found,
        "is_needed": checking.is_needed(),
        "is_waiting": any(one.is_waiting for one in found),
        "answer": answer(found),
        "may_change": may(request.actor, "settings.change"),
    }
    return render(request, "campaigns/sender_domains.html", context)


def answer(found: list[Shown]) -> str:
    """The page in one sentence."""
    failing = [one.row.domain for one in found if checking.refuses(one.row)]
    if not checking.is_needed():
        return _("Nothing leaves this machine, so nobody needs to trust a sender yet.")
    if failing:
        return _("Nothing may leave from %(domains)s before its check is passed.") % {"domains": ", ".join(failing)}
    if not all(one.row.checked_at for one in found):
        return _("What receivers of mail will look up before they believe it is from us.")
    return _("Receivers of mail can tell that it is from us.")


@require_POST
@needs("settings.view")
def check(request: ActorRequest) -> HttpResponse:
    """Look again at one domain."""
    said = _("The DNS is being asked.")
    return done(request, said, lambda name: checking.ask_domain(name, at=timezone.now()))


@require_POST
@needs("settings.change")
def selectors(request: ActorRequest) -> HttpResponse:
    """Say under which names the keys stand."""
    given, at = request.POST.get("selectors", "").replace("\0", ""), timezone.now()
    said = _("The keys are looked for under these names.")
    return done(request, said, lambda name: checking.set_selectors(name, given, by=request.actor, at=at))


@require_POST
@needs("settings.change")
def accept(request: ActorRequest) -> HttpResponse:
    """Let a domain send although it fails."""
    reason, at = request.POST.get("reason", "").replace("\0", ""), timezone.now()
    said = _("Campaigns may leave from it although it fails, until something else fails.")
    return done(request, said, lambda name: checking.accept(name, reason=reason, by=request.actor, at=at))


def done(request: ActorRequest, said: str, act: Callable[[str], Any]) -> HttpResponse:
    try:
        act(request.POST.get("domain", "").replace("\0", ""))
    except Refused as refusal:
        notify(request, str(refusal), level=levels.ERROR)
    else:
        tasks.look_outside()
        notify(request, said)
    return redirect("sender-domains")
