"""Questions others may ask of profiles: the catalogue, the current snapshot, and what it answers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from profiles.catalogue import Feature
from profiles.fields import definitions, feature_of
from profiles.models import Snapshot, SnapshotStatus
from profiles.warehouse import files, readers
from profiles.warehouse.readers import EngineError


class NoSnapshot(Exception):
    """The warehouse has not been built yet; run `manage.py refresh_profiles`."""


def catalogue() -> dict[str, Feature]:
    """Every feature by key, in the order of given, custom and computed ones."""
    from profiles.computed import COMPUTED
    from profiles.given import GIVEN

    features = [row.feature for row in GIVEN]
    features += [feature_of(field) for field in definitions() if field.archived_at is None]
    features += [row.feature for row in COMPUTED]
    return {feature.key: feature for feature in features}


def current() -> Snapshot:
    """The newest ready snapshot whose file is there. Raises NoSnapshot before the first build."""
    ready = Snapshot.objects.filter(status=SnapshotStatus.READY)[:4]
    found = next((one for one in ready if files.path_of(one.file_name).exists()), None)
    if found is None:
        raise NoSnapshot("The warehouse has not been built yet.")
    return found


@contextmanager
def cursor(snapshot: Snapshot | None = None, tables: Mapping[str, Any] | None = None) -> Iterator[Any]:
    """A read-only cursor of the engine on a snapshot (the current one by default), for one thread.

    `tables` are Arrow tables to stand in for, or beside, the snapshot's own under these names.
    """
    with readers.reading((snapshot or current()).file_name) as engine:
        for name, table in (tables or {}).items():
            engine.register(name, table)
        yield engine


def select(
    question: Any,
    *,
    snapshot: Snapshot | None = None,
    parameters: list[Any] | None = None,
    tables: Mapping[str, Any] | None = None,
) -> pa.Table:
    """The answer to a relational expression (Ibis) or a statement, as an Arrow table."""
    with cursor(snapshot, tables) as engine:
        return engine.sql(statement(question), params=parameters).to_arrow_table()


def statement(question: Any) -> str:
    if isinstance(question, str):
        return question
    import ibis

    return str(ibis.to_sql(question, dialect="duckdb"))


__all__ = ["EngineError", "NoSnapshot", "catalogue", "current", "cursor", "select", "statement"]
