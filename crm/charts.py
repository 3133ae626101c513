"""Geometry of the charts: pure functions from values to places in per cent of the drawing, y downwards."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import groupby, pairwise
from math import ceil, floor, log10

Value = int | float | Decimal
MAXIMUM_COLOURS = 6
BANK_GAP = 5.0  # per cent of the height between two entries of a picture of streams
LEAST_LABEL_GAP = 9.0  # per cent of the height: two lines of small print do not touch
STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Series:
    """One line or one group of bars; `None` among the values is a gap. `colour` is 1–6, or "hold-out" for grey.

    A dashed line is an estimate: it is drawn across its gaps, and without a name at its end.
    """

    name: str
    values: Sequence[Value | None]
    colour: int | str | None = None
    is_dashed: bool = False


@dataclass(frozen=True)
class Interval:
    """One row of a forest plot: a difference with its 95 % interval, and the word that judges it."""

    label: str
    point: Value | None
    low: Value | None
    high: Value | None
    verdict: str = ""
    tone: str = "neutral"
    note: str = ""


@dataclass(frozen=True)
class Step:
    """One step of a funnel: how many are left, and why the others were lost."""

    label: str
    count: int
    reason: str = ""
    url: str = ""


@dataclass(frozen=True)
class Tick:
    """A labelled value at `at` per cent from the low end of its axis."""

    value: float
    at: float

    @property
    def from_top(self) -> float:
        return round(100 - self.at, 2)


@dataclass(frozen=True)
class Axis:
    """A range of values with ticks at round steps; `place` turns a value into per cent from `low`."""

    low: float
    high: float
    ticks: tuple[Tick, ...]

    def place(self, value: Value) -> float:
        return round((float(value) - self.low) / (self.high - self.low) * 100, 2)


@dataclass(frozen=True)
class Mark:
    """One drawn value: a point, or a box with width and height."""

    label: str
    value: Value | None
    x: float = 0
    y: float = 0
    width: float = 0
    height: float = 0
    colour: int | str = 1
    name: str = ""
    note: str = ""
    url: str = ""


@dataclass(frozen=True)
class Drawn:
    """A series with its path, its marks and the place of its own label."""

    name: str
    colour: int | str
    path: str
    area: str
    marks: tuple[Mark, ...]
    label_at: float
    is_dashed: bool = False


@dataclass(frozen=True)
class Plot:
    """A chart on two axes. Ticks of `x` carry the index of their label."""

    labels: tuple[str, ...]
    drawn: tuple[Drawn, ...]
    y: Axis
    x: tuple[Mark, ...]

    @property
    def has_dashed(self) -> bool:
        return any(d.is_dashed for d in self.drawn)

    @property
    def rows(self) -> list[tuple[str, list[Value | None]]]:
        """The readable table behind the picture: one row per label of which anything is known, one value per series."""
        found = [(label, [s.marks[i].value for s in self.drawn]) for i, label in enumerate(self.labels)]
        return [(label, values) for label, values in found if any(value is not None for value in values)]


@dataclass(frozen=True)
class ForestRow:
    interval: Interval
    x: float
    start: float
    end: float
    is_cut_left: bool
    is_cut_right: bool


@dataclass(frozen=True)
class Forest:
    rows: tuple[ForestRow, ...]
    axis: Axis
    zero: float

    @property
    def has_values(self) -> bool:
        """Whether anything is drawn that an axis could measure."""
        return any(row.interval.point is not None for row in self.rows)


@dataclass(frozen=True)
class FunnelStep:
    step: Step
    width: float
    lost: int
    share: float


@dataclass(frozen=True)
class Stream:
    """So many went from the left entry `start` to the right entry `end`; both are positions."""

    start: int
    end: int
    count: int


@dataclass(frozen=True)
class Bank:
    """An entry of one side of a picture of streams: `y` and `height` in per cent of its height.

    `count` flows through it; `size` is the number beside its name, None for none.
    """

    label: str
    count: int
    colour: int | str
    y: float
    height: float
    size: int | None

    @property
    def middle(self) -> float:
        return round(self.y + self.height / 2, 2)


@dataclass(frozen=True)
class Ribbon:
    """A drawn stream: its path in a box of 100 × 100."""

    stream: Stream
    colour: int | str
    path: str


@dataclass(frozen=True)
class Streams:
    left: tuple[Bank, ...]
    right: tuple[Bank, ...]
    ribbons: tuple[Ribbon, ...]


def axis(values: Iterable[Value | None], *, with_zero: bool = True, count: int = 4) -> Axis:
    """An axis over all values with about `count` round steps.

    >>> [tick.value for tick in axis([3, 38]).ticks]
    [0.0, 10.0, 20.0, 30.0, 40.0]
    """
    known = [float(v) for v in values if v is not None] or [0.0]
    low, high = (min(0.0, *known), max(0.0, *known)) if with_zero else (min(known), max(known))
    step = _step((high - low) / count or 1)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    last = max(last, first + 1)
    spots = [
        Tick(float(f"{i * step:.12g}"), round((i - first) / (last - first) * 100, 2)) for i in range(first, last + 1)
    ]
    return Axis(spots[0].value, spots[-1].value, tuple(spots))


def line(labels: Sequence[str], series: Sequence[Series], *, with_zero: bool = True) -> Plot:
    """Lines over ordered labels, each with its area down to the axis."""
    y = axis((v for s in series for v in s.values), with_zero=with_zero)
    places = _spread(len(labels))
    lines = [_line(s, labels, places, y, _colour(s, i)) for i, s in enumerate(series)]
    return Plot(tuple(labels), _with_label_places(lines), y, _x_labels(labels, places))


def bars(labels: Sequence[str], series: Sequence[Series]) -> Plot:
    """Upright bars, grouped by label; negative values hang below zero."""
    y = axis(v for s in series for v in s.values)
    slot = 100 / max(len(labels), 1)
    width = slot * 0.72 / max(len(series), 1)

    def bar(s: Series, k: int, i: int) -> Mark:
        left = i * slot + slot * 0.14 + k * width
        return _bar(labels[i], s.values[i], left, width * 0.94, y, _colour(s, k), s.name)

    drawn = tuple(
        Drawn(s.name, _colour(s, k), "", "", tuple(bar(s, k, i) for i in range(len(labels))), 0)
        for k, s in enumerate(series)
    )
    return Plot(tuple(labels), drawn, y, _x_labels(labels, [(i + 0.5) * slot for i in range(len(labels))]))


def histogram(edges: Sequence[Value], counts: Sequence[int], write: Callable[[Value], str] = str) -> Plot:
    """Touching bars between `edges`, one more than `counts`; edges are equally far apart."""
    if len(edges) != len(counts) + 1:
        raise ValueError(f"{len(counts)} counts need {len(counts) + 1} edges, got {len(edges)}.")
    y = axis(counts)
    slot = 100 / max(len(counts), 1)
    labels = [f"{write(low)}–{write(high)}" for low, high in pairwise(edges)]
    marks = tuple(_bar(labels[i], n, i * slot + 0.2, slot - 0.4, y, 1, "") for i, n in enumerate(counts))
    ends = [Mark(write(edge), None, x=round(i * slot, 2)) for i, edge in enumerate(edges)]
    every = max(1, ceil(len(ends) / 8))
    return Plot(tuple(labels), (Drawn("", 1, "", "", marks, 0),), y, tuple(ends[::every]))


def horizontal_bars(rows: Sequence[Mark]) -> tuple[Mark, ...]:
    """Rows with a width relative to the largest; give label, value and, if wanted, colour, note and url."""
    most = max((abs(float(r.value or 0)) for r in rows), default=0) or 1
    return tuple(replace(row, width=_per_cent(abs(float(row.value or 0)), most)) for row in rows)


def funnel(steps: Sequence[Step]) -> tuple[FunnelStep, ...]:
    """Each step against the first: its width in per cent, its share in 0–1 and how many were lost on the way to it."""
    first = steps[0].count if steps else 0
    before = [first, *(s.count for s in steps)]
    return tuple(
        FunnelStep(s, _per_cent(s.count, first), before[i] - s.count, s.count / first if first else 0.0)
        for i, s in enumerate(steps)
    )


def forest(intervals: Sequence[Interval]) -> Forest:
    """Points with intervals on one axis that holds zero.

    The axis is set by the points and by four times the median half-width, so that one hopeless interval
    does not flatten the rest; what reaches further is cut and marked so.
    """
    scale = axis(_forest_values(intervals), count=4)
    return Forest(tuple(_forest_row(i, scale) for i in intervals), scale, scale.place(0))


def sparkline(values: Sequence[Value | None]) -> str:
    """A path in a box of 100 × 100, the smallest value at the bottom; empty when fewer than two are known."""
    known = [float(v) for v in values if v is not None]
    if len(known) < 2:
        return ""
    low, high = min(known), max(known)
    y = Axis(low, high, ()) if high > low else Axis(low - 1, low + 1, ())
    places = zip(_spread(len(values)), values, strict=True)
    return _path([None if v is None else (x, 100 - y.place(v)) for x, v in places])


def scatter(points: Sequence[tuple[Value, Value, int, str]]) -> tuple[tuple[Mark, ...], Axis, Axis]:
    """Points (x, y, colour 1–6, label) on two axes that need not hold zero."""
    x = axis((p[0] for p in points), with_zero=False)
    y = axis((p[1] for p in points), with_zero=False)
    marks = tuple(Mark(label, b, x=x.place(a), y=round(100 - y.place(b), 2), colour=c) for a, b, c, label in points)
    return marks, x, y


def streams(
    left: Sequence[str],
    right: Sequence[str],
    counted: Sequence[Stream],
    sizes: tuple[Sequence[int | None], Sequence[int | None]] | None = None,
) -> Streams:
    """Two columns of entries as high as what leaves or reaches them, and ribbons between; the last entry is grey.

    `sizes` are the numbers to say at the entries of both sides, where streams count somebody twice.
    """
    flowing = sorted((one for one in counted if one.count > 0), key=lambda one: (one.start, one.end))
    out = [sum(one.count for one in flowing if one.start == i) for i in range(len(left))]
    into = [sum(one.count for one in flowing if one.end == i) for i in range(len(right))]
    gaps = BANK_GAP * (max(len(left), len(right)) - 1)
    per_one = max(100 - gaps, 20) / max(sum(out), 1)
    before, after = sizes or (out, into)
    begin, end = _banks(left, out, per_one, before), _banks(right, into, per_one, after)
    return Streams(begin, end, tuple(_ribbons(flowing, begin, end, per_one)))


def _banks(
    names: Sequence[str], counts: Sequence[int], per_one: float, sizes: Sequence[int | None]
) -> tuple[Bank, ...]:
    heights = [round(count * per_one, 2) for count in counts]
    used = sum(heights) + BANK_GAP * (len(names) - 1)
    y, found = (100 - used) / 2, []
    for i, (name, count, height, size) in enumerate(zip(names, counts, heights, sizes, strict=True)):
        colour = "hold-out" if i == len(names) - 1 else i % MAXIMUM_COLOURS + 1
        found.append(Bank(name, count, colour, round(y, 2), height, size))
        y += height + BANK_GAP
    return tuple(found)


def _ribbons(
    flowing: Sequence[Stream], left: Sequence[Bank], right: Sequence[Bank], per_one: float
) -> Iterable[Ribbon]:
    """Each ribbon leaves below the one before it, and arrives below those from above."""
    free_left, free_right = [bank.y for bank in left], [bank.y for bank in right]
    for one in flowing:
        height = one.count * per_one
        a, b = free_left[one.start], free_right[one.end]
        free_left[one.start], free_right[one.end] = a + height, b + height
        path = f"M0 {a:.2f} C50 {a:.2f} 50 {b:.2f} 100 {b:.2f} L100 {b + height:.2f} C50 {b + height:.2f} 50 "
        yield Ribbon(one, left[one.start].colour, f"{path}{a + height:.2f} 0 {a + height:.2f} Z")


def _step(rough: float) -> float:
    power = 10.0 ** floor(log10(rough))
    return next(s * power for s in STEPS if s * power >= rough * 0.999)


def _spread(count: int) -> list[float]:
    return [50.0] if count == 1 else [round(i / (count - 1) * 100, 2) for i in range(count)]


def _colour(series: Series, position: int) -> int | str:
    return series.colour or position % MAXIMUM_COLOURS + 1


def _line(s: Series, labels: Sequence[str], places: Sequence[float], y: Axis, colour: int | str) -> Drawn:
    spots = [None if v is None else (x, round(100 - y.place(v), 2)) for x, v in zip(places, s.values, strict=True)]
    marks = tuple(
        Mark(label, v, x=x, y=spot[1] if spot else 0, colour=colour, name=s.name)
        for label, v, x, spot in zip(labels, s.values, places, spots, strict=True)
    )
    last = next((spot[1] for spot in reversed(spots) if spot), 50.0)
    path = _path(filter(None, spots) if s.is_dashed else spots)
    area = "" if s.is_dashed else _area(spots, 100 - y.place(max(0, y.low)))
    return Drawn(s.name, colour, path, area, marks, last, s.is_dashed)


def _path(spots: Iterable[tuple[float, float] | None]) -> str:
    runs = _runs(spots)
    return " ".join("M" + " L".join(f"{x:g} {y:g}" for x, y in run) for run in runs)


def _runs(spots: Iterable[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    """Stretches of known places, cut at the gaps."""
    return [[spot for spot in run if spot] for known, run in groupby(spots, key=bool) if known]


def _area(spots: Iterable[tuple[float, float] | None], ground: float) -> str:
    runs = _runs(spots)
    return " ".join(
        f"M{run[0][0]:g} {ground:g} L" + " L".join(f"{x:g} {y:g}" for x, y in run) + f" L{run[-1][0]:g} {ground:g} Z"
        for run in runs
    )


def _with_label_places(lines: list[Drawn]) -> tuple[Drawn, ...]:
    """Push the labels at the right end apart, from the top down, then back up from the bottom."""
    order = sorted(range(len(lines)), key=lambda i: lines[i].label_at)
    places: dict[int, float] = {}
    free = 0.0
    for i in order:
        places[i] = max(lines[i].label_at, free)
        free = places[i] + LEAST_LABEL_GAP
    limit = 100.0
    for i in reversed(order):
        places[i] = min(places[i], limit)
        limit = places[i] - LEAST_LABEL_GAP
    return tuple(replace(d, label_at=round(places[i], 2)) for i, d in enumerate(lines))


def _x_labels(labels: Sequence[str], places: Sequence[float], most: int = 7) -> tuple[Mark, ...]:
    every = max(1, ceil(len(labels) / most))
    return tuple(Mark(labels[i], None, x=round(places[i], 2)) for i in range(0, len(labels), every))


def _bar(label: str, value: Value | None, left: float, width: float, y: Axis, colour: int | str, name: str) -> Mark:
    ground, top = 100 - y.place(0), 100 - y.place(value or 0)
    x, upper, height = (round(place, 2) for place in (left, min(ground, top), abs(ground - top)))
    return Mark(label, value, x=x, y=upper, width=round(width, 2), height=height, colour=colour, name=name)


def _per_cent(part: Value, whole: Value) -> float:
    return round(float(part) / float(whole) * 100, 2) if whole else 0.0


def _forest_values(intervals: Sequence[Interval]) -> list[float]:
    known = [known for i in intervals if (known := _known(i))]
    if not known:
        return [-1.0, 1.0]
    halves = sorted((high - low) / 2 for _, low, high in known)
    reach = halves[(len(halves) - 1) // 2] * 4
    return [end for point, low, high in known for end in (max(low, point - reach), min(high, point + reach))]


def _forest_row(interval: Interval, scale: Axis) -> ForestRow:
    known = _known(interval)
    if not known:
        return ForestRow(interval, 0, 0, 0, False, False)
    x, start, end = (scale.place(value) for value in known)
    return ForestRow(interval, x, max(start, 0.0), min(end, 100.0), start < 0, end > 100)


def _known(interval: Interval) -> tuple[float, float, float] | None:
    if interval.point is None or interval.low is None or interval.high is None:
        return None
    return float(interval.point), float(interval.low), float(interval.high)
