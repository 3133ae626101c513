"""The list of segments: each with its size, its week, its sentence and how fresh it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from crm import keyset
from crm.access import ActorRequest, needs
from crm.lists import downloads
from crm.rights import Actor, may
from segments import freshness, queries, starters, wording
from segments.freshness import Freshness
from segments.models import Segment, SegmentKind
from segments.queries import Health

CARDS = 48
STARTERS = 6
SORTS = (
    ("name", _("Name")),
    ("-size", _("Largest first")),
    ("size", _("Smallest first")),
    ("-updated_at", _("Changed last")),
)
SHOWN = (
    ("attention", _("Needing attention")),
    ("unused", _("Used by nobody")),
    ("mine", _("Mine")),
    ("starred", _("Starred")),
)
ATTENTION = "CDE"
SHEET = downloads.Sheet(
    "segments",
    "segments",
    (
        (_("Name"), lambda one: one.name),
        (_("Kind"), lambda one: one.get_kind_display()),
        (_("Size"), lambda one: one.size),
        (_("Purpose"), lambda one: one.description),
        (_("Owner"), lambda one: one.owner or ""),
        (_("Changed"), lambda one: one.updated_at),
    ),
    "segments.view",
)


@dataclass(frozen=True)
class Card:
    """One segment as the list shows it; `change` is None while it is younger than a week."""

    segment: Segment
    sentence: str
    curve: list[int]
    change: int | None
    freshness: Freshness
    health: Health
    is_starred: bool = False
    is_awaited: bool = False


@require_safe
@needs("segments.view")
def segments(request: ActorRequest) -> HttpResponse:
    """Segments searched by name, description and owner, as cards."""
    now = timezone.now()
    rows, sort = asked_for(request, at=now)
    page = page_of(rows, sort, request.GET.get("cursor", ""))
    context = {
        "cards": cards(page.rows, request.actor, at=now),
        "more_url": more_url(request, page.next_cursor),
        "files": downloads.links(request, "segments-file") if page.rows else [],
        "query": request.GET.get("q", ""),
        "kind": request.GET.get("kind", ""),
        "kinds": SegmentKind.choices,
        "show": request.GET.get("show", ""),
        "shown": SHOWN,
        "sort": sort,
        "sorts": SORTS,
        "is_filtered": any(request.GET.get(name) for name in ("q", "kind", "show")),
        "starters": usable_starters() if not page.rows else (),
        "may_change": may(request.actor, "segments.change"),
        "answer": answer(page.rows, at=now) if not request.GET.get("cursor") else "",
        "advice": queries.advice(request.actor) if page.rows and not request.GET else "",
    }
    return render(request, "segments/list.html", context)


def asked_for(request: ActorRequest, *, at: datetime) -> tuple[QuerySet[Segment], str]:
    """The segments that the address asks for, and in which order."""
    sort = request.GET.get("sort", "name")
    rows = searched(queries.segments(request.actor), request.GET)
    rows = chosen(rows, request.GET.get("show", ""), request.actor, at=at)
    return rows, sort if sort in dict(SORTS) else "name"


@require_safe
@needs("segments.view")
def segments_file(request: ActorRequest, kind: str) -> HttpResponseBase:
    """The segments of the list as a file."""
    rows, sort = asked_for(request, at=timezone.now())
    return downloads.download(request, SHEET, rows.order_by(sort, "pk"), kind)


@require_safe
@needs("segments.view")
def segment_card(request: ActorRequest, slug: str) -> HttpResponse:
    """Nothing while the members are being found; then the card of the list anew."""
    one, now = get_object_or_404(queries.segments(request.actor), slug=slug), timezone.now()
    if queries.is_awaited(one, at=now):
        return HttpResponse(status=204)
    return render(request, "segments/card.html", {"card": cards([one], request.actor, at=now)[0]})


def searched(rows: QuerySet[Segment], asked: Any) -> QuerySet[Segment]:
    if asked.get("kind") in SegmentKind.values:
        rows = rows.filter(kind=asked["kind"])
    if words := asked.get("q", "").replace("\0", "").strip():
        told = Q(name__icontains=words) | Q(description__icontains=words) | Q(slug__icontains=words)
        rows = rows.filter(told | Q(owner__first_name__icontains=words) | Q(owner__username__icontains=words))
    return rows


def chosen(rows: QuerySet[Segment], show: str, actor: Actor, *, at: datetime) -> QuerySet[Segment]:
    """Those with a poor grade, those nothing rests on, or the visitor's own."""
    if show == "mine":
        return rows.filter(owner=actor.user)
    if show == "starred":
        return rows.filter(pk__in=queries.starred(actor))
    if show == "unused":
        return rows.filter(pk__in=[one.pk for one in queries.unused(rows, actor)])
    if show == "attention":
        grades = queries.health(rows, at=at)
        return rows.filter(pk__in=[pk for pk, health in grades.items() if health.grade in ATTENTION])
    return rows


def page_of(rows: QuerySet[Segment], sort: str, cursor: str) -> keyset.Page:
    return keyset.page_or_first(rows, order=sort, cursor=cursor, size=CARDS)


def more_url(request: HttpRequest, cursor: str) -> str:
    """This list from the next cursor on; empty at the end."""
    if not cursor:
        return ""
    query = request.GET.copy()
    query["cursor"] = cursor
    return f"{request.path}?{query.urlencode()}"


def cards(found: Sequence[Segment], actor: Actor, *, at: datetime) -> list[Card]:
    today = timezone.localdate(at)
    curves = queries.size_curves([one.pk for one in found], first=today - queries.CURVE, last=today)
    stars = queries.starred(actor)
    sentences, healths = queries.sentences_of(found, actor.language), queries.health(found, at=at)
    return [
        Card(
            one,
            sentences[one.pk],
            sizes_since(one.created_at, curves[one.pk]),
            wording.since_last_week(curves[one.pk]) if at - one.created_at > timedelta(days=wording.WEEK) else None,
            freshness.of_segment(one, at=at),
            healths[one.pk],
            one.pk in stars,
            queries.is_awaited(one, at=at),
        )
        for one in found
    ]


def sizes_since(made_at: datetime, curve: Sequence[queries.DaySize]) -> list[int]:
    """The curve without the days before the segment was made."""
    return [day.size for day in curve if day.day >= timezone.localdate(made_at)]


def answer(found: Sequence[Segment], *, at: datetime) -> str:
    """How many segments are shown, and how many of them need attention."""
    if not found:
        return ""
    told = ngettext("%(n)s segment.", "%(n)s segments.", len(found)) % {"n": len(found)}
    troubled = sum(freshness.of_segment(one, at=at).needs_attention for one in found)
    if not troubled:
        return told
    needs = ngettext("%(n)s of them needs attention.", "%(n)s of them need attention.", troubled)
    return f"{told} {needs % {'n': troubled}}"


def usable_starters() -> tuple[starters.Starter, ...]:
    """A few ready-made rules, each of another dimension."""
    by_dimension = {one.dimension: one for one in reversed(starters.usable(queries.catalogue()))}
    return tuple(by_dimension.values())[:STARTERS]
