"""Features in the list of customers: as filters, answered by the newest snapshot at once, and as columns."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.utils.translation import get_language

from crm.lists.columns import ListColumn
from crm.lists.columns import Source as ColumnSource
from crm.lists.conditions import Condition, Subject
from crm.lists.conditions import Source as FilterSource
from crm.rights import Actor
from profiles import queries
from profiles.catalogue import Feature
from profiles.queries import NoSnapshot
from profiles.wording import dimension

NAME = "feature"
# The condition of each operator in the engine's words; values are parameters.
COMPARED = {
    "is": '"{key}" = ?',
    "not": 'coalesce("{key}" <> ?, true)',
    "holds": 'list_contains("{key}", ?)',
    "least": '"{key}" >= ?',
    "most": '"{key}" <= ?',
    "from": '"{key}"::date >= ?',
    "until": '"{key}"::date <= ?',
    "known": '"{key}" is not null',
    "unknown": '"{key}" is null',
}


def features(actor: Actor) -> Iterator[Feature]:
    """What the actor may see of others in a list: special categories are shown on one customer's page only.

    Tags have a column and a filter of their own there, which read them as they stand.
    """
    for feature in queries.catalogue().values():
        if feature.key != "tags" and feature.sensitivity != "special" and queries.is_open_to(actor, feature):
            yield feature


def label(feature: Feature) -> str:
    return feature.label_fi if is_finnish() else feature.label


def is_finnish() -> bool:
    return (get_language() or "").startswith("fi")


def subjects(actor: Actor) -> Iterator[Subject]:
    for one in features(actor):
        choices = tuple((choice, one.named(choice, is_finnish=is_finnish())) for choice in one.choices)
        kind = one.kind if one.kind != "choice" or choices else "text"
        yield Subject(f"{NAME}.{one.key}", label(one), dimension(one), kind, choices, one.unit)


def narrowed(actor: Actor, asked: Condition) -> np.ndarray:
    """The ids of customers whose feature is so, ascending. Raises NoSnapshot before the first build."""
    key = asked.subject.key.partition(".")[2]
    condition = COMPARED[asked.operator].format(key=key)
    values = [] if asked.value is None else [asked.value]
    question = f"select customer_id from profile where {condition} order by customer_id"
    return queries.select(question, parameters=values)["customer_id"].to_numpy()


def columns(actor: Actor) -> Iterator[ListColumn]:
    for one in features(actor):
        yield ListColumn(f"{NAME}.{one.key}", label(one), dimension(one), one.kind, unit=one.unit)


def values(actor: Actor, keys: Sequence[str], ids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
    """The features of these customers; nothing before the first build."""
    wanted = [key.partition(".")[2] for key in keys]
    try:
        snapshot = queries.current()
        known = [key for key in wanted if key in queries.columns_of(snapshot.file_name)]
        named = ", ".join(f'"{key}"' for key in ["customer_id", *known])
        marks = ", ".join(str(int(pk)) for pk in ids)
        rows = queries.select(f"select {named} from profile where customer_id in ({marks})", snapshot=snapshot)
    except NoSnapshot:
        return {}
    return {row["customer_id"]: {f"{NAME}.{key}": _day(row[key]) for key in known} for row in rows.to_pylist()}


def _day(value: Any) -> Any:
    return value.date() if isinstance(value, datetime) else value


FILTERS = FilterSource(NAME, "customers", "features.view", subjects, narrowed)
COLUMNS = ColumnSource(NAME, "customers", "features.view", columns, values)
