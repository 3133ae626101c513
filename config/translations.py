"""Collects translatable strings per floor and compiles their catalogues, without GNU gettext on the machine."""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
LANGUAGE = "fi"
Message = str | tuple[str, str]  # a string, or singular and plural
FLOORS = ("crm", "profiles", "segments", "campaigns")
PLURAL, CONTEXT, BOTH = (1, 2), ((1, "c"), 2), ((1, "c"), 2, 3)
FUNCTIONS: dict[str, Any] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), None),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), PLURAL),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), CONTEXT),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), BOTH),
}


def catalogues() -> dict[Path, list[Path]]:
    """Each catalogue with its sources: a floor's code and templates, and one for what all floors share."""
    floors = {ROOT / floor: [*_below(floor, "py"), *_below(f"templates/{floor}", "html")] for floor in FLOORS}
    theirs = {source for sources in floors.values() for source in sources}
    shared = [*_below("config", "py"), *(t for t in _below("templates", "html") if t not in theirs)]
    return {_catalogue(place): sources for place, sources in {**floors, ROOT: shared}.items()}


def collect() -> None:
    """Bring every catalogue up to date with its sources; what is no longer used leaves it."""
    for path, sources in catalogues().items():
        fresh = Catalog(locale=LANGUAGE)
        for message, context, source in _found(sources):
            fresh.add(message, context=context, locations=[(str(source.relative_to(ROOT)), 0)], flags=_flags(message))
        known = _read(path)
        known.update(fresh, no_fuzzy_matching=True, update_creation_date=False)
        _write(path, known)


def compile_all() -> None:
    """Write the binary form that Django reads beside every catalogue that changed since."""
    for path in ROOT.glob(f"**/locale/{LANGUAGE}/LC_MESSAGES/django.po"):
        compiled = path.with_suffix(".mo")
        if ".venv" not in path.parts and not _is_newer(compiled, path):
            _replace(compiled, _compiled(_read(path)))


def missing() -> list[str]:
    """Every string without a Finnish one, as "catalogue: string"."""
    return [
        f"{path.relative_to(ROOT)}: {message if isinstance(message, str) else message[0]}"
        for path, sources in catalogues().items()
        for message, context in _untranslated(_read(path), sources)
    ]


def contradictory() -> list[str]:
    """Every string that two floors translate each in their own way: readers would see only the lowest floor's."""
    said: dict[Any, set[Any]] = {}
    for path in catalogues():
        for one in _read(path):
            if one.id and one.string:
                said.setdefault((one.id, one.context), set()).add(one.string)
    return [f"{key[0]}: {' / '.join(map(str, sorted(ways, key=str)))}" for key, ways in said.items() if len(ways) > 1]


def _untranslated(known: Catalog, sources: list[Path]) -> list[tuple[Message, str | None]]:
    found = {(message, context) for message, context, _source in _found(sources)}
    return [one for one in sorted(found, key=str) if not _is_translated(known, *one)]


def _found(sources: list[Path]) -> Iterator[tuple[Message, str | None, Path]]:
    for source in sources:
        code = source.read_text() if source.suffix == ".py" else _as_code(source)
        for _line, function, arguments, _comments in extract_python(BytesIO(code.encode()), FUNCTIONS, [], {}):
            if arguments and (found := _message(str(function), arguments)):
                yield *found, source


def _as_code(template: Path) -> str:
    """The strings of a template as Python calls, by Django's own reading of it; indentation would confuse."""
    from django.utils.translation.template import templatize

    calls = re.findall(r"\b(?:n?p?gettext|_)\(.*?\)(?=\s|$)", templatize(template.read_text()))
    return "\n".join(calls)


def _message(function: str, arguments: Any) -> tuple[Message, str | None] | None:
    parts: list[Any] = list(arguments) if isinstance(arguments, tuple | list) else [arguments]
    context = parts.pop(0) if function.removeprefix("n").startswith("p") else None
    if not parts or not isinstance(parts[0], str):
        return None  # not a literal, so nobody can collect it
    if function.startswith("n") and len(parts) > 1:
        return ((parts[0], str(parts[1])), context)
    return (parts[0], context)


def _flags(message: Message) -> set[str]:
    return {"python-format"} if re.search(r"%(\(\w+\))?[sd]", str(message)) else set()


def _is_translated(catalogue: Catalog, message: Message, context: str | None) -> bool:
    known = catalogue.get(message if isinstance(message, str) else message[0], context)
    written: Any = known.string if known else ""
    return bool(written) and (isinstance(written, str) or all(written))


def _below(folder: str, suffix: str) -> list[Path]:
    return sorted(p for p in (ROOT / folder).rglob(f"*.{suffix}") if "migrations" not in p.parts)


def _catalogue(place: Path) -> Path:
    return place / "locale" / LANGUAGE / "LC_MESSAGES" / "django.po"


def _read(path: Path) -> Catalog:
    if not path.exists():
        return Catalog(locale=LANGUAGE)
    with path.open("rb") as file:
        return read_po(file, locale=LANGUAGE)


def _write(path: Path, catalogue: Catalog) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    written = BytesIO()
    write_po(written, catalogue, sort_output=True, include_lineno=False, ignore_obsolete=True, width=100)
    _replace(path, written.getvalue())


def _compiled(catalogue: Catalog) -> bytes:
    written = BytesIO()
    write_mo(written, catalogue)
    return written.getvalue()


def _replace(path: Path, content: bytes) -> None:
    aside = path.with_name(f"{path.name}.new")
    aside.write_bytes(content)
    aside.replace(path)


def _is_newer(path: Path, than: Path) -> bool:
    return path.exists() and path.stat().st_mtime_ns > than.stat().st_mtime_ns
