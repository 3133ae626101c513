"""Definitions of custom fields: made, relabelled, archived; key and type stay for ever, because values carry them."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.actions.audit import audit, created, difference
from crm.actions.rows import ValueRefused, cleaned, refusing_doubles
from crm.models import FieldDefinition, FieldType
from crm.refusals import NotPossibleNow
from crm.rights import Actor, require

CHANGEABLE = ("label", "label_fi", "dimension", "unit", "choices", "sensitivity", "source")
KEY_FORM = re.compile(r"[a-z][a-z0-9_]{0,59}")
REQUIRED = ("key", "label", "type", "dimension")
COLUMNS = ("entity", "key", "type", *CHANGEABLE)


class KeyTaken(NotPossibleNow):
    """The entity has a field of this key already."""

    code = "key_taken"


@transaction.atomic
def define_field(*, values: Mapping[str, Any], by: Actor, at: datetime) -> FieldDefinition:
    """A new custom field. `values` maps COLUMNS; choices are needed for the type choice and for no other."""
    require(by, "fields.change")
    read = cleaned(FieldDefinition, {**dict.fromkeys(REQUIRED, ""), **values}, COLUMNS)
    row = FieldDefinition(**read, created_at=at)
    _check(row)
    with refusing_doubles(KeyTaken(_("The key %(key)s is taken.") % {"key": row.key}, path="key")):
        row.save(force_insert=True)
    audit(kind="field", object_id=row.pk, verb="created", changes=created(read), by=by, at=at)
    return row


@transaction.atomic
def change_field(definition: FieldDefinition, *, values: Mapping[str, Any], by: Actor, at: datetime) -> FieldDefinition:
    """Set the given CHANGEABLE columns. Choices may grow; values already kept are not touched."""
    require(by, "fields.change")
    row = FieldDefinition.objects.select_for_update().get(pk=definition.pk)
    changes = difference(row, cleaned(FieldDefinition, values, CHANGEABLE))
    for name, (_before, after) in changes.items():
        setattr(row, name, after)
    _check(row)
    if changes:
        row.save(update_fields=list(changes))
        audit(kind="field", object_id=row.pk, verb="changed", changes=changes, by=by, at=at)
    return row


@transaction.atomic
def archive_field(definition: FieldDefinition, *, by: Actor, at: datetime) -> FieldDefinition:
    """Take the field out of forms, rules and the API; its values stay."""
    require(by, "fields.change")
    if FieldDefinition.objects.filter(pk=definition.pk, archived_at__isnull=True).update(archived_at=at):
        audit(kind="field", object_id=definition.pk, verb="archived", changes={"archived_at": [None, at]}, by=by, at=at)
    definition.refresh_from_db()
    return definition


@transaction.atomic
def restore_field(definition: FieldDefinition, *, by: Actor, at: datetime) -> FieldDefinition:
    """Undo of archiving."""
    require(by, "fields.change")
    if FieldDefinition.objects.filter(pk=definition.pk, archived_at__isnull=False).update(archived_at=None):
        audit(kind="field", object_id=definition.pk, verb="restored", changes={}, by=by, at=at)
    definition.refresh_from_db()
    return definition


def _check(row: FieldDefinition) -> None:
    if not KEY_FORM.fullmatch(row.key):
        raise ValueRefused(_("a-z, 0-9 and _, beginning with a letter, at most 60."), path="key")
    texts = isinstance(row.choices, list) and all(isinstance(choice, str) and choice for choice in row.choices)
    if not texts or len(set(row.choices)) < len(row.choices):
        raise ValueRefused(_("A list of different texts."), path="choices")
    if bool(row.choices) != (row.type == FieldType.CHOICE):
        raise ValueRefused(_("Choices belong to fields of the type choice, which need them."), path="choices")
