"""Reads a table row by row: CSV, blank-separated, fixed width or Excel; tells encoding and delimiter when not told."""

import codecs
import csv
import gzip
import io
import re
import zlib
from array import array
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, cast

from crm.imports.excel import MAX_RATIO, SMALL_PART, is_workbook, workbook_rows
from crm.imports.files import MAX_COLUMNS, FileError

MAX_LINE = 1_000_000
MAX_UNPACKED = 4 * 1024**3
SAMPLE_LINES = 30
SAMPLE_LENGTH = MAX_LINE // (2 * SAMPLE_LINES)  # together shorter than the longest cell
DELIMITERS = ",;\t|"
BROKEN_GZIP = (gzip.BadGzipFile, EOFError, zlib.error)
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
csv.field_size_limit(MAX_LINE)

Cells = list[str]
# What reading had to mend: per code of the problem the row and the line of the file, in turns.
Mended = dict[str, "array[int]"]

# A file of two encodings: UTF-8, and Windows-1252 where it is not. A sign that no text holds marks what was mended.
MIXED = "mixed"
MARK = "\ufdd0"
LEAST_UTF8 = 1 / 20  # of the signs beyond ASCII; fewer are chance neighbours in a Windows-1252 file
UTF8_SIGN = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
BEYOND_ASCII = bytes(range(0x80, 0x100))
NOT_WESTERN = b"\x81\x8d\x8f\x90\x9d"


