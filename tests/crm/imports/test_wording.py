"""Every sentence that an import may keep in English has its template, and is told in Finnish."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation

import crm.imports
from crm.imports import report, wording
from crm.imports.runs import MENDED

FOLDER = Path(crm.imports.__file__).parent
SAID_BY = {"Problem": 3, "ValueProblem": 1, "FileError": 0, "MappingError": 1, "refuse": 0, "ImportNotPossible": 0}
CODED_BY = {"Problem": 2, "ValueProblem": 0}
ELSEWHERE = {"door.py", "command_line.py"}  # in the reader's language at once; for operators


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    for path in sorted(FOLDER.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and path.name not in ELSEWHERE:
                function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if function in SAID_BY:
                    yield path.name, function, node


def assigned(file: str) -> Iterator[ast.expr]:
    """Sentences that are put into a variable first, or given back beside a code."""
    for node in ast.walk(ast.parse((FOLDER / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "message":
            yield node.value
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2:
            yield node.value.elts[1]


def sample(node: ast.expr) -> str:
    """The sentence with 7 wherever something is filled in; empty when it is made elsewhere."""
    if isinstance(node, ast.Subscript):  # cut to a length
        return sample(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "7" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def sentences() -> list[str]:
    found = {sample(call.args[SAID_BY[name]]) for _, name, call in calls() if len(call.args) > SAID_BY[name]}
    files = sorted(path.name for path in FOLDER.glob("*.py") if path.name not in ELSEWHERE)
    found |= {sample(node) for file in files for node in assigned(file)}
    found |= {words.replace("{line}", "7") for words in MENDED.values()}
    return sorted(one for one in found if " " in one)


def test_there_are_as_many_as_one_finds_by_hand() -> None:
    assert len(sentences()) > 80


@pytest.mark.parametrize("sentence", sentences())
def test_what_is_kept_in_english_is_told_in_finnish(sentence: str) -> None:
    with translation.override("fi"):
        assert wording.told(sentence) != sentence


WRITTEN_OTHERWISE = {  # in a constant, as an argument, into the row of the import
    "a person of this row was erased",
    "only an import that has not run can be started",
    "stopped by a fault of the program: %(fault)s",
}


def test_no_template_is_left_over() -> None:
    used = {template for one in sentences() for template, pattern in wording._patterns() if pattern.fullmatch(one)}
    assert set(wording.TEMPLATES) - used == WRITTEN_OTHERWISE


def test_what_is_filled_in_stays_and_what_is_nested_is_told_too() -> None:
    with translation.override("fi"):
        copy = wording.told("an exact copy of row 41 of order T100021; kept")
        assert "41" in copy and "T100021" in copy and "copy" not in copy
        both = wording.told("“x; y” is not a number; the whole order is left out")
        assert "x; y" in both and "not" not in both and "order" not in both
        assert wording.told("columns.Income.type: must be a number").startswith("columns.Income.type: ")
        assert wording.told("a note of the firm's own") == "a note of the firm's own"


def test_every_code_has_a_label() -> None:
    nodes = [call.args[CODED_BY[name]] for _, name, call in calls() if name in CODED_BY]
    codes = {node.value for node in nodes if isinstance(node, ast.Constant)}
    assert codes and codes <= set(report.PROBLEM_LABELS)


def test_whatever_an_undo_counts_has_words() -> None:
    source = (Path(crm.imports.__path__[0]) / "undo.py").read_text(encoding="utf-8")
    counted = set(re.findall(r'"(\w+ (?:deleted|restored|kept|taken back))"', source))
    assert counted and counted == set(report.UNDO_LABELS)
