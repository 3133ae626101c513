"""The geometry of the charts stays inside the drawing and tells the truth."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.charts import (
    Interval,
    Mark,
    Series,
    Step,
    Stream,
    axis,
    bars,
    forest,
    funnel,
    histogram,
    horizontal_bars,
    line,
    sparkline,
    streams,
)

values = st.lists(st.none() | st.floats(-1e9, 1e9).map(lambda v: round(v, 3)), min_size=1, max_size=30)


@given(values)
def test_an_axis_holds_every_value_and_zero(known):
    scale = axis(known)
    for value in [0, *(v for v in known if v is not None)]:
        assert -0.01 <= scale.place(value) <= 100.01


@given(st.floats(0.001, 1e9))
def test_an_axis_has_few_ticks_equally_far_apart(top):
    ticks = axis([top]).ticks
    gaps = [b.value - a.value for a, b in itertools.pairwise(ticks)]
    assert 2 <= len(ticks) <= 7
    assert max(gaps) - min(gaps) <= 1e-6 * max(gaps) + 1e-9


@given(values)
def test_a_line_stays_inside_the_drawing(known):
    plot = line([str(i) for i in range(len(known))], [Series("a", known)])
    places = [float(n) for n in re.findall(r"-?[\d.]+(?:e-?\d+)?", plot.drawn[0].path)]
    assert all(-0.01 <= place <= 100.01 for place in places)
    assert len(places) == 2 * sum(v is not None for v in known)


def test_a_missing_value_breaks_the_line():
    assert line("abcde", [Series("a", [1, 2, None, 4, 5])]).drawn[0].path.count("M") == 2


def test_a_dashed_line_is_drawn_across_its_gaps_and_the_table_leaves_out_what_nobody_knows():
    lines = [Series("Known", [None, None, None, 4]), Series("Before", [1, None, 3, 4], is_dashed=True)]
    plot = line(["a", "b", "c", "d"], lines)
    assert [drawn.path.count("M") for drawn in plot.drawn] == [1, 1] and plot.drawn[1].path.count("L") == 2
    assert plot.rows == [("a", [None, 1]), ("c", [None, 3]), ("d", [4, 4])]


@given(st.lists(st.floats(0, 100), min_size=2, max_size=6))
def test_labels_at_the_end_of_lines_never_touch(ends):
    plot = line("ab", [Series(str(i), [0, end]) for i, end in enumerate(ends)])
    places = sorted(d.label_at for d in plot.drawn)
    assert all(b - a >= 8.9 for a, b in itertools.pairwise(places))
    assert places[0] >= 0 and places[-1] <= 100


def test_the_table_behind_a_chart_holds_its_values():
    plot = bars(["Mon", "Tue"], [Series("A", [1, 2]), Series("B", [3, None])])
    assert plot.rows == [("Mon", [1, 3]), ("Tue", [2, None])]


def test_bars_have_heights_in_the_proportion_of_their_values():
    marks = bars(["a", "b"], [Series("", [10, 40])]).drawn[0].marks
    assert marks[1].height == pytest.approx(4 * marks[0].height)


def test_a_negative_bar_hangs_below_zero():
    up, down = bars(["a", "b"], [Series("", [10, -10])]).drawn[0].marks
    assert up.y + up.height == pytest.approx(down.y)


def test_a_histogram_refuses_edges_that_do_not_fit():
    with pytest.raises(ValueError, match="2 counts need 3 edges, got 2"):
        histogram([0, 1], [4, 5])


def test_the_longest_row_fills_the_width():
    assert [r.width for r in horizontal_bars([Mark("a", 8), Mark("b", 2)])] == [100, 25]


def test_a_funnel_counts_what_each_step_lost():
    drawn = funnel([Step("match", 200), Step("consent", 150), Step("sent", 150)])
    assert [(d.width, d.lost, d.share) for d in drawn] == [(100, 0, 1), (75, 50, 0.75), (75, 0, 0.75)]


def test_a_funnel_of_nobody_is_drawn_empty():
    assert [d.width for d in funnel([Step("match", 0), Step("sent", 0)])] == [0, 0]


def test_a_forest_plot_puts_zero_between_an_interval_that_holds_it():
    drawn = forest([Interval("a", 0.01, -0.02, 0.04)])
    assert drawn.rows[0].start < drawn.zero < drawn.rows[0].end


def test_one_hopeless_interval_does_not_flatten_the_others():
    good = [Interval(str(i), 0.02, 0.01, 0.03) for i in range(3)]
    drawn = forest([*good, Interval("wild", 0.0, -9.0, 9.0)])
    assert drawn.rows[0].end - drawn.rows[0].start > 10
    assert drawn.rows[3].is_cut_left and drawn.rows[3].is_cut_right


def test_a_sparkline_of_equal_values_is_flat_in_the_middle():
    assert sparkline([5, 5, 5]) == "M0 50 L50 50 L100 50"


def test_a_sparkline_needs_two_values():
    assert sparkline([5, None]) == ""


def test_streams_are_as_wide_as_what_flows_and_meet_their_entries() -> None:
    drawn = streams(["a", "none"], ["a", "none"], [Stream(0, 0, 30), Stream(0, 1, 10), Stream(1, 0, 0)])
    assert [bank.count for bank in drawn.left] == [40, 0] and [bank.count for bank in drawn.right] == [30, 10]
    assert drawn.left[0].height == pytest.approx(drawn.right[0].height + drawn.right[1].height)
    assert len(drawn.ribbons) == 2 and drawn.left[1].colour == "hold-out"
    assert [bank.size for bank in drawn.left] == [40, 0]
    told = streams(["a", "none"], ["a", "none"], [Stream(0, 0, 30), Stream(0, 1, 10)], ([38, None], [30, None]))
    assert [bank.size for bank in (*told.left, *told.right)] == [38, None, 30, None]
    starts = [float(ribbon.path[1:].split()[1]) for ribbon in drawn.ribbons]
    assert starts == pytest.approx([drawn.left[0].y, drawn.left[0].y + drawn.right[0].height], abs=0.01)