def _western(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    found = error.object[error.start : error.end]
    return MARK + found.decode("cp1252", "replace"), error.end


codecs.register_error("kohde-western", _western)


@dataclass(frozen=True)
class FileForm:
    """How the file is written; empty values are told from the file itself."""

    format: str = ""
    delimiter: str = ""
    encoding: str = ""
    has_header: bool = True
    columns: tuple[str, ...] = ()
    widths: tuple[int, ...] = ()
    sheet: str = ""


@dataclass(frozen=True)
class Table:
    """An open table: its column names, what was told or found out about its form, and the rows still to come."""

    columns: tuple[str, ...]
    form: FileForm
    rows: Iterator[Cells] = field(repr=False)
    first_row: int = 2
    mended: Mended = field(default_factory=dict, repr=False)  # grows while the rows are read


@contextmanager
def open_table(path: Path, form: FileForm, name: str = "") -> Iterator[Table]:
    """Open a table for reading once; raises `FileError` when it is none."""
    name = name or path.name
    if not path.is_file():
        raise FileError(f"there is no file {path}")
    if not path.stat().st_size:
        raise FileError(f"{name} is empty")
    if form.format == "xlsx" or (not form.format and is_workbook(path)):
        with workbook_rows(path, form.sheet, name) as rows:
            yield _table(rows, form, name)
        return
    with _open_text(path, form, name) as (text, form):
        mended: Mended = defaultdict(lambda: array("q"))
        yield _table(_rows_of(text, form, name, mended), form, name, mended)


def _table(rows: Iterator[Cells], form: FileForm, name: str, mended: Mended | None = None) -> Table:
    columns = form.columns
    if form.has_header:
        heading = tuple(cell.strip() for cell in next(rows, []))
        columns = columns or _trimmed(heading)
        if not any(columns):
            raise FileError(f"{name} has no header line")
    if len(columns) > MAX_COLUMNS:
        raise FileError(f"{name} has {len(columns)} columns; at most {MAX_COLUMNS} can be read")
    repeated = sorted(column for column, times in Counter(columns).items() if column and times > 1)
    if repeated:
        raise FileError(f"{name} has two columns named “{repeated[0]}”; give one of them another name")
    return Table(columns, form, rows, 2 if form.has_header else 1, mended if mended is not None else {})


def _trimmed(heading: tuple[str, ...]) -> tuple[str, ...]:
    width = max((place for place, cell in enumerate(heading, 1) if cell), default=0)
    return heading[:width]


@contextmanager
def _open_text(path: Path, form: FileForm, name: str) -> Iterator[tuple[IO[str], FileForm]]:
    encoding = form.encoding or encoding_of(path, name)
    with _open_bytes(path) as raw:
        sample = _sample(_decoded(raw, encoding), encoding, name)
    delimiter = form.delimiter or (delimiter_of(sample) if form.format in ("", "csv") else "")
    form = FileForm(form.format or "csv", delimiter, encoding, form.has_header, form.columns, form.widths, form.sheet)
    with _open_bytes(path) as raw:
        yield _decoded(raw, encoding), form


def _decoded(raw: IO[bytes], encoding: str) -> IO[str]:
    if encoding == MIXED:
        return io.TextIOWrapper(raw, encoding="utf-8", errors="kohde-western", newline="")
    return io.TextIOWrapper(raw, encoding=encoding, newline="")


def _sample(text: IO[str], encoding: str, name: str) -> list[str]:
    try:
        sample = list(islice(iter(lambda: text.readline(MAX_LINE), ""), SAMPLE_LINES))
    except UnicodeError as error:
        raise _wrong_encoding(name, encoding) from error
    except BROKEN_GZIP as error:
        raise FileError(f"{name} is a broken gzip file") from error
    if any("\x00" in line for line in sample):
        raise FileError(f"{name} is not a text table; give a CSV or Excel file")
    return sample


def _open_bytes(path: Path) -> IO[bytes]:
    with path.open("rb") as raw:
        is_packed = raw.read(2) == b"\x1f\x8b"
    return cast(IO[bytes], gzip.open(path)) if is_packed else path.open("rb")


def encoding_of(path: Path, name: str = "") -> str:
    """
    Tell the encoding from byte order mark and content: utf-8, utf-8-sig, utf-16, cp1252 or mixed.

    The whole file is decoded once, because the first "ä" may stand in its last line.
    """
    name = name or path.name
    try:
        with _open_bytes(path) as raw:
            head = raw.read(4096)
            for mark, encoding in BYTE_ORDER_MARKS:
                if head.startswith(mark):
                    return encoding
            if head.startswith((b"PK\x03\x04", b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"\xd0\xcf\x11\xe0")):
                raise FileError(f"{name} is not a text table; give a CSV or Excel (.xlsx) file")
            if head[1::2].count(0) > len(head) // 4:
                return "utf-16-le"
            raw.seek(0)
            return _utf8_or_western(raw, name)
    except BROKEN_GZIP as error:
        raise FileError(f"{name} is a broken gzip file") from error


def _utf8_or_western(raw: IO[bytes], name: str) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    if all(_decodes(decoder, block) for block in _blocks(raw, name)):
        return "utf-8"
    raw.seek(0)
    utf8 = western = unreadable = 0
    for block in _blocks(raw, name):
        rest, count = UTF8_SIGN.subn(b"", block)
        utf8 += count
        western += _count(rest, BEYOND_ASCII)
        unreadable += _count(rest, NOT_WESTERN)
    if unreadable:
        raise FileError(f"{name} is neither UTF-8 nor Western European text; say “encoding” in the mapping")
    return MIXED if utf8 >= LEAST_UTF8 * western else "cp1252"


def _blocks(raw: IO[bytes], name: str) -> Iterator[bytes]:
    """The file in blocks that end with a line."""
    size = 0
    while block := raw.read(1024 * 1024):
        block += raw.readline(MAX_LINE)
        size += len(block)
        if size > MAX_UNPACKED:
            raise FileError(f"{name} unpacks to more than {MAX_UNPACKED // 1024**3} GB")
        if isinstance(raw, gzip.GzipFile) and size > max(SMALL_PART, MAX_RATIO * raw.fileobj.tell()):
            raise FileError(f"{name} unpacks to more than {MAX_RATIO} times its size")
        yield block


def _count(block: bytes, signs: bytes) -> int:
    return len(block) - len(block.translate(None, signs))


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes) -> bool:
    try:
        decoder.decode(block)
    except UnicodeDecodeError:
        return False
    return True


def delimiter_of(sample: list[str]) -> str:
    """
    Tell the delimiter: the sign that cuts the sample into the most columns, all rows alike.

    >>> delimiter_of(["name;city", '"Virtanen, Anna";Oulu'])
    ';'
    """
    return max(DELIMITERS, key=lambda sign: _evenness(sample, sign))


