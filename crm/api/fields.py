"""Custom fields over the API."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm import actions
from crm.models import FieldDefinition
from crm.rest.endpoints import Endpoint, Listed, Retrieved
from crm.rest.idempotency import idempotent
from crm.rest.serializers import StrictModelSerializer


class FieldSerializer(StrictModelSerializer):
    """A custom field. Entity, key and type stay for ever."""

    class Meta:
        model = FieldDefinition
        fields = [
            "id", "entity", "key", "label", "label_fi", "type", "dimension", "unit", "choices", "sensitivity",
            "source", "created_at", "archived_at",
        ]  # fmt: skip
        read_only_fields = ["created_at", "archived_at"]
        validators: list = []


class FieldFilters(filters.FilterSet):
    class Meta:
        model = FieldDefinition
        fields = ["entity", "key", "dimension", "type", "sensitivity"]


class Fields(Listed, Retrieved, Endpoint):
    """Definitions of custom fields, archived ones too."""

    rights = {
        "list": "fields.view",
        "retrieve": "fields.view",
        "create": "fields.change",
        "partial_update": "fields.change",
        "archive": "fields.change",
    }
    serializer_class = FieldSerializer
    filterset_class = FieldFilters
    orderings = ["id", "key"]

    def rows(self) -> QuerySet[FieldDefinition]:
        return FieldDefinition.objects.all()

    @idempotent
    def create(self, request: Request) -> Response:
        """Define a field; 409 when the key is taken."""
        given = self.read(request)
        row = actions.define_field(values=given, by=self.actor, at=self.at)
        return Response(self.get_serializer(row).data, status=201)

    @idempotent
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change labels, dimension, unit, choices, sensitivity or source."""
        row = self.get_object()
        given = self.read(request, row)
        row = actions.change_field(row, values=given, by=self.actor, at=self.at)
        return Response(self.get_serializer(row).data)

    @action(detail=True, methods=["post"])
    @idempotent
    def archive(self, request: Request, pk: str) -> Response:
        """Take the field out of use; values stay."""
        row = actions.archive_field(self.get_object(), by=self.actor, at=self.at)
        return Response(self.get_serializer(row).data)
