"""
Running an import: stage the stored file, then write it chunk by chunk, each with the cursor in one transaction.

A killed import goes on from its cursor once its lease has run out. Two workers that hold the same import cannot both
commit a chunk: moving the cursor is a guarded update.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import Q, QuerySet

from crm.imports.fields import new_fields
from crm.imports.files import FileError, StoredFile, keep_copy, path_of
from crm.imports.loaders import LOADERS
from crm.imports.mapping import Mapping, MappingError, check_columns, read_mapping
from crm.imports.plans import EXAMPLES, Example, Plan, Reading, Stamp
from crm.imports.problems import HEADER_ROW, Problem, store_problems
from crm.imports.reading import open_table
from crm.imports.stage import Stage, staged
from crm.models import Import, User
from crm.models.imports import ImportStatus
from crm.refusals import NotPossibleNow

CHUNK = 4000
LEASE = timedelta(minutes=2)
CHECK_LEASE = timedelta(minutes=30)  # a dry run commits nothing on its way that could renew it
ATTEMPTS = 3

Clock = Callable[[], datetime]
Progress = Callable[[int, int], None]


class ImportNotPossible(NotPossibleNow):
    """The import is not in a state in which this can be done, or another worker has it."""


def start_import(*, kind: str, file: Any, name: str, mapping: dict[str, Any], by: User | None, at: datetime) -> Import:
    """
    Keep a copy of the open binary `file` and make an import of it, not yet queued.

    Raises `MappingError` or `FileError` when the mapping, the file or the two together cannot be used.
    """
    read = read_mapping(mapping, kind)
    stored = keep_copy(file, name)
    with open_table(path_of(stored.path), read.file, stored.name) as table:
        check_columns(read, table.columns)
    new_fields(read)
    return record(kind=kind, stored=stored, mapping=mapping, by=by, at=at)


def record(*, kind: str, stored: StoredFile, mapping: dict[str, Any], by: User | None, at: datetime) -> Import:
    """Make an import of a stored file; its mapping may still be wanting."""
    return Import.objects.create(
        kind=kind,
        file_name=stored.name,
        file_path=stored.path,
        file_hash=stored.sha256,
        mapping=mapping,
        created_by=by,
        created_at=at,
    )


RUNNABLE = (ImportStatus.UPLOADED, ImportStatus.CHECKED, ImportStatus.FAILED)
CHECKABLE = (ImportStatus.UPLOADED, ImportStatus.CHECKED)


def queue_import(*, import_id: int, at: datetime) -> None:
    """Mark the import as waiting; a worker takes it, poked or by the timetable."""
    _move(import_id, RUNNABLE, ImportStatus.QUEUED, "only an import that has not run can be started")


def queue_check(*, import_id: int, at: datetime) -> None:
    """Mark the import as waiting for its dry run."""
    _move(import_id, CHECKABLE, ImportStatus.CHECKING, "only an import that has not run can be checked")


def _move(import_id: int, sources: tuple[str, ...], status: str, refusal: str) -> None:
    waiting = Import.objects.filter(pk=import_id, status__in=sources)
    if not waiting.update(status=status, error="", lease_until=None):
        raise ImportNotPossible(refusal)


def due_imports(at: datetime) -> QuerySet[Import]:
    """Imports that wait for a worker, or whose worker has gone silent."""
    return Import.objects.filter(_takeable(*ACTIVE, at=at)).order_by("id")


ACTIVE = (ImportStatus.CHECKING, ImportStatus.QUEUED, ImportStatus.RUNNING, ImportStatus.UNDOING)


def _takeable(*statuses: str, at: datetime) -> Q:
    return Q(status__in=statuses) & (Q(lease_until=None) | Q(lease_until__lt=at))


# --- dry run ---------------------------------------------------------------------------------------


def check_import(*, import_id: int, at: datetime, progress: Progress | None = None) -> dict[str, Any]:
    """Say what the import would do, writing nothing but the answer: counts, examples, fields, problems by code."""
    run = Import.objects.get(pk=import_id)
    if run.status not in (*CHECKABLE, ImportStatus.CHECKING):
        raise ImportNotPossible("only an import that has not run can be checked")
    Import.objects.filter(pk=import_id).update(status=ImportStatus.CHECKING, lease_until=at + CHECK_LEASE)
    try:
        diff = _diff(run, progress)
    except (FileError, MappingError) as error:
        _give_back(import_id, str(error))
        raise
    except (OperationalError, InterfaceError):
        raise  # the database was away: somebody looks again when the lease has run out
    except Exception as error:
        _give_back(import_id, _fault(error))
        raise
    Import.objects.filter(pk=import_id, status=ImportStatus.CHECKING).update(
        diff=diff, rows_total=diff["rows"], status=ImportStatus.CHECKED, lease_until=None
    )
    return diff


def _give_back(import_id: int, error: str) -> None:
    looked_at = Import.objects.filter(pk=import_id, status=ImportStatus.CHECKING)
    looked_at.update(status=ImportStatus.UPLOADED, lease_until=None, error=error[:1000])


def _fault(error: Exception) -> str:
    return f"stopped by a fault of the program: {type(error).__name__}: {error}"


def _diff(run: Import, progress: Progress | None) -> dict[str, Any]:
    found: Counter[str] = Counter()
    problems: Counter[str] = Counter()
    examples: list[Example] = []
    samples: list[Problem] = []
    mapping = read_mapping(run.mapping, run.kind)
    with _stage(run, mapping, lambda: None, "check") as stage:
        reading = Reading(mapping, stage.columns)
        _count(_file_problems(mapping, stage), problems, samples)
        done = 0
        for chunk in stage.chunks(0, CHUNK, LOADERS[run.kind].is_grouped):
            plan = LOADERS[run.kind].plan(chunk, reading)
            found += plan.counts
            examples += plan.examples
            _count(plan.problems, problems, samples)
            done += len(chunk)
            if progress:
                progress(done, stage.rows)
        return {
            "rows": stage.rows,
            "counts": dict(found),
            "problems": dict(problems),
            "examples": [asdict(example) for example in _few_of_each(examples)],
            "samples": [asdict(sample) for sample in samples],
            "fields": [asdict(form) for form in new_fields(mapping)],
        }


def _count(new: Iterator[Problem] | list[Problem], totals: Counter[str], samples: list[Problem]) -> None:
    for problem in new:
        totals[problem.code] += 1
        if totals[problem.code] <= EXAMPLES:
            samples.append(problem)


def _few_of_each(examples: list[Example]) -> list[Example]:
    return [
        example
        for verb in ("changed", "created")
        for example in [example for example in examples if example.verb == verb][:EXAMPLES]
    ]


# --- the run ---------------------------------------------------------------------------------------


def run_import(*, import_id: int, clock: Clock, progress: Progress | None = None) -> Import:
    """
    Run a queued import to its end, or go on with one whose worker died.

    `clock` gives the time in UTC: a run lasts, its leases and the times of change of its rows are those of each chunk.
    Faults of the file end in the status “failed” with one sentence in `error`; nothing of a cut chunk stays.
    """
    run = _claim(import_id, clock())
    try:
        _run(run, clock, progress)
    except (FileError, MappingError) as error:
        _end(run, ImportStatus.FAILED, clock(), str(error))
    except DataError as error:  # no later try would do better
        _end(run, ImportStatus.FAILED, clock(), _fault(error))
        raise
    except (ImportNotPossible, DatabaseError):
        raise  # somebody else goes on with it, now or when the lease has run out
    except Exception as error:
        _end(run, ImportStatus.FAILED, clock(), _fault(error))
        raise
    run.refresh_from_db()
    return run


def _claim(import_id: int, at: datetime) -> Import:
    takeable = _takeable(ImportStatus.QUEUED, ImportStatus.RUNNING, at=at)
    if not Import.objects.filter(takeable, pk=import_id).update(status=ImportStatus.RUNNING, lease_until=at + LEASE):
        raise ImportNotPossible("the import is not waiting, or another worker has it")
    Import.objects.filter(pk=import_id, started_at=None).update(started_at=at)
    return Import.objects.get(pk=import_id)


def _run(run: Import, clock: Clock, progress: Progress | None) -> None:
    mapping = read_mapping(run.mapping, run.kind)
    loader = LOADERS[run.kind]
    with _stage(run, mapping, lambda: _renew(run, clock()), "run") as stage:
        reading = Reading(mapping, stage.columns)
        if not run.cursor:
            _begin(run, mapping, stage, clock())
        for chunk in stage.chunks(run.cursor, CHUNK, loader.is_grouped):
            _commit_chunk(run, chunk, reading, clock)
            if progress:
                progress(run.cursor, stage.rows)
        _finish(run, clock())


def _finish(run: Import, at: datetime) -> None:
    """Set right what only the whole file tells, and say that the import is done."""
    problems = Counter(run.counts.get("problems", {}))
    with transaction.atomic():
        store_problems(run, LOADERS[run.kind].finish(Stamp(run, run.created_by, at)), problems)
        Import.objects.filter(pk=run.pk).update(counts={**run.counts, "problems": dict(problems)})
        _end(run, ImportStatus.FINISHED, at)


def _begin(run: Import, mapping: Mapping, stage: Stage, at: datetime) -> None:
    """Make the fields and report on the file as a whole; all of it again when killed here."""
    totals: Counter[str] = Counter()
    with transaction.atomic():
        run.problems.all().delete()
        LOADERS[run.kind].prepare(mapping, Stamp(run, run.created_by, at))
        store_problems(run, _file_problems(mapping, stage), totals)
        run.counts = {"problems": dict(totals)}
        run.rows_total = stage.rows
        run.save(update_fields=["counts", "rows_total"])


def _commit_chunk(run: Import, chunk: Any, reading: Reading, clock: Clock) -> None:
    """Plan and write one chunk; planned anew when somebody else created one of its rows meanwhile."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction.atomic():
                _write_chunk(run, chunk, reading, clock())
            return
        except IntegrityError:
            if attempt == ATTEMPTS:
                raise


