"""Serializers that name unknown fields and valid choices instead of ignoring them."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from crm.rest.errors import ChoiceCode


class ChoiceField(serializers.ChoiceField):
    """Says which choices are valid."""

    def fail(self, key: str, **kwargs: Any) -> Any:
        if key != "invalid_choice":
            super().fail(key, **kwargs)
        choices = [str(choice) for choice in self.choices]
        message = _("%(given)s is not one of the choices.") % {"given": ascii(kwargs["input"])[:80]}
        raise serializers.ValidationError(message, code=ChoiceCode("invalid_choice", choices))


class _Strict:
    """Refuses names it does not know, so that a typing mistake is never silently dropped."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            known = [name for name, field in self.fields.items() if not field.read_only]  # type: ignore[attr-defined]
            if unknown := [name for name in data if name not in known]:
                code = ChoiceCode("unknown_field", sorted(known))
                message = _("No such field, or it is read-only.")
                raise serializers.ValidationError(
                    {name: serializers.ErrorDetail(message, code=code) for name in unknown}
                )
        return super().to_internal_value(data)  # type: ignore[misc]


class StrictSerializer(_Strict, serializers.Serializer):
    """A serializer that refuses unknown fields."""


class StrictModelSerializer(_Strict, serializers.ModelSerializer):
    """A model serializer that refuses unknown fields; list `fields` one by one."""

    serializer_choice_field = ChoiceField


def page_serializer(row: type[serializers.BaseSerializer]) -> type[serializers.Serializer]:
    """For the OpenAPI file: the shape of one page of rows."""
    name = row.__name__.removesuffix("Serializer")
    fields = {"results": row(many=True), "next": serializers.CharField(allow_null=True)}
    return type(f"{name}PageSerializer", (serializers.Serializer,), fields)
