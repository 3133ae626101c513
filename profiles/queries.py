"""Questions others may ask of profiles: the catalogue, the current snapshot, and what it answers."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pyarrow as pa
from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from crm import answers, rights
from crm.models import Sensitivity, Tag
from crm.refusals import NotPossibleNow
from crm.rights import Actor
from profiles import associations, recorded
from profiles.associations import Association, standing_for
from profiles.catalogue import Feature
from profiles.computed import COMPUTED, RELATIVE
from profiles.fields import column_of, definitions, feature_of
from profiles.given import GIVEN
from profiles.models import Snapshot, SnapshotStatus
from profiles.moments import Moment
from profiles.recorded import Recorded
from profiles.surveys.addresses import of_customers as survey_addresses
from profiles.surveys.addresses import open_surveys
from profiles.surveys.results import Score, score, scored_questions
from profiles.warehouse import engines, extraction, few, files, profile, readers
from profiles.warehouse.engines import Choice, Conversation
from profiles.warehouse.readers import EngineError, Overtaken, overtaking

T = TypeVar("T")
LOOKED_AT = 8  # of the newest snapshots; all but a few have been removed
COMMONEST = 50
IDENTIFYING = frozenset(rights.PERSONAL_COLUMNS) | {"email_domain"}


class NoSnapshot(NotPossibleNow):
    """The warehouse has not been built yet; run `manage.py refresh_profiles`."""


@dataclass(frozen=True)
class FeatureValue:
    """A feature of one customer: its value (None is missing), since when it has it, and where it came from."""

    feature: Feature
    value: Any
    since: datetime | None


@dataclass(frozen=True)
class Quality:
    """How far a feature can be trusted. Shares are 0–1; `changed_at` is the newest change of a value, UTC.

    `coverage_share` of all customers have a value; of those, `valid_share` have one the feature allows.
    """

    feature: Feature
    coverage_share: float
    valid_share: float | None
    changed_at: datetime | None


# --- what there is -------------------------------------------------------------------------------


_held: ContextVar[dict[str, Any] | None] = ContextVar("held", default=None)


@contextmanager
def one_moment() -> Iterator[None]:
    """Within the block the catalogue and the newest snapshot are read once: a page is of one moment."""
    token = _held.set({})
    try:
        yield
    finally:
        _held.reset(token)


def _once(name: str, read: Callable[[], T]) -> T:
    held = _held.get()
    if held is None:
        return read()
    if name not in held:
        held[name] = read()
    found: T = held[name]
    return found


def catalogue() -> dict[str, Feature]:
    """Every feature by key: given, custom, then computed. Archived fields are left out; money is the firm's currency
    where the field names none."""
    return _once("catalogue", _catalogue)


def _catalogue() -> dict[str, Feature]:
    features = [replace(row.feature, **words_of_tags()) if row.feature.key == "tags" else row.feature for row in GIVEN]
    features += [feature_of(field) for field in definitions() if field.archived_at is None]
    features += [row.feature for row in COMPUTED]
    return {one.key: replace(one, unit=settings.FIRM_CURRENCY) if is_bare_money(one) else one for one in features}


def is_bare_money(feature: Feature) -> bool:
    return feature.kind == "money" and not feature.unit


def words_of_tags() -> dict[str, Any]:
    """The tags there are: rules name them by what never changes, people by their names."""
    names = list(Tag.objects.filter(archived_at__isnull=True).values_list("slug", "name"))
    return {"choices": tuple(slug for slug, _name in names), "words": tuple((slug, name, name) for slug, name in names)}


def current() -> Snapshot:
    """The newest ready snapshot whose file is there. Raises NoSnapshot before the first build."""
    return _once("current", _current)


def _current() -> Snapshot:
    ready = Snapshot.objects.filter(status=SnapshotStatus.READY)[:LOOKED_AT]
    found = next((one for one in ready if files.path_of(one.file_name).exists()), None)
    if found is None:
        raise NoSnapshot(_("The profiles have not been built yet."))
    return found


# --- asking a snapshot ---------------------------------------------------------------------------


@contextmanager
def cursor(
    snapshot: Snapshot | None = None, *, as_of: datetime | None = None, only: frozenset[str] | None = None
) -> Iterator[Any]:
    """A read-only cursor of the engine on a snapshot (the current one by default), for one thread.

    With `as_of` (aware) its profile is that of the past moment; of the `only` features, which is quicker.
    """
    with readers.reading((snapshot or current()).file_name) as engine:
        if as_of is not None:
            profile.create_past(engine, Moment(as_of, ZoneInfo(settings.FIRM_TIME_ZONE)), definitions(), only=only)
        yield engine


@contextmanager
def cursor_of_file(name: str) -> Iterator[Any]:
    """The same on a snapshot's file that no row knows of."""
    with readers.reading(name) as engine:
        yield engine


