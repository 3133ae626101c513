"""Problems of rows: what was wrong where, counted in full and stored up to a limit per code."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from crm.imports.wording import told
from crm.models import Import, ImportProblem
from crm.spreadsheets import csv_lines

STORED_PER_CODE = 1000
HEADER_ROW = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about one row: `row` as a spreadsheet counts it (the header is 1), `column` empty for the whole row."""

    row: int
    column: str
    code: str
    message: str
    is_fatal: bool = False


def store_problems(run: Import, problems: Iterable[Problem], totals: Counter[str]) -> None:
    """Count each problem in `totals` (changed in place) and store the first 1,000 of each code."""
    kept = []
    for problem in problems:
        totals[problem.code] += 1
        if totals[problem.code] <= STORED_PER_CODE:
            kept.append(_as_row(run, problem))
    ImportProblem.objects.bulk_create(kept, batch_size=1000)


def _as_row(run: Import, problem: Problem) -> ImportProblem:
    return ImportProblem(
        run=run,
        row=problem.row,
        column=problem.column[:120],
        code=problem.code,
        message=problem.message[:300],
        is_fatal=problem.is_fatal,
    )


def problems_csv(run: Import) -> Iterator[str]:
    """Yield the stored problems of the import as CSV lines, told in the reader's language."""
    rows = run.problems.order_by("row", "id").values_list("row", "column", "code", "message", "is_fatal")
    return csv_lines(
        ("row", "column", "code", "message", "refused"),
        ((*row[:3], told(row[3]), "yes" if row[4] else "no") for row in rows.iterator(chunk_size=1000)),
    )