def _write_chunk(run: Import, chunk: Any, reading: Reading, at: datetime) -> None:
    loader = LOADERS[run.kind]
    plan: Plan = loader.plan(chunk, reading)
    loader.write(plan, Stamp(run, run.created_by, at))
    problems = Counter(run.counts.get("problems", {}))
    store_problems(run, plan.problems, problems)
    counts = {**(Counter(_plain_counts(run)) + plan.counts), "problems": dict(problems)}
    cursor = run.cursor + len(chunk)
    moved = Import.objects.filter(pk=run.pk, cursor=run.cursor, status=ImportStatus.RUNNING).update(
        cursor=cursor, counts=counts, lease_until=at + LEASE
    )
    if not moved:
        raise ImportNotPossible("another worker has taken over this import")
    run.cursor, run.counts = cursor, counts


def _plain_counts(run: Import) -> dict[str, int]:
    return {name: count for name, count in run.counts.items() if name != "problems"}


def _renew(run: Import, at: datetime) -> None:
    Import.objects.filter(pk=run.pk, status=ImportStatus.RUNNING).update(lease_until=at + LEASE)


def _end(run: Import, status: str, at: datetime, error: str = "") -> None:
    Import.objects.filter(pk=run.pk).update(status=status, finished_at=at, lease_until=None, error=error[:1000])


