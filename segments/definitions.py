"""Definitions of segments as a file: written in one stable order, read with errors that name the JSON path."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from crm.refusals import ManyRefused, Refused
from profiles.catalogue import Feature
from segments.models import Segment, SegmentKind, SegmentPurpose
from segments.rules.errors import RuleError
from segments.rules.reading import Known, read_rule
from segments.rules.writing import rule_json

FORMAT: Final = "kohde-segments"
VERSION: Final = 1
MOST_BYTES: Final = 2 * 1024 * 1024
MOST_SEGMENTS: Final = 500
LONGEST_NAME: Final = 120
LONGEST_DESCRIPTION: Final = 5_000
MOST_MINUTES: Final = 366 * 24 * 60
SLUG: Final = re.compile(r"[-a-zA-Z0-9_]{1,80}")


@dataclass(frozen=True)
class Definition:
    """What a segment is, apart from the house it stands in: no members, no owner, no dates."""

    slug: str
    name: str
    description: str = ""
    kind: str = SegmentKind.RULE.value
    purpose: str = SegmentPurpose.MARKETING.value
    period_minutes: int | None = None
    stale_after_minutes: int = 1440
    rule: Mapping[str, Any] | None = None

    @property
    def as_json(self) -> dict[str, Any]:
        """Its fields in their order; a segment without a rule has none in the file."""
        return {name: value for name, value in asdict(self).items() if name != "rule" or value is not None}


FIELDS: Final = tuple(Definition.__dataclass_fields__)


def of_segment(segment: Segment, features: Mapping[str, Feature]) -> Definition:
    """The definition of a segment, its rule in the form the editor writes."""
    rule = plain(segment.rule, features) if segment.rule else None
    return Definition(**{name: getattr(segment, name) for name in FIELDS if name != "rule"}, rule=rule)


def plain(rule: Any, features: Mapping[str, Feature]) -> Any:
    """A stored rule in its shortest form; one that cannot be read any more stays as it is."""
    try:
        return rule_json(read_rule(rule, Known(features)))
    except RuleError:
        return rule


def document(found: Iterable[Definition]) -> dict[str, Any]:
    """The file as JSON values, ordered by short name, so that two files differ only where segments do."""
    ordered = sorted(found, key=lambda one: one.slug)
    return {"format": FORMAT, "version": VERSION, "segments": [one.as_json for one in ordered]}


def text(found: Iterable[Definition]) -> str:
    """The file as people read and compare it."""
    return json.dumps(document(found), ensure_ascii=False, indent=2) + "\n"


# --- reading -------------------------------------------------------------------------------------


def read_text(given: str | bytes, *, reserved: Iterable[str] = ()) -> tuple[Definition, ...]:
    """The definitions of a file's text. Raises Refused; rules are checked where they are applied."""
    if len(given) > MOST_BYTES:
        raise Refused(_("A file of segments has at most 2 MB."), path="$")
    try:
        return read(json.loads(given), reserved=reserved)
    except RecursionError:
        raise Refused(_("It is nested too deeply."), path="$") from None
    except ValueError as fault:
        raise Refused(_("This is not JSON: %(why)s") % {"why": fault}, path="$") from None


def read(given: Any, *, reserved: Iterable[str] = ()) -> tuple[Definition, ...]:
    """The definitions of parsed JSON. Raises Refused for the file, ManyRefused for its segments."""
    around = _object(given, "$", ("format", "version", "segments"))
    if around["format"] != FORMAT:
        raise Refused(_("This is not a file of segments."), path="format", choices=[FORMAT])
    if around["version"] != VERSION or isinstance(around["version"], bool):
        raise Refused(_("Unknown version of the file."), path="version", choices=[str(VERSION)])
    rows = around["segments"]
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_SEGMENTS:
        told = _("This is a list of 1 to %(most)s segments.") % {"most": MOST_SEGMENTS}
        raise Refused(told, path="segments")
    return _all_of(rows, frozenset(reserved))


def _all_of(rows: Sequence[Any], reserved: frozenset[str]) -> tuple[Definition, ...]:
    found: list[Definition] = []
    faults: list[Refused] = []
    seen: set[str] = set()
    for i, row in enumerate(rows):
        try:
            one = _definition(row, f"segments[{i}]")
            if one.slug in seen | reserved:
                raise Refused(_("This short name is taken."), path=f"segments[{i}].slug", code="taken")
        except Refused as fault:
            faults.append(fault)
        else:
            seen.add(one.slug)
            found.append(one)
    if faults:
        raise ManyRefused(faults)
    return tuple(found)


def _definition(given: Any, path: str) -> Definition:
    fields = _object(given, path, ("slug", "name"), FIELDS)
    for name, value in fields.items():
        if fault := CHECKS[name](value):
            raise Refused(fault, path=f"{path}.{name}", choices=CHOICES.get(name))
    one = Definition(**fields)
    if one.kind == SegmentKind.RULE and one.rule is None:
        raise Refused(_("This is required."), path=f"{path}.rule")
    if one.kind != SegmentKind.RULE and one.rule is not None:
        raise Refused(_("Only rule segments have a rule."), path=f"{path}.rule")
    return one


def _object(given: Any, path: str, required: tuple[str, ...], allowed: tuple[str, ...] = ()) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise Refused(_("This must be an object {…}."), path=path)
    known = allowed or required
    place = "" if path == "$" else f"{path}."
    if unknown := next((key for key in given if key not in known), None):
        raise Refused(_("Unknown field."), path=f"{place}{unknown[:80]}", choices=known)
    if missing := next((key for key in required if key not in given), None):
        raise Refused(_("This is required."), path=f"{place}{missing}")
    return given


def _name_fault(given: Any) -> str:
    return _text_fault(given, 1, LONGEST_NAME)


def _text_fault(given: Any, least: int, most: int) -> str:
    is_text = isinstance(given, str) and "\0" not in given and not any(0xD800 <= ord(one) <= 0xDFFF for one in given)
    if is_text and least <= len(given.strip()) and len(given) <= most:
        return ""
    return _("This is a text of %(least)s to %(most)s characters.") % {"least": least, "most": most}


def _slug_fault(given: Any) -> str:
    is_slug = isinstance(given, str) and SLUG.fullmatch(given)
    return "" if is_slug else _("A short name has up to 80 letters, digits, hyphens and underscores.")


def _minutes_fault(given: Any) -> str:
    if isinstance(given, int) and not isinstance(given, bool) and 1 <= given <= MOST_MINUTES:
        return ""
    return _("This is a whole number of minutes from 1 to %(most)s.") % {"most": MOST_MINUTES}


CHOICES: Final[dict[str, list[str]]] = {"kind": list(SegmentKind.values), "purpose": list(SegmentPurpose.values)}
CHECKS: Final[dict[str, Callable[[Any], str]]] = {
    "slug": _slug_fault,
    "name": _name_fault,
    "description": lambda given: _text_fault(given, 0, LONGEST_DESCRIPTION),
    "kind": lambda given: "" if given in CHOICES["kind"] else _("Not one of the choices."),
    "purpose": lambda given: "" if given in CHOICES["purpose"] else _("Not one of the choices."),
    "period_minutes": lambda given: "" if given is None else _minutes_fault(given),
    "stale_after_minutes": _minutes_fault,
    "rule": lambda given: "" if given is None or isinstance(given, dict) else _("This must be an object {…}."),
}
