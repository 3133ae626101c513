"""`bench` finds its modules, refuses unknown names, and prints figures for people and machines."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from config import benchmarks
from config.management.commands import bench


@pytest.mark.parametrize("name", benchmarks.names())
def test_every_benchmark_can_be_run_and_says_what_it_measures(name: str) -> None:
    run = benchmarks.runner(name)
    assert callable(run)
    assert run.__doc__ and run.__doc__.strip()


def test_json_holds_the_figures_by_benchmark() -> None:
    out = StringIO()
    call_command("bench", "broker", "--json", stdout=out)
    assert set(json.loads(out.getvalue())["broker"]) == {"put_per_second", "take_per_second", "put_vs_bare"}


def test_an_unknown_name_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(CommandError, match=r"No benchmark is called nonsense; there are .*broker"):
        call_command("bench", "nonsense")


def test_tables_align_names_to_the_left_and_numbers_to_the_right() -> None:
    table = bench.as_table({"growth": 1.25, "rows": 1234567, "pages": [{"page": "home", "queries": 4}]})
    assert table.splitlines() == [
        "  growth       1.25",
        "  rows    1,234,567",
        "  page  queries",
        "  home        4",
    ]
