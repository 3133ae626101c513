"""Serializers that name unknown fields and valid choices instead of ignoring them."""

from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import DateTimeField, QuerySet
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from rest_framework import serializers

from crm.moments import is_tellable
from crm.rest.errors import ChoiceCode


class ChoiceField(serializers.ChoiceField):
    """Says which choices are valid."""

    def fail(self, key: str, **kwargs: Any) -> Any:
        if key != "invalid_choice":
            super().fail(key, **kwargs)
        choices = [str(choice) for choice in self.choices]
        message = _("%(given)s is not one of the choices.") % {"given": ascii(kwargs["input"])[:80]}
        raise serializers.ValidationError(message, code=ChoiceCode("invalid_choice", choices))


class MomentField(serializers.DateTimeField):
    """A time with its zone; the ends of the calendar, which other zones cannot tell, are refused."""

    def to_internal_value(self, value: Any) -> Any:
        try:
            moment = super().to_internal_value(value)
        except OverflowError:
            self.fail("overflow")
        return moment if is_tellable(moment) else self.fail("overflow")


class ScopedField(serializers.SlugRelatedField):
    """A row named by one of its columns, looked up among what the actor may see; out of scope does not exist."""

    default_error_messages = {
        "does_not_exist": _("Not found."),
        "invalid": _("Not of the right type."),
    }

    def __init__(self, rows: Callable[[Any], QuerySet], slug_field: str = "id", **more: Any) -> None:
        self.rows = rows
        super().__init__(slug_field=slug_field, queryset=None if more.get("read_only") else _NEVER, **more)

    def get_queryset(self) -> Any:
        return self.rows(self.context["view"].actor)


class _Never:
    """Stands where Django REST framework wants rows before there is an actor."""


_NEVER: Any = _Never()


class _Strict:
    """Refuses names it does not know, so that a typing mistake is never silently dropped."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and not data.keys() <= self._known:
            unknown = [name for name in data if name not in self._known]
            raise serializers.ValidationError({name: [_no_such_field(self._known)] for name in unknown})
        return super().to_internal_value(data)  # type: ignore[misc]

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(name for name, field in self.fields.items() if not field.read_only)  # type: ignore[attr-defined]


def _no_such_field(known: Iterable[str]) -> serializers.ErrorDetail:
    code = ChoiceCode("unknown_field", sorted(known))
    return serializers.ErrorDetail(_("No such field, or it is read-only."), code=code)


class StrictSerializer(_Strict, serializers.Serializer):
    """A serializer that refuses unknown fields."""


class StrictModelSerializer(_Strict, serializers.ModelSerializer):
    """A model serializer that refuses unknown fields; list `fields` one by one."""

    serializer_choice_field = ChoiceField
    serializer_field_mapping = {**serializers.ModelSerializer.serializer_field_mapping, DateTimeField: MomentField}
