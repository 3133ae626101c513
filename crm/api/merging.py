"""Merging two customers over the API, and taking them apart."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm import actions, queries
from crm.models import Merge
from crm.refusals import NotPossibleNow
from crm.rest.idempotency import idempotent
from crm.rest.serializers import ScopedField, StrictModelSerializer, StrictSerializer


class MergeRequestSerializer(StrictSerializer):
    """Which record becomes part of this one, and which of its values survive."""

    customer = ScopedField(queries.customers, "number", help_text="Number of the record that goes.")
    take = serializers.ListField(
        child=serializers.CharField(max_length=80),
        default=list,
        max_length=100,
        help_text="Fields, or attributes.<key>, whose value of the record that goes survives.",
    )


class UnmergeRequestSerializer(StrictSerializer):
    """Which record comes back."""

    number = serializers.CharField(max_length=64, help_text="Number of the record that was merged into this one.")


class MergeSerializer(StrictModelSerializer):
    """A merge and, once undone, what stayed because it had changed since."""

    survivor = serializers.CharField(source="survivor.number", read_only=True, help_text="Number of who stayed.")
    merged = serializers.CharField(source="merged.number", read_only=True, help_text="Number of who went.")
    kept = serializers.ListField(child=serializers.CharField(), read_only=True, help_text="Fields that stayed.")

    class Meta:
        model = Merge
        fields = ["id", "survivor", "merged", "at", "undone_at", "kept"]
        read_only_fields = ["at", "undone_at"]


class Merging:
    """Two more addresses of each customer."""

    @extend_schema(request=MergeRequestSerializer, responses={201: MergeSerializer})
    @action(detail=True, methods=["post"])
    @idempotent
    def merge(self: Any, request: Request, pk: str) -> Response:
        """Join another record with this one: its orders, events and consents come along, the stricter consent holds."""
        row = self.get_object()
        given = self.read(request, by=MergeRequestSerializer)
        other, take = given["customer"], given["take"]
        done = actions.merge_customers(row, other, take=take, by=self.actor, at=self.at)
        return Response(MergeSerializer(done, context=self.get_serializer_context()).data, status=201)

    @extend_schema(request=UnmergeRequestSerializer, responses={200: MergeSerializer})
    @action(detail=True, methods=["post"])
    @idempotent
    def unmerge(self: Any, request: Request, pk: str) -> Response:
        """Take a record apart from this one again, both as they were; possible for 30 days."""
        row = self.get_object()
        given = self.read(request, by=UnmergeRequestSerializer)
        merges = queries.merges(self.actor).filter(survivor=row, undone_at=None)
        found = merges.filter(merged__number=given["number"]).first()
        if found is None:
            raise NotPossibleNow(_("No record of this number is joined with this customer."), path="number")
        done = actions.unmerge(found, by=self.actor, at=self.at)
        return Response(MergeSerializer(done, context=self.get_serializer_context()).data)
