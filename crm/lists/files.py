"""A list as a file: CSV line by line, or an Excel workbook; cells that a spreadsheet would run are quoted in both."""

import tempfile
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.utils import get_column_letter

from crm import figures, spreadsheets
from crm.refusals import Refused

FORMATS = ("csv", "xlsx")
MOST_EXPORTED_BY_SALES = 500  # persons at once
MOST_IN_EXCEL = 100_000  # rows; more are minutes of work for a file that few programs open
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WIDEST = 40


def response(
    name: str, heading: Sequence[str], rows: Iterable[Sequence[Any]], *, kind: str, on: date, count: int = 0
) -> HttpResponseBase:
    """A download named after the list and the day. Raises Refused when Excel could not hold `count` rows."""
    if kind == "xlsx":
        refuse_too_long(count)
        file_name = f"{name}-{on:%Y-%m-%d}.xlsx"
        return FileResponse(workbook(heading, rows), as_attachment=True, filename=file_name, content_type=EXCEL)
    named = {"Content-Disposition": f'attachment; filename="{name}-{on:%Y-%m-%d}.csv"'}
    lines = spreadsheets.csv_lines(heading, rows)
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=named)


def refuse_too_long(count: int) -> None:
    if count > MOST_IN_EXCEL:
        most = figures.number(MOST_IN_EXCEL)
        raise Refused(_("An Excel file holds at most %(most)s rows here. Download CSV instead.") % {"most": most})


def workbook(heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> Any:
    """An open file with one sheet: headings stay in sight, texts are never formulas."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.freeze_panes = "A2"
    for i, title in enumerate(heading, 1):
        sheet.column_dimensions[get_column_letter(i)].width = min(max(12, len(title) + 2), WIDEST)
    sheet.append([spreadsheets.quoted(title) for title in heading])
    for row in rows:
        sheet.append([written(cell) if isinstance(cell, str) else cell for cell in row])
    file = tempfile.TemporaryFile()  # noqa: SIM115 (the response closes it)
    book.save(file)
    file.seek(0)
    return file


def written(text: str) -> str:
    """The text as a sheet holds it: control characters have no place in XML."""
    return spreadsheets.quoted(ILLEGAL_CHARACTERS_RE.sub("", text))