@contextmanager
def _stage(run: Import, mapping: Mapping, beat: Callable[[], None], purpose: str) -> Iterator[Stage]:
    folder: Path = settings.DATA_DIR / "files" / "stages"
    with open_table(path_of(run.file_path), mapping.file, run.file_name) as table:
        check_columns(mapping, table.columns)
        with staged(table, mapping, folder / f"{purpose}-{run.pk}.sqlite3", beat) as stage:
            yield stage


def _file_problems(mapping: Mapping, stage: Stage) -> Iterator[Problem]:
    """What is to be said of whole columns, and of rows that reading had to mend."""
    for column, value in stage.constants.items():
        message = f"holds {json.dumps(value, ensure_ascii=False)} in every row; it tells nothing"
        yield Problem(HEADER_ROW, column, "constant_column", message)
    for column, note in mapping.notes.items():
        yield Problem(HEADER_ROW, column, "note", note)
    for code, places in stage.mended.items():
        for row, line in zip(places[::2], places[1::2], strict=True):
            yield Problem(row, "", code, MENDED[code].format(line=line))


MENDED = {
    "unclosed_quote": "a quotation mark opens in line {line} and is not closed; read up to the end of the line",
    "mixed_encoding": "not written in UTF-8 like other rows; read as Windows-1252",
}
