"""Custom fields as features of a profile, beside the given and computed ones, which keep their names."""

from collections.abc import Iterable

from crm.models import FieldDefinition
from profiles.catalogue import Feature
from profiles.computed import COMPUTED
from profiles.given import GIVEN

TAKEN = {row.feature.key for row in GIVEN} | {row.feature.key for row in COMPUTED} | {"customer_id"}


def column_of(field: FieldDefinition) -> str:
    """The field's key; fields of companies begin with company_, and a key already taken with own_."""
    key = f"company_{field.key}" if field.entity == "company" else field.key
    return f"own_{key}" if key in TAKEN else key


def feature_of(field: FieldDefinition) -> Feature:
    return Feature(
        key=column_of(field),
        label=field.label,
        label_fi=field.label_fi or field.label,
        kind=field.type,
        dimension=field.dimension,
        unit=field.unit,
        choices=tuple(field.choices),
        sensitivity=field.sensitivity,
        source=field.source or field.entity,
    )


def definitions() -> list[FieldDefinition]:
    """Every custom field, archived ones too: their values stay."""
    return list(FieldDefinition.objects.order_by("entity", "key"))


def features(fields: Iterable[FieldDefinition]) -> list[Feature]:
    return [feature_of(field) for field in fields]
