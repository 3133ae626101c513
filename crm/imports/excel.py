"""Excel files row by row, after a look at how large they would become: a bomb is refused before it is opened."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time
from pathlib import Path
from typing import Any

from crm.imports.files import MAX_COLUMNS, FileError

MAX_PARTS = 2000
MAX_UNPACKED = 1024**3
MAX_SHARED_STRINGS = 128 * 1024**2
MAX_RATIO = 100
MAX_ROWS = 1024**2  # a file may claim a row beyond, and all those before it would be read as empty ones
SMALL_PART = 1024**2


def is_workbook(path: Path) -> bool:
    """Whether the file is a zip archive, as .xlsx files are."""
    with path.open("rb") as raw:
        return raw.read(4) == b"PK\x03\x04"


@contextmanager
def workbook_rows(path: Path, sheet: str = "", name: str = "") -> Iterator[Iterator[list[str]]]:
    """Open one sheet (the first when none is named) and give its rows as texts; raises `FileError`."""
    from openpyxl import load_workbook

    name = name or path.name
    refuse_bomb(path, name)
    with path.open("rb") as raw:  # by its path openpyxl would judge the file by its ending; stored copies have none
        try:
            book = load_workbook(raw, read_only=True, data_only=True, keep_links=False)
        except Exception as error:  # openpyxl raises whatever the broken XML made it stumble over
            raise _unreadable(name) from error
        if sheet and sheet not in book.sheetnames:
            raise FileError(f"{name} has no sheet “{sheet}”; it has {', '.join(book.sheetnames)}")
        if not book.worksheets:
            raise FileError(f"{name} has no sheet with rows")
        page = book[sheet] if sheet else book.worksheets[0]
        page.reset_dimensions()
        yield _rows(page, name)
        book.close()


def _rows(page: Any, name: str) -> Iterator[list[str]]:
    try:
        for number, row in enumerate(page.iter_rows(values_only=True), 1):
            if number > MAX_ROWS:
                raise FileError(f"{name} has more rows than Excel knows")
            yield ["" if cell is None else as_text(cell) for cell in _bounded(row, number, name)]
    except FileError:
        raise
    except Exception as error:  # as above, in the middle of the sheet
        raise _unreadable(name) from error


def _bounded(row: tuple[Any, ...], number: int, name: str) -> tuple[Any, ...]:
    """The row as far as columns are read: one cell far to the right makes thousands, in each of a million rows."""
    beyond = row[MAX_COLUMNS:]
    if beyond.count(None) < len(beyond):
        raise FileError(f"{name} has cells beyond column {MAX_COLUMNS} in row {number}; no more can be read")
    return row[:MAX_COLUMNS]


def _unreadable(name: str) -> FileError:
    return FileError(f"{name} is not an Excel file that can be read")


def refuse_bomb(path: Path, name: str) -> None:
    """Raise `FileError` when the archive has too many parts or would unpack to too much (OWASP ASVS 5.2.3)."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except Exception as error:  # zipfile raises more than its own: names that are no text, versions it does not know
        raise FileError(f"{name} is a broken Excel file") from error
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise FileError(f"{name} would unpack to more than {MAX_UNPACKED // 1024**2} MB")
    for part in parts:
        if part.file_size > SMALL_PART and part.file_size > MAX_RATIO * part.compress_size:
            raise FileError(f"{name} unpacks to more than {MAX_RATIO} times its size")
        if part.filename.endswith("sharedStrings.xml") and part.file_size > MAX_SHARED_STRINGS:
            raise FileError(f"{name} holds more texts than can be read; save it as CSV")
    if "[Content_Types].xml" not in {part.filename for part in parts}:
        raise FileError(f"{name} is a zip archive, not an Excel file")


def as_text(cell: Any) -> str:
    """
    Write a cell as it would stand in a CSV file.

    >>> as_text(12.0), as_text(None), as_text(True), as_text(date(2025, 12, 24))
    ('12', '', '1', '2025-12-24')
    """
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(int(cell))
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "seconds") if cell.time() != time.min else cell.date().isoformat()
    return str(cell).replace("\x00", "")
