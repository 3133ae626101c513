"""How far features tell each other, measured on a snapshot: what may stand for a field that must not be used.

Strength is Cramér's V with Bergsma's correction (Bergsma 2013, Journal of the Korean Statistical Society 42, 323–328):
0 when one feature says nothing of the other, 1 when it decides it. Numbers and dates are cut at their quintiles, of
texts and lists the commonest values count, each of the others as “another”. Only customers of whom both are known.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Final

from profiles.catalogue import Feature

STRONG: Final = 0.3  # a medium effect (Cohen 1988, Statistical Power Analysis, table 7.2.3)
FEWEST: Final = 100  # customers of whom both are known; fewer tell nothing
COMMONEST: Final = 20
CUTS: Final = (0.2, 0.4, 0.6, 0.8)
CUT: Final = ("number", "money", "date", "datetime")


@dataclass(frozen=True)
class Association:
    """Two features that tell each other. `people` is how many customers have both."""

    feature: str
    other: str
    strength: float
    people: int


def measured(engine: Any, usual: Sequence[Feature], guarded: Sequence[Feature]) -> tuple[Association, ...]:
    """The usual features that tell a guarded one, the strongest first, on an open snapshot."""
    found = (Association(*pair, *strength(cells)) for pair, cells in counted(engine, usual, guarded).items())
    strong = [one for one in found if one.strength >= STRONG and one.people >= FEWEST]
    return tuple(sorted(strong, key=lambda one: (-one.strength, one.feature, one.other)))


def counted(
    engine: Any, usual: Sequence[Feature], others: Sequence[Feature]
) -> dict[tuple[str, str], list[tuple[int, int, int]]]:
    """Per pair of features the filled cells of their table: row, column, customers; the values as codes."""
    pairs = [(one, other) for one in usual for other in others]
    cells = " union all ".join(
        f"select {i} as pair, {_name(one)} as a, {_name(other)} as b, count(*) as n from codes"
        f" where {_name(one)} is not null and {_name(other)} is not null group by all"
        for i, (one, other) in enumerate(pairs)
    )
    found: dict[tuple[str, str], list[tuple[int, int, int]]] = {(one.key, other.key): [] for one, other in pairs}
    keys = list(found)
    engine.execute(f"create temp table codes as {codes_sql([*usual, *others])}")
    for pair, a, b, n in engine.execute(cells).fetchall():
        found[keys[pair]].append((a, b, n))
    return found


def codes_sql(features: Sequence[Feature]) -> str:
    """A small whole number per feature and customer: its fifth, or the rank of its value; NULL where it is missing."""
    limits = ", ".join(f"{LIMITS[one.kind in CUT](one)} as {_name(one)}" for one in features)
    codes = ", ".join(f"{CODES[one.kind in CUT](one)} as {_name(one)}" for one in features)
    return f"with limits as (select {limits}) select {codes} from profile p, limits l"


def _name(feature: Feature) -> str:
    return f'"{feature.key}"'


def _value(feature: Feature, table: str) -> str:
    """The value as a number to be cut, or as a text to be ranked."""
    column = f"{table}{_name(feature)}"
    if feature.kind in ("date", "datetime"):
        return f"epoch({column})"
    if feature.kind == "list":
        return f"list_sort({column})::varchar"
    return f"{column}::double" if feature.kind in CUT else f"{column}::varchar"


def _cuts(feature: Feature) -> str:
    return f"(select quantile_cont({_value(feature, '')}, {list(CUTS)}) from profile)"


def _ranked(feature: Feature) -> str:
    value = _value(feature, "")
    commonest = f"select {value} as v from profile where v is not null group by v order by count(*) desc, v"
    return f"(select list(v) from ({commonest} limit {COMMONEST}))"


def _fifth(feature: Feature) -> str:
    value = _value(feature, "p.")
    return " + ".join(f"({value} > l.{_name(feature)}[{i + 1}])::tinyint" for i in range(len(CUTS)))


def _rank(feature: Feature) -> str:
    value = _value(feature, "p.")
    return f"case when {value} is not null then coalesce(list_position(l.{_name(feature)}, {value}), 0) end"


LIMITS: Final = (_ranked, _cuts)
CODES: Final = (_rank, _fifth)


def strength(cells: Sequence[tuple[int, int, int]]) -> tuple[float, int]:
    """Cramér's V, corrected, and the customers, of a table given by its filled cells (row, column, count).

    >>> strength([(0, 0, 50), (1, 1, 50)])[0] > 0.99, strength([(0, 0, 25), (0, 1, 25), (1, 0, 25), (1, 1, 25)])
    (True, (0.0, 100))
    """
    rows, columns = _sums(cells, 0), _sums(cells, 1)
    n, r, k = sum(rows.values()), len(rows), len(columns)
    if n < 2 or min(r, k) < 2:
        return 0.0, n
    squared = sum(count**2 / (rows[a] * columns[b]) for a, b, count in cells) - 1  # χ² ÷ n
    squared = max(0.0, squared - (r - 1) * (k - 1) / (n - 1))
    room = min(r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)) - 1
    return (min(1.0, sqrt(squared / room)) if room > 0 else 0.0), n


def _sums(cells: Sequence[tuple[int, int, int]], place: int) -> dict[int, int]:
    found: dict[int, int] = {}
    for cell in cells:
        found[cell[place]] = found.get(cell[place], 0) + cell[2]
    return found


def standing_for(keys: Iterable[str], found: Sequence[Association]) -> list[Association]:
    """The associations of the named features, the strongest of each."""
    asked, best = set(keys), dict[str, Any]()
    for one in found:
        if one.feature in asked:
            best.setdefault(one.feature, one)
    return list(best.values())
