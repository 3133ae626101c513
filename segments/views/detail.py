"""One segment: its size and movement, what its members have in common, who they are, and how it is kept."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from crm import charts, figures, keyset, later, notices, tables
from crm import queries as crm_queries
from crm.access import ActorRequest, needs
from crm.lists import downloads, files
from crm.refusals import Refused
from crm.rights import Actor, may
from profiles import queries as profile_queries
from segments import actions, evaluation, freshness, panels, queries, tasks, wording
from segments.models import MembershipReason, Segment, SegmentKind
from segments.rules.errors import RuleError
from segments.views.listing import more_url

MEMBERS = 50
MOVES = 20
MOST_MOVES = 500
TELLING = 6
MEMBER_COLUMNS = (
    tables.Column(gettext_lazy("Name")),
    tables.Column(gettext_lazy("Number"), sort="number"),
    tables.Column(gettext_lazy("City"), sort="city"),
    tables.Column(gettext_lazy("Stage")),
)
MOVE_COLUMNS = (
    tables.Column(gettext_lazy("When")),
    tables.Column(gettext_lazy("Customer")),
    tables.Column(gettext_lazy("What")),
    tables.Column(gettext_lazy("Why")),
    tables.Column(gettext_lazy("Rule version"), "number"),
)
RUN_COLUMNS = (
    tables.Column(gettext_lazy("Started")),
    tables.Column(gettext_lazy("Outcome")),
    tables.Column(gettext_lazy("Size"), "number"),
    tables.Column(gettext_lazy("Entered"), "number"),
    tables.Column(gettext_lazy("Left"), "number"),
    tables.Column(gettext_lazy("Took"), "number"),
    tables.Column(gettext_lazy("Late by"), "number"),
)
# Steps of the reach: what is left, and why the others fell away.
REACHED = {
    "has_address": (pgettext_lazy("reach", "have an address"), gettext_lazy("no address")),
    "consents": (pgettext_lazy("reach", "consent"), gettext_lazy("no consent, an objection or a restriction")),
    "not_suppressed": (pgettext_lazy("reach", "are not suppressed"), gettext_lazy("on the suppression list")),
}
HEADING = ("number", "first_name", "last_name", "email", "phone", "city", "language", "stage")
REASONS = dict(MembershipReason.choices)


def found(actor: Actor, slug: str) -> Segment:
    """The segment of this address, archived ones for those who may restore them. Raises Http404."""
    rows = queries.segments(actor) | queries.archived(actor).select_related("owner")
    return get_object_or_404(rows, slug=slug)


@require_safe
@needs("segments.view")
@profile_queries.one_moment()
def segment(request: ActorRequest, slug: str) -> HttpResponse:
    """The answer first: size and movement, then the curve, what sets the members apart, and five of them."""
    one, now = found(request.actor, slug), timezone.now()
    curve = curve_of(one, at=now)
    people = queries.members(one, request.actor).order_by("pk")[: queries.SAMPLE]
    context = frame(request, one, curve, at=now) | curves(curve, ()) | {
        "sentence": sentence_of(one, request.actor.language),
        "has_before": one.kind == SegmentKind.RULE and curve[0].day > first_day(now),
        "people": people,
        "facts": facts(one),
        "health": queries.health([one], at=now)[one.pk],
        "uses": queries.uses_of(one, request.actor),
        "panels": panels.of_segment(request.actor, one.slug),
        "moved": moved_lately(one, at=now),
        "week_ago": timezone.localdate(now) - timedelta(days=wording.WEEK - 1),
    }  # fmt: skip
    return render(request, "segments/detail.html", context)


def moved_lately(one: Segment, *, at: datetime) -> list[str]:
    """What changed in the last seven days, a sentence for those who came and one for those who went, with reasons."""
    since = queries.end_of_day(timezone.localdate(at) - timedelta(days=wording.WEEK))
    moved = queries.reasons_moved(one, since=since)
    return [
        wording.moved(rows, REASONS) for is_entry in (True, False) if (rows := [r for r in moved if r[0] == is_entry])
    ]


@require_safe
@needs("segments.view")
@profile_queries.one_moment()
def common(request: ActorRequest, slug: str) -> HttpResponse:
    """What the members have in common that others have not; a fragment of the segment's page, and a page of its own."""
    one, now = found(request.actor, slug), timezone.now()
    try:
        apart, reason = queries.sets_apart(one, at=now), ""
    except queries.NotEvaluable as fault:
        apart, reason = (), str(fault)
    features = queries.catalogue()
    rows = [wording.compared(row, features) for row in apart if row.feature in features][:TELLING]
    return render(request, "segments/common.html", {"segment": one, "rows": rows, "reason": reason})


