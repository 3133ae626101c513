"""From when on something is known: the recorded history of each feature, and the first event of each type.

A question about an earlier moment has no honest answer; a zero would not say so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from profiles.catalogue import Feature
from profiles.given import GIVEN

FIRST_VALUES: Final = """
select field, count(distinct customer_id) as people,
    min(from_at) filter (value <> '' and value <> '[]') as first,
    count(*) filter (from_at is null and value <> '' and value <> '[]') as always
from field_history group by field
"""
FIRST_CUSTOMER: Final = "select min(created_at) from customer_row where erased_at is null"
FIRST_EVENTS: Final = "select type, min(ts) from event group by type"
DERIVED: Final = {"age": "birth_date"}  # given features read from another one's history
LINES: Final = {"order_line": "order", "return_line": "return"}


@dataclass(frozen=True)
class Recorded:
    """Moments in UTC from which on features and event types are known; what is not named was known from the first."""

    features: Mapping[str, datetime]
    events: Mapping[str, datetime]

    def unknown(self, keys: Iterable[str], types: Iterable[str], moment: datetime) -> dict[str, datetime]:
        """Those of the features and event types that were not known yet at a moment, with the moment they are from."""
        named = [(key, self.features.get(key)) for key in sorted(keys)]
        named += [(name, self.events.get(LINES.get(name, name))) for name in sorted(types)]
        return {name: since for name, since in named if since is not None and since > moment}


def recorded(engine: Any, features: Mapping[str, Feature], fields: Mapping[str, str]) -> Recorded:
    """What an open snapshot tells; `fields` gives the feature of each custom field's name in the history."""
    born = engine.execute(FIRST_CUSTOMER).fetchone()[0]
    histories = {row[0]: row[1:] for row in engine.execute(FIRST_VALUES).fetchall()}
    events = {name: _utc(ts) for name, ts in engine.execute(FIRST_EVENTS).fetchall()}
    own = {row.feature.key: row.field for row in GIVEN if row.field} | DERIVED | dict(fields)
    own = {key: name for key, name in own.items() if key in features and name in histories}
    known = _known(engine, own)
    since = {key: _since(histories[name], known[key], born) for key, name in own.items()}
    found = {key: _utc(moment) for key, moment in since.items() if moment}
    computed = [key for key, feature in features.items() if feature.source == "computed"]
    return Recorded(found | dict.fromkeys(computed, min(events.values())) if events else found, events)


def _known(engine: Any, keys: Iterable[str]) -> dict[str, int]:
    """How many customers have the feature now."""
    keys = list(keys)
    if not keys:
        return {}
    counts = ", ".join(f'count("{key}")' for key in keys)
    return dict(zip(keys, engine.execute(f"select {counts} from profile").fetchone(), strict=True))


def _since(history: tuple[int, datetime | None, int], known: int, born: datetime | None) -> datetime | None:
    """The first value: as old as the customers when one stood before any change, or somebody's never changed."""
    people, first, always = history
    return born if always or known > people else first


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
