"""A list is sorted by what its headings offer, and by nothing else."""

import pytest

from crm.tables import Column, Order, direction, labelled, next_order, order

COLUMNS = [Column("Name", sort="name"), Column("Value", "number", sort="value"), Column("Notes")]


@pytest.mark.parametrize(
    "asked, expected",
    [
        ({}, Order("name")),
        ({"sort": "value"}, Order("value")),
        ({"sort": "-value"}, Order("value", is_descending=True)),
        ({"sort": "password"}, Order("name")),
        ({"sort": "--value"}, Order("name")),
        ({"sort": ""}, Order("name")),
    ],
)
def test_an_unknown_order_falls_back_to_the_usual_one(asked, expected):
    assert order(asked, COLUMNS, "name") == expected


def test_a_second_click_turns_the_order_round():
    name = COLUMNS[0]
    assert [next_order(name, sort) for sort in ("name", "-name", "value")] == ["-name", "name", "name"]


def test_only_the_sorted_column_says_its_direction():
    assert [direction(column, "-value") for column in COLUMNS] == ["", "descending", ""]


def test_cells_say_their_column_unless_they_say_something_else_or_are_joined():
    labels = ["Name", "Orders", "Last <seen>"]
    rows = '<tr><th>Anna</th>\n<td class="num">3</td><td>today</td></tr><tr><td colspan="3">Nobody</td></tr>'
    assert labelled(rows, labels) == (
        '<tr><th>Anna</th>\n<td class="num" data-label="Orders">3</td>'
        '<td data-label="Last &lt;seen&gt;">today</td></tr>'
        '<tr><td colspan="3">Nobody</td></tr>'
    )
    own = '<tr><th>Anna</th><td data-label="Own">3</td></tr>'
    assert labelled(own, labels) == own
