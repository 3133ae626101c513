"""Overlap, movement and comparison of segments as files: a row for every two, for every movement, for every figure."""

from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_safe

from crm.access import ActorRequest, needs
from crm.lists import downloads
from profiles import queries as profile_queries
from segments import queries
from segments.views import comparison, crossings

Columns = tuple[tuple[Any, Any], ...]


def columns(*labels: Any) -> Columns:
    """A column for each place of the rows."""
    return tuple((label, itemgetter(place)) for place, label in enumerate(labels))


OVERLAP = downloads.Sheet(
    "segments-overlap",
    "segments-overlap",
    columns(
        gettext_lazy("Segment"),
        gettext_lazy("Members"),
        gettext_lazy("Other segment"),
        gettext_lazy("Members of the other"),
        gettext_lazy("In both"),
        gettext_lazy("Of the first"),
        gettext_lazy("Of the second"),
        gettext_lazy("Jaccard index"),
        gettext_lazy("Lift"),
    ),
    "segments.view",
)
FLOWS = downloads.Sheet(
    "segments-movement",
    "segments-flows",
    columns(
        gettext_lazy("First day"),
        gettext_lazy("Last day"),
        gettext_lazy("Came from"),
        gettext_lazy("Went to"),
        pgettext_lazy("how many", "Customers"),
    ),
    "segments.view",
)


@require_safe
@needs("segments.view")
def overlap(request: ActorRequest, kind: str) -> HttpResponseBase:
    """Every two of the segments of the page."""
    found = crossings.chosen(request.actor, crossings.option(request.GET.get("which", ""), crossings.WHICH))
    found = found[: crossings.MOST]
    alike, everyone = queries.overlap(found), queries.everyone(at=timezone.now())
    lift, jaccard, share = alike.lift(everyone or 0), alike.jaccard, alike.share
    rows = [
        (one.name, int(alike.sizes[i]), other.name, int(alike.sizes[j]), int(alike.shared[i, j]),
         *(round(float(figure), 6) for figure in (share[i, j], share[j, i], jaccard[i, j], lift[i, j])))
        for i, one in enumerate(found)
        for j, other in enumerate(found)
        if i < j
    ]  # fmt: skip
    return downloads.download(request, OVERLAP, rows, kind)


@require_safe
@needs("segments.view")
def flows(request: ActorRequest, kind: str) -> HttpResponseBase:
    """Every movement of the picture; who stayed went from a segment to itself."""
    asked = crossings.asked_flows(request, at=timezone.now())
    moved = queries.flows(asked.shown, since=asked.since, until=asked.until)
    names, place = [*(one.name for one in asked.shown), _("None of these")], asked.place
    rows = [
        (asked.first, asked.last, names[one.start], names[one.end], one.count)
        for one in crossings.counted(moved)
        if place is None or place in (one.start, one.end)
    ]
    return downloads.download(request, FLOWS, rows, kind)


@require_safe
@needs("segments.view")
@profile_queries.one_moment()
def compare(request: ActorRequest, kind: str) -> HttpResponseBase:
    """The segments side by side: a row for each figure of the table."""
    four = comparison.asked_for(request)[1][: comparison.SIDE_BY_SIDE]
    sheet = downloads.Sheet(
        "segments-compared", "segments-compare", columns(_("Figure"), *(one.name for one in four)), "segments.view"
    )
    return downloads.download(request, sheet, list(compared(request, four)) if len(four) > 1 else [], kind)


def compared(request: ActorRequest, four: Any) -> Iterator[tuple[str, ...]]:
    found = comparison.beside(four, at=timezone.now(), language=request.actor.language)
    yield (_("Who belongs"), *(sentence for _one, sentence, _health in found["columns"]))
    yield (_("Health"), *(health.grade for _one, _sentence, health in found["columns"]))
    for label, cells in found["rows"]:
        yield (str(label), *cells)
