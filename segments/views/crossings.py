"""Segments and the people they share: the matrix of all overlaps, and who moved between segments over a period."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from crm import charts, figures, later
from crm.access import ActorRequest, needs
from crm.lists import downloads
from crm.rights import Actor, may
from segments import grading, queries
from segments.models import Segment

MOST = 40  # in the matrix, the largest first
MOST_FLOWING = 6  # in the picture and the table of movement
PAIRS = 12
DAYS = 30
SPANS = (7, 30, 90, 365)
WHICH = (
    ("", gettext_lazy("All segments")),
    ("mine", gettext_lazy("Mine")),
    ("starred", gettext_lazy("Starred")),
    ("used", gettext_lazy("Used by something")),
)
SHOWN = (
    ("share", gettext_lazy("Share of the row")),
    ("lift", gettext_lazy("Lift: times as many as by chance")),
    ("count", gettext_lazy("Number of customers")),
)
ORDERS = (
    ("alike", gettext_lazy("Alike beside each other")),
    ("size", gettext_lazy("Largest first")),
    ("name", gettext_lazy("Name")),
)
WARM = (1.25, 1.5, 2.0, 3.0, 5.0)  # lifts from which a cell is one step darker
COLD = 0.8  # a lift below this says that the two keep apart


@dataclass(frozen=True)
class Cell:
    """A number of people in a table, how much of the row it is (0–1), and the words behind it; `heat` is 0–5.

    `written` is the figure that stands large in the cell.
    """

    count: int
    share: float | None = None
    told: str = ""
    heat: int = 0
    written: str = ""
    is_cold: bool = False
    url: str = ""


@dataclass(frozen=True)
class Pair:
    """Two segments with the people they share; shares are of the first and of the second, 0–1."""

    one: Segment
    other: Segment
    shared: int
    share: float
    other_share: float
    lift: float
    url: str


def chosen(actor: Actor, which: str) -> list[Segment]:
    """The segments a visitor asked for, the largest first."""
    rows = queries.segments(actor).order_by("-size", "pk")
    if which == "mine":
        rows = rows.filter(owner=actor.user)
    if which == "starred":
        rows = rows.filter(pk__in=queries.starred(actor))
    found = list(rows)
    if which == "used":
        idle = {one.pk for one in queries.unused(found, actor)}
        found = [one for one in found if one.pk not in idle]
    return found


def option(asked: str, options: Sequence[tuple[str, Any]]) -> str:
    return asked if asked in dict(options) else options[0][0]


# --- overlap ---------------------------------------------------------------------------------------


@require_safe
@needs("segments.view")
def overlap(request: ActorRequest) -> HttpResponse:
    """How many members each two segments share: a matrix, and the pairs that are most alike."""
    which, shown, order = (
        option(request.GET.get(name, ""), options)
        for name, options in (("which", WHICH), ("show", SHOWN), ("order", ORDERS))
    )
    everything = chosen(request.actor, which)
    found = everything[:MOST]
    may_draw = may(request.actor, "segments.change")
    context = {
        **later.figures(request, lambda: matrix(found, order, shown, may_draw=may_draw), rows=queries.rows_of(found)),
        "files": downloads.links(request, "segments-overlap-file") if len(found) > 1 else (),
        "crumbs": [(_("Segments"), reverse("segments"))],
        "choices": [
            ("which", _("Which"), WHICH, which),
            ("show", _("Figure"), SHOWN, shown),
            ("order", _("Order"), ORDERS, order),
        ],
        "is_lift": shown == "lift",
        "may_draw": may_draw,
        "left_out": len(everything) - len(found),
    }
    return render(request, "segments/overlap.html", context)


def matrix(found: Sequence[Segment], order: str, shown: str, *, may_draw: bool) -> dict[str, Any]:
    """Every two of the segments, in the order asked for, and the most alike."""
    alike = queries.overlap(found)
    places = ordered(found, alike, order)
    found, alike = [found[i] for i in places], alike.taken(places)
    everyone = queries.everyone(at=timezone.now())
    return {
        "answer": likest(found, alike) if len(found) > 1 else "",
        "segments": found,
        "rows": overlap_rows(found, alike, shown=shown, everyone=everyone, may_draw=may_draw),
        "pairs": pairs(found, alike, everyone, may_draw=may_draw),
    }


def ordered(found: Sequence[Segment], alike: queries.Overlap, order: str) -> list[int]:
    """Positions in the order that was asked for; they come by size."""
    if order == "alike":
        return alike.alike()
    if order == "name":
        return sorted(range(len(found)), key=lambda i: found[i].name.casefold())
    return list(range(len(found)))


def overlap_rows(
    shown_segments: Sequence[Segment],
    alike: queries.Overlap,
    *,
    shown: str = "share",
    everyone: int | None = None,
    may_draw: bool = False,
) -> list[tuple[Segment, list[Cell | None]]]:
    """Row i, column j: how many members of i are in j too; None where a segment meets itself."""
    lift = alike.lift(everyone or 0)
    return [
        (
            row,
            [
                None if i == j else cell(row, column, alike, lift, (i, j), shown=shown, may_draw=may_draw)
                for j, column in enumerate(shown_segments)
            ],
        )
        for i, row in enumerate(shown_segments)
    ]


def cell(
    row: Segment,
    column: Segment,
    alike: queries.Overlap,
    lift: Any,
    at: tuple[int, int],
    *,
    shown: str,
    may_draw: bool,
) -> Cell:
    count, share, times = int(alike.shared[at]), float(alike.share[at]), float(lift[at])
    told = _("%(n)s members of “%(row)s”, %(share)s of them, are in “%(column)s” too. Jaccard index: %(jaccard)s.")
    words = {"n": figures.number(count), "row": row.name, "column": column.name}
    words |= {"share": figures.share(share, 0), "jaccard": figures.number(alike.jaccard[at], 2)}
    is_lift = shown == "lift"
    written = {"lift": f"{figures.number(times, 1)}×", "count": figures.number(count)}.get(
        shown, figures.share(share, 0)
    )
    heat = sum(times >= bound for bound in WARM) if is_lift else round(share * 5)
    is_cold = is_lift and times < COLD and min(row.size, column.size) > 0
    return Cell(count, share, told % words, heat, written, is_cold, pair_url(row, column, may_draw=may_draw))


def pair_url(one: Segment, other: Segment, *, may_draw: bool) -> str:
    """Those who are in both, as a new rule; for those who draw none, the two beside each other."""
    if may_draw:
        return f"{reverse('segment-new')}?{urlencode([('in', one.slug), ('in', other.slug)])}"
    return f"{reverse('segments-compare')}?{urlencode([('s', one.slug), ('s', other.slug)])}"


def pairs(found: Sequence[Segment], alike: queries.Overlap, everyone: int | None, *, may_draw: bool) -> list[Pair]:
    """The pairs with the highest Jaccard index that share anybody."""
    lift, jaccard = alike.lift(everyone or 0), alike.jaccard
    places = [(float(jaccard[i, j]), i, j) for i in range(len(found)) for j in range(i + 1, len(found))]
    best = [place for place in sorted(places, key=lambda place: -place[0]) if place[0] > 0][:PAIRS]
    return [
        Pair(
            found[i],
            found[j],
            int(alike.shared[i, j]),
            float(alike.share[i, j]),
            float(alike.share[j, i]),
            float(lift[i, j]),
            pair_url(found[i], found[j], may_draw=may_draw),
        )
        for _jaccard, i, j in best
    ]


def likest(shown: Sequence[Segment], alike: queries.Overlap) -> str:
    """The two that are most alike, in one sentence."""
    couples = [(alike.jaccard[i, j], i, j) for i in range(len(shown)) for j in range(i)]
    jaccard, i, j = max(couples)
    words = {"one": shown[j].name, "other": shown[i].name, "n": figures.number(int(alike.shared[i, j]))}
    if jaccard == 0:
        return _("No customer is in two of these segments.")
    if jaccard >= grading.ALIKE:
        return _("“%(one)s” and “%(other)s” are much the same people: %(n)s are in both.") % words
    return _("“%(one)s” and “%(other)s” are most alike: %(n)s are in both.") % words


# --- movement --------------------------------------------------------------------------------------


@require_safe
@needs("segments.view")
def flows(request: ActorRequest) -> HttpResponse:
    """From which segments members came, and into which they went, over a chosen period."""
    now = timezone.now()
    asked = asked_flows(request, at=now)
    shown, first, last = asked.shown, asked.first, asked.last
    context = {
        **later.figures(request, lambda: movement(asked), rows=queries.rows_of(shown)),
        "files": downloads.links(request, "segments-flows-file") if len(shown) > 1 else (),
        "crumbs": crumbs(asked.focus),
        "choices": [(one, one in shown) for one in asked.everything],
        "focus": asked.focus,
        "segments": shown,
        "first": first,
        "last": last,
        "today": timezone.localdate(now),
        "ends": [figures.day(first - timedelta(days=1)), figures.day(last)],
        "spans": [(span_url(request, n, now), ngettext("%(n)s day", "%(n)s days", n) % {"n": n}) for n in SPANS],
        "most": MOST_FLOWING,
        "early": [one.name for one in shown if timezone.localdate(one.created_at) >= first],
    }
    return render(request, "segments/flows.html", context)


@dataclass(frozen=True)
class AskedFlows:
    """The segments of the picture, the one in focus, and the days of the period, both included."""

    everything: list[Segment]
    focus: Segment | None
    shown: list[Segment]
    first: date
    last: date
    today: date

    @property
    def since(self) -> datetime:
        return queries.end_of_day(self.first - timedelta(days=1))

    @property
    def until(self) -> datetime | None:
        """None is now."""
        return queries.end_of_day(self.last) if self.last < self.today else None

    @property
    def place(self) -> int | None:
        """Where the one in focus stands among those shown."""
        return self.shown.index(self.focus) if self.focus else None


def asked_flows(request: ActorRequest, *, at: datetime) -> AskedFlows:
    """What the address asks for."""
    everything, today = chosen(request.actor, ""), timezone.localdate(at)
    focus = next((one for one in everything if one.slug == request.GET.get("of")), None)
    shown = flowing(everything, request.GET.getlist("s"), focus)
    return AskedFlows(everything, focus, shown, *period(request.GET, today=today), today)


def movement(asked: AskedFlows) -> dict[str, Any]:
    """The picture, its sentence and its table."""
    shown, place = asked.shown, asked.place
    moved = queries.flows(shown, since=asked.since, until=asked.until)
    streams = [one for one in counted(moved) if place is None or place in (one.start, one.end)]
    return {
        "answer": told(shown, moved, place),
        "names": [*(one.name for one in shown), _("None of these")],
        "streams": streams,
        "sizes": sizes(moved, streams, place),
        "flows": flow_rows(shown, moved),
    }


def crumbs(focus: Segment | None) -> list[tuple[str, str]]:
    found = [(_("Segments"), reverse("segments"))]
    return [*found, (focus.name, reverse("segment", args=[focus.slug]))] if focus else found


def flowing(everything: Sequence[Segment], slugs: Sequence[str], focus: Segment | None) -> list[Segment]:
    """The segments of the picture: those asked for, or the largest; the one in focus first."""
    asked = [one for one in everything if one.slug in slugs] or list(everything)
    others = [one for one in asked if one != focus]
    return ([focus] if focus else []) + others[: MOST_FLOWING - bool(focus)]


def period(asked: Any, *, today: date) -> tuple[date, date]:
    """First and last day, both included; the last 30 days where the address says nothing that could be meant."""
    last = min(day_of(asked.get("to", "")) or today, today)
    first = day_of(asked.get("from", ""))
    return (first, last) if first and first <= last else (last - timedelta(days=DAYS - 1), last)


def day_of(text: str) -> date | None:
    try:
        day = parse_date(text)
    except ValueError:
        return None
    return day if day and day >= date(1970, 1, 2) else None


def span_url(request: ActorRequest, days: int, now: datetime) -> str:
    """This page over the last so many days."""
    query = request.GET.copy()
    query["from"] = (timezone.localdate(now) - timedelta(days=days - 1)).isoformat()
    query.pop("to", None)
    return f"?{query.urlencode()}"


def counted(moved: queries.Flows) -> Iterator[charts.Stream]:
    """Every movement as a stream; the last entry of both sides is none of the segments."""
    k = len(moved.before)
    for i in range(k):
        yield charts.Stream(i, i, int(moved.stayed[i]))
        yield charts.Stream(i, k, int(moved.away[i]))
        yield charts.Stream(k, i, int(moved.fresh[i]))
        yield from (charts.Stream(i, j, int(moved.moved[i, j])) for j in range(k) if j != i)


def sizes(
    moved: queries.Flows, streams: Sequence[charts.Stream], place: int | None
) -> tuple[list[int | None], list[int | None]]:
    """Members at both ends; around one segment, of the others those who came from it or went there."""
    if place is None:
        return [*map(int, moved.before), None], [*map(int, moved.after), None]
    left: list[int | None] = [sum(one.count for one in streams if one.start == i) for i in range(len(moved.before) + 1)]
    right: list[int | None] = [sum(one.count for one in streams if one.end == i) for i in range(len(moved.before) + 1)]
    left[place], right[place] = int(moved.before[place]), int(moved.after[place])
    return left, right


def told(shown: Sequence[Segment], moved: queries.Flows, place: int | None) -> str:
    """What happened to the one in focus, or the largest move of all, in one sentence."""
    if not shown:
        return ""
    if place is not None:
        words = {"name": shown[place].name, "stayed": figures.number(int(moved.stayed[place]))}
        came = int(moved.after[place] - moved.stayed[place])
        left = int(moved.before[place] - moved.stayed[place])
        words |= {"came": figures.number(came), "left": figures.number(left)}
        return _("“%(name)s”: %(came)s came, %(left)s left and %(stayed)s stayed.") % words
    i, j = divmod(int(moved.moved.argmax()), len(shown))
    if not moved.moved[i, j]:
        return _("Nobody moved from one of these segments to another.")
    words = {"n": figures.number(int(moved.moved[i, j])), "one": shown[i].name, "other": shown[j].name}
    return _("Most moved from “%(one)s” to “%(other)s”: %(n)s.") % words


def flow_rows(shown: Sequence[Segment], moved: queries.Flows) -> list[dict[str, Any]]:
    """Per segment: who stayed, where those went who left, and how many came."""
    return [
        {
            "segment": one,
            "before": int(moved.before[i]),
            "cells": [None if i == j else int(moved.moved[i, j]) for j in range(len(shown))],
            "stayed": int(moved.stayed[i]),
            "away": int(moved.away[i]),
            "fresh": int(moved.fresh[i]),
            "after": int(moved.after[i]),
        }
        for i, one in enumerate(shown)
    ]
