"""Results as files: CSV with the figures per group and version, Excel with a sheet per table."""

from collections.abc import Callable
from dataclasses import dataclass

from campaigns.results import shape
from campaigns.results.answer import Results
from crm import spreadsheets, workbooks


@dataclass(frozen=True)
class Kind:
    """One kind of file: its content type and how it is written."""

    content_type: str
    write: Callable[[Results], bytes]


def csv(results: Results) -> bytes:
    heading, *rows = shape.table(results)
    return "".join(spreadsheets.csv_lines(heading, rows)).encode()


def xlsx(results: Results) -> bytes:
    return workbooks.workbook((name, rows(results)) for name, rows in shape.TABLES.items())


KINDS = {"csv": Kind("text/csv; charset=utf-8", csv), "xlsx": Kind(workbooks.TYPE, xlsx)}
