"""What came back of a run: complaints and bounces against the limits, and per domain of recipients."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_safe

from campaigns import queries
from campaigns.channels import CHANNELS
from campaigns.conversions import is_over
from campaigns.delivery import calls, health
from campaigns.delivery.plain_words import explained
from campaigns.models import Run, RunStatus
from campaigns.views import places
from crm import figures, later
from crm.access import ActorRequest, needs
from crm.tables import Column

COLUMNS = (
    Column(gettext_lazy("Domain")),
    Column(gettext_lazy("Tried"), "number"),
    Column(pgettext_lazy("returns", "Refused"), "number"),
    Column(gettext_lazy("Hard bounces"), "number"),
    Column(gettext_lazy("Soft bounces"), "number"),
    Column(gettext_lazy("Complaints"), "number"),
)
LABELS = {"complaints": gettext_lazy("Complaints"), "hard_bounces": gettext_lazy("Hard bounces")}
PAUSES = {
    "too_many_complaints": gettext_lazy(
        "Too many complained. Mailbox providers block a sender at 0.3%: look at whom it goes to before you resume."
    ),
    "too_many_hard_bounces": gettext_lazy(
        "Too many addresses do not exist: 5% and more. Look where they come from before you resume."
    ),
    "not_rendered": gettext_lazy(
        "For ten people in a row the text could not be filled in. Read it as one of them before you resume, or cancel."
    ),
}


@dataclass(frozen=True)
class RateRow:
    """A rate in words; the level is the tone of its mark."""

    label: str
    words: str
    tone: str


def rate_rows(run: Run) -> list[RateRow]:
    """Complaints and hard bounces, when the channel has them and anything was sent."""
    if CHANNELS[run.campaign.channel].is_file or run.campaign.channel == calls.CHANNEL:
        return []
    rates = queries.rates_of(run)
    return [RateRow(str(LABELS[one.limit.key]), words(one), TONES[one.level]) for one in rates if one.sends]


TONES = {"": "", health.WARN: "warn", health.STOP: "bad"}


def words(rate: health.Rate) -> str:
    """The share, how many that are, and the limits."""
    return _("%(share)s (%(count)s of %(sends)s); warns at %(warns)s, pauses at %(stops)s") % {
        "share": figures.share(rate.share, 2),
        "count": figures.number(rate.count),
        "sends": figures.number(rate.sends),
        "warns": figures.share(rate.limit.warns_at, 1),
        "stops": figures.share(rate.limit.stops_at, 1),
    }


def pause_words(run: Run | None) -> str:
    """Why the system paused it."""
    if run is None:
        return ""
    return str(PAUSES.get(run.pause_reason, "")) or explained(run.pause_reason) or run.pause_reason


def goes_on(run: Run | None) -> str:
    """When a run that waits goes on by itself, and what becomes of what waits where its days are over."""
    if run is None or run.status != RunStatus.PAUSED:
        return ""
    if is_over(run, at=timezone.now()):
        return _("Its days are over: what still waits is not sent any more and expires when it goes on.")
    if run.resume_at is None:
        return ""
    said = {"time": figures.clock(run.resume_at)}
    return (_("It tries again at %(time)s.") if run.pause_reason else _("It begins at %(time)s.")) % said


def pause_reply(run: Run) -> str:
    """What the server said, word for word, when the words above are ours."""
    return run.pause_reason if run.pause_reason not in PAUSES and explained(run.pause_reason) else ""


@require_safe
@needs("campaigns.launch")
def domains(request: ActorRequest, pk: int) -> HttpResponse:
    """What came back from each domain of recipients, those with the most first."""
    found = places.found(pk)
    run = queries.latest_run(found)
    if run is None or found.channel != "email":
        return redirect("campaign", pk)
    context = {
        **places.frame(request, found),
        "columns": COLUMNS,
        **later.figures(
            request, lambda: {"rows": queries.by_domain(run), "rates": rate_rows(run)}, rows=run.expected or 0
        ),
    }
    return render(request, "campaigns/domains.html", context)