def select(
    question: Any,
    *,
    snapshot: Snapshot | None = None,
    as_of: datetime | None = None,
    only: frozenset[str] | None = None,
    tables: Mapping[str, Any] | None = None,
    parameters: list[Any] | None = None,
    run: str = "",
) -> pa.Table:
    """The answer to a relational expression (Ibis) or a statement, as an Arrow table; the rest as for `cursor`.

    `tables` are Arrow tables that stand beside the snapshot's own, or instead of them, under these names. Where a
    `run` is named, a newer question of the same run stops this one, which then raises Overtaken.
    """
    with cursor(snapshot, as_of=as_of, only=only) as engine, overtaking(run, engine) if run else nullcontext():
        return answer(engine, question, tables=tables, parameters=parameters)


@contextmanager
def customers_now(customer_ids: Collection[int], *, at: datetime) -> Iterator[tuple[Any, frozenset[int]]]:
    """A cursor on a small warehouse of these customers alone, read from the rows just now, as of `at` (aware).

    Also everybody in it: the customers asked for, and whoever was merged with them.
    """
    with few.holding(customer_ids, Moment(at, ZoneInfo(settings.FIRM_TIME_ZONE))) as found:
        yield found


def database_address() -> dict[str, str]:
    """Vendor and address of the database, for a process of its own that reads it by Arrow; see profiles/extract.py."""
    return extraction.ADDRESS[connection.vendor]()


def newest_snapshot() -> int:
    """The number of the newest snapshot, finished or not; 0 before the first."""
    return Snapshot.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def relative_features() -> frozenset[str]:
    """Features that compare a customer with all others: nobody's own rows decide them."""
    return RELATIVE


def answer(
    engine: Any, question: Any, *, tables: Mapping[str, Any] | None = None, parameters: list[Any] | None = None
) -> pa.Table:
    """What a `cursor` answers, as an Arrow table; `tables` stay known to it until given anew."""
    for name, table in (tables or {}).items():
        engine.register(name, table)
    return engine.sql(statement(question), params=parameters).to_arrow_table()


def statement(question: Any) -> str:
    if isinstance(question, str):
        return question
    import ibis

    return str(ibis.to_sql(question, dialect="duckdb"))


# --- another engine ------------------------------------------------------------------------------


def elsewhere() -> Choice | None:
    """The engine of the setting that is asked instead of the snapshot; None where the snapshot answers."""
    return engines.chosen()


@contextmanager
def conversation(where: Choice, snapshot: Snapshot) -> Iterator[Conversation]:
    """Questions to an engine elsewhere about a snapshot, in its own dialect. Raises EngineError."""
    with engines.conversation(where, snapshot.file_name) as talk:
        yield talk


def silent(fault: Exception) -> Conversation:
    """A conversation that could not begin: every question raises why."""
    return engines.silent(fault)


# --- features ------------------------------------------------------------------------------------


def is_open_to(actor: Actor, feature: Feature) -> bool:
    """Special categories need the grant; what identifies a person, or is read from it, the right to identify."""
    if feature.sensitivity == Sensitivity.SPECIAL and not actor.may_see_special:
        return False
    return feature.key not in IDENTIFYING or rights.may(actor, "customers.identify")


def features_of(customer_id: int) -> list[FeatureValue]:
    """Every feature of one customer as of the current snapshot; empty when the snapshot does not know the customer."""
    snapshot = current()
    rows = select("from profile where customer_id = ?", snapshot=snapshot, parameters=[customer_id]).to_pylist()
    changes = select(
        "select field, from_at from field_history where customer_id = ? and to_at is null",
        snapshot=snapshot,
        parameters=[customer_id],
    ).to_pylist()
    since = {change["field"]: change["from_at"].replace(tzinfo=UTC) for change in changes}
    since |= dict.fromkeys((row.feature.key for row in COMPUTED), snapshot.as_of)
    known = catalogue()
    return [
        FeatureValue(feature, row[key], since.get(key)) for row in rows for key, feature in known.items() if key in row
    ]


def quality() -> list[Quality]:
    """Coverage, validity and freshness of every feature, from the current snapshot."""
    snapshot = current()
    known = {key: feature for key, feature in catalogue().items() if key in columns_of(snapshot.file_name)}
    counted = counted_values(snapshot.file_name, tuple(known.values()))
    return [quality_of(feature, counted, snapshot) for feature in known.values()]


@lru_cache(maxsize=4)
def columns_of(file_name: str) -> frozenset[str]:
    with readers.reading(file_name) as engine:
        return frozenset(row[0] for row in engine.execute("describe profile").fetchall())


@lru_cache(maxsize=4)
def counted_values(file_name: str, features: tuple[Feature, ...]) -> Mapping[str, Any]:
    """One pass over a snapshot, which never changes: customers, known and valid values, newest changes."""
    counts = ", ".join(f'count("{one.key}") as "{one.key}", {valid_sql(one)} as "{one.key} valid"' for one in features)
    with readers.reading(file_name) as engine:
        (row,) = engine.sql(f"select count(*) as customers, {counts} from profile").to_arrow_table().to_pylist()
        changes = engine.execute("select field, max(from_at) from field_history group by field").fetchall()
    return {**row, "changed": dict(changes)}


