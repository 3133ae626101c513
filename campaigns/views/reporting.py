"""The report: the answer first, then what it rests on, as a page and as a file."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_safe

from campaigns import queries
from campaigns.experiments.ratio_check import RatioCheck
from campaigns.results import drawn, files, money, proof, words
from campaigns.results.answer import Results
from campaigns.views import deciding, missed, places
from crm import figures
from crm.access import ActorRequest, needs
from crm.refusals import NotPossibleNow
from crm.tables import Column

ARM = (
    Column(gettext_lazy("Version")),
    Column(gettext_lazy("People"), "number"),
    Column(gettext_lazy("Goal"), "number"),
    Column(gettext_lazy("95% interval"), "number"),
    Column(gettext_lazy("Chance to be best"), "number"),
    Column(gettext_lazy("Revenue per member"), "number"),
)
DECISIONS = (
    Column(gettext_lazy("Segment")),
    Column(gettext_lazy("People"), "number"),
    Column(gettext_lazy("Decision")),
    Column(gettext_lazy("Why")),
    Column(gettext_lazy("What this many people can show")),
)
GUARDRAILS = (
    Column(gettext_lazy("Guardrail")),
    Column(gettext_lazy("Version")),
    Column(gettext_lazy("Measured"), "number"),
    Column(gettext_lazy("Limit"), "number"),
    Column(pgettext_lazy("guardrail", "Kept")),
)
PLACES = (
    Column(gettext_lazy("Segment")),
    Column(gettext_lazy("Brings per further euro"), "number"),
    Column(gettext_lazy("95% interval"), "number"),
    Column(gettext_lazy("Chance that it pays"), "number"),
    Column(gettext_lazy("Advice")),
)
MISSED = (
    Column(gettext_lazy("What became of them")),
    Column(gettext_lazy("Why")),
    Column(gettext_lazy("People"), "number"),
)
PROOF = (
    Column(gettext_lazy("Segment")),
    Column(gettext_lazy("Difference of")),
    Column(gettext_lazy("Difference"), "number"),
    Column(gettext_lazy("95% interval, one look"), "number"),
    Column(gettext_lazy("p, one look"), "number"),
    Column(gettext_lazy("Relative"), "number"),
    Column(gettext_lazy("95% interval, every look"), "number"),
    Column(gettext_lazy("p, every look"), "number"),
    Column(gettext_lazy("Partially pooled"), "number"),
    Column(gettext_lazy("Borrowed"), "number"),
)
LOSSES = (
    Column(gettext_lazy("Segment")),
    Column(gettext_lazy("Version")),
    Column(gettext_lazy("People"), "number"),
    Column(gettext_lazy("Goal"), "number"),
    Column(gettext_lazy("95% interval"), "number"),
    Column(gettext_lazy("Chance to be best"), "number"),
    Column(gettext_lazy("Expected loss"), "number"),
    Column(gettext_lazy("q over segments"), "number"),
)
MONEY = (
    Column(pgettext_lazy("audience", "For")),
    Column(gettext_lazy("Version")),
    Column(gettext_lazy("Caused revenue"), "number"),
    Column(gettext_lazy("95% interval"), "number"),
    Column(gettext_lazy("Cost"), "number"),
    Column(gettext_lazy("Net"), "number"),
    Column(gettext_lazy("Return on spend"), "number"),
)


@require_safe
@needs("reports.view")
def report(request: ActorRequest, pk: int) -> HttpResponse:
    """What the campaign brought, for whom, and how sure that is."""
    campaign = places.found(pk)
    frame = places.frame(request, campaign)
    try:
        found = queries.results(campaign)
    except NotPossibleNow as refusal:
        return render(request, "campaigns/report_missing.html", {**frame, "reason": str(refusal)})
    return render(
        request,
        "campaigns/report.html",
        {**frame, **shown(found), **deciding.context(request, found), "as_of": found.read_at},
    )


def shown(found: Results) -> dict[str, Any]:
    """The report's parts in the order of the page."""
    days, series = drawn.timeline(found)
    return {
        "answer": words.conclusion(found),
        "results": found,
        "window": window(found),
        "arms": drawn.arm_rows(found),
        "arm_columns": [*ARM, *(Column(words.RATE_NAMES[key], "number") for key in drawn.shown_rates(found))],
        "funnel": drawn.funnel(found),
        "waves": drawn.wave_rows(found),
        "wave_columns": wave_columns(found),
        "wave_price": drawn.wave_price(found),
        "forests": drawn.forests(found),
        "unit": drawn.unit_of_difference(found),
        "decisions": drawn.segment_rows(found),
        "decision_columns": DECISIONS,
        "rule": words.rule(found),
        "guardrails": drawn.guardrail_rows(found),
        "guardrail_columns": GUARDRAILS,
        "money": money.rows(found),
        "money_columns": MONEY,
        "money_per_segment": money.rows_per_segment(found),
        "segmenting": money.of_segmenting(found),
        "few_buyers": money.few_buyers(found),
        "money_notes": list(money.notes(found)),
        "places": money.places(found),
        "place_columns": PLACES,
        "no_places": money.why_no_places(found),
        "proof": proof.pairs(found),
        "proof_columns": PROOF,
        "losses": proof.losses(found),
        "loss_columns": LOSSES,
        "differ": proof.differ(found),
        "sources": proof.SOURCES,
        "missed": missed.missed(found.run),
        "missed_columns": MISSED,
        "segmenting_words": money.segmenting_words(found),
        "ratio": ratio(found),
        "is_void": words.is_void(found.report.overall),
        "days": days,
        "series": series,
    }


def wave_columns(found: Results) -> list[Column]:
    """Wave, when, and a column per version."""
    versions = [arm.name for arm in found.report.plan.arms if arm.role != "hold_out"]
    return [Column(_("Wave")), Column(_("Dealt")), *(Column(name, "number") for name in versions)]


def window(found: Results) -> str:
    """Until when conversions count, and up to when they were read."""
    if found.read_at is None:
        return _("Conversions have not been read yet; that happens every minute.")
    said = {"read": figures.moment(found.read_at), "end": figures.moment(found.window_ends_at)}
    if found.is_window_over:
        return _("The window closed on %(end)s; orders read up to %(read)s.") % said
    return _("Conversions count until %(end)s; read up to %(read)s. Looking every day does no harm.") % said


def ratio(found: Results) -> str:
    """Whether the arms got the people they were meant to get."""
    check = found.report.overall.ratio
    if not isinstance(check, RatioCheck):
        return words.said(found, check)
    said = {"p": proof.p_words(check.p_value)}
    if check.is_suspect:
        return _("The arms did not get the people they were meant to get (p-value %(p)s). Trust no figure here.") % said
    return _("The arms got the people they were meant to get (p-value %(p)s).") % said


@require_safe
@needs("reports.view")
def report_file(request: ActorRequest, pk: int, kind: str) -> HttpResponse:
    """The figures as CSV, or every table as Excel."""
    campaign = places.found(pk)
    try:
        written = files.KINDS[kind].write(queries.results(campaign))
    except NotPossibleNow as refusal:
        return HttpResponse(str(refusal), status=409, content_type="text/plain; charset=utf-8")
    response = HttpResponse(written, content_type=files.KINDS[kind].content_type)
    response["Content-Disposition"] = f'attachment; filename="{campaign.slug}-results.{kind}"'
    return response
