"""The notebook: what was learned, searched, written down from a report, and shown on segments."""

from typing import Any

from django.contrib import messages as levels
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from campaigns import actions, queries
from campaigns.models import Lesson
from campaigns.results import drawn
from campaigns.views import places
from crm import keyset
from crm.access import ActorRequest, needs
from crm.keyset import row_id
from crm.lists import downloads
from crm.notices import notify
from crm.refusals import NotPossibleNow, Refused
from crm.rights import may
from segments import queries as segment_queries

ROWS = 30
SHEET = downloads.Sheet(
    "notebook",
    "notebook",
    (
        (gettext_lazy("What was learned"), lambda one: one.text),
        (gettext_lazy("Figures"), lambda one: "\n".join(map(str, one.figures))),
        (gettext_lazy("Campaign"), lambda one: one.campaign.name if one.campaign else ""),
        (gettext_lazy("Segments"), lambda one: ", ".join(segment.name for segment in one.segments.all())),
        (gettext_lazy("Written by"), lambda one: str(one.created_by or "")),
        (gettext_lazy("Written"), lambda one: one.created_at),
    ),
    "reports.view",
)


@require_safe
@needs("reports.view")
def notebook(request: ActorRequest) -> HttpResponse:
    """Every lesson, the newest first, by words and segment."""
    search, segments, chosen = asked(request)
    page = page_of(queries.lessons(search=search, segment=chosen), request.GET.get("cursor", ""))
    query = request.GET.copy()
    query["cursor"] = page.next_cursor
    context = {
        "crumbs": [(_("Campaigns"), reverse("campaigns"))],
        "lessons": page.rows,
        "segments": segments,
        "chosen": chosen,
        "search": search,
        "more_url": f"?{query.urlencode()}" if page.next_cursor else "",
        "clear_url": reverse("notebook") if search or chosen else "",
        "may_change": may(request.actor, "campaigns.change"),
        "files": downloads.links(request, "notebook-file") if page.rows else [],
    }
    return render(request, "campaigns/notebook.html", context)


@require_safe
@needs("reports.view")
def notebook_file(request: ActorRequest, kind: str) -> HttpResponseBase:
    """The lessons that the search leaves, as a file."""
    search, _segments, chosen = asked(request)
    return downloads.download(request, SHEET, queries.lessons(search=search, segment=chosen), kind)


def asked(request: ActorRequest) -> tuple[str, list[Any], Any]:
    """The words searched for, the segments to choose from, and the one chosen."""
    segments = list(segment_queries.segments(request.actor).order_by("name"))
    chosen = next((one for one in segments if one.slug == request.GET.get("segment", "")), None)
    return request.GET.get("q", "").strip(), segments, chosen


def page_of(rows: QuerySet[Lesson], cursor: str) -> keyset.Page:
    return keyset.page_or_first(rows, order="-id", cursor=cursor, size=ROWS)


@require_safe
@needs("reports.view")
def of_segment(request: ActorRequest, slug: str) -> HttpResponse:
    """What was learned about one segment, for its page."""
    segment = segment_queries.segments(request.actor).filter(slug=slug).first()
    if segment is None:
        raise Http404
    context = {"segment": segment, "lessons": queries.lessons(segment=segment)[:5]}
    return render(request, "campaigns/segment_lessons.html", context)


@require_POST
@needs("campaigns.change")
def note(request: ActorRequest, pk: int) -> HttpResponse:
    """Write a lesson down, with the figures of the report as they stand, about the ticked segments."""
    found = places.found(pk)
    ids = [row_id(one) or 0 for one in request.POST.getlist("segments")]
    segments = list(found.include.filter(pk__in=ids))
    try:
        actions.note_lesson(
            text=request.POST.get("text", "").replace("\0", ""), campaign=found, segments=segments,
            figures=figures_of(found, [one.name for one in segments]), by=request.actor, at=timezone.now(),
        )  # fmt: skip
    except Refused as refusal:
        notify(request, str(refusal), level=levels.ERROR)
    else:
        notify(request, _("Written in the notebook."))
    return redirect("campaign-report", pk)


def figures_of(campaign: Any, names: list[str]) -> list[str]:
    """A line per segment, or one for everybody: people, decision and its figures, as the report says them now."""
    try:
        rows = drawn.segment_rows(queries.results(campaign))
    except NotPossibleNow:
        return []
    wanted = names or [_("Everybody")]
    return [f"{row.name} ({drawn.people_words(row.people)}): {row.sentence}" for row in rows if row.name in wanted]


@require_POST
@needs("campaigns.change")
def forget(request: ActorRequest, pk: int) -> HttpResponse:
    """Strike a lesson out."""
    try:
        actions.forget_lesson(pk, by=request.actor, at=timezone.now())
    except Refused as refusal:
        notify(request, str(refusal), level=levels.ERROR)
    else:
        notify(request, _("Struck out."))
    return redirect("notebook")
