"""Segments beside each other: how they overlap, who moved between them, what they are worth, what sets each apart."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from crm import charts, figures, later
from crm.access import ActorRequest, needs
from crm.lists import downloads
from profiles import queries as profile_queries
from segments import evaluation, queries, tasks, wording
from segments.models import Segment
from segments.rules.errors import RuleError
from segments.views.crossings import SPANS, flow_rows, likest, overlap_rows
from segments.views.detail import found, frame_of, sentence_of

MOST = 12
SIDE_BY_SIDE = 4
NAME = 17  # characters beside a curve


@require_safe
@needs("segments.view")
@profile_queries.one_moment()
def compare(request: ActorRequest) -> HttpResponse:
    """Up to twelve segments: overlap and flows; up to four of them side by side."""
    now = timezone.now()
    everything, shown = asked_for(request)
    span = next((days for days in SPANS if str(days) == request.GET.get("days")), 30)
    context = {
        "files": downloads.links(request, "segments-compare-file") if len(shown) > 1 else (),
        "crumbs": [(_("Segments"), reverse("segments"))],
        "choices": [(one, one in shown) for one in everything],
        "segments": shown,
        "most": MOST,
        "span": span,
        "spans": [(days, ngettext("%(n)s day", "%(n)s days", days) % {"n": days}) for days in SPANS],
    }
    if len(shown) > 1:
        language = request.actor.language
        context |= later.figures(
            request,
            lambda: beside(shown, at=now, language=language) | crossed(shown, span, at=now),
            rows=queries.rows_of(shown),
        )
    return render(request, "segments/compare.html", context)


def asked_for(request: ActorRequest) -> tuple[list[Segment], list[Segment]]:
    """All there are, and those of the address, else the largest four."""
    everything = list(queries.segments(request.actor))
    asked = request.GET.getlist("s")
    chosen = [one for one in everything if one.slug in asked][:MOST]
    return everything, chosen or sorted(everything, key=lambda one: -one.size)[:SIDE_BY_SIDE]


def crossed(shown: Sequence[Segment], span: int, *, at: datetime) -> dict[str, Any]:
    """Overlap now, and flows since so many days."""
    alike = queries.overlap(shown)
    since = queries.end_of_day(timezone.localdate(at) - timedelta(days=span))
    return {
        "overlap": overlap_rows(shown, alike),
        "answer": likest(shown, alike),
        "since": since,
        "flows": flow_rows(shown, queries.flows(shown, since=since)),
    }


def beside(shown: Sequence[Segment], *, at: datetime, language: str) -> dict[str, Any]:
    """The first four side by side: what they are, how they are kept, and what they are worth."""
    four = shown[:SIDE_BY_SIDE]
    today = timezone.localdate(at)
    curves = queries.size_curves([one.pk for one in four], first=today - timedelta(days=90), last=today)
    healths, sentences = queries.health(four, at=at), [sentence_of(one, language) for one in four]
    rows = [
        (_("Members"), [figures.number(one.size) for one in four]),
        (_("Since last week"), [figures.signed(wording.since_last_week(curves[one.pk])) for one in four]),
        *means_rows(four, at=at),
    ]
    columns = list(zip(four, sentences, [healths[one.pk] for one in four], strict=True))
    labels = [figures.day(day.day) for day in curves[four[0].pk]]
    series = [charts.Series(Truncator(one.name).chars(NAME), since_made(one, curves[one.pk])) for one in four]
    return {"columns": columns, "rows": rows, "labels": labels, "series": series}


def since_made(one: Segment, curve: Sequence[queries.DaySize]) -> list[int | None]:
    """The sizes, with a gap before the segment was made."""
    made_on = timezone.localdate(one.created_at)
    return [day.size if day.day >= made_on else None for day in curve]


def means_rows(four: Sequence[Segment], *, at: datetime) -> list[tuple[str, list[str]]]:
    """A row per measure of worth there is; none before the profiles are built."""
    try:
        means = queries.means(four, at=at)
    except queries.NotEvaluable:
        return []
    features = queries.catalogue()
    columns = [means[one.pk] for one in four]
    return [
        (wording.said(features[cells[0].feature]), [wording.mean(cell, features[cell.feature]) for cell in cells])
        for cells in zip(*columns, strict=True)
    ]


@require_safe
@needs("segments.view")
@profile_queries.one_moment()
def value(request: ActorRequest, slug: str) -> HttpResponse:
    """What the segment is worth: spend beside the same weeks a year before, size then and now, means of scores."""
    one, now = found(request.actor, slug), timezone.now()
    worth = later.figures(request, lambda: worth_of(one, at=now), rows=one.size)
    context = frame_of(request, one, at=now) | worth
    return render(request, "segments/value.html", context)


def worth_of(one: Segment, *, at: datetime) -> dict[str, Any]:
    features = queries.catalogue()
    try:
        spent = queries.spending([one], at=at)[one.pk]
        told = queries.satisfaction([one], at=at)[one.pk]
        means = queries.means([one], at=at)[one.pk]
    except queries.NotEvaluable as fault:
        return {"reason": str(fault)}
    return {
        "told": wording.season(spent),
        "labels": [figures.day(row.last) for row in spent],
        "series": beside_before([row.spend for row in spent], [row.spend_before for row in spent]),
        "margin": beside_before([row.margin for row in spent], [row.margin_before for row in spent]),
        "margin_told": wording.season_of_margin(spent),
        "quarters": [figures.day(row.last) for row in told],
        "satisfaction": [satisfied(kind, told) for kind in (told[-1].scores if told else ())],
        "means": [(wording.said(features[row.feature]), row, features[row.feature]) for row in means],
    }


def beside_before(now: Sequence[Any], before: Sequence[Any]) -> list[charts.Series]:
    """This year in colour, the same weeks a year before in grey; nothing where nothing is known."""
    if all(one is None for one in (*now, *before)):
        return []
    return [charts.Series(_("This year"), now), charts.Series(_("Year before"), before, "hold-out")]


def satisfied(kind: str, told: Sequence[queries.Quarter]) -> tuple[str, str, list[charts.Series]]:
    """Heading, unit and lines of one kind of questions; no lines where too few answered in every quarter."""
    now, before = ([score and score.value for score in row] for row in wording.scores(kind, told))
    heading, unit = wording.SCORES[kind]
    return str(heading), unit, beside_before(now, before)


@require_safe
@needs("segments.view")
@profile_queries.one_moment()
def seasons(request: ActorRequest, slug: str) -> HttpResponse:
    """Sizes by today's rule over a year, beside the year before; a fragment of the page, and a page of its own."""
    one, now = found(request.actor, slug), timezone.now()
    sizes = later.by_worker(
        request,
        lambda: by_season(one, at=now),
        rows=queries.everyone(at=now) or 0,
        name=queries.name_of_sizes(one, queries.SEASONS),
        poke=lambda: tasks.poke_look_back(one.pk, queries.SEASONS),
    )
    return render(request, "segments/seasons.html", frame_of(request, one, at=now) | sizes)


def by_season(one: Segment, *, at: datetime) -> dict[str, Any]:
    try:
        pairs, reason = queries.sizes_by_season(one, at=at), ""
    except (queries.NotEvaluable, RuleError) as fault:
        pairs, reason = (), evaluation.refusal(fault)
    return {
        "labels": [figures.day(row.day) for row, _before in pairs],
        "series": beside_before([row.size for row, _before in pairs], [row.size for _row, row in pairs]),
        "told": then(*pairs[-1]) if pairs else "",
        "untold": wording.untold(sorted({row for pair in pairs for row in pair}, key=lambda row: row.day)),
        "reason": reason,
    }


def then(now: queries.SizeBefore, before: queries.SizeBefore) -> str:
    """The last size beside that of 52 weeks before; empty where one of them cannot be told."""
    if now.size is None or before.size is None:
        return ""
    told = _("By today's rule %(now)s on %(today)s and %(then)s on %(day)s (%(change)s).")
    words = {"now": figures.number(now.size), "today": figures.day(now.day), "then": figures.number(before.size)}
    return told % {**words, "day": figures.day(before.day), "change": figures.signed(now.size - before.size)}
