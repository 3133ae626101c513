"""Excel files out: sheets of plain cells, written row by row; no cell is a formula."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LONGEST_NAME = 31  # of a sheet, by Excel's own limit
FORBIDDEN = str.maketrans("[]:*?/\\", "       ")


def workbook(sheets: Iterable[tuple[str, Iterable[Sequence[Any]]]]) -> bytes:
    """A file with one sheet per (name, rows), headings first. Texts stay texts, whatever they begin with."""
    from openpyxl import Workbook  # heavy, and rarely needed

    book = Workbook(write_only=True)
    for name, rows in sheets:
        sheet = book.create_sheet(name.translate(FORBIDDEN)[:LONGEST_NAME])
        for row in rows:
            sheet.append([cell_of(sheet, value) for value in row])
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def cell_of(sheet: Any, value: Any) -> Any:
    """Excel knows no zones, so moments are UTC; what looks like a formula is marked as text."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)
    if not isinstance(value, str):
        return value
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, value=value)
    cell.data_type = "s"
    return cell
