"""What `manage.py bench` measures: one module per subject, each with `run(size)`, found by its file.

`run` returns the figures by name: numbers, truths, or lists of rows (dicts) for a table of their own. Ratios are
taken within one run, so that they mean the same on every machine. What a machine lacks is said, not failed.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Size:
    """How much data a benchmark makes for itself."""

    customers: int
    events: int


def names() -> list[str]:
    """The benchmarks there are, in alphabetical order."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def runner(name: str) -> Callable[[Size], Figures]:
    """The `run` of the benchmark `name`."""
    run: Callable[[Size], Figures] = importlib.import_module(f"{__name__}.{name}").run
    return run
