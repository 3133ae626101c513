"""Saved views of lists over the API."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm import actions, queries
from crm.models import SavedView
from crm.refusals import Refused
from crm.rest.endpoints import Endpoint, Listed, Retrieved
from crm.rest.idempotency import idempotent
from crm.rest.serializers import ScopedField, StrictModelSerializer


class ViewSerializer(StrictModelSerializer):
    """Filters, order and columns of a list under a name."""

    query = serializers.JSONField(required=False, help_text="Parameters of the page's address: name to list of texts.")
    columns = serializers.JSONField(required=False, help_text="Keys of the columns in their order; empty: the usual.")
    teams = ScopedField(queries.teams, "slug", many=True, required=False, help_text="Slugs, when shared with teams.")
    owner = serializers.CharField(source="owner.username", read_only=True, help_text="User name.")

    class Meta:
        model = SavedView
        fields = [
            "id", "list_name", "name", "query", "columns", "sort", "sharing", "teams", "owner", "created_at",
            "updated_at",
        ]  # fmt: skip
        read_only_fields = ["created_at", "updated_at"]


class ViewFilters(filters.FilterSet):
    class Meta:
        model = SavedView
        fields = ["list_name", "sharing"]


class SavedViews(Listed, Retrieved, Endpoint):
    """One's own saved views and those shared with the caller. Rows of one: `GET /api/v1/customers/?view=…`."""

    rights = {
        "list": "customers.view",
        "retrieve": "customers.view",
        "create": "customers.view",
        "partial_update": "customers.view",
        "destroy": "customers.view",
    }
    serializer_class = ViewSerializer
    filterset_class = ViewFilters

    def rows(self) -> QuerySet[SavedView]:
        return queries.views(self.actor).prefetch_related("teams")

    @idempotent
    def create(self, request: Request) -> Response:
        """Keep a view; its owner is the caller, or whoever issued the key."""
        given = self.read(request)
        teams, name = given.pop("teams", ()), given.pop("list_name")
        row = actions.save_view(list_name=name, values=given, teams=teams, by=self.actor, at=self.at)
        return Response(self.get_serializer(row).data, status=201)

    @idempotent
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the parts named of one's own view; its list stays."""
        row = self.get_object()
        given = self.read(request, row)
        if given.pop("list_name", row.list_name) != row.list_name:
            raise Refused("A view stays with its list.", path="list_name", code="read_only")
        teams = given.pop("teams", None)
        row = actions.change_view(row, values=given, teams=teams, by=self.actor, at=self.at)
        return Response(self.get_serializer(row).data)

    def destroy(self, request: Request, pk: str) -> Response:
        """Delete one's own view."""
        actions.delete_view(self.get_object(), by=self.actor, at=self.at)
        return Response(status=204)
