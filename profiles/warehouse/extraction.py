"""Rows of the database as Arrow: few by Django's own connection, many by a child process, whose memory is its own."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

import pyarrow as pa
from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from crm.statements import only_this_connection_sees

ROWS_AT_ONCE = 20_000
FEW = 20_000  # so many rows cost Django's connection about as much as a child process costs to start
Streams = Iterator[pa.RecordBatchReader]


class ExtractionFailed(Exception):
    """The child process could not read the database; the message is its last line."""


@contextmanager
def reading(querysets: Sequence[QuerySet], *, counted: Sequence[QuerySet] = ()) -> Iterator[Streams]:
    """One Arrow stream per queryset, in order, each to be read to its end before the next; all of one moment.

    Then one per `counted` queryset: a single cell, the number of its rows.
    """
    queries = [sql_of(queryset) for queryset in querysets] + [count_of(queryset) for queryset in counted]
    if only_this_connection_sees():
        yield map(through_connection, queries)
    else:
        with by_child(queries) as streams:
            yield streams


@contextmanager
def one_moment() -> Iterator[None]:
    """Django's own connection sees one moment of the database throughout the block, which may only read."""
    if connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(READ_ONE_MOMENT[connection.vendor])
        try:
            yield
        finally:
            cursor.execute("rollback")


def few(querysets: Sequence[QuerySet]) -> list[pa.Table] | None:
    """The rows of each queryset by Django's own connection; None when they are too many for it."""
    tables: list[pa.Table] = []
    room = FEW
    for queryset in querysets:
        table = through_connection(sql_of(queryset[: room + 1])).read_all()
        room -= table.num_rows
        if room < 0:
            return None
        tables.append(table)
    return tables


def number(queryset: QuerySet) -> int:
    """How many rows the queryset has, by Django's own connection."""
    return int(through_connection(count_of(queryset)).read_all()[0][0].as_py())


def count_of(queryset: QuerySet) -> str:
    return f"select count(*) as n from ({sql_of(queryset)}) counted"


def sql_of(queryset: QuerySet) -> str:
    """The statement with its values quoted by the database's own rules."""
    sql, values = queryset.query.sql_with_params()
    quoted = connection.schema_editor().quote_value
    return sql % tuple(quoted(value) for value in values)


def through_connection(query: str) -> pa.RecordBatchReader:
    """Every column as text: the snapshot's own types are given when the rows are put in."""
    cursor = connection.cursor()
    cursor.execute(query)
    schema = pa.schema([(column[0], pa.string()) for column in cursor.description])
    return pa.RecordBatchReader.from_batches(schema, batches(cursor, schema))


def batches(cursor: Any, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    while rows := cursor.fetchmany(ROWS_AT_ONCE):
        columns = ([None if cell is None else str(cell) for cell in column] for column in zip(*rows, strict=True))
        yield pa.record_batch([pa.array(column, pa.string()) for column in columns], schema=schema)


@contextmanager
def by_child(queries: Sequence[str]) -> Iterator[Streams]:
    command = [sys.executable, "-m", "profiles.extract"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, cwd=settings.ROOT, **pipes) as child:  # type: ignore[call-overload]
        child.stdin.write(json.dumps({**ADDRESS[connection.vendor](), "queries": list(queries)}).encode())
        child.stdin.close()
        try:
            yield (pa.ipc.open_stream(child.stdout) for _ in queries)
        except Exception as error:
            if child.poll():
                raise ExtractionFailed(child.stderr.read().decode().strip().rpartition("\n")[2]) from error
            child.kill()
            raise


def sqlite_address() -> dict[str, str]:
    path = quote(str(connection.settings_dict["NAME"]))
    return {"vendor": "sqlite", "uri": f"file:{path}?mode=ro"}


def postgresql_address() -> dict[str, str]:
    given = connection.settings_dict
    parts = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}
    known = {name: str(given[key]) for name, key in parts.items() if given[key]}
    return {"vendor": "postgresql", "uri": f"postgresql:///?{urlencode(known, quote_via=quote)}"}


READ_ONE_MOMENT = {"sqlite": "begin", "postgresql": "begin transaction isolation level repeatable read read only"}
ADDRESS: dict[str, Callable[[], dict[str, str]]] = {"sqlite": sqlite_address, "postgresql": postgresql_address}
