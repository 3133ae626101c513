"""Mappings: what ships and what the docs show can be read; the docs name everything a mapping may say."""

import json
import re
from pathlib import Path

import pytest

from crm.imports.mapping import BUILT_INS, FULL_NAME, MappingError, read_mapping
from crm.models.customer import Dimension, FieldType

DOCS = Path(__file__).resolve().parents[3] / "docs"
TEXT = (DOCS / "imports.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted((DOCS / "mappings").glob("*.json")), ids=lambda path: path.stem)
def test_saved_mappings_can_be_read(path):
    assert read_mapping(json.loads(path.read_text(encoding="utf-8"))).source


def test_the_example_of_the_docs_can_be_read():
    (example,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    mapping = read_mapping(json.loads(example))
    assert [target.name for target in mapping.targets] == ["full_name", "email", "income"]


def test_the_docs_name_every_column_and_type():
    for name in (*BUILT_INS, FULL_NAME, *FieldType.values):
        assert re.search(rf"\b{name}\b", TEXT), name


def test_every_field_of_the_profile_data_has_a_dimension_and_a_label_in_both_languages():
    mapping = read_mapping(json.loads((DOCS / "mappings" / "marketing_campaign.json").read_text(encoding="utf-8")))
    forms = [target.form for target in mapping.targets if target.form]
    assert len(forms) == 25
    assert all(form.label and form.label_fi and form.dimension in Dimension.values for form in forms)


@pytest.mark.parametrize("name", ["hex", "rot13", "zlib", "undefined", "unicode_escape", "utf-7", "a\0b", "nonsense"])
def test_what_makes_no_text_is_no_encoding(name):
    with pytest.raises(MappingError, match="is not an encoding"):
        read_mapping({"kind": "customers", "number": "id", "columns": {}, "file": {"encoding": name}})


@pytest.mark.parametrize("name", ["", "mixed", "utf-8", "UTF_16", "cp1252", "latin1", "mac-roman"])
def test_what_makes_text_is_one(name):
    assert read_mapping({"kind": "customers", "number": "id", "columns": {}, "file": {"encoding": name}})


@pytest.mark.parametrize("width", ["1e999999999", "9" * 40, 1e300])
def test_a_number_that_would_take_for_ever_to_write_out_is_none(width):
    with pytest.raises(MappingError, match="must be a number"):
        read_mapping(
            {"kind": "customers", "number": "id", "columns": {}, "file": {"format": "fixed", "widths": [width]}}
        )
