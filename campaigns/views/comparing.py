"""Campaigns side by side: what each was for, whom it reached, what it found and brought."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from campaigns import queries
from campaigns.models import Campaign
from campaigns.results import drawn, money, words
from campaigns.results.answer import Results
from crm import figures
from crm.access import ActorRequest, needs
from crm.keyset import row_id
from crm.lists import downloads
from crm.refusals import NotPossibleNow

MOST, LISTED = 4, 50


@dataclass(frozen=True)
class Line:
    """One figure of every campaign compared."""

    label: str
    cells: tuple[str, ...]


@require_safe
@needs("reports.view")
def compare(request: ActorRequest) -> HttpResponse:
    """Up to four campaigns that were sent, chosen by ticks."""
    sent, read = asked_for(request)
    context = {
        "files": downloads.links(request, "campaigns-compare-file") if read else (),
        "crumbs": [(_("Campaigns"), reverse("campaigns"))],
        "sent": sent,
        "chosen": [one for one, _found in read],
        "lines": lines([found for _one, found in read]) if read else [],
    }
    return render(request, "campaigns/compare.html", context)


@require_safe
@needs("reports.view")
def compare_file(request: ActorRequest, kind: str) -> HttpResponseBase:
    """The figures of the page as a file."""
    _sent, read = asked_for(request)
    columns: list[tuple[Any, Callable[[Line], Any]]] = [(_("Figure"), attrgetter("label"))]
    columns += [(one.name, partial(cell_of, i)) for i, (one, _found) in enumerate(read)]
    sheet = downloads.Sheet("campaigns-compared", "campaigns-compare", tuple(columns), "reports.view")
    return downloads.download(request, sheet, lines([found for _one, found in read]) if read else [], kind)


def cell_of(place: int, line: Line) -> str:
    return line.cells[place]


def asked_for(request: ActorRequest) -> tuple[list[Campaign], list[tuple[Campaign, Results]]]:
    """Those to choose from, and those chosen with what they found."""
    sent = list(queries.campaigns().filter(runs__expected__isnull=False).distinct()[:LISTED])
    asked = [row_id(one) for one in request.GET.getlist("id")][:MOST]
    return sent, [(one, found) for one in sent if one.pk in asked and (found := results_of(one))]


def results_of(campaign: Campaign) -> Results | None:
    try:
        return queries.results(campaign)
    except NotPossibleNow:
        return None


def lines(found: list[Results]) -> list[Line]:
    """The figures, one line each, in the order of a report."""
    return [
        line(_("Answer"), (words.conclusion(one) for one in found)),
        line(_("Goal"), (str(one.report.plan.goal.name) for one in found)),
        line(_("Sealed"), (figures.day(one.run.sealed_at) if one.run.sealed_at else "" for one in found)),
        line(_("Segments"), (", ".join(group.name for group in one.report.segments) for one in found)),
        line(_("People"), (figures.number(one.report.overall.people) for one in found)),
        line(_("Held out"), (held_out(one) for one in found)),
        line(_("Versions"), (best(one) for one in found)),
        *(line(label, (rate(one, key) for one in found)) for key, label in rates()),
        line(_("Caused revenue"), (caused(one, "total") for one in found)),
        line(_("95% interval"), (caused(one, "interval") for one in found)),
        line(_("Return on spend"), (caused(one, "returned") for one in found)),
    ]


def line(label: str, cells: Iterable[str]) -> Line:
    return Line(label, tuple(cell or figures.MISSING for cell in cells))


def rates() -> list[tuple[str, str]]:
    return [(key, str(words.RATE_NAMES[key])) for key in ("open", "click", "conversion", "unsubscribe", "complaint")]


def held_out(found: Results) -> str:
    return figures.number(sum(arm.people for arm in found.report.overall.arms if arm.role == "hold_out"))


def best(found: Results) -> str:
    """The version that was decided for, with its value; all of them while none is."""
    arms = [row for row in drawn.arm_rows(found) if row.colour != "hold-out"]
    leader = found.report.overall.decision.variant
    return ", ".join(f"{row.name}: {row.value}" for row in arms if not leader or row.name == found.names[leader])


def rate(found: Results, key: str) -> str:
    """The rate among all who were written to, whichever version."""
    read = [arm.rates[key] for arm in found.report.overall.arms if arm.role != "hold_out" and key in arm.rates]
    people = sum(one.n for one in read)
    return figures.share(sum(one.successes for one in read) / people) if people else figures.MISSING


def caused(found: Results, part: str) -> str:
    """Caused revenue of each version; why it cannot be told stands once, in the first of its lines."""
    told = [f"{row.name}: {getattr(row, part)}" for row in money.rows(found) if not row.reason]
    reasons = dict.fromkeys(row.reason for row in money.rows(found) if row.reason and part == "total")
    return "; ".join([*told, *reasons])
