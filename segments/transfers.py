"""Segments from a file: what it would change in words and in people, the change itself, and its undo."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from django.db import transaction
from django.utils.translation import gettext as _

from crm import actions as crm_actions
from crm.refusals import ManyRefused, NotPossibleNow, Refused, at_path
from crm.rights import Actor, require
from profiles import queries as profile_queries
from segments import actions, definitions, evaluation, ledger
from segments.definitions import FIELDS, Definition
from segments.models import Segment, SegmentImport, SegmentKind
from segments.rules import needs, reading, sentences, tree
from segments.rules.errors import RuleError
from segments.rules.sentences import Changes

NEW, CHANGED, RESTORED, SAME = "new", "changed", "restored", "same"


@dataclass(frozen=True)
class Setting:
    """A column that changes; None where there is no segment yet."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Step:
    """What happens to one segment of the file: in words, and in people where they could be counted.

    `changes` are the conditions dropped and added, None for a new rule or an unchanged one. `reason` says why nobody
    was counted; size, entering and leaving are customers.
    """

    slug: str
    name: str
    verb: str
    settings: tuple[Setting, ...] = ()
    sentence: str = ""
    before: str = ""
    changes: Changes | None = None
    size: int | None = None
    entering: int = 0
    leaving: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Plan:
    """The steps in the order of the file. `mark` names the file and what stood here when it was compared."""

    steps: tuple[Step, ...]
    mark: str

    @property
    def is_empty(self) -> bool:
        return all(step.verb == SAME for step in self.steps)

    def count(self, verb: str) -> int:
        return sum(step.verb == verb for step in self.steps)


@dataclass(frozen=True)
class Taken:
    """One definition as it was taken: the segment before (None where there was none) and after."""

    definition: Definition
    before: Segment | None
    after: Segment

    @property
    def verb(self) -> str:
        if self.before is None:
            return NEW
        if self.before.archived_at:
            return RESTORED
        return CHANGED if self.after.updated_at != self.before.updated_at else SAME

    @property
    def has_new_rule(self) -> bool:
        return self.verb in (NEW, RESTORED) or self.before is None or self.after.rule_version > self.before.rule_version


class _TakenBack(Exception):
    """Ends a trial: everything that was tried is rolled back."""


def exported(segments: Iterable[Segment]) -> list[Definition]:
    """The definitions of segments, for a file."""
    features = evaluation.catalogue()
    return [definitions.of_segment(one, features) for one in segments]


def plan(found: Sequence[Definition], *, by: Actor, at: datetime) -> Plan:
    """What taking the definitions would do, found by doing it and taking it back. Raises ManyRefused."""
    taken: list[Taken] = []
    try:
        with transaction.atomic():
            taken = _take(found, by=by, at=at)
            raise _TakenBack
    except _TakenBack:
        pass
    steps = _steps(taken, language=by.language, at=at)
    by_slug = {step.slug: step for step in steps}
    return Plan(tuple(by_slug[one.slug] for one in found), _mark(found, taken))


@transaction.atomic
def import_segments(
    found: Sequence[Definition], *, file_name: str, by: Actor, at: datetime, mark: str = ""
) -> SegmentImport:
    """Take the definitions: make, change and bring back segments; those the file does not name stay as they are.

    With the `mark` of a plan, refuses when something has changed since. Raises ManyRefused, NotPossibleNow.
    """
    features = evaluation.catalogue()
    taken = _take(found, by=by, at=at)
    if mark and mark != _mark(found, taken):
        raise NotPossibleNow(_("Something has changed since you looked. Look at the differences again."))
    changed = [one for one in taken if one.verb != SAME]
    before = [definitions.of_segment(one.before, features).as_json for one in changed if one.before]
    row = SegmentImport.objects.create(
        file_name=file_name[:200],
        definitions=[definitions.of_segment(one.after, features).as_json for one in changed],
        before=before,
        made=[one.after.slug for one in changed if one.verb in (NEW, RESTORED)],
        at=at,
        by=by.user,
    )
    changes = {verb: [None, sum(one.verb == verb for one in taken)] for verb in (NEW, CHANGED, RESTORED)}
    crm_actions.audit(kind="segment_import", object_id=row.pk, verb="imported", changes=changes, by=by, at=at)
    return row