@require_safe
@needs("segments.view")
@profile_queries.one_moment()
def before(request: ActorRequest, slug: str) -> HttpResponse:
    """The curve with the sizes from before the segment was made; a fragment of its page, and a page of its own."""
    one, now = found(request.actor, slug), timezone.now()
    curve = curve_of(one, at=now)
    sizes = later.by_worker(
        request,
        lambda: with_earlier(one, curve, at=now),
        rows=queries.everyone(at=now) or 0,
        name=queries.name_of_sizes(one, queries.BEFORE),
        poke=lambda: tasks.poke_look_back(one.pk, queries.BEFORE),
    )
    context = frame(request, one, curve, at=now) | curves(curve, ()) | sizes
    return render(request, "segments/before.html", context)


def with_earlier(one: Segment, curve: Sequence[queries.DaySize], *, at: datetime) -> dict[str, Any]:
    try:
        earlier, reason = queries.sizes_before(one, first=first_day(at), at=at), ""
    except (queries.NotEvaluable, RuleError) as fault:
        earlier, reason = (), evaluation.refusal(fault)
    return curves(curve, earlier) | {"untold": wording.untold(earlier), "reason": reason}


def curves(curve: Sequence[queries.DaySize], earlier: Sequence[queries.SizeBefore]) -> dict[str, Any]:
    """The days, and the line of each; what the rule would have found leads up to the first day of the ledger."""
    known = {row.day: row.size for row in earlier if row.size is not None}
    if not known:
        return {
            "labels": [figures.day(day.day) for day in curve],
            "series": [charts.Series("", [day.size for day in curve])],
        }
    days = [min(known) + timedelta(days=n) for n in range((curve[-1].day - min(known)).days + 1)]
    sizes = {row.day: row.size for row in curve}
    known[curve[0].day] = curve[0].size
    return {
        "labels": [figures.day(day) for day in days],
        "series": [
            charts.Series(_("Members"), [sizes.get(day) for day in days]),
            charts.Series(_("By today's rule"), [known.get(day) for day in days], colour=1, is_dashed=True),
        ],
    }


@require_safe
@needs("segments.view")
@profile_queries.one_moment()
def reach(request: ActorRequest, slug: str) -> HttpResponse:
    """How many members can be written to, step by step; a fragment of the segment's page, and a page of its own."""
    one, now = found(request.actor, slug), timezone.now()
    try:
        reaches, reason = queries.reach(one, at=now), ""
    except queries.NotEvaluable as fault:
        reaches, reason = (), str(fault)
    channels = [(row.channel, [charts.Step(_("Match"), row.matches), *steps(row)]) for row in reaches]
    return render(request, "segments/reach.html", {
        "segment": one, "channels": channels, "reason": reason, "has_later": any(row.later for row in reaches),
    })  # fmt: skip


def steps(row: queries.Reach) -> list[charts.Step]:
    own = [charts.Step(str(REACHED[name][0]), count, str(REACHED[name][1])) for name, count in row.steps]
    return own + [charts.Step(label, count, counted(losses)) for label, count, losses in row.later]


def counted(losses: Mapping[str, int]) -> str:
    """The reasons of a step, each with its people; a single one needs no figure of its own."""
    if len(losses) == 1:
        return next(iter(losses))
    return ", ".join(f"{reason} {figures.number(count)}" for reason, count in losses.items() if count)


