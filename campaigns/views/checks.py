"""What lies outside, as part of the last step: the sender's domain and the links, looked at by workers."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from campaigns import checking, tasks
from campaigns.checks import words
from campaigns.checks.sender import BAD, UNKNOWN, WARN
from campaigns.models import Campaign, SenderDomain
from campaigns.views import places
from campaigns.views.sender_domains import is_unanswered, lines
from crm import figures
from crm.access import ActorRequest, needs
from crm.rights import may

SHOWN = 20  # notes on links; the rest shows once these are mended
ONLY_FORMS = require_http_methods(["GET", "HEAD", "POST"])


@ONLY_FORMS
@needs("campaigns.launch")
def checks(request: ActorRequest, pk: int) -> HttpResponse:
    """What was found so far, as a part of the page; a POST has everything looked at that is not fresh, or all of it."""
    found = places.found(pk)
    if request.method == "POST":
        checking.ask(found, at=timezone.now(), again="again" in request.POST)
        tasks.look_outside()
        if request.headers.get("HX-Request") != "true":
            return redirect("campaign-launch", pk)
    return render(request, "campaigns/checks.html", {"campaign": found, **context(request, found)})


def context(request: ActorRequest, campaign: Campaign) -> dict[str, Any]:
    """The findings in words; `begins` when nothing was asked yet, so that the page asks by itself."""
    at = timezone.now()
    row, links = checking.sender_domain(campaign), checking.links_of(campaign, at=at)
    waits = links.waiting > 0 or (row is not None and checking.is_waiting(row))
    never = row is not None and row.tried_at is None and not checking.is_waiting(row)
    notes = [(words.link_sentence(one), words.TONES[one.verdict]) for one in links.notes if one.code != "moved"]
    return {
        "domain": row,
        "domain_lines": [one for one in lines(row) if one.tone != "good"] if row else (),
        "domain_words": domain_words(row) if row else "",
        "domain_refuses": checking.refuses(row),
        "is_mail": campaign.channel == "email",
        "link_notes": notes[:SHOWN],
        "link_words": link_words(links),
        "checked_at": links.checked_at,
        "is_waiting": waits,
        "begins": not waits and (links.unasked > 0 or never) and places.is_editable(campaign),
        "may_look_closer": may(request.actor, "settings.view"),
    }


def domain_words(row: SenderDomain) -> str:
    """How the sender's domain stands, in one sentence."""
    said = {"domain": row.domain, "reason": row.accepted_reason}
    if not row.checked_at:
        return (
            _("The DNS gave no answer about %(domain)s; it may leave unchecked.") % said
            if is_unanswered(row)
            else _("%(domain)s was not looked at yet.") % said
        )
    if row.verdict == BAD and row.accepted_at:
        return _("%(domain)s fails its check; an administrator lets it send: %(reason)s") % said
    return VERDICTS[row.verdict]() % said


VERDICTS = {
    BAD: lambda: _("%(domain)s fails its check: receivers would refuse or doubt what leaves from it."),
    WARN: lambda: _("%(domain)s may send; something could be better."),
    UNKNOWN: lambda: _("%(domain)s may send; not everything can be told from here."),
    "good": lambda: _("Receivers can tell that mail from %(domain)s is from us."),
}


def link_words(links: checking.Links) -> str:
    """How the links stand, in one sentence."""
    if links.waiting:
        many = ngettext("%s link is being opened.", "%s links are being opened.", links.waiting)
        return many % figures.number(links.waiting)
    if links.good:
        many = ngettext("%s link was opened and is there.", "%s links were opened and are there.", links.good)
        return many % figures.number(links.good)
    return _("No link was opened yet.") if links.unasked else _("There is no link that could be opened from here.")
