"""JSON read strictly: what no database or later reader could hold is refused here, with its place."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.parsers import JSONParser

from crm.refusals import Refused, at_path
from crm.rest.errors import BodyTooLarge, EncodingUnknown

DEEPEST = 32
LARGEST_WHOLE_NUMBER = 2**63 - 1


class BadJSON(Refused):
    """The body is not JSON that can be kept."""

    code = "parse_error"


class StrictJSONParser(JSONParser):
    """UTF-8 JSON up to the endpoint's `body_limit` bytes, without what no database can hold."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        context = parser_context or {}
        limit = getattr(context.get("view"), "body_limit", settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        request = context["request"]._request
        if int(request.META.get("CONTENT_LENGTH") or 0) > limit:
            raise BodyTooLarge(_("The body is larger than %(limit)s bytes.") % {"limit": limit})
        if request.META.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
            raise EncodingUnknown(_("Send the body uncompressed."))
        view = context.get("view")
        by_row = getattr(view, "action", None) in getattr(view, "faults_by_row", ())
        return parsed(request.body, by_row=by_row)


def parsed(body: bytes, *, by_row: bool = False) -> Any:
    """The value that the bytes hold; raises BadJSON naming the place.

    With `by_row` the places are left to whoever judges the rows of a batch one by one.
    """
    try:
        text = body.decode("utf-8")
        value = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_without_repeats)
    except UnicodeDecodeError as error:
        raise BadJSON(_("Not UTF-8 at byte %(place)s.") % {"place": error.start}) from error
    except json.JSONDecodeError as error:
        place = {"line": error.lineno, "column": error.colno}
        raise BadJSON(_("Not JSON at line %(line)s, column %(column)s.") % place) from error
    except RecursionError as error:
        raise BadJSON(_("Nested deeper than %(depth)s levels.") % {"depth": DEEPEST}) from error
    except ValueError as error:
        raise BadJSON(_("A number is too long.")) from error
    for path, fault in () if by_row else faults(value):
        raise BadJSON(fault, path=path)
    return value


def _refuse_constant(name: str) -> None:
    raise BadJSON(_("%(name)s is not a JSON value.") % {"name": name})


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        repeated, _times = Counter(name for name, _value in pairs).most_common(1)[0]
        raise BadJSON(_("The name %(name)s stands twice in one object.") % {"name": ascii(repeated)})
    return result


def faults(value: Any) -> Iterator[tuple[str, str]]:
    """Places in a parsed value that cannot be kept, as (path, what is wrong). Walks without recursion."""
    waiting: list[tuple[str, int, Any]] = [("", 1, value)]
    while waiting:
        path, depth, item = waiting.pop()
        if fault := _fault(item, depth):
            yield path, fault
        elif isinstance(item, dict):
            for name in item:
                if fault := text_fault(name):
                    yield path, fault
            waiting.extend((at_path(path, name), depth + 1, part) for name, part in item.items())
        elif isinstance(item, list):
            waiting.extend((f"{path}[{index}]", depth + 1, part) for index, part in enumerate(item))


def _fault(item: Any, depth: int) -> str:
    if depth > DEEPEST:
        return _("Nested deeper than %(depth)s levels.") % {"depth": DEEPEST}
    if isinstance(item, str):
        return text_fault(item)
    if isinstance(item, float) and not math.isfinite(item):
        return _("The number is too large.")
    if isinstance(item, int) and abs(item) > LARGEST_WHOLE_NUMBER:
        return _("The whole number is too large.")
    return ""


def text_fault(text: str) -> str:
    """Why no database can hold the text; empty when one can."""
    if "\0" in text:
        return _("Text may not contain the character NUL.")
    if any("\ud800" <= character <= "\udfff" for character in text) if not text.isascii() else False:
        return _("Text may not contain a lone surrogate.")
    return ""
