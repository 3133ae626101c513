"""Customers and companies: created and changed; typed custom fields checked; every difference audited."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from crm import fields
from crm.actions.audit import audit, audit_many, created, difference, line
from crm.actions.rows import NumberTaken, ValueRefused, cleaned, definitions, refusing_doubles
from crm.actions.touches import touch
from crm.addresses import entered_phone, normal_email
from crm.models import AuditLine, Company, Customer, FieldDefinition, Import, Team
from crm.refusals import NotPossibleNow
from crm.rights import Actor, NotAllowed, may, require


@dataclass(frozen=True)
class _Kind:
    model: type[Model]
    name: str
    required: tuple[str, ...]
    columns: tuple[str, ...]


# fmt: off
CUSTOMER = _Kind(Customer, "customer", ("number",), (
    "number", "first_name", "last_name", "email", "phone", "language", "time_zone", "birth_date", "gender", "street",
    "postal_code", "city", "country", "stage", "attributes", "company", "source", "is_test", "owner", "team",
))
COMPANY = _Kind(Company, "company", ("number", "name"), (
    "number", "name", "business_id", "industry", "employees", "city", "country", "website", "attributes", "owner",
    "team",
))
# fmt: on
ASSIGNED = {"owner", "team"}


class CustomerFrozen(NotPossibleNow):
    """The customer was erased or merged away, or their processing is restricted."""

    code = "customer_frozen"


def create_customer(
    *, values: Mapping[str, Any], by: Actor, at: datetime, import_run: Import | None = None
) -> Customer:
    """A new customer. `values` maps the columns of CUSTOMER; `attributes` holds custom fields by key.

    Sales staff and keys with a team create in their own team. Raises NumberTaken, or ManyRefused with every fault.
    """
    return _create(CUSTOMER, values, by=by, at=at, import_run=import_run)


def change_customer(
    customer: Customer, *, values: Mapping[str, Any], by: Actor, at: datetime, import_run: Import | None = None
) -> Customer:
    """Set the given columns. Custom fields not named keep their values, None takes one away; no difference, no line."""
    return _change(CUSTOMER, customer, values, by=by, at=at, import_run=import_run)


def create_company(*, values: Mapping[str, Any], by: Actor, at: datetime, import_run: Import | None = None) -> Company:
    """A new company. `values` maps the columns of COMPANY. Raises as create_customer does."""
    return _create(COMPANY, values, by=by, at=at, import_run=import_run)


def change_company(
    company: Company, *, values: Mapping[str, Any], by: Actor, at: datetime, import_run: Import | None = None
) -> Company:
    """Set the given columns of a company, as change_customer does."""
    return _change(COMPANY, company, values, by=by, at=at, import_run=import_run)


@dataclass(frozen=True)
class Held:
    """A value of a custom field, and when it was told."""

    value: Any
    told_at: datetime


@transaction.atomic
def take_away_values(
    field: FieldDefinition, held: Mapping[int, Held], *, verb: str, by: Actor, at: datetime
) -> list[int]:
    """Take a custom field's value away from those customers who still have the one named; returns whose it was.

    `held` is by customer id. Whoever got the value from elsewhere since, the merged, the erased and the restricted are
    left alone. One statement for many.
    """
    require(by, "customers.change")
    rows = Customer.objects.select_for_update().filter(pk__in=held, merged_into=None, erased_at=None)
    found = rows.filter(restricted_at=None).order_by("pk").only("pk", "attributes", "updated_at")
    name, lines = f"attributes.{field.key}", []
    others = _changed_since(name, held, by)
    gone = [row for row in found if row.pk not in others and _is_still(field, row, held[row.pk].value)]
    for row in gone:
        changes = {name: [row.attributes.pop(field.key), None]}
        lines.append(AuditLine(**line(kind="customer", object_id=row.pk, verb=verb, changes=changes, by=by, at=at)))
        row.updated_at = at
    Customer.objects.bulk_update(gone, ["attributes", "updated_at"])
    audit_many(lines, at=at)
    touch([row.pk for row in gone], at=at)
    return [row.pk for row in gone]


def _changed_since(name: str, held: Mapping[int, Held], by: Actor) -> set[int]:
    """Those of the customers whose value came from elsewhere after it was told."""
    told = AuditLine.objects.filter(kind="customer", object_id__in=held, changes__has_key=name).exclude(
        source=by.source
    )
    return {pk for pk, at in told.values_list("object_id", "at") if at > held[pk].told_at}


def _is_still(field: FieldDefinition, row: Customer, value: Any) -> bool:
    try:
        return field.key in row.attributes and bool(row.attributes[field.key] == fields.stored(field, value))
    except fields.FieldRefused:  # a value that the field takes no more
        return False


@transaction.atomic
def _create(kind: _Kind, values: Mapping[str, Any], *, by: Actor, at: datetime, import_run: Import | None) -> Any:
    require(by, "customers.change")
    values = {**dict.fromkeys(kind.required, ""), **_home(by), **values}
    _require_own_team(values.get("team"), by)
    read = _read(kind, values, before={}, by=by)
    row = kind.model(**read, created_at=at, updated_at=at)
    _save(row)
    audit(
        kind=kind.name,
        object_id=row.pk,
        verb="created",
        changes=_flat(created(read)),
        by=by,
        at=at,
        import_run=import_run,
    )
    _touch(row, at, import_run)
    return row


@transaction.atomic
def _change(
    kind: _Kind, given: Any, values: Mapping[str, Any], *, by: Actor, at: datetime, import_run: Import | None
) -> Any:
    require(by, "customers.change")
    row: Any = kind.model._default_manager.select_for_update().get(pk=given.pk)
    _refuse_frozen(row, by)
    changes = difference(row, _read(kind, values, before=row.attributes, by=by, row=row))
    if ASSIGNED.intersection(changes):
        require(by, "customers.assign")
    if not changes:
        return row
    for name, (_before, after) in changes.items():
        setattr(row, name, after)
    row.updated_at = at
    _save(row, [*changes, "updated_at"])
    audit(kind=kind.name, object_id=row.pk, verb="changed", changes=_flat(changes), by=by, at=at, import_run=import_run)
    _touch(row, at, import_run)
    return row


def _touch(row: Any, at: datetime, import_run: Import | None) -> None:
    if isinstance(row, Customer) and import_run is None:
        touch([row.pk], at=at)


def _read(
    kind: _Kind, values: Mapping[str, Any], before: Mapping[str, Any], by: Actor, row: Any = None
) -> dict[str, Any]:
    """The values as they are kept; one that the row has already stays, whatever is asked of new ones by now."""
    read = cleaned(kind.model, values, kind.columns)
    if "attributes" in read:
        _require_names(read["attributes"])
        read["attributes"] = fields.merged(definitions(kind.name, by), before, read["attributes"])
    fresh = {name for name, value in read.items() if value and value != getattr(row, name, None)}
    return {name: NORMAL.get(name, _as_it_is)(value) if name in fresh else value for name, value in read.items()}


def _require_names(attributes: Any) -> None:
    if not isinstance(attributes, Mapping):
        raise ValueRefused(_("An object of custom fields by key is needed."), path="attributes")


def _as_it_is(value: Any) -> Any:
    return value


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueRefused(_("Not the IANA name of a time zone, e.g. Europe/Helsinki."), path="time_zone")
    return name


NORMAL: dict[str, Callable[[Any], Any]] = {"email": normal_email, "phone": entered_phone, "time_zone": _zone}


def _home(by: Actor) -> dict[str, Any]:
    """The team a new row belongs to when none is named: the only one of the actor."""
    return {"team": Team.objects.get(pk=next(iter(by.team_ids)))} if by.team_ids and len(by.team_ids) == 1 else {}


def _require_own_team(team: Any, by: Actor) -> None:
    if by.team_ids is not None and (team is None or team.pk not in by.team_ids):
        raise NotAllowed(_("Name a team of your own."), path="team")


def _refuse_frozen(row: Any, by: Actor) -> None:
    if not isinstance(row, Customer):
        return
    if row.erased_at or row.merged_into_id or (row.restricted_at and not may(by, "privacy.execute")):
        raise CustomerFrozen(_("This customer was erased, merged or restricted and can not be changed."))


def _save(row: Any, columns: list[str] | None = None) -> None:
    with refusing_doubles(NumberTaken(_("The number %(number)s is taken.") % {"number": row.number}, path="number")):
        row.save(update_fields=columns, force_insert=columns is None)


def _flat(changes: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Changes of custom fields one by one, as `attributes.<key>`, so that each field's history can be read."""
    before, after = changes.pop("attributes", [{}, {}])
    before = before or {}
    keys = {**before, **after}
    single = {f"attributes.{key}": [before.get(key), after.get(key)] for key in keys}
    return {**changes, **{key: pair for key, pair in single.items() if pair[0] != pair[1]}}
