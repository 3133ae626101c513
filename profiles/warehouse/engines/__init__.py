"""Engines elsewhere that rules may run on instead of the snapshot itself: chosen by one setting, fed by its export.

A `Choice` is what KOHDE_ENGINE says: `spark://master:7077?folder=/shared/kohde`, `clickhouse://…`, `chdb://…`. The
folder must be seen by Kohde and by every machine of the engine under the same path.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import parse_qs, urlsplit

import duckdb
import pyarrow as pa
from django.conf import settings

from profiles.warehouse import exporting

EMBEDDED: Final = "duckdb"
MEANS_A_PATTERN: Final = frozenset("'\"{},*?[]")


class EngineFailed(duckdb.Error):
    """An engine elsewhere that is not there, refuses or fails; the embedded one says so by the same kind of error."""


class Asking(Protocol):
    """An engine's side of a conversation; it may fail with any error."""

    def know(self, table: str, paths: Sequence[Path]) -> None:
        """Take the files as the table of this name, instead of what it was before."""

    def answer(self, statement: str) -> pa.Table: ...


@dataclass(frozen=True)
class Conversation:
    """Questions to an engine that knows the tables of one snapshot."""

    export: exporting.Export
    engine: Asking

    def answer(self, statement: str, tables: Mapping[str, pa.Table]) -> pa.Table:
        """The answer; `tables` stand beside the snapshot's own for it. Raises EngineFailed."""
        with exporting.beside(self.export, tables) as files, saying_why():
            for table, paths in files.items():
                self.engine.know(table, paths)
            return self.engine.answer(statement)


@dataclass(frozen=True)
class Kind:
    """An engine that Kohde can speak to: the dialect of its rules and the module that opens it."""

    dialect: str
    module: str  # its `opened(address)` is a context manager of an `Asking`


KINDS: Final[Mapping[str, Kind]] = {
    "spark": Kind("pyspark", f"{__name__}.spark"),
    "clickhouse": Kind("clickhouse", f"{__name__}.clickhouse"),
    "clickhouses": Kind("clickhouse", f"{__name__}.clickhouse"),
    "chdb": Kind("clickhouse", f"{__name__}.chdb"),
}


@dataclass(frozen=True)
class Choice:
    """The engine of the setting: its address without the folder, and where its files lie."""

    address: str
    folder: Path

    @property
    def kind(self) -> Kind:
        return KINDS[urlsplit(self.address).scheme]

    @property
    def dialect(self) -> str:
        return self.kind.dialect


def chosen() -> Choice | None:
    """The engine elsewhere; None when rules run on the snapshot. Raises EngineFailed for a setting nobody can read."""
    return None if settings.ENGINE == EMBEDDED else choice(settings.ENGINE)


def choice(address: str) -> Choice:
    bare, _, query = address.partition("?")
    if urlsplit(bare).scheme not in KINDS:
        known = ", ".join([EMBEDDED, *(f"{scheme}://" for scheme in KINDS)])
        raise EngineFailed(f"KOHDE_ENGINE is not an engine Kohde knows; choose one of: {known}")
    folder = parse_qs(query).get("folder", [str(exporting.default_folder())])[0]
    if MEANS_A_PATTERN & set(folder):
        raise EngineFailed("the folder of KOHDE_ENGINE must be named without quotes, commas, braces, * and ?")
    return Choice(bare, Path(folder))


@contextmanager
def conversation(where: Choice, snapshot: str) -> Iterator[Conversation]:
    """A conversation about the snapshot, exported as far as it is not yet. Raises EngineFailed."""
    export = exporting.export(snapshot, where.folder)
    with saying_why():
        opened: Callable[[str], AbstractContextManager[Asking]] = import_module(where.kind.module).opened
        with opened(where.address) as engine:
            for table, paths in export.files.items():
                engine.know(table, paths)
            yield Conversation(export, engine)


@dataclass(frozen=True)
class Silent:
    fault: Exception

    def know(self, table: str, paths: Sequence[Path]) -> None:
        raise self.fault

    def answer(self, statement: str) -> pa.Table:
        raise self.fault


def silent(fault: Exception) -> Conversation:
    """A conversation that could not begin: every question raises why."""
    return Conversation(exporting.Export(exporting.default_folder(), {}), Silent(fault))


@contextmanager
def saying_why() -> Iterator[None]:
    """Whatever an engine elsewhere fails with, as EngineFailed in one line."""
    try:
        yield
    except duckdb.Error:
        raise
    except ImportError as fault:
        raise EngineFailed(f"{fault}: install requirements-engines.txt") from fault
    except Exception as fault:
        raise EngineFailed(first_line(fault)) from fault


def first_line(fault: Exception) -> str:
    return next(iter(str(fault).strip().splitlines()), "") or type(fault).__name__
