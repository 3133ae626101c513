"""How values become columns: read by the model's own fields, written with their difference in the audit."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from crm import queries
from crm.models import FieldDefinition
from crm.refusals import ManyRefused, NotPossibleNow, Refused
from crm.rights import Actor


class ValueRefused(Refused):
    """A value does not fit its column."""


class NumberTaken(NotPossibleNow):
    """Another row has this number already."""

    code = "number_taken"


@contextmanager
def refusing_doubles(refusal: Refused) -> Iterator[None]:
    """Of two who save the same name at the same time, the second is told by the refusal."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as fault:
        raise refusal from fault


def cleaned(model: type[Model], values: Mapping[str, Any], allowed: Iterable[str]) -> dict[str, Any]:
    """The values as the model's fields read them. Unknown names and misfits are all refused, each with its place."""
    known, faults, result = list(allowed), [], {}
    for name, value in values.items():
        try:
            result[name] = _cleaned(model, name, value, known)
        except Refused as fault:
            faults.append(fault)
    if faults:
        raise ManyRefused(faults)
    return result


def _cleaned(model: type[Model], name: str, value: Any, known: list[str]) -> Any:
    if name not in known:
        raise ValueRefused(_("No such field."), path=name, choices=sorted(known), code="unknown_field")
    field = model._meta.get_field(name)
    if field.is_relation or name == "attributes":  # looked up by the door, read by crm.fields
        return value
    try:
        return field.clean(value, None)  # type: ignore[union-attr]
    except ValidationError as error:
        choices = [str(choice) for choice, _label in getattr(field, "choices", None) or []] or None
        raise ValueRefused(error.messages[0], path=name, choices=choices) from error


def definitions(entity: str, by: Actor) -> dict[str, FieldDefinition]:
    """Live custom fields of customers or companies that the actor may read and write, by key."""
    return {row.key: row for row in queries.fields(by, entity)}
