"""The merge language: Liquid over plain values, with limits; faults are found when a text is saved."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache, wraps
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from liquid import BoundTemplate, Environment, Undefined
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.context import RenderContext
from liquid.exceptions import LiquidError, LiquidSyntaxError, ResourceLimitError

LONGEST_RANGE, LONGEST_TAG, LONGEST_FILTERED = 2_000, 5_000, 20_000
LONGEST_TIME = 0.05  # seconds of the processor for one text; a letter takes a hundredth of that
OPENING, CLOSING = re.compile(r"\{\{|\{%"), {"{{": "}}", "{%": "%}"}
MOST_FAULTS = 20  # told of one part; the rest shows once these are mended


class _Timed(RenderContext):
    """Stops what would keep a worker busy: a filter, a loop or an assignment begun after the time is up is refused."""

    __slots__ = ("until",)

    def __init__(self, template: BoundTemplate, **given: Any) -> None:
        super().__init__(template, **given)
        above: Any = self.parent_context
        self.until: float = above.until if above else time.thread_time() + LONGEST_TIME

    def refuse_late(self) -> None:
        if time.thread_time() > self.until:
            raise ResourceLimitError(_("filling in the text takes too long."), token=None)

    def assign(self, key: str, val: Any) -> None:
        self.refuse_late()
        super().assign(key, val)

    def filter(self, name: str, token: Any = None) -> Callable[..., object]:
        self.refuse_late()
        return super().filter(name, token)

    def raise_for_loop_limit(self, length: int = 1) -> None:
        self.refuse_late()
        super().raise_for_loop_limit(length)


class _Template(BoundTemplate):
    context_class = _Timed


class _Limited(Environment):
    template_class = _Template
    loop_iteration_limit = LONGEST_RANGE
    output_stream_limit = 1_000_000
    local_namespace_limit = 100_000
    context_depth_limit = 20


def _short_range(self: RangeLiteral, start: Any, stop: Any) -> range:
    """Loops have their limit, but filters would write out `(1..1000000000)` number by number."""
    found = _any_range(self, start, stop)
    if found.stop - found.start > LONGEST_RANGE:
        words = _("a range has at most %(most)s numbers.") % {"most": LONGEST_RANGE}
        raise ResourceLimitError(words, token=self.token)
    return found


_any_range = RangeLiteral._make_range
RangeLiteral._make_range = _short_range  # type: ignore[method-assign]  # the library has no limit of its own for it


def bounded(filter_: Callable[..., Any]) -> Callable[..., Any]:
    """The filter with a limit on what it takes and gives: a few in a row would multiply a word to gigabytes."""

    @wraps(filter_)
    def limited(value: Any, *given: Any, **more: Any) -> Any:
        refuse_long(value, *given)
        if filter_.__name__ in GROWTHS:
            refuse_long(length=GROWTHS[filter_.__name__](value, *given))
        found = filter_(value, *given, **more)
        refuse_long(found)
        return found

    return limited


def refuse_long(*values: Any, length: int = 0) -> None:
    if max([length, *(len(one) for one in values if isinstance(one, str | list))]) > LONGEST_FILTERED:
        words = _("a filter takes and gives at most %(most)s characters.") % {"most": LONGEST_FILTERED}
        raise ResourceLimitError(words, token=None)


def replaced_length(value: Any, old: Any = "", new: Any = "") -> int:
    text = str(value)
    return len(text) + text.count(str(old)) * len(str(new))


def joined_length(value: Any, separator: Any = " ") -> int:
    parts = value if isinstance(value, list | tuple | range) else [value]
    return sum(len(str(one)) + len(str(separator)) for one in parts)


# How long the texts become that grow by more than what is put into the filter, reckoned before they are made.
GROWTHS: dict[str, Callable[..., int]] = {"replace": replaced_length, "join": joined_length}


def environment(**options: Any) -> Environment:
    """The language, its filters bounded; without the one that lets a value through as markup."""
    made = _Limited(undefined=Undefined, **options)
    made.filters = {name: bounded(one) for name, one in made.filters.items() if name != "safe"}
    return made


PLAIN = environment()
ESCAPING = environment(autoescape=True)


LABELS = {
    "subject": gettext_lazy("Subject"),
    "preheader": gettext_lazy("Preheader"),
    "html": gettext_lazy("HTML"),
    "text": gettext_lazy("Plain text"),
}


@dataclass(frozen=True)
class Fault:
    """Something wrong in a text: in which part, on which line, what, and what would be valid there."""

    part: str
    line: int  # 0: the whole part, and the message is a sentence of its own
    message: str
    valid: tuple[str, ...] = ()
    block: int = 0  # 1, 2, 3 … in HTML that is made of blocks, where lines say nothing

    def __str__(self) -> str:
        if self.block:
            return _("Block %(block)s: %(message)s") % vars(self)
        if not self.line:
            return self.message
        return _("%(part)s, line %(line)s: %(message)s") % {**vars(self), "part": LABELS.get(self.part, self.part)}


class RenderFailed(Exception):
    """The text could not be filled in for this person: a limit was reached or a filter refused its value."""


@lru_cache(maxsize=2_000)
def parsed(text: str, *, escape: bool) -> BoundTemplate:
    """The parsed text; `escape` for HTML, where values must not become markup. Raises LiquidError."""
    if any(end - start > LONGEST_TAG for start, end, _is_closed in tags(text)):
        raise LiquidSyntaxError(_("a tag has at most %(most)s characters.") % {"most": LONGEST_TAG}, token=None)
    return (ESCAPING if escape else PLAIN).from_string(text)


def can_be_read(text: str) -> bool:
    """Whether the text is whole by itself: every tag is known and closed."""
    try:
        parsed(text, escape=False)
    except LiquidError:
        return False
    return True


def filled(text: str, values: Mapping[str, Any], *, escape: bool) -> str:
    """The text with these values; what is missing is empty. Values are never read as text again.

    >>> filled("Hello {{ customer.first_name }}", {"customer": {"first_name": "{{7*7}} <b>"}}, escape=True)
    'Hello {{7*7}} &lt;b&gt;'
    """
    if "{" not in text:
        return text
    try:
        return parsed(text, escape=escape).render(**values)
    except LiquidError as error:
        raise RenderFailed(said_by(error)) from error
    except (ArithmeticError, ValueError, TypeError, LookupError, MemoryError, RecursionError) as error:
        raise RenderFailed(_("a filter was given what it cannot work with.")) from error


def faults(part: str, text: str, known: Iterable[str]) -> list[Fault]:
    """Every fault of the text against the names of the `known` fields, such as `customer.first_name`."""
    try:
        template = parsed(text, escape=False)
    except LiquidError as error:
        return [Fault(part, line_of(text, place_of(error, text)), said_by(error))]
    names = tuple(known)
    unknown_fields = (_fault(part, text, use, names) for use in uses(template))
    found = islice(filter(None, unknown_fields), MOST_FAULTS)
    return [*found, *unknown_filters(part, text, template)[:MOST_FAULTS]]


def tags(text: str) -> Iterator[tuple[int, int, bool]]:
    """Where each tag begins and ends, and whether it is closed; what is not closed goes on to the end of the text.

    >>> list(tags("Hello {{ name }} {{"))
    [(6, 16, True), (17, 19, False)]
    """
    place, hopeless = 0, set[str]()
    while opening := OPENING.search(text, place):
        closing = CLOSING[opening[0]]
        end = -1 if closing in hopeless else text.find(closing, opening.end())
        place = opening.end() if end < 0 else end + 2
        hopeless |= {closing} if end < 0 else set()
        yield opening.start(), len(text) if end < 0 else place, end >= 0


def unknown_filters(part: str, text: str, template: BoundTemplate) -> list[Fault]:
    used = template.analyze(include_partials=False).filters.items()
    unknown = [(name, span) for name, spans in used if name not in PLAIN.filters for span in spans]
    words = _("there is no filter “%(name)s”.")
    return [Fault(part, line_of(text, span.index), words % {"name": name}) for name, span in unknown]


def uses(template: BoundTemplate) -> list[Any]:
    """Every use of a value that comes from outside the text."""
    return [variable for group in template.analyze(include_partials=False).globals.values() for variable in group]


def _fault(part: str, text: str, use: Any, known: tuple[str, ...]) -> Fault | None:
    name = ".".join(str(segment) for segment in use.segments)
    if name in known:
        return None
    near = get_close_matches(name, known, cutoff=0.5)
    said = {"name": name, "valid": ", ".join(near or known)}
    message = (
        _("there is no field “%(name)s”; the nearest are: %(valid)s.")
        if near
        else _("there is no field “%(name)s”; the fields are: %(valid)s.")
    )
    return Fault(part, line_of(text, use.span.index), message % said, known)


# What the library says of a text it cannot read, and the same for people who do not speak its language.
TROUBLES = (
    (re.compile(r"expected '(\S+)', found end of file"), gettext_lazy("the end of a field or tag is missing: %s.")),
    (re.compile(r"expected tag (\w+), found"), gettext_lazy("the tag “%s” is missing at the end.")),
    (re.compile(r"unexpected tag '(\w+)'"), gettext_lazy("the tag “%s” is unknown, or nothing before it asks for it.")),
    (
        re.compile(r"(?:missing|expected a primitive) (expression)"),
        gettext_lazy("inside a field or tag something is missing."),
    ),
)


def said_by(error: LiquidError) -> str:
    """What is wrong, in words; the library's own, without the excerpt of the text that follows, where we have none."""
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    for sign, words in TROUBLES:
        if found := sign.match(said):
            return str(words) % found[1] if "%s" in str(words) else str(words)
    return said


def place_of(error: LiquidError, text: str) -> int:
    """Position of the error; what is missing is missing at the end."""
    if error.token is None or error.token.start_index < 0:
        return len(text)
    return error.token.start_index


def line_of(text: str, position: int) -> int:
    """Line number, from 1, of a position in the text."""
    return text.count("\n", 0, max(position, 0)) + 1
