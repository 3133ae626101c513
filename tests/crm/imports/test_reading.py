"""Files are read as they come: encodings, delimiters, Excel; bombs and other things are refused in one sentence."""

import csv
import gzip
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from crm.imports.files import FileError
from crm.imports.reading import FileForm, open_table
from crm.spreadsheets import ACTIVE, csv_lines, freed, quoted


def rows_of(path, form=None):
    with open_table(path, form or FileForm()) as table:
        return [list(table.columns), *table.rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("is_packed", [False, True])
def test_encoding_delimiter_and_packing_are_told_from_the_file(tmp_path, encoding, delimiter, is_packed):
    text = f'nimi{delimiter}kaupunki\n"Ek{delimiter} Bo"{delimiter}Hämeenlinna\nÅsa{delimiter}Pöytyä\n'.encode(encoding)
    path = tmp_path / "f"
    path.write_bytes(gzip.compress(text) if is_packed else text)
    assert rows_of(path) == [["nimi", "kaupunki"], [f"Ek{delimiter} Bo", "Hämeenlinna"], ["Åsa", "Pöytyä"]]


def test_a_letter_beyond_ascii_in_the_last_line_decides_the_encoding(tmp_path):
    path = tmp_path / "f.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * 500_000 + "3,ä\n".encode("cp1252"))
    with open_table(path, FileForm()) as table:
        assert list(table.rows)[-1] == ["3", "ä"]


def test_excel_cells_read_like_those_of_a_csv(tmp_path):
    from datetime import datetime

    book = Workbook()
    book.active.append(["id", "when", "price", "ok"])
    book.active.append([17.0, datetime(2025, 12, 24, 18, 30), 3.5, True])  # noqa: DTZ001 (cells have no zone)
    book.active.append(["x", datetime(2025, 12, 24), None, False])  # noqa: DTZ001
    book.save(tmp_path / "f.xlsx")
    assert rows_of(tmp_path / "f.xlsx") == [
        ["id", "when", "price", "ok"],
        ["17", "2025-12-24 18:30:00", "3.5", "1"],
        ["x", "2025-12-24", "", "0"],
    ]


def test_an_excel_bomb_is_refused_before_it_is_opened(tmp_path):
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 30_000_000)
    with pytest.raises(FileError, match="times its size"):
        rows_of(path)


@pytest.mark.parametrize(
    ("content", "form", "sentence"),
    [
        (b"", FileForm(), "is empty"),
        (b"\xff\xd8\xff\xe0", FileForm(), "not a text table"),
        (b"a,b\n\xe4,1\n", FileForm(encoding="utf-8"), "is not written in utf-8"),
        (b"a,a\n1,2\n", FileForm(), "two columns named"),
        (b"\n\n", FileForm(), "no header"),
        (b"a,b\n" + b"x" * 1_100_000, FileForm(), "longer than is allowed"),
        (gzip.compress(b"a,b\n1,2\n" * 999, mtime=0)[:-30], FileForm(), "broken gzip"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path, content, form, sentence):
    path = tmp_path / "f.csv"
    path.write_bytes(content)
    with pytest.raises(FileError, match=sentence):
        rows_of(path, form)


cells = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r\n\x1f"), max_size=20)
active_cells = st.builds(str.__add__, st.sampled_from(["'", "", "''"]), st.sampled_from("=+-@\t")).flatmap(
    lambda start: cells.map(lambda rest: start + rest)
)


@given(st.one_of(cells, active_cells))
def test_quoting_a_cell_and_freeing_it_is_the_identity(cell):
    assert freed(quoted(cell)) == cell
    assert not quoted(cell).startswith(tuple(ACTIVE.replace("\\", "")))


@pytest.mark.django_db
@given(names=st.lists(active_cells.map(str.strip).filter(bool), min_size=1, max_size=5))
def test_what_is_exported_comes_back_the_same(names, tmp_path_factory):
    from crm.imports.mapping import read_mapping
    from crm.imports.stage import staged

    path = tmp_path_factory.mktemp("export") / "f.csv"
    lines = csv_lines(["id", "name"], [[place, name] for place, name in enumerate(names)])
    path.write_text("".join(lines), encoding="utf-8", newline="")
    mapping = read_mapping({"kind": "customers", "number": "id", "columns": {}})
    with (
        open_table(path, FileForm()) as table,
        staged(table, mapping, path.with_suffix(".stage"), lambda: None) as stage,
    ):
        found = [row.cells[1] for chunk in stage.chunks(0, 100, False) for row in chunk]
    assert found == names


def test_problems_download_safe_for_spreadsheets():
    text = "".join(csv_lines(["=cmd"], [["=1+1"], ["@x"], [-5]]))
    assert list(csv.reader(io.StringIO(text.lstrip("\ufeff")))) == [["'=cmd"], ["'=1+1"], ["'@x"], ["-5"]]
