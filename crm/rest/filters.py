"""Filters on lists: declared ones only, and personal columns for those who may see them."""

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import DjangoFilterBackend, IsoDateTimeFilter
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from crm import rights
from crm.rights import PERSONAL_COLUMNS


class DeclaredFilters(DjangoFilterBackend):
    """Only what the endpoint's `filterset_class` declares; bad values are refused with their place."""


class MomentField(IsoDateTimeField):
    """A time with its zone, taken to UTC: PostgreSQL knows no zone sixteen hours away, Python does."""

    def to_python(self, value: Any) -> datetime | None:
        try:
            moment = super().to_python(value)
            return moment and moment.astimezone(UTC)
        except OverflowError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class MomentFilter(IsoDateTimeFilter):
    """Compares with a moment."""

    field_class = MomentField


class MaskedFilters(BaseFilterBackend):
    """Searching or sorting by a personal column takes the right to see it: counts and orders tell as much as values."""

    def filter_queryset(self, request: Request, queryset: QuerySet, view: Any) -> QuerySet:
        asked = {name.split("__")[0] for name in request.query_params}
        asked.add(request.query_params.get("ordering", "").lstrip("-"))
        if asked.intersection([*PERSONAL_COLUMNS, "search"]):
            rights.require(view.actor, "customers.identify")
        return queryset
