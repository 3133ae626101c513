"""Excel files out hold what they were given, and nothing that runs."""

from datetime import UTC, datetime
from io import BytesIO

import openpyxl

from crm.workbooks import workbook


def test_cells_come_back_as_they_were_given_and_none_is_a_formula():
    rows = [("name", "value"), ("=1+1", 2.5), ("Åsa", None), (datetime(2026, 11, 1, 12, tzinfo=UTC), True)]
    book = openpyxl.load_workbook(BytesIO(workbook([("first/one", rows), ("x" * 40, [])])))
    assert book.sheetnames == ["first one", "x" * 31]
    cells = list(book["first one"].iter_rows())
    assert [tuple(cell.value for cell in row) for row in cells[1:3]] == [("=1+1", 2.5), ("Åsa", None)]
    assert cells[1][0].data_type == "s"
    assert cells[3][0].value == datetime(2026, 11, 1, 12, tzinfo=UTC).replace(tzinfo=None)