@transaction.atomic
def undo_import(*, row: SegmentImport, by: Actor, at: datetime) -> SegmentImport:
    """Give the segments of an import their previous definitions and archive those it made.

    Raises NotPossibleNow when one of them was changed since.
    """
    require(by, "segments.change")
    locked = SegmentImport.objects.select_for_update().get(pk=row.pk)
    if locked.undone_at:
        raise NotPossibleNow(_("This import was undone already."))
    features = evaluation.catalogue()
    standing = {one.slug: one for one in Segment.objects.filter(slug__in=[one["slug"] for one in locked.definitions])}
    for given in locked.definitions:
        one = standing[given["slug"]]
        if one.archived_at or definitions.of_segment(one, features).as_json != given:
            raise NotPossibleNow(
                _("“%(name)s” was changed since; change it on its own page instead.") % {"name": one.name}
            )
    made = set(locked.made)
    _take([Definition(**given) for given in locked.before if given["slug"] not in made], by=by, at=at)
    order = _in_order([Definition(**given) for given in locked.definitions if given["slug"] in made])
    for definition in reversed(order):
        actions.archive_segment(segment=standing[definition.slug], by=by, at=at)
    locked.undone_at = at
    locked.save()
    crm_actions.audit(kind="segment_import", object_id=locked.pk, verb="undone", changes={}, by=by, at=at)
    return locked


# --- taking definitions --------------------------------------------------------------------------


def _take(found: Sequence[Definition], *, by: Actor, at: datetime) -> list[Taken]:
    """Make and change what the definitions say, those that others name first. Raises ManyRefused with JSON paths."""
    require(by, "segments.change")
    places = {one.slug: i for i, one in enumerate(found)}
    standing = {one.slug: one for one in Segment.objects.filter(slug__in=places)}
    taken: list[Taken] = []
    faults: list[Refused] = []
    for one in _in_order(found):
        with _at_place(f"segments[{places[one.slug]}]", faults), transaction.atomic():
            taken.append(Taken(one, standing.get(one.slug), _taken(one, standing.get(one.slug), by=by, at=at)))
    if faults:
        raise ManyRefused(faults)
    return taken


@contextmanager
def _at_place(path: str, faults: list[Refused]) -> Iterator[None]:
    """Collects refusals, each with its place in the file."""
    try:
        yield
    except RuleError as fault:
        place = at_path(f"{path}.rule", "" if fault.path == "$" else fault.path)
        faults.append(Refused(_said(fault), path=place, choices=fault.choices or None, code="rule"))
    except Refused as fault:
        faults.append(Refused(fault.message, path=at_path(path, fault.path), choices=fault.choices, code=fault.code))


def _said(fault: RuleError) -> str:
    return evaluation.reason(fault)


def _taken(one: Definition, before: Segment | None, *, by: Actor, at: datetime) -> Segment:
    given = {name: getattr(one, name) for name in FIELDS if name not in ("slug", "kind", "rule")}
    rule = dict(one.rule) if one.rule is not None else None
    if before is None:
        if one.kind == SegmentKind.CLUSTER:
            told = _("A cluster is found in the data of its house; take it along as the rule distilled from it.")
            raise Refused(told, path="kind")
        return actions.create_segment(slug=one.slug, kind=one.kind, rule=rule, by=by, at=at, **given)
    if one.kind != before.kind:
        raise Refused(_("This does not change once the segment exists."), path="kind", choices=[before.kind])
    if rule is not None and definitions.plain(rule, evaluation.catalogue()) == definitions.plain(
        before.rule, evaluation.catalogue()
    ):
        rule = None
    standing = actions.restore_segment(segment=before, by=by, at=at) if before.archived_at else before
    return actions.change_segment(segment=standing, rule=rule, by=by, at=at, **given)


def _in_order(found: Sequence[Definition]) -> list[Definition]:
    """The definitions so that each stands after those its rule names; circles are refused where they are applied."""
    features = evaluation.catalogue()
    uses = {one.slug: evaluation.segments_in(one.rule, features) for one in found}
    by_slug = {one.slug: one for one in found}
    try:
        return [by_slug[slug] for slug in needs.evaluation_order(uses)]
    except RuleError as fault:
        raise Refused(_said(fault), path="segments", code="rule") from fault


def _mark(found: Sequence[Definition], taken: Iterable[Taken]) -> str:
    """Names the file and the state of the segments it was compared with."""
    before = sorted((one.definition.slug, str(one.before and one.before.updated_at)) for one in taken)
    return hashlib.sha256(f"{definitions.text(found)}{before}".encode()).hexdigest()