@require_safe
@needs("segments.view")
def members(request: ActorRequest, slug: str) -> HttpResponse:
    """Members now, or at the end of a chosen day."""
    one, now = found(request.actor, slug), timezone.now()
    day = chosen_day(request.GET.get("on", ""), at=now)
    order = tables.order(request.GET, MEMBER_COLUMNS, "number")
    rows = queries.members(one, request.actor, as_of=queries.end_of_day(day) if day else None)
    page = members_page(rows, str(order), request.GET.get("cursor", ""))
    context = frame(request, one, curve_of(one, at=now), at=now) | {
        "columns": MEMBER_COLUMNS,
        "order": order,
        "page": page,
        "more_url": more_url(request, page.next_cursor),
        "day": day,
        "is_before": day is not None and queries.end_of_day(day) < one.created_at,
        "today": timezone.localdate(now),
        "files": files_of(request, slug),
        "remove_actions": [("remove", _("Take off the list"))],
        "may_remove": one.kind == "static" and may(request.actor, "segments.change") and not day,
    }
    return render(request, "segments/members.html", context)


@require_safe
@needs("segments.view")
def history(request: ActorRequest, slug: str) -> HttpResponse:
    """Who entered and left lately, the rule's versions, and the refreshes."""
    one, now = found(request.actor, slug), timezone.now()
    count = MOST_MOVES if request.GET.get("moves") == "all" else MOVES
    moves = queries.moves(one, count + 1)
    is_cut, moves = len(moves) > count, moves[:count]
    people = crm_queries.customers(request.actor).in_bulk({move.customer_id for move in moves})
    context = frame(request, one, curve_of(one, at=now), at=now) | {
        "moves": [(move, people.get(move.customer_id), REASONS.get(move.reason, "")) for move in moves],
        "versions": versions(one, request.actor.language),
        "runs": [(run, run.finished_at - run.started_at, wording.late(run.late_seconds)) for run in runs(one)],
        "move_columns": MOVE_COLUMNS,
        "more_moves": is_cut and count == MOVES,
        "most_moves": MOST_MOVES if is_cut else 0,
        "then": then(one, chosen_day(request.GET.get("on", ""), at=now)),
        "today": timezone.localdate(now),
        "run_columns": RUN_COLUMNS,
    }
    return render(request, "segments/history.html", context)


def then(one: Segment, day: date | None) -> dict[str, Any]:
    """What today's rule would have found at the end of a chosen day, or why that cannot be said; empty without one."""
    if day is None or one.kind != SegmentKind.RULE:
        return {}
    as_of = queries.end_of_day(day)
    found: dict[str, Any] = {"day": day, "ledger": queries.memberships(one, as_of=as_of).count()}
    found["is_before"] = as_of < one.created_at
    try:
        return found | {"size": queries.size_then(one, as_of=as_of)}
    except (queries.NotEvaluable, RuleError) as fault:
        return found | {"reason": evaluation.refusal(fault)}


def runs(one: Segment) -> Any:
    return queries.latest_runs(one)


def versions(one: Segment, language: str) -> list[tuple[Any, str]]:
    """Every rule the segment had, each with its sentence in the visitor's language."""
    rows = list(queries.versions(one))
    return [(row, queries.sentence(row.rule, language)) for row in rows]


def files_of(request: ActorRequest, slug: str) -> list[tuple[str, str]]:
    return downloads.links(request, "segment-members-file", slug) if may(request.actor, downloads.PERSONS) else []


