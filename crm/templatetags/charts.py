"""Chart tags: each takes values, asks crm.charts for the geometry and draws it with its readable table."""

from collections.abc import Sequence
from typing import Any

from django import template

from crm import charts, figures

register = template.Library()
FOLDER = "components/charts"


@register.inclusion_tag(f"{FOLDER}/line.html")
def line_chart(
    title: str,
    labels: Sequence[str],
    series: Sequence[charts.Series],
    summary: str = "",
    unit: str = "number",
    with_zero: bool = True,
    is_area: bool | None = None,
) -> dict[str, Any]:
    plot = charts.line(labels, series, with_zero=with_zero)
    fills = len(series) == 1 if is_area is None else is_area
    return {
        "title": title,
        "summary": summary,
        "unit": unit,
        "plot": plot,
        "is_area": fills,
        "bands": _bands(plot, unit),
    }


@register.inclusion_tag(f"{FOLDER}/bars.html")
def bar_chart(
    title: str, labels: Sequence[str], series: Sequence[charts.Series], summary: str = "", unit: str = "number"
) -> dict[str, Any]:
    return {"title": title, "summary": summary, "unit": unit, "plot": charts.bars(labels, series)}


@register.inclusion_tag(f"{FOLDER}/histogram.html")
def histogram(
    title: str,
    edges: Sequence[charts.Value],
    counts: Sequence[int],
    summary: str = "",
    unit: str = "number",
) -> dict[str, Any]:
    plot = charts.histogram(edges, counts, lambda edge: figures.figure(edge, unit))
    return {"title": title, "summary": summary, "unit": "number", "plot": plot}


@register.inclusion_tag(f"{FOLDER}/horizontal_bars.html")
def horizontal_bars(title: str, rows: Sequence[charts.Mark], summary: str = "", unit: str = "number") -> dict[str, Any]:
    return {"title": title, "summary": summary, "unit": unit, "rows": charts.horizontal_bars(rows)}


@register.inclusion_tag(f"{FOLDER}/funnel.html")
def funnel(title: str, steps: Sequence[charts.Step], summary: str = "") -> dict[str, Any]:
    return {"title": title, "summary": summary, "steps": charts.funnel(steps)}


@register.inclusion_tag(f"{FOLDER}/forest.html")
def forest_plot(
    title: str, intervals: Sequence[charts.Interval], summary: str = "", unit: str = "share", digits: int = 1
) -> dict[str, Any]:
    return {"title": title, "summary": summary, "unit": unit, "digits": digits, "forest": charts.forest(intervals)}


@register.inclusion_tag(f"{FOLDER}/sparkline.html")
def sparkline(values: Sequence[charts.Value | None], label: str = "") -> dict[str, Any]:
    return {"path": charts.sparkline(values), "label": label}


@register.inclusion_tag(f"{FOLDER}/scatter.html")
def scatter_chart(
    title: str,
    points: Sequence[tuple[charts.Value, charts.Value, int, str]],
    groups: Sequence[str],
    summary: str = "",
    x_label: str = "",
    y_label: str = "",
) -> dict[str, Any]:
    """`groups` names the colours 1, 2, …; their sizes fill the table."""
    marks, x, y = charts.scatter(points)
    sizes = [(name, sum(1 for p in points if p[2] == i), i) for i, name in enumerate(groups, 1)]
    return {
        "title": title,
        "summary": summary,
        "marks": marks,
        "x": x,
        "y": y,
        "x_label": x_label,
        "y_label": y_label,
        "groups": sizes,
    }


@register.inclusion_tag(f"{FOLDER}/streams.html")
def streams_chart(
    title: str,
    left: Sequence[str],
    right: Sequence[str],
    counted: Sequence[charts.Stream],
    summary: str = "",
    ends: Sequence[str] = ("", ""),
    sizes: tuple[Sequence[int | None], Sequence[int | None]] | None = None,
) -> dict[str, Any]:
    """`ends` says what the two sides are, such as two days."""
    drawn = charts.streams(left, right, counted, sizes)
    return {"title": title, "summary": summary, "ends": ends, "drawn": drawn, "left": left, "right": right}


@register.filter
def ribbon_start(ribbon: charts.Ribbon, drawn: charts.Streams) -> str:
    return drawn.left[ribbon.stream.start].label


@register.filter
def ribbon_end(ribbon: charts.Ribbon, drawn: charts.Streams) -> str:
    return drawn.right[ribbon.stream.end].label


@register.filter
def ribbon_words(ribbon: charts.Ribbon, drawn: charts.Streams) -> str:
    """Where a ribbon leads, and how many it carries."""
    return f"{ribbon_start(ribbon, drawn)} → {ribbon_end(ribbon, drawn)}: {figures.number(ribbon.stream.count)}"


@register.filter
def labelled(axis: charts.Axis, unit: str) -> list[tuple[charts.Tick, str]]:
    """Each tick with its words, written with as few decimals as tell the ticks apart."""
    factor = 100 if unit == "share" else 1
    digits = next((d for d in range(4) if all(abs(t.value * factor * 10**d % 1) < 1e-6 for t in axis.ticks)), 4)
    return [(tick, figures.figure(tick.value, unit, digits)) for tick in axis.ticks]


@register.filter
def interval_words(row: charts.ForestRow, unit: str) -> str:
    """A difference with its interval in words: +2.1% (0.4% to 3.8%)."""
    i = row.interval
    if i.point is None or i.low is None or i.high is None:
        return figures.MISSING
    point, low, high = (figures.signed(v, unit, 1) for v in (i.point, i.low, i.high))
    return f"{point} ({low} … {high})"


def _bands(plot: charts.Plot, unit: str) -> list[charts.Mark]:
    """Upright bands to point at, one per label, that say all series at once."""
    width = 100 / max(len(plot.labels) - 1, 1)
    return [
        charts.Mark(_words(plot, i, unit), None, x=round(i * width - width / 2, 2), width=round(width, 2))
        for i in range(len(plot.labels))
    ]


def _words(plot: charts.Plot, position: int, unit: str) -> str:
    values = (
        f"{d.name}: {figures.figure(d.marks[position].value, unit)}"
        if d.name
        else figures.figure(d.marks[position].value, unit)
        for d in plot.drawn
    )
    return "\n".join([plot.labels[position], *values])
