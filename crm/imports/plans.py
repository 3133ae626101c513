"""What a chunk of a file would do: counted, with examples, before anything is written."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from crm.imports.mapping import Mapping
from crm.imports.problems import Problem
from crm.imports.stage import Chunk
from crm.models import Import, User

EXAMPLES = 5
Changes = dict[str, list[Any]]


@dataclass(frozen=True)
class Example:
    """One row before and after, for people to look at: `changes` per field is [before, after]."""

    row: int
    number: str
    verb: str
    changes: Changes


@dataclass
class Plan:
    """What a chunk would do. `work` is what the loader of its kind carries over to writing."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    examples: list[Example] = field(default_factory=list)
    work: Any = None


@dataclass(frozen=True)
class Reading:
    """What a loader needs to know to understand a chunk: the mapping and where its columns stand."""

    mapping: Mapping
    columns: tuple[str, ...]

    def place(self, column: str) -> int:
        """Where the column stands; -1 for none."""
        return self.columns.index(column) if column else -1

    def places(self, columns: tuple[str, ...]) -> list[int]:
        return [self.columns.index(column) for column in columns]


@dataclass(frozen=True)
class Stamp:
    """Who writes, when, and for which import."""

    run: Import
    by: User | None
    at: datetime


class Loader(Protocol):
    """A kind of import: `plan` reads, `write` carries the plan out, `finish` sets right what only the whole tells."""

    is_grouped: bool
    prepare: Callable[[Mapping, Stamp], None]
    plan: Callable[[Chunk, Reading], Plan]
    write: Callable[[Plan, Stamp], None]
    finish: Callable[[Stamp], list[Problem]]
