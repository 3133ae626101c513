"""The rule editor: a nested form that works by plain posts, and swaps what changed when htmx is there."""

import json
import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from crm import notices
from crm.access import ActorRequest, needs
from crm.refusals import Refused
from profiles import queries as profile_queries
from segments import actions, drafts, editing, queries, starters, wording
from segments.drafts import Box, Line
from segments.editing import Scope
from segments.forms import SegmentForm
from segments.models import Segment, SegmentKind, SegmentPurpose
from segments.queries import Preview
from segments.rules import tree
from segments.rules.errors import RuleError
from segments.rules.reading import Known, read_rule, read_text
from segments.rules.writing import rule_json
from segments.views.detail import found
from segments.views.listing import usable_starters

MOST_LETTERS = 40  # of the name of a page's questions


@dataclass(frozen=True)
class Look:
    """A draft judged: its rule when there is one, what it finds, and what is wrong where (by path)."""

    rule: tree.Rule | None
    faults: dict[str, str]
    unfinished: tuple[str, ...]
    preview: Preview | None = None
    counts: dict[str, int] | None = None
    reason: str = ""
    proxies: tuple[str, ...] = ()


@require_http_methods(["GET", "HEAD", "POST"])
@needs("segments.change")
@profile_queries.one_moment()
def new(request: ActorRequest) -> HttpResponse:
    """Draw a segment, from nothing or from a starter."""
    return edited(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("segments.change")
@profile_queries.one_moment()
def edit(request: ActorRequest, slug: str) -> HttpResponse:
    """Change a segment: its rule, name and purpose."""
    one = found(request.actor, slug)
    if one.archived_at:
        raise Http404
    return edited(request, one)


def edited(request: ActorRequest, segment: Segment | None) -> HttpResponse:
    now = timezone.now()
    scope = editing.scope_for(request.actor, at=now, without=segment.slug if segment else "")
    is_saving = request.method == "POST" and "do" not in request.POST
    form = SegmentForm(request.POST if is_saving else None, segment=segment, so_far=request.POST)
    if request.method != "POST":
        return drawn(request, segment, form, first_draft(request, segment, scope), scope, at=now)
    draft = drafts.read_form(request.POST, request.POST.getlist)
    if "do" in request.POST:
        draft, focus, fault = changed(draft, request.POST, scope)
        draft = editing.settled(draft, scope)
        try:
            return drawn(request, segment, form, draft, scope, at=now, focus=focus, json_fault=fault)
        except profile_queries.Overtaken:  # the page has asked anew and waits for that
            return HttpResponse(status=204)
    return saved(request, segment, form, draft, scope, at=now)


def first_draft(request: ActorRequest, segment: Segment | None, scope: Scope) -> Box:
    """The stored rule, those who are in several segments, a chosen starter, or an empty box."""
    if segment:
        return drafts.draft_of(plain(segment.rule, scope), scope.features) if segment.rule else Box()
    if both := [slug for slug in request.GET.getlist("in") if slug in scope.segments]:
        return Box("all", tuple(Line("segment", {"op": ("in",), "segment": (slug,)}) for slug in both))
    chosen = next((one for one in starters.STARTERS if one.key == request.GET.get("starter")), None)
    return drafts.draft_of(plain(chosen.rule, scope), scope.features) if chosen else Box()


def plain(rule: Any, scope: Scope) -> Any:
    """A rule's `where` in the form the editor writes; one that cannot be read any more stays as it is."""
    try:
        return rule_json(read_rule(rule, Known(scope.features)))["where"]
    except RuleError:
        return rule.get("where")


# --- changing a draft ----------------------------------------------------------------------------


def changed(draft: Box, sent: Any, scope: Scope) -> tuple[Box, str, str]:
    """What a button asks for: the new draft, the part to go on with, and what is wrong with the JSON given."""
    verb, _bar, rest = sent["do"].partition("|")
    path, _bar, more = rest.partition("|")
    if verb == "json":
        return from_json(draft, sent.get("json", ""), scope)
    part = drafts.at(draft, path) if path else None
    if verb in ("up", "down") and part is not None and path != drafts.ROOT:
        draft, focus = drafts.moved(draft, path, -1 if verb == "up" else 1)
        return draft, focus, ""
    if verb == "place" and part is not None:
        box, _bar, position = more.partition("|")
        draft, focus = drafts.placed(draft, path, box, int(position) if position[:6].isdecimal() else 0)
        return draft, focus, ""
    if verb == "remove" and part is not None:
        return drafts.removed(draft, path), path.rpartition(".")[0], ""
    if verb == "add" and isinstance(part, Box):
        return with_new(draft, path, part, more, scope)
    if isinstance(part, Line):
        return drafts.with_part(draft, path, lambda _: with_change(part, verb, more)), path, ""
    return draft, "", ""


def with_new(draft: Box, path: str, box: Box, what: str, scope: Scope) -> tuple[Box, str, str]:
    kind, _bar, of = what.partition("|")
    part = Box("any") if kind == "box" else editing.new_line(kind, of, scope)
    return (drafts.added(draft, path, part), f"{path}.{len(box.parts)}", "") if part else (draft, "", "")


def with_change(line: Line, verb: str, more: str) -> Line:
    """A line with a value more or less, or with a part more or less."""
    name, _bar, text = more.partition("|")
    match verb:
        case "value":
            return line.with_texts(**{name: [*dict.fromkeys([*line.many(name), text])]})
        case "unvalue":
            return line.with_texts(**{name: [one for one in line.many(name) if one != text]})
        case "where":
            stem = name or "where"
            i = max(line.numbers(stem), default=-1) + 1
            return line.with_texts(**{f"{stem}.{i}.property": ["channel"], f"{stem}.{i}.op": ["is"]})
        case "drop":
            return replace(line, texts={k: v for k, v in line.texts.items() if not k.startswith(f"{name}.")})
        case "step":
            return with_step(line)
    return line


def with_step(line: Line) -> Line:
    """One step more; what was the last one now simply happens."""
    steps = line.numbers("steps")
    texts = {name: own for name, own in line.texts.items() if not name.endswith(".happens")}
    return replace(line, texts={**texts, f"steps.{max(steps, default=-1) + 1}.event": ("order",)})


def from_json(draft: Box, text: str, scope: Scope) -> tuple[Box, str, str]:
    try:
        where = rule_json(read_text(text, Known(scope.features)))["where"]
    except RuleError as fault:
        return draft, "", fault.sentence(scope.language)
    return drafts.draft_of(where, scope.features), "", ""


# --- judging a draft -----------------------------------------------------------------------------


def judged(
    draft: Box, scope: Scope, actor: Any, segment: Segment | None, *, purpose: str, at: datetime, run: str
) -> Look:
    """Each line by itself, then the whole of those that are finished, for the purpose that is chosen now."""
    faults, unfinished = line_faults(draft, scope)
    whole = drafts.assembled(draft, scope.features, skipped=[*faults, *unfinished])
    try:
        judge = Segment(slug=segment.slug if segment else "", purpose=purpose)
        rule = actions.check_rule(whole.rule, by=actor, segment=judge)
    except RuleError as fault:
        return Look(None, {**faults, whole.part_at(fault.path): fault.said(actor.language)}, unfinished)
    look = Look(rule, faults, unfinished, proxies=tuple(wording.proxies(queries.proxies(rule, purpose), actor)))
    against = segment if segment and segment.kind == SegmentKind.RULE else None
    try:
        preview = queries.preview(rule, actor, as_of=at, against=against, run=run)
    except queries.NotEvaluable as fault:
        return replace(look, reason=str(fault))
    by_part = {part: preview.counts[place] for place, part in whole.places if place in preview.counts}
    return replace(look, preview=preview, counts=by_part)


def purpose_of(form: SegmentForm, segment: Segment | None) -> str:
    """The purpose chosen in the form, or the segment's own."""
    chosen = form.data.get("purpose") if form.is_bound else form.initial.get("purpose")
    standing = segment.purpose if segment else SegmentPurpose.MARKETING.value
    return str(chosen if chosen in SegmentPurpose.values else standing)


def line_faults(draft: Box, scope: Scope) -> tuple[dict[str, str], tuple[str, ...]]:
    """What is wrong with each line that cannot be read, and the lines with an empty place."""
    faults: dict[str, str] = {}
    unfinished: list[str] = []
    known = Known(scope.features, segments=frozenset(scope.segments))
    for path, line in drafts.lines(draft):
        try:
            read_rule({"version": 1, "where": drafts.json_of(line, scope.features)}, known)
        except drafts.Unfinished:
            unfinished.append(path)
        except RuleError as fault:
            faults[path] = words_of(fault, scope.language)
        except (KeyError, ValueError):
            faults[path] = _("This cannot be read any more; remove it.")
    return faults, tuple(unfinished)


def words_of(fault: RuleError, language: str) -> str:
    choices = ", ".join(fault.choices[:8])
    return f"{fault.said(language)} ({choices})" if choices else fault.said(language)


# --- answering -----------------------------------------------------------------------------------


def drawn(
    request: ActorRequest,
    segment: Segment | None,
    form: SegmentForm,
    draft: Box,
    scope: Scope,
    *,
    at: datetime,
    focus: str = "",
    json_fault: str = "",
    more_faults: dict[str, str] | None = None,
) -> HttpResponse:
    run = request.POST.get("run", "")[:MOST_LETTERS] or secrets.token_hex(8)
    asked = run if "do" in request.POST else ""  # a page that is loaded or saved waits for its own answer
    look = judged(draft, scope, request.actor, segment, purpose=purpose_of(form, segment), at=at, run=asked)
    faults = {**look.faults, **(more_faults or {})}
    whole = drafts.assembled(draft, scope.features, skipped=[*look.faults, *look.unfinished])
    context = {
        "segment": segment,
        "form": form,
        "run": run,
        "opened": json.dumps(opened(request, segment, form), ensure_ascii=False),
        "look": look,
        "root": editing.shown(draft, scope, counts=look.counts or {}, faults=faults, focus=focus),
        "unfinished": set(look.unfinished),
        "offers": editing.offers(scope),
        "line_ids": ",".join(f"#note-{path.replace('.', '-')}" for path, _line in drafts.lines(draft)),
        "json": request.POST.get("json", "") if json_fault else written(whole.rule),
        "json_fault": json_fault,
        "starters": usable_starters() if segment is None and not draft.parts else (),
        "is_rule": segment is None or segment.kind == SegmentKind.RULE,
        "crumbs": crumbs(segment),
        "cancel_url": reverse("segment", args=[segment.slug]) if segment else reverse("segments"),
    }
    status = 400 if more_faults or form.is_bound else 200
    return render(request, "segments/editor.html", context, status=status)


def opened(request: ActorRequest, segment: Segment | None, form: SegmentForm) -> dict[str, Any]:
    """What stood there when the page was opened, carried along by it: only what was changed on it is saved.

    Whoever was told of another's rule has seen it: saving again is meant.
    """
    if segment is None:
        return {}
    carried = carried_along(request)
    standing = {"name": segment.name, "description": segment.description, "purpose": segment.purpose}
    is_told = form.is_bound and form.non_field_errors()
    version = segment.rule_version if is_told else carried.get("version", segment.rule_version)
    return {**standing, **carried, "version": version}


def carried_along(request: ActorRequest) -> dict[str, Any]:
    try:
        carried = json.loads(request.POST.get("opened", ""))
    except (ValueError, RecursionError):
        return {}
    return carried if isinstance(carried, dict) else {}


def written(rule: dict[str, Any]) -> str:
    return json.dumps(rule, ensure_ascii=False, indent=2)


def crumbs(segment: Segment | None) -> list[tuple[str, str]]:
    found = [(_("Segments"), reverse("segments"))]
    return [*found, (segment.name, reverse("segment", args=[segment.slug]))] if segment else found


def saved(
    request: ActorRequest, segment: Segment | None, form: SegmentForm, draft: Box, scope: Scope, *, at: datetime
) -> HttpResponse:
    """Store the segment and show it, or say at each line what is missing."""
    is_rule = segment is None or segment.kind == SegmentKind.RULE
    faults = save_faults(draft, scope) if is_rule else {}
    if form.is_valid() and not faults:
        try:
            was = carried_along(request)
            one = stored(request.actor, segment, form, draft if is_rule else None, scope, was=was, at=at)
        except RuleError as fault:
            faults = {drafts.ROOT: fault.said(request.actor.language)}
        except Refused as fault:
            faults = {} if fault.path == "name" else {drafts.ROOT: fault.message}
            form.add_error("name" if fault.path == "name" else None, fault.message)
        else:
            notices.notify(request, _("Saved."))
            return redirect("segment", one.slug)
    return drawn(request, segment, form, draft, scope, at=at, more_faults=faults)


def save_faults(draft: Box, scope: Scope) -> dict[str, str]:
    faults, unfinished = line_faults(draft, scope)
    faults |= dict.fromkeys(unfinished, _("Something is still empty here."))
    empty = {} if any(drafts.lines(draft)) else {drafts.ROOT: _("Add at least one condition.")}
    return faults | empty


def stored(
    actor: Any,
    segment: Segment | None,
    form: SegmentForm,
    draft: Box | None,
    scope: Scope,
    *,
    was: dict[str, Any],
    at: datetime,
) -> Segment:
    """One action: a new segment, or the changed one; a rule that says the same keeps its version."""
    given = form.cleaned_data
    rule = drafts.assembled(draft, scope.features).rule if draft else None
    if segment is None:
        return actions.create_segment(rule=rule, by=actor, at=at, **given)
    if rule and segment.rule and plain(segment.rule, scope) == rule["where"]:
        rule = None
    mine = {name: value for name, value in given.items() if name not in was or was[name] != value}
    return actions.change_segment(
        segment=segment, rule=rule and mine_of(rule, segment, scope, was), by=actor, at=at, **mine
    )


def mine_of(rule: dict[str, Any], segment: Segment, scope: Scope, was: dict[str, Any]) -> dict[str, Any] | None:
    """The rule if it was changed on this page; somebody else's of meanwhile stays, or is told. Raises Refused."""
    version = was.get("version")
    if not isinstance(version, int) or version == segment.rule_version:
        return rule
    before = queries.versions(segment).filter(version=version).first() if 0 < version < 2**31 else None
    if before and plain(before.rule, scope) == rule["where"]:
        return None
    told = _("Somebody changed the rule while this page was open: %(sentence)s Save again to put yours in its place.")
    raise Refused(told % {"sentence": queries.sentence(segment.rule, scope.language)})
