"""Files are read as they come: encodings, delimiters, Excel; bombs and other things are refused in one sentence."""

import csv
import gzip
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from crm.imports.files import MAX_COLUMNS, FileError
from crm.imports.reading import FileForm, open_table
from crm.models import Customer
from crm.spreadsheets import ACTIVE, csv_lines, freed, quoted


def archive(name):
    """A zip archive as Excel writes one, with one more part."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as parts:
        parts.writestr("[Content_Types].xml", "<Types/>")
        parts.writestr(name, "x")
    return made.getvalue()


# A block of the deflated stream that says it is of a kind there is not.
SPOILT = gzip.compress(b"a,b\n1,2\n", mtime=0)[:10] + b"\xff" * 40


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


plain_cells = st.text("abcåäö 1.", min_size=1, max_size=5)
lines_of_cells = st.lists(st.tuples(plain_cells, plain_cells, plain_cells), min_size=1, max_size=6)


@given(lines_of_cells, lines_of_cells, st.integers(0, 2), st.booleans())
def test_a_quotation_mark_that_is_never_closed_holds_its_own_line_only(
    tmp_path_factory, before, after, place, is_quoted
):
    """The lines around the broken one are those that Python's own `split` gives, quoted or not."""
    broken = ["x", "y", "z"]
    broken[place] = '"' + broken[place]
    rows = [*before, broken, *after]
    sign = '"' if is_quoted else ""
    written = [";".join(cells if cells is broken else [f"{sign}{cell}{sign}" for cell in cells]) for cells in rows]
    path = tmp_path_factory.mktemp("f") / "f.csv"
    path.write_text("\n".join(["a;b;c", *written, ""]), encoding="utf-8")
    with open_table(path, FileForm(delimiter=";")) as table:
        read = list(table.rows)
    assert [read[: len(before)], read[len(before) + 1 :]] == [
        [list(row) for row in before],
        [list(row) for row in after],
    ]
    assert list(table.mended["unclosed_quote"]) == [len(before) + 2, len(before) + 2]


