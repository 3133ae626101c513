"""ClickHouse inside this process (chDB): the same SQL without a server, one question at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from profiles.warehouse.engines import clickhouse

_one_at_a_time = threading.RLock()


@contextmanager
def opened(address: str) -> Iterator[clickhouse.Views]:
    with _one_at_a_time, clickhouse.views(posted) as found:
        yield found


@cache
def session() -> Any:
    from chdb.session import Session

    made = Session()
    for name, value in clickhouse.SETTINGS.items():
        made.query(f"SET {name} = '{value}'")
    return made


def posted(statement: str, database: str) -> bytes:
    if database:
        session().query(f"USE {database}")
    bare = statement.removesuffix(clickhouse.AS_ARROW)
    found = session().query(bare, "CSV" if bare == statement else "ArrowStream")
    return bytes(found.bytes()) if found is not None else b""
