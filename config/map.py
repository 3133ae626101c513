"""The map of the code, made from the first line of every module's docstring."""

import ast
from pathlib import Path

FLOORS = ("config", "campaigns", "segments", "profiles", "crm")
HEAD = """# Map of the code

One line per module, taken from its docstring: `python manage.py write_map` makes this page anew, and `make check` holds
it to the code. Floors from the roof down: each imports only those below it, and only through their doors.
"""


def drawn(root: Path) -> str:
    """The whole page."""
    return "\n".join([HEAD, *(floor(root, name) for name in FLOORS)])


def floor(root: Path, name: str) -> str:
    head = [f"## {name}", "", purpose(root / name / "__init__.py"), "", "| module | purpose |", "|---|---|"]
    return "\n".join([*head, *(line(path, path.relative_to(root)) for path in modules(root / name)), ""])


def line(path: Path, place: Path) -> str:
    return f"| [{place}](../{place}) | {purpose(path)} |"


def modules(folder: Path) -> list[Path]:
    """Modules that say something: migrations, and the empty or head `__init__` files, left out."""
    found = (path for path in folder.rglob("*.py") if "migrations" not in path.parts)
    return sorted(path for path in found if purpose(path) and path != folder / "__init__.py")


def purpose(path: Path) -> str:
    """First line of the module's docstring; empty if it has none."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].replace("|", "\\|")