@require_safe
@needs("exports.persons")
def members_file(request: ActorRequest, slug: str, kind: str) -> HttpResponseBase:
    """The members the visitor may see, as a file; written into the audit."""
    if kind not in files.FORMATS:
        raise Http404
    one, now = found(request.actor, slug), timezone.now()
    day = chosen_day(request.GET.get("on", ""), at=now)
    as_of = queries.end_of_day(day) if day else None
    try:
        if kind == "xlsx":
            files.refuse_too_long(queries.members(one, request.actor, as_of=as_of).count())
        rows = actions.export_members(segment=one, as_of=as_of, by=request.actor, at=now)
    except Refused as fault:
        notices.notify(request, fault.message, level=messages.ERROR)
        return redirect("segment-members", one.slug)
    lines = ([getattr(row, name) for name in HEADING] for row in keyset.every_row(rows))
    return files.response(one.slug, HEADING, lines, kind=kind, on=day or timezone.localdate(now))


@require_safe
@needs("segments.view")
def progress(request: ActorRequest, slug: str) -> HttpResponse:
    """Nothing while the members are being found; then a fragment that renews the page around it and says so."""
    one = found(request.actor, slug)
    if queries.is_awaited(one, at=timezone.now()):
        return HttpResponse(status=204)
    told, level = arrived(one)
    notices.notify(request, told, level=level)
    return render(request, "segments/arrived.html")


def arrived(one: Segment) -> tuple[str, int]:
    """What became of the wait, and how grave it is."""
    if one.error:
        return _("The members could not be found: %(reason)s") % {"reason": queries.trouble(one)}, messages.ERROR
    told = ngettext("Up to date: %(n)s customer is in it.", "Up to date: %(n)s customers are in it.", one.size)
    return told % {"n": figures.number(one.size)}, messages.SUCCESS


@require_POST
@needs("segments.change")
def refresh(request: ActorRequest, slug: str) -> HttpResponse:
    """Make the segment due now."""
    one = found(request.actor, slug)
    actions.request_refresh(segment=one, by=request.actor, at=timezone.now())
    notices.notify(request, _("The refresh has begun; the page renews itself."))
    return redirect("segment", one.slug)


@require_POST
@needs("segments.view")
def star(request: ActorRequest, slug: str) -> HttpResponse:
    """Keep it among the visitor's own, or let it go."""
    one, is_starred = found(request.actor, slug), request.POST.get("is_starred") == "yes"
    actions.star_segment(segment=one, is_starred=is_starred, by=request.actor)
    notices.notify(request, _("Starred.") if is_starred else _("No longer starred."))
    return redirect("segment", one.slug)


@require_POST
@needs("segments.change")
def review(request: ActorRequest, slug: str) -> HttpResponse:
    """Somebody looked at it and lets it stand."""
    one = actions.review_segment(segment=found(request.actor, slug), by=request.actor, at=timezone.now())
    told = _("Reviewed; look at it again by %(day)s.") % {"day": figures.day(one.review_on)}
    notices.notify(request, told)
    return redirect("segment", one.slug)


@require_POST
@needs("segments.change")
def version(request: ActorRequest, slug: str, number: int) -> HttpResponse:
    """Give the segment the rule of an earlier version again."""
    one = found(request.actor, slug)
    earlier = get_object_or_404(queries.versions(one), version=min(number, 2**31 - 1))
    try:
        actions.return_to_version(segment=one, version=earlier, by=request.actor, at=timezone.now())
    except RuleError as fault:
        notices.notify(request, evaluation.refusal(fault), level=messages.ERROR)
        return redirect("segment-history", one.slug)
    told = _("The rule of version %(n)s is back; its members are being found.")
    undo_url = reverse("segment-version", args=[one.slug, one.rule_version])
    notices.notify(request, told % {"n": earlier.version}, undo_url=undo_url)
    return redirect("segment", one.slug)


@require_POST
@needs("segments.change")
def archive(request: ActorRequest, slug: str) -> HttpResponse:
    """Stop refreshing and let the members go; can be undone."""
    one = found(request.actor, slug)
    try:
        actions.archive_segment(segment=one, by=request.actor, at=timezone.now())
    except Refused as fault:
        notices.notify(request, fault.message, level=messages.ERROR)
        return redirect("segment", one.slug)
    undo_url = reverse("segment-restore", args=[one.slug])
    notices.notify(request, _("“%(name)s” is archived.") % {"name": one.name}, undo_url=undo_url)
    return redirect("segments")


