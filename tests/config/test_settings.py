"""Every setting has its line in docs/settings.md, and the version is said in one place."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IN_TABLE = re.compile(r"^\| `([A-Z_]+)` \|", re.MULTILINE)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def variables_in(name: str) -> set[str]:
    """Names read by `env.…("NAME")` in a module."""
    calls = (node for node in ast.walk(ast.parse(read(name))) if isinstance(node, ast.Call))
    of_env = (call for call in calls if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "env")
    return {call.args[0].value for call in of_env if call.args and isinstance(call.args[0], ast.Constant)}


def test_every_environment_variable_is_in_the_table_and_no_other() -> None:
    assert set(IN_TABLE.findall(read("docs/settings.md"))) == variables_in("config/settings.py")
