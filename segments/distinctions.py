"""What the members of a segment have in common that others have not: feature by feature, counted in the engine."""

from collections.abc import Mapping
from functools import lru_cache
from math import sqrt
from typing import Any

import ibis
import pyarrow as pa

from profiles.catalogue import Feature
from segments import intervals, ledger
from segments.clusters import CATEGORIES, NUMBERS, Distinction
from segments.evaluation import Engine
from segments.rules import compiler, tables

VALUES = ("text", "choice")
TELLING = 0.1  # standard deviations; what differs less is not worth a line
CHOSEN = ibis.table({"customer_id": "int64"}, name="chosen")


def of_members(members: ledger.Ids, engine: Engine, *, most: int = 10) -> tuple[Distinction, ...]:
    """The features in which the members differ most from all customers, the telling ones first.

    What differs by less than a tenth of a standard deviation, or whose interval holds everyone's figure, is left out.
    """
    features = {key: feature for key, feature in engine.catalogue.items() if feature.sensitivity == "normal"}
    if not len(members):
        return ()
    extra = {"chosen": pa.table({"customer_id": pa.array(members)})}
    found = _numbers(engine, features, extra) + _values(engine, features, extra)
    telling = [row for row in found if abs(row.strength) >= TELLING and row.is_certain]
    return tuple(sorted(telling, key=lambda row: (-abs(row.strength), row.feature, row.value or ""))[:most])


def _numbers(engine: Engine, features: Mapping[str, Feature], extra: Mapping[str, pa.Table]) -> list[Distinction]:
    """Means against everyone's, in standard deviations (Cohen's d): one pass over the profiles."""
    keys = [key for key, feature in features.items() if feature.kind in NUMBERS]
    if not keys:
        return []
    statement = numbers_statement(tuple((key, features[key].kind) for key in keys))
    row = engine.select(statement, extra).to_pylist()[0]
    return [
        _of_number(features[key], *(row[f"{name}{i}"] for name in ("in", "all", "spread", "own", "n")))
        for i, key in enumerate(keys)
        if row[f"in{i}"] is not None and (row[f"spread{i}"] or 0) > 0
    ]


@lru_cache(maxsize=64)
def numbers_statement(columns: tuple[tuple[str, str], ...]) -> str:
    """Means and spreads of everyone and of the chosen; building it takes longer than running it."""
    kinds = {key: tables.COLUMN_TYPES[kind] for key, kind in columns}
    profile = ibis.table({"customer_id": "int64", **kinds}, name="profile")
    is_chosen = profile.customer_id.isin(CHOSEN.customer_id)  # a column of its own: asked once, not once per measure
    profile = profile.select(inside=is_chosen, **{key: profile[key].cast("float64") for key in kinds})
    measures: dict[str, Any] = {}
    for i, key in enumerate(kinds):
        value = profile[key]
        measures |= {f"all{i}": value.mean(), f"spread{i}": value.std(), f"in{i}": value.mean(where=profile.inside)}
        measures |= {f"own{i}": value.std(where=profile.inside), f"n{i}": value.count(where=profile.inside)}
    return compiler.sql(profile.aggregate(**measures))


def _of_number(
    feature: Feature, inside: float, everyone: float, spread: float, own: float | None, people: int
) -> Distinction:
    is_share = feature.kind == "truth"
    low, high = intervals.of_share(inside, people) if is_share else intervals.of_mean(inside, own or 0.0, people)
    return Distinction(feature.key, None, inside, everyone, (inside - everyone) / spread, low, high)


def _values(engine: Engine, features: Mapping[str, Feature], extra: Mapping[str, pa.Table]) -> list[Distinction]:
    """Shares of the frequent values against everyone's share of them."""
    keys = [key for key, feature in features.items() if feature.kind in VALUES]
    return [row for key in keys for row in _shares(engine, key, extra)]


def _shares(engine: Engine, key: str, extra: Mapping[str, pa.Table]) -> list[Distinction]:
    profile = tables.profile_table(engine.catalogue)
    counted = profile.select(value=profile[key], inside=profile.customer_id.isin(CHOSEN.customer_id).cast("int64"))
    grouped = counted.group_by("value").aggregate(everyone=counted.count(), inside=counted.inside.sum())
    top = grouped.mutate(of_all=grouped.everyone.sum().over(), of_inside=grouped.inside.sum().over())
    rows = engine.select(top.order_by(ibis.desc("everyone")).limit(CATEGORIES + 1), extra).to_pylist()
    return [
        _of_value(
            key, row["value"], float(row["inside"]), int(row["of_inside"]), float(row["everyone"] / row["of_all"])
        )
        for row in rows
        if row["value"] and row["everyone"] < row["of_all"] and row["of_inside"]
    ]


def _of_value(key: str, value: str, inside: float, people: int, everyone: float) -> Distinction:
    share = inside / people
    strength = (share - everyone) / sqrt(everyone * (1 - everyone))
    return Distinction(key, value, share, everyone, strength, *intervals.of_share(share, people))
