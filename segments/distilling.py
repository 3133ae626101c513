"""A group distilled into a rule people can read and change: a small decision tree, its paths as conditions.

CART (Breiman, Friedman, Olshen and Stone 1984) as scikit-learn has it, one group against the rest. Pure: frame in, JSON
of the rule language out. Thresholds are made as round as the values around them allow, which changes nobody's answer.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import floor, log10
from typing import Any

import numpy as np
import pandas as pd

from segments.clusters import CATEGORIES, NUMBERS

MOST_LEAVES = 8
NEAR = 0.98  # of the best F1: a smaller tree that comes so close is preferred
LEAST_SHARE = 0.01  # of the rows in a leaf; smaller ones are chance


@dataclass(frozen=True)
class Column:
    """One column of the tree: a number, or whether a text is `value`. Missing numbers stand below all others."""

    feature: str
    kind: str
    value: str | None
    numbers: np.ndarray
    least: float = 0.0
    has_missing: bool = False


@dataclass
class Bounds:
    """What a path of the tree asks of one feature."""

    low: float | None = None
    high: float | None = None
    is_known: bool | None = None
    values: dict[str, bool] = field(default_factory=dict)


def distil(
    frame: pd.DataFrame, kinds: Mapping[str, str], inside: np.ndarray, *, seed: int = 1
) -> dict[str, Any] | None:
    """The rule's `where` that tells the marked rows (bool, shape (rows,)) from the others; None where no tree does."""
    columns = [column for key, kind in kinds.items() for column in _columns(frame, key, kind)]
    if not columns or inside.all() or not inside.any():
        return None
    matrix = np.column_stack([column.numbers for column in columns])
    tree = _smallest(matrix, inside, seed)
    paths = [_where(path, columns) for path in _paths(tree)] if tree is not None else []
    if not paths:
        return None
    return paths[0] if len(paths) == 1 else {"any": paths}


def _columns(frame: pd.DataFrame, key: str, kind: str) -> Iterator[Column]:
    if kind in NUMBERS:
        values = pd.to_numeric(frame[key], errors="coerce").astype(float)
        if values.notna().any():
            least = float(values.min())
            numbers = values.fillna(least - 1).to_numpy()
            yield Column(key, kind, None, numbers, least, bool(values.isna().any()))
        return
    given = frame[key].astype("string")
    for value in given.value_counts().head(CATEGORIES).index:
        yield Column(key, kind, str(value), (given == value).fillna(False).astype(float).to_numpy())


def _smallest(matrix: np.ndarray, inside: np.ndarray, seed: int) -> Any:
    """The tree with the fewest leaves among those that come near the best."""
    from sklearn.metrics import f1_score
    from sklearn.tree import DecisionTreeClassifier

    least = max(1, int(LEAST_SHARE * len(inside)))
    made = [
        DecisionTreeClassifier(max_leaf_nodes=leaves, min_samples_leaf=least, random_state=seed).fit(matrix, inside)
        for leaves in range(2, MOST_LEAVES + 1)
    ]
    scores = [float(f1_score(inside, one.predict(matrix))) for one in made]
    best = max(scores)
    return next((one for one, score in zip(made, scores, strict=True) if score >= NEAR * best), None) if best else None


def _paths(fitted: Any) -> list[list[tuple[int, float, bool]]]:
    """The ways to leaves where most are inside: (column, threshold, whether above it)."""
    tree, found = fitted.tree_, list[list[tuple[int, float, bool]]]()
    waiting: list[tuple[int, list[tuple[int, float, bool]]]] = [(0, [])]
    while waiting:
        node, path = waiting.pop(0)
        left, right = tree.children_left[node], tree.children_right[node]
        if left == right:
            if np.argmax(tree.value[node][0]) == 1:
                found.append(path)
            continue
        column, threshold = int(tree.feature[node]), float(tree.threshold[node])
        waiting += [(left, [*path, (column, threshold, False)]), (right, [*path, (column, threshold, True)])]
    return found


def _where(path: list[tuple[int, float, bool]], columns: list[Column]) -> dict[str, Any]:
    bounds: dict[str, Bounds] = {}
    for i, threshold, is_above in path:
        _narrow(bounds.setdefault(columns[i].feature, Bounds()), columns[i], threshold, is_above)
    by_feature = {column.feature: column for column in columns}
    parts = [part for key, bound in bounds.items() for part in _conditions(by_feature[key], bound)]
    return parts[0] if len(parts) == 1 else {"all": parts}


def _narrow(bound: Bounds, column: Column, threshold: float, is_above: bool) -> None:
    if column.value is not None:
        bound.values[column.value] = is_above
        return
    if threshold < column.least:  # missing on one side, every value on the other
        bound.is_known = is_above
        return
    limit = rounded(threshold, column.numbers)
    if is_above:
        bound.low = limit if bound.low is None else max(bound.low, limit)
    else:
        bound.high = limit if bound.high is None else min(bound.high, limit)


def rounded(threshold: float, values: np.ndarray) -> float:
    """The roundest number that parts the values as the threshold does.

    >>> rounded(17.35, np.array([3.0, 12.5, 22.2])), rounded(4.5, np.array([4.0, 5.0]))
    (20.0, 4.0)
    """
    below, above = float(values[values <= threshold].max()), float(values[values > threshold].min())
    for digits in range(1, 16):
        for found in (_significant(threshold, digits), _significant(below, digits)):
            if below <= found < above:
                return found
    return below


def _significant(value: float, digits: int) -> float:
    return round(value, digits - 1 - floor(log10(abs(value)))) if value else 0.0


def _conditions(column: Column, bound: Bounds) -> Iterator[dict[str, Any]]:
    if column.value is not None:
        yield from _of_values(column.feature, bound.values)
        return
    if bound.is_known is False:
        yield {"feature": column.feature, "op": "is_missing"}
        return
    if column.kind == "truth":
        yield from _of_truth(column, bound)
        return
    if bound.low is not None:
        yield {"feature": column.feature, "op": "more_than", "value": _written(bound.low, column.kind)}
    if bound.high is not None:
        may_miss = column.has_missing and bound.low is None and bound.is_known is None
        more = {"missing": "yes"} if may_miss else {}
        yield {"feature": column.feature, "op": "at_most", "value": _written(bound.high, column.kind), **more}
    if bound.is_known and bound.low is None and bound.high is None:
        yield {"feature": column.feature, "op": "is_present"}


def _of_truth(column: Column, bound: Bounds) -> Iterator[dict[str, Any]]:
    if bound.low is not None or bound.high is not None:
        is_true = bound.low is not None
        may_miss = column.has_missing and not is_true and bound.is_known is None
        yield {"feature": column.feature, "op": "is", "value": is_true, **({"missing": "yes"} if may_miss else {})}
    elif bound.is_known:
        yield {"feature": column.feature, "op": "is_present"}


def _of_values(feature: str, values: Mapping[str, bool]) -> Iterator[dict[str, Any]]:
    if chosen := [value for value, is_it in values.items() if is_it]:
        yield {"feature": feature, "op": "is", "value": chosen[0]}
        return
    others = sorted(values)
    same = {"op": "is_not", "value": others[0]} if len(others) == 1 else {"op": "none_of", "value": others}
    yield {"feature": feature, **same, "missing": "yes"}


def _written(value: float, kind: str) -> Any:
    if value == int(value) and abs(value) < 1e15:
        return int(value)
    return f"{value:.4f}".rstrip("0").rstrip(".") if kind == "money" else value
