"""ClickHouse over HTTP: a database of views on the files for each conversation, answers as Arrow."""

import base64
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

import pyarrow as pa

# Missing values stay missing through joins and empty sums; times have no zone and mean UTC; columns may be missing
# even where the files' first rows have them all.
SETTINGS: Final = {
    "session_timezone": "UTC",
    "join_use_nulls": "1",
    "aggregate_functions_null_for_empty": "1",
    "schema_inference_make_columns_nullable": "1",
    "data_type_default_nullable": "0",
    "transform_null_in": "0",
    "decimal_check_overflow": "1",
    "use_hive_partitioning": "0",
}
SCHEMES: Final = {"clickhouse": "http", "clickhouses": "https"}
SECONDS: Final = 600
AS_ARROW: Final = " FORMAT ArrowStream"

Post = Callable[[str, str], bytes]
"""(statement, database) → what the server answers."""


@dataclass(frozen=True)
class Views:
    """A database of its own for one conversation: a view per table, whose rows stay in the files."""

    post: Post
    database: str

    def know(self, table: str, paths: Sequence[Path]) -> None:
        rows = f"SELECT * FROM file('{glob([str(path) for path in paths])}', Parquet)"
        self.post(f"CREATE OR REPLACE VIEW {table} AS {rows}", self.database)

    def answer(self, statement: str) -> pa.Table:
        return pa.ipc.open_stream(self.post(f"{statement}{AS_ARROW}", self.database)).read_all()


@contextmanager
def opened(address: str) -> Iterator[Views]:
    with views(partial(posted, address)) as found:
        yield found


@contextmanager
def views(post: Post) -> Iterator[Views]:
    database = f"kohde_{secrets.token_hex(8)}"
    post(f"CREATE DATABASE {database}", "")
    try:
        yield Views(post, database)
    finally:
        post(f"DROP DATABASE IF EXISTS {database}", "")


def glob(paths: list[str]) -> str:
    """The files as one pattern. Their names are made by the export and hold nothing that has a meaning in a pattern."""
    return paths[0] if len(paths) == 1 else "{" + ",".join(paths) + "}"


def posted(address: str, statement: str, database: str) -> bytes:
    """Raises RuntimeError with the server's words."""
    there = urlsplit(address)
    query = urlencode({**SETTINGS, **({"database": database} if database else {})})
    host = f"{there.hostname}:{there.port or 8123}"
    url = urlunsplit((SCHEMES[there.scheme], host, there.path or "/", query, ""))
    request = urllib.request.Request(url, data=statement.encode(), method="POST")
    if there.username:
        words = f"{unquote(there.username)}:{unquote(there.password or '')}"
        request.add_header("Authorization", "Basic " + base64.b64encode(words.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return answer.read()
    except urllib.error.HTTPError as fault:
        raise RuntimeError(fault.read().decode(errors="replace")) from fault