def valid_sql(feature: Feature) -> str:
    """How many values are allowed: for a choice those that stand in its choices, otherwise all."""
    if feature.kind != "choice" or not feature.choices:
        return f'count("{feature.key}")'
    allowed = ", ".join("'" + choice.replace("'", "''") + "'" for choice in feature.choices)
    return f'count(*) filter ("{feature.key}" in ({allowed}))'


def quality_of(feature: Feature, counted: Mapping[str, Any], snapshot: Snapshot) -> Quality:
    known, customers = counted[feature.key], counted["customers"]
    changed = counted["changed"].get(feature.key)
    return Quality(
        feature,
        coverage_share=known / customers if customers else 0.0,
        valid_share=counted[f"{feature.key} valid"] / known if known else None,
        changed_at=snapshot.as_of if feature.source == "computed" else changed and changed.replace(tzinfo=UTC),
    )


def proxies() -> tuple[Association, ...]:
    """Features that tell one which must not be used for marketing, the strongest first. Raises NoSnapshot, EngineError.

    Measured once a day for a catalogue: a day hardly moves it.
    """
    snapshot = current()
    columns = columns_of(snapshot.file_name)
    known = {key: feature for key, feature in catalogue().items() if key in columns}
    usual = [one for one in known.values() if one.sensitivity == Sensitivity.NORMAL and one.key not in IDENTIFYING]
    guarded = [one for one in known.values() if one.sensitivity != Sensitivity.NORMAL]
    if not guarded:
        return ()
    version = (snapshot.as_of.date(), sorted((one.key, one.kind, one.sensitivity) for one in known.values()))

    def measured() -> tuple[Association, ...]:
        with readers.reading(snapshot.file_name) as engine:
            return associations.measured(engine, usual, guarded)

    return answers.kept("proxies", version, measured)


def recorded_since() -> Recorded:
    """From when on features and events are known, of the current snapshot. Raises NoSnapshot."""
    snapshot = current()
    known = {key: one for key, one in catalogue().items() if key in columns_of(snapshot.file_name)}
    fields = {column_of(row): row.key for row in definitions() if row.entity == "customer"}
    return first_moments(snapshot.file_name, tuple(known.items()), tuple(fields.items()))


@lru_cache(maxsize=4)
def first_moments(
    file_name: str, features: tuple[tuple[str, Feature], ...], fields: tuple[tuple[str, str], ...]
) -> Recorded:
    """Read once from a snapshot, which never changes."""
    with readers.reading(file_name) as engine:
        return recorded.recorded(engine, dict(features), dict(fields))


def first_customer() -> datetime | None:
    """When the first of those who are customers now came, by the current snapshot. Raises NoSnapshot."""
    return _first_customer(current().file_name)


@lru_cache(maxsize=4)
def _first_customer(file_name: str) -> datetime | None:
    live = "select min(created_at) from customer_row where merged_into_id is null and erased_at is null"
    with readers.reading(file_name) as engine:
        found = engine.execute(live).fetchone()
    return found[0].replace(tzinfo=UTC) if found and found[0] else None


def value_counts(key: str, *, limit: int = COMMONEST) -> list[tuple[Any, int]]:
    """The commonest values of a feature and how many customers have each; for pickers. Raises KeyError if unknown."""
    feature, snapshot = catalogue()[key], current()
    value = f'unnest("{feature.key}")' if feature.kind == "list" else f'"{feature.key}"'

    def counted() -> list[tuple[Any, int]]:
        found = select(
            f"""select value, count(*) as n from (select {value} as value from profile)
                where value is not null group by value order by n desc, value limit ?""",
            snapshot=snapshot,
            parameters=[limit],
        )
        return [(row["value"], row["n"]) for row in found.to_pylist()]

    return answers.kept(f"commonest:{key}:{feature.kind}:{limit}", snapshot.pk, counted)


__all__ = [
    "Association",
    "Choice",
    "Conversation",
    "EngineError",
    "FeatureValue",
    "NoSnapshot",
    "Overtaken",
    "Quality",
    "Recorded",
    "Score",
    "answer",
    "catalogue",
    "conversation",
    "current",
    "cursor",
    "customers_now",
    "database_address",
    "elsewhere",
    "features_of",
    "first_customer",
    "is_open_to",
    "newest_snapshot",
    "one_moment",
    "open_surveys",
    "proxies",
    "quality",
    "recorded_since",
    "relative_features",
    "score",
    "scored_questions",
    "select",
    "silent",
    "standing_for",
    "statement",
    "survey_addresses",
    "value_counts",
]