# --- in words and in people ----------------------------------------------------------------------


def _steps(taken: Sequence[Taken], *, language: str, at: datetime) -> list[Step]:
    features = evaluation.catalogue()
    names = dict(Segment.objects.values_list("slug", "name")) | {one.after.slug: one.after.name for one in taken}
    people = _counted(taken, at=at)
    return [
        Step(
            one.after.slug,
            one.after.name,
            one.verb,
            _settings(one),
            **_words(one, features, language, names),
            **people.get(one.after.slug, {}),
        )
        for one in taken
    ]


def _settings(one: Taken) -> tuple[Setting, ...]:
    pairs = [
        (name, getattr(one.before, name, None), getattr(one.after, name)) for name in FIELDS if name not in ("rule",)
    ]
    return tuple(Setting(*pair) for pair in pairs if one.before is not None and pair[1] != pair[2])


def _words(one: Taken, features: Mapping[str, Any], language: str, names: Mapping[str, str]) -> dict[str, Any]:
    """The rule in words, and what it says differently."""
    after = _read(one.after.rule, features)
    if after is None:
        return {}
    words: dict[str, Any] = {"sentence": sentences.sentence(after, features, language, names)}
    before = _read(one.before.rule, features) if one.before and one.has_new_rule else None
    if before is not None and before != after:
        words |= {
            "before": sentences.sentence(before, features, language, names),
            "changes": sentences.changes(before, after, features, language, names),
        }
    return words


def _read(rule: Any, features: Mapping[str, Any]) -> tree.Rule | None:
    try:
        return reading.read_rule(rule, reading.Known(features)) if rule else None
    except RuleError:
        return None


def _counted(taken: Sequence[Taken], *, at: datetime) -> dict[str, dict[str, Any]]:
    """Who would enter and leave each segment whose rule is new, by its short name: rules that name others of the file
    see who would be in them."""
    asked = [one for one in taken if one.has_new_rule and one.after.kind == SegmentKind.RULE]
    if not asked:
        return {}
    try:
        engine = evaluation.engine(at=at)
    except evaluation.NotEvaluable as fault:
        return {one.after.slug: {"reason": str(fault)} for one in asked}
    planned: dict[str, ledger.Ids] = {}
    engine = replace(engine, memberships=_with_planned(planned, engine.memberships, at))
    return {one.after.slug: _people(one, engine, planned) for one in asked}


def _people(one: Taken, engine: evaluation.Engine, planned: dict[str, ledger.Ids]) -> dict[str, Any]:
    rule = _read(one.after.rule, engine.catalogue)
    if rule is None:
        return {}
    try:
        wanted = engine.customers(rule)
    except (evaluation.NotEvaluable, profile_queries.EngineError) as fault:
        return {"reason": str(fault)}
    planned[one.after.slug] = wanted
    present = ledger.members(one.before.pk) if one.before else ledger.ids(())
    entering, leaving = (len(np.setdiff1d(a, b, assume_unique=True)) for a, b in ((wanted, present), (present, wanted)))
    return {"size": len(wanted), "entering": entering, "leaving": leaving}


def _with_planned(
    planned: Mapping[str, ledger.Ids], kept: Callable[[Iterable[str]], pa.Table], at: datetime
) -> Callable[[Iterable[str]], pa.Table]:
    """The ledger as it would be: members of the planned segments are those their new rules let in."""

    def rows(slugs: Iterable[str]) -> pa.Table:
        table = kept(slugs)
        for slug in set(slugs) & set(planned):
            table = _replaced(table, slug, planned[slug], at)
        return table

    return rows


def _replaced(table: pa.Table, slug: str, wanted: ledger.Ids, at: datetime) -> pa.Table:
    frame = table.to_pandas()
    is_open = (frame["segment"] == slug) & frame["left_at"].isna()
    present = frame.loc[is_open, "customer_id"].to_numpy(dtype=np.int64)
    closing = table.filter(pa.array(~(is_open & ~frame["customer_id"].isin(wanted)).to_numpy(dtype=bool)))
    rows = [(0, slug, int(pk), at.astimezone(UTC), None) for pk in np.setdiff1d(wanted, present)]
    return pa.concat_tables([closing, evaluation.interval_table(rows)]) if rows else closing