@require_POST
@needs("segments.change")
def restore(request: ActorRequest, slug: str) -> HttpResponse:
    """Undo of archiving."""
    one = found(request.actor, slug)
    actions.restore_segment(segment=one, by=request.actor, at=timezone.now())
    notices.notify(request, _("“%(name)s” is back; its members are being found.") % {"name": one.name})
    return redirect("segment", one.slug)


def frame(request: ActorRequest, one: Segment, curve: Any, *, at: datetime) -> dict[str, Any]:
    """What every page of a segment shows around its content."""
    state = freshness.of_segment(one, at=at)
    tabs = [(_("Overview"), "segment", None), (_("Members"), "segment-members", one.size if one.refreshed_at else None)]
    tabs += [(_("Value"), "segment-value", None), (_("Persona"), "segment-persona", None)]
    tabs += [(_("History"), "segment-history", None)]
    return {
        "segment": one,
        "state": state,
        "is_awaited": queries.is_awaited(one, at=at),
        "answer": wording.answer(one.size, curve) if one.refreshed_at or one.kind == "static" else "",
        "crumbs": [(_("Segments"), reverse("segments"))],
        "tabs": [(label, reverse(name, args=[one.slug]), count) for label, name, count in tabs],
        "current": request.path,
        "as_of": one.refreshed_at,
        "may_change": may(request.actor, "segments.change"),
        "is_starred": one.pk in queries.starred(request.actor),
    }


def frame_of(request: ActorRequest, one: Segment, *, at: datetime) -> dict[str, Any]:
    """The frame of a page that draws no curve of its own."""
    return frame(request, one, curve_of(one, at=at), at=at)


def curve_of(one: Segment, *, at: datetime) -> Any:
    """Sizes of the last 90 days, or since it was made."""
    today = timezone.localdate(at)
    first = max(first_day(at), timezone.localdate(one.created_at))
    return queries.size_curve(one.pk, first=min(first, today), last=today)


def first_day(at: datetime) -> date:
    """The day the curves begin."""
    return timezone.localdate(at) - queries.CURVE


def sentence_of(one: Segment, language: str) -> str:
    if one.kind == "static":
        return _("Customers put on this list by hand or from a file.")
    if one.kind == "cluster":
        return _("Customers most like the group “%(name)s” that was found in the data.") % {"name": one.cluster}
    return queries.sentence(one.rule, language)


def facts(one: Segment) -> list[tuple[str, Any]]:
    period = one.period_minutes and figures.span(timedelta(minutes=one.period_minutes))
    return [
        (_("Kind"), one.get_kind_display()),
        (_("Purpose"), one.get_purpose_display()),
        (_("Owner"), one.owner),
        (_("Short name"), one.slug),
        (_("Refreshed"), figures.moment(one.refreshed_at)),
        (_("Every"), period or _("the firm's usual time")),
        (_("Changes show"), changes_show(one)),
        (_("Reviewed"), figures.day(one.reviewed_at) if one.reviewed_at else _("not yet")),
        (_("Review on"), figures.day(one.review_on)),
        (_("Made on"), figures.day(one.created_at)),
    ]


def changes_show(one: Segment) -> str:
    """How soon a change of one customer is seen here, and why not sooner."""
    if one.kind == "static":
        return _("at once")
    obstacle = queries.obstacle_to_following(one)
    return _("with the refresh: %(reason)s") % {"reason": obstacle} if obstacle else _("within seconds")


def chosen_day(asked: str, *, at: datetime) -> date | None:
    """A day of the past from the address; None for now, for nonsense and for the future."""
    try:
        day = parse_date(asked)
    except ValueError:
        return None
    return day if day and date(1970, 1, 1) <= day < timezone.localdate(at) else None


def members_page(rows: Any, order: str, cursor: str) -> keyset.Page:
    return keyset.page_or_first(rows, order=order, cursor=cursor, size=MEMBERS)