def test_the_line_of_an_unclosed_mark_is_told_and_cells_over_several_lines_stay(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text('a,b\n1,"two\nlines"\n2,"open\n3,c\n4,"said ""hi""\n5"\n', encoding="utf-8")
    with open_table(path, FileForm()) as table:
        assert list(table.rows) == [["1", "two\nlines"], ["2", "open"], ["3", "c"], ["4", 'said "hi"\n5']]
    assert list(table.mended["unclosed_quote"]) == [3, 4]


def test_a_mark_that_swallows_more_than_a_cell_may_hold_is_found_as_well(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("a,b\n" + '1,"open\n' + "2,b\n" * 400_000, encoding="utf-8")
    with open_table(path, FileForm()) as table:
        assert sum(1 for row in table.rows if row == ["2", "b"]) == 400_000


@pytest.mark.parametrize("western", [0, 2])
def test_rows_in_another_encoding_are_read_and_named(tmp_path, western):
    lines = ["id;name", "1;Äijä", "2;Öhman", "3;Åsa €"]
    encodings = ["cp1252" if place == western else "utf-8" for place in range(len(lines))]
    path = tmp_path / "f.csv"
    path.write_bytes(b"\n".join(line.encode(encoding) for line, encoding in zip(lines, encodings, strict=True)))
    with open_table(path, FileForm()) as table:
        assert [";".join(row) for row in table.rows] == lines[1:]
    assert list(table.mended.get("mixed_encoding", [])[::2]) == ([western + 1] if western else [])


def test_chance_neighbours_do_not_make_a_western_file_a_mixed_one(tmp_path):
    path = tmp_path / "f.csv"
    path.write_bytes(("a,b\n" + "1,äö\n" * 50 + "2,”HÄMEENLINNÄ”\n").encode("cp1252"))
    with open_table(path, FileForm()) as table:
        assert (table.form.encoding, list(table.rows)[-1]) == ("cp1252", ["2", "”HÄMEENLINNÄ”"])


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


def workbook(path, cells):
    """An Excel file whose only sheet holds this XML in place of its rows; its name has no ending, as stored copies."""
    packed, book = io.BytesIO(), Workbook()
    book.save(packed)
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    with zipfile.ZipFile(packed) as found, zipfile.ZipFile(path, "w") as made:
        for name in found.namelist():
            sheet = f'<worksheet xmlns="{space}"><sheetData>{cells}</sheetData></worksheet>'
            made.writestr(name, sheet if name.endswith("sheet1.xml") else found.read(name))
    return path


CELL = '<row r="1"><c r="A1" t="inlineStr"><is><t>number</t></is></c></row>'


def test_a_stored_copy_of_an_excel_file_is_read_though_its_name_has_no_ending(tmp_path):
    assert rows_of(workbook(tmp_path / "0a1b", CELL)) == [["number"]]


def test_empty_cells_far_to_the_right_are_left_out(tmp_path):
    cells = CELL + '<row r="2"><c r="A2"><v>1</v></c><c r="XFD2"/></row>'
    assert [len(row) for row in rows_of(workbook(tmp_path / "0a1b", cells))] == [1, MAX_COLUMNS]


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (CELL + "<row", "not an Excel file"),
        (CELL + '<row r="2"><c r="A2" t="s"><v>99</v></c></row>', "not an Excel file"),
        (CELL + '<row r="2"><c r="A2"><v>' + "9" * 5000 + "</v></c></row>", "not an Excel file"),
        (CELL + '<row r="3000000"><c r="A3000000"><v>1</v></c></row>', "more rows than Excel knows"),
        ('<row r="1"><c r="XFD1"><v>1</v></c></row>', "beyond column 2000 in row 1"),
        (CELL + '<row r="2"><c r="XFD2"><v>1</v></c></row>', "beyond column 2000 in row 2"),
    ],
)
def test_a_workbook_with_broken_or_endless_rows_is_refused_in_one_sentence(tmp_path, cells, sentence):
    with pytest.raises(FileError, match=sentence):
        rows_of(workbook(tmp_path / "0a1b", cells))


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
        (",".join(f"c{n}" for n in range(100_000)).encode(), FileForm(), "100000 columns"),
        (gzip.compress(b"a,b\n" + b"1,2\n" * 3_000_000, 1), FileForm(), "100 times its size"),
        (gzip.compress(b"a,b\n1,2\n" * 999, mtime=0)[:-30], FileForm(), "broken gzip"),
        (SPOILT, FileForm(), "broken gzip"),
        (SPOILT, FileForm(encoding="utf-8"), "broken gzip"),
        (archive("é.xml").replace("é".encode(), b"\xff\xfe"), FileForm(), "broken Excel"),
        (archive("a.xml").replace(b"PK\x01\x02\x14\x03\x14", b"PK\x01\x02\x14\x03\x63"), FileForm(), "broken Excel"),
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
nasty_cells = st.text("=+-@＝\t\r\n;,'\"a 1", max_size=12)


@given(st.lists(nasty_cells, min_size=1, max_size=4))
def test_no_cell_is_run_by_a_spreadsheet_that_cuts_at_commas_or_at_semicolons(row):
    text = "".join(csv_lines(["a"], [row])).partition("\r\n")[2]
    for delimiter in ",;":
        for cut in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            assert not [cell for cell in cut if cell.startswith(("=", "+", "-", "@", "＝"))]


@given(st.one_of(cells, active_cells, nasty_cells))
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


@pytest.mark.django_db
def test_a_sign_by_which_rows_are_staged_moves_no_cell_of_a_row(load):
    mapping = {"number": "id", "columns": {"city": "city", "country": "country"}}
    load("customers", b"id,city,country\n7,Ou\x1flu,Suomi\n", mapping)
    anna = Customer.objects.get()
    assert (anna.city, anna.country) == ("Ou lu", "Suomi")