def _evenness(sample: list[str], sign: str) -> tuple[float, int]:
    widths = [len(row) for row in csv.reader((line[:SAMPLE_LENGTH] for line in sample), delimiter=sign) if row]
    if not widths or widths[0] < 2:
        return 0.0, 0
    return widths.count(widths[0]) / len(widths), widths[0]


def _rows_of(text: IO[str], form: FileForm, name: str, mended: Mended) -> Iterator[Cells]:
    rows = SPLITTERS[form.format](_lines(text, name), form, mended)
    try:
        yield from _unmarked(rows, mended) if form.encoding == MIXED else rows
    except UnicodeError as error:
        raise _wrong_encoding(name, form.encoding) from error
    except csv.Error as error:
        raise FileError(f"{name} is not a CSV file: {error}") from error
    except BROKEN_GZIP as error:
        raise FileError(f"{name} is a broken gzip file") from error


def _lines(text: IO[str], name: str) -> Iterator[str]:
    unpacked = 0
    while line := text.readline(MAX_LINE):
        unpacked += len(line)
        if len(line) >= MAX_LINE or unpacked > MAX_UNPACKED:
            raise FileError(f"{name} has a line or a whole longer than is allowed")
        yield line.replace("\x00", "") if "\x00" in line else line


def _unmarked(rows: Iterable[Cells], mended: Mended) -> Iterator[Cells]:
    for row, cells in enumerate(rows, 1):
        if any(MARK in cell for cell in cells):
            mended["mixed_encoding"].extend((row, row))
            cells = [cell.replace(MARK, "") for cell in cells]
        yield cells


def _split_csv(lines: Iterator[str], form: FileForm, mended: Mended) -> Iterator[Cells]:
    """
    Cut lines into cells. A quotation mark that opens a cell and never closes it holds its own line only.

    A reader of CSV would put all that follows, up to the next mark or the end, into that one cell.
    """
    again: deque[str] = deque()
    taken: list[str] = []

    def handed() -> Iterator[str]:
        while line := again.popleft() if again else next(lines, ""):
            taken.append(line)
            yield line

    delimiter = form.delimiter or ","
    reader = csv.reader(handed(), delimiter=delimiter)
    row, line = 0, 1
    while (cells := _next(reader, taken)) is not None:
        row += 1
        if len(taken) > 1 and not _is_well_formed(taken, delimiter):
            mended["unclosed_quote"].extend((row, line))
            again.extendleft(reversed(taken[1:]))
            del taken[1:]
            reader = csv.reader(handed(), delimiter=delimiter)  # the other one may have come to the end
            cells = next(csv.reader([taken[0].rstrip("\r\n")], delimiter=delimiter))
        line += len(taken)
        taken.clear()
        yield cells


def _next(reader: Iterator[Cells], taken: list[str]) -> Cells | None:
    """The next row; empty when a cell ran over many lines and grew too long, None at the end."""
    try:
        return next(reader, None)
    except csv.Error:
        if len(taken) > 1:
            return []
        raise


def _is_well_formed(lines: list[str], delimiter: str) -> bool:
    """Whether each quoted cell of the lines ends with a mark that a delimiter or the end of the line follows."""
    try:
        return sum(1 for _row in csv.reader(lines, delimiter=delimiter, strict=True)) == 1
    except csv.Error:
        return False


def _split_blanks(lines: Iterator[str], form: FileForm, mended: Mended) -> Iterator[Cells]:
    return (line.split() for line in lines)


def _split_widths(lines: Iterator[str], form: FileForm, mended: Mended) -> Iterator[Cells]:
    ends = [sum(form.widths[: place + 1]) for place in range(len(form.widths))]
    slices = [slice(end - width, end) for end, width in zip(ends, form.widths, strict=True)]
    return ([line[part].strip() for part in slices] for line in lines)


SPLITTERS: dict[str, Callable[[Iterator[str], FileForm, Mended], Iterator[Cells]]] = {
    "csv": _split_csv,
    "whitespace": _split_blanks,
    "fixed": _split_widths,
}


def _wrong_encoding(name: str, encoding: str) -> FileError:
    return FileError(f"{name} is not written in {encoding}; leave “encoding” out of the mapping or correct it")
