"""Cells that a spreadsheet cannot run: active characters are quoted on the way out and freed on the way in."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence

# ASVS 5.0, 1.2.10, and OWASP's page on CSV injection: a cell beginning with one of these, also in full width, is run as
# a formula by common spreadsheets.
ACTIVE = "=+\\-@\t\r\n\x00＝＋－＠"
# A spreadsheet set to a country with decimal commas cuts our lines at semicolons, and takes no heed of a quotation mark
# within such a piece: what follows a semicolon, a tab or the end of a line begins a cell there.
WITHIN = r"(?<=[;\t\r\n])"
ACTIVE_WITHIN = r"(?=['\"]*[=+\-@＝＋－＠])"
OUTGOING = re.compile(rf"\A(?='*[{ACTIVE}])|{WITHIN}{ACTIVE_WITHIN}")
INCOMING = re.compile(rf"\A'(?='*[{ACTIVE}])|{WITHIN}'{ACTIVE_WITHIN}")


def quoted(cell: str) -> str:
    """
    Put an apostrophe before whatever a spreadsheet would run.

    >>> quoted("=1+1"), quoted("Anna"), quoted("'=1"), quoted("a;=1+1")
    ("'=1+1", 'Anna', "''=1", "a;'=1+1")
    """
    return OUTGOING.sub("'", cell)


def freed(cell: str) -> str:
    """
    Undo `quoted`; every other cell stays as it is.

    >>> freed("'=1+1"), freed("'s-Hertogenbosch")
    ('=1+1', "'s-Hertogenbosch")
    """
    return INCOMING.sub("", cell) if "'" in cell else cell


class _Line:
    """Something with `write` that hands each CSV line back to the caller."""

    def write(self, line: str) -> str:
        return line


def csv_lines(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield CSV text line by line (RFC 4180, UTF-8 with byte order mark); texts are quoted, numbers are not."""
    writer = csv.writer(_Line())
    yield "\ufeff" + writer.writerow([quoted(name) for name in heading])
    for row in rows:
        yield writer.writerow([quoted(cell) if isinstance(cell, str) else cell for cell in row])
