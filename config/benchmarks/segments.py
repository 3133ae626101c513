"""How fast rules are evaluated, against the same 48 segments as SQL written by hand for the engine itself."""

import resource
import tempfile
from typing import Any

from django.test.utils import override_settings

from config.benchmarks import Size
from segments.anchor import measuring
from segments.anchor.measuring import Measured

SHAPE = slice(None, -2)  # the name of a segment without its setting


def run(size: Size) -> dict[str, Any]:
    """Evaluation, first compile included, and with the day's compile remembered; growth is from a tenth of the size."""
    found = measured(size)
    smaller = measured(Size(size.customers // 10, size.events // 10))
    return {
        **figures(found),
        "growth": round(seconds(found, "rule_seconds") / seconds(smaller, "rule_seconds"), 1),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "shapes": shapes(found),
    }


def measured(size: Size) -> list[Measured]:
    with tempfile.TemporaryDirectory() as folder, override_settings(WAREHOUSE_DIR=folder):
        return list(measuring.measure(measuring.write_snapshot(size.customers, size.events)))


def figures(found: list[Measured]) -> dict[str, Any]:
    anchor, rules, compiling = (seconds(found, key) for key in ("anchor_seconds", "rule_seconds", "compile_seconds"))
    return {
        "counts_equal": sum(one.count == one.rule_count for one in found) == len(found),
        "anchor_seconds": round(anchor, 3),
        "evaluate_seconds": round(rules, 3),
        "compile_seconds": round(compiling, 3),
        "evaluate_vs_duckdb": round((rules + compiling) / anchor, 2),
        "evaluate_remembered_vs_duckdb": round(rules / anchor, 2),
        "members_vs_duckdb": round(seconds(found, "members_seconds") / anchor, 2),
        "preview_vs_duckdb": round(measuring.preview_vs_anchor(found), 2),
    }


def seconds(found: list[Measured], key: str) -> float:
    return float(sum(getattr(one, key) for one in found))


def shapes(found: list[Measured]) -> list[dict[str, Any]]:
    """Milliseconds of each shape's three settings together."""
    names = dict.fromkeys(one.name[SHAPE] for one in found)
    return [shape(name, [one for one in found if one.name[SHAPE] == name]) for name in names]


def shape(name: str, found: list[Measured]) -> dict[str, Any]:
    keys = ("anchor_seconds", "rule_seconds", "members_seconds", "compile_seconds")
    return {"shape": name, **{key.replace("seconds", "ms"): round(1000 * seconds(found, key), 1) for key in keys}}
