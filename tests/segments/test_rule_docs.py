"""docs/rules.md tells of exactly the operators, measures and limits the code has, and its examples are rules."""

import json
import re
from pathlib import Path

import pytest

from segments.rules import measures, operators, reading, tree
from segments.rules.reading import Known, read_text
from segments.starters import FIELDS
from tests.segments.test_starters import CATALOGUE

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")


def row(*cells):
    return f"| {' | '.join(cells)} |"


def table(heading):
    """The body lines of the first table below a heading."""
    part = PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return [line for line in part.splitlines() if line.startswith("|")][2:]


def test_table_of_operators_equals_the_code():
    assert table("Operators") == [
        row(f"`{one.key}`", ", ".join(one.kinds) if len(one.kinds) < 8 else "every kind", one.operand.replace("_", " "),
            one.label, one.label_fi)
        for one in operators.OPERATORS
    ]  # fmt: skip


def test_table_of_measures_equals_the_code():
    assert table("Measures") == [
        row(
            f"`{one.key}`",
            one.of,
            one.answer,
            "missing" if one.empty is None else str(one.empty),
            one.label,
            one.label_fi,
        )
        for one in measures.MEASURES
    ]


def test_table_of_trends_equals_the_code():
    assert table("Trends") == [row(f"`{one.key}`", one.label, one.label_fi) for one in measures.TRENDS]


def test_every_condition_window_membership_and_response_is_described():
    for word in (*reading.NODES, *reading.WINDOWS, *tree.MEMBERSHIPS, *measures.RESPONSES):
        assert f"`{word}`" in PAGE or f'"{word}"' in PAGE, word


def test_limits_are_those_of_the_code():
    for said in (f"{reading.DEEPEST} deep", f"{reading.MOST_NODES} nodes", f"{reading.MOST_BYTES // 1024} KB"):
        assert said in PAGE


EXAMPLES = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_is_a_rule(example):
    known = Known(CATALOGUE | {feature.key: feature for feature in FIELDS})
    text = example if '"version"' in example else json.dumps({"version": 1, "where": json.loads(example)})
    assert read_text(text, known)
