"""The map has a line per module that says something, floor by floor."""

from pathlib import Path

import pytest

from config import map as code_map


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for floor in code_map.FLOORS:
        (tmp_path / floor / "migrations").mkdir(parents=True)
        (tmp_path / floor / "__init__.py").write_text(f'"""The floor {floor}."""')
        (tmp_path / floor / "migrations" / "0001_initial.py").write_text('"""Not on the map."""')
    (tmp_path / "crm" / "orders.py").write_text('"""Orders | returns.\n\nMore."""\nimport os\n')
    (tmp_path / "crm" / "silent.py").write_text("import os\n")
    return tmp_path


def test_a_module_is_listed_with_the_first_line_of_its_docstring(house: Path) -> None:
    assert code_map.drawn(house).count("\n| [") == 1
    assert "| [crm/orders.py](../crm/orders.py) | Orders \\| returns. |" in code_map.drawn(house)


def test_floors_stand_from_the_roof_down_each_with_its_purpose(house: Path) -> None:
    text = code_map.drawn(house)
    places = [text.index(f"## {floor}\n\nThe floor {floor}.") for floor in code_map.FLOORS]
    assert places == sorted(places)
