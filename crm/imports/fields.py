"""Custom fields that an import brings with it."""

from crm.imports.mapping import FieldForm, Mapping, MappingError
from crm.imports.plans import Stamp
from crm.models import AuditLine, FieldDefinition


def new_fields(mapping: Mapping) -> list[FieldForm]:
    """The custom fields of the mapping that are not there yet; raises `MappingError` when one is of another type."""
    forms = [target.form for target in mapping.targets if target.form]
    existing = {
        definition.key: definition
        for definition in FieldDefinition.objects.filter(entity="customer", key__in=[form.key for form in forms])
    }
    for target in mapping.targets:
        definition = existing.get(target.name) if target.form else None
        if definition and definition.type != target.type:
            message = f"the field “{target.name}” holds {definition.type}, not {target.type}"
            raise MappingError(f"columns.{target.title}.type", message)
    return [form for form in forms if form.key not in existing]


def make_fields(mapping: Mapping, stamp: Stamp) -> None:
    """Make the missing fields, each with its audit line."""
    made = FieldDefinition.objects.bulk_create(_definition(form, mapping, stamp) for form in new_fields(mapping))
    AuditLine.objects.bulk_create(
        AuditLine(
            kind="field",
            object_id=definition.pk,
            verb="created",
            changes={"key": [None, definition.key], "type": [None, definition.type]},
            at=stamp.at,
            by=stamp.by,
            source="import",
            import_run=stamp.run,
        )
        for definition in made
    )


def _definition(form: FieldForm, mapping: Mapping, stamp: Stamp) -> FieldDefinition:
    return FieldDefinition(
        entity="customer",
        key=form.key,
        label=form.label,
        label_fi=form.label_fi,
        type=form.type,
        dimension=form.dimension,
        unit=form.unit,
        choices=list(form.choices),
        sensitivity=form.sensitivity,
        source=mapping.source,
        created_at=stamp.at,
    )
