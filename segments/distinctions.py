"""What the members of a segment have in common that others have not: feature by feature, counted in the engine."""

from collections.abc import Mapping
from math import sqrt
from typing import Any

import ibis
import pyarrow as pa

from profiles.catalogue import Feature
from segments import ledger
from segments.clusters import CATEGORIES, NUMBERS, Distinction
from segments.evaluation import Engine
from segments.rules import tables

VALUES = ("text", "choice")
TELLING = 0.1  # standard deviations; what differs less is not worth a line
CHOSEN = ibis.table({"customer_id": "int64"}, name="chosen")


def of_members(members: ledger.Ids, engine: Engine, *, most: int = 10) -> tuple[Distinction, ...]:
    """The features in which the members differ most from all customers, the telling ones first."""
    features = {key: feature for key, feature in engine.catalogue.items() if feature.sensitivity == "normal"}
    if not len(members):
        return ()
    extra = {"chosen": pa.table({"customer_id": pa.array(members)})}
    found = _numbers(engine, features, extra) + _values(engine, features, extra)
    telling = [row for row in found if abs(row.strength) >= TELLING]
    return tuple(sorted(telling, key=lambda row: (-abs(row.strength), row.feature, row.value or ""))[:most])


def _numbers(engine: Engine, features: Mapping[str, Feature], extra: Mapping[str, pa.Table]) -> list[Distinction]:
    """Means against everyone's, in standard deviations (Cohen's d): one pass over the profiles."""
    keys = [key for key, feature in features.items() if feature.kind in NUMBERS]
    profile = tables.profile_table(engine.catalogue)
    inside = profile.customer_id.isin(CHOSEN.customer_id)
    columns: dict[str, Any] = {}
    for i, key in enumerate(keys):
        value = profile[key].cast("float64")
        columns |= {f"all{i}": value.mean(), f"spread{i}": value.std(), f"in{i}": value.mean(where=inside)}
    if not keys:
        return []
    row = engine.select(profile.aggregate(**columns), extra).to_pylist()[0]
    return [
        Distinction(key, None, row[f"in{i}"], row[f"all{i}"], (row[f"in{i}"] - row[f"all{i}"]) / row[f"spread{i}"])
        for i, key in enumerate(keys)
        if row[f"in{i}"] is not None and (row[f"spread{i}"] or 0) > 0
    ]


def _values(engine: Engine, features: Mapping[str, Feature], extra: Mapping[str, pa.Table]) -> list[Distinction]:
    """Shares of the frequent values against everyone's share of them."""
    keys = [key for key, feature in features.items() if feature.kind in VALUES]
    rows = [row for key in keys for row in _shares(engine, key, extra)]
    return [
        Distinction(key, value, inside, share, (inside - share) / sqrt(share * (1 - share)))
        for key, value, inside, share in rows
    ]


def _shares(engine: Engine, key: str, extra: Mapping[str, pa.Table]) -> list[tuple[str, str, float, float]]:
    profile = tables.profile_table(engine.catalogue)
    counted = profile.select(value=profile[key], inside=profile.customer_id.isin(CHOSEN.customer_id).cast("int64"))
    grouped = counted.group_by("value").aggregate(everyone=counted.count(), inside=counted.inside.sum())
    top = grouped.mutate(of_all=grouped.everyone.sum().over(), of_inside=grouped.inside.sum().over())
    rows = engine.select(top.order_by(ibis.desc("everyone")).limit(CATEGORIES + 1), extra).to_pylist()
    return [
        (key, row["value"], float(row["inside"] / row["of_inside"]), float(row["everyone"] / row["of_all"]))
        for row in rows
        if row["value"] and row["everyone"] < row["of_all"]
    ]
