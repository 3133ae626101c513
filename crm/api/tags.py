"""Tags over the API: made, renamed, merged, deleted and brought back; put on customers and companies and taken off."""

from typing import Any, ClassVar

from django.db import transaction
from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm import actions, queries
from crm.actions.tags import KINDS
from crm.models import Tag
from crm.refusals import Refused
from crm.rest.endpoints import Endpoint, Listed, Retrieved
from crm.rest.idempotency import idempotent
from crm.rest.serializers import ScopedField, StrictModelSerializer, StrictSerializer


class TagSerializer(StrictModelSerializer):
    """A word of the firm's own. Its slug stays whatever its name becomes: addresses and rules say the slug."""

    class Meta:
        model = Tag
        fields = ["id", "name", "slug", "colour", "created_at"]
        read_only_fields = ["slug", "created_at"]
        extra_kwargs: ClassVar[dict[str, Any]] = {"name": {"validators": []}}


class IntoSerializer(StrictSerializer):
    """The tag that takes the place of another."""

    into = ScopedField(queries.tags, "slug", help_text="Slug of the tag that stays.")


class Tags(Listed, Retrieved, Endpoint):
    """Tags to choose from; the same for everyone."""

    rights = {
        "list": "customers.view",
        "retrieve": "customers.view",
        "create": "tags.change",
        "partial_update": "tags.manage",
        "destroy": "tags.manage",
        "merge": "tags.manage",
    }
    serializer_class = TagSerializer
    orderings = ["name", "-id", "id"]

    def rows(self) -> QuerySet[Tag]:
        return queries.tags(self.actor)

    @idempotent
    def create(self, request: Request) -> Response:
        """Make a tag; one of the name that was deleted comes back, with whatever had it. 409 when there is one."""
        given = self.read(request)
        row = actions.create_tag(**given, by=self.actor, at=self.at)
        return Response(self.get_serializer(row).data, status=201)

    @idempotent
    def partial_update(self, request: Request, pk: str) -> Response:
        """Another name or colour."""
        row = self.get_object()
        given = self.read(request, row)
        row = actions.change_tag(row, values=given, by=self.actor, at=self.at)
        return Response(self.get_serializer(row).data)

    def destroy(self, request: Request, pk: str) -> Response:
        """Delete it: it leaves every row. 409 while a segment or a saved view uses it."""
        actions.archive_tag(self.get_object(), by=self.actor, at=self.at)
        return Response(status=204)

    @extend_schema(request=IntoSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def merge(self, request: Request, pk: str) -> Response:
        """Whatever has it gets the other one, which is answered; 409 while a segment or a saved view uses it."""
        row, given = self.get_object(), self.read(request, by=IntoSerializer)
        into = given["into"]
        actions.merge_tags(row, into=into, by=self.actor, at=self.at)
        return Response(self.get_serializer(into).data)


def with_tags(rows: QuerySet[Any]) -> QuerySet[Any]:
    """The rows with their tags, whatever their number."""
    links = KINDS[rows.model].link._default_manager.filter(tag__archived_at__isnull=True)
    return rows.prefetch_related(Prefetch("tagged", links.select_related("tag").order_by("tag__slug")))


class TagsField(serializers.ListField):
    """Slugs of a row's tags; changed by a POST to its tags/."""

    child = serializers.CharField()

    def __init__(self, **more: Any) -> None:
        super().__init__(read_only=True, source="*", **more)

    def to_representation(self, value: Any) -> list[str]:
        return [link.tag.slug for link in value.tagged.all() if link.tag.archived_at is None]


class TaggingSerializer(StrictSerializer):
    """Tags to put on and to take off, by their slugs."""

    add = ScopedField(queries.tags, "slug", many=True, required=False)
    remove = ScopedField(queries.tags, "slug", many=True, required=False)


class Tagging:
    """POST tags/ of a customer or a company."""

    @extend_schema(request=TaggingSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def tags(self: Any, request: Request, pk: str) -> Response:
        """Put tags on and take tags off; the others stay."""
        row, given = self.get_object(), self.read(request, by=TaggingSerializer)
        if getattr(row, "restricted_at", None):
            raise Refused("Processing is restricted: nothing is changed.")
        with transaction.atomic():
            for name, act in (("add", actions.add_tag), ("remove", actions.remove_tag)):
                for tag in given.get(name, []):
                    act(tag, to=type(row), ids=[row.pk], by=self.actor, at=self.at)
        return Response(self.get_serializer(self.rows().get(pk=row.pk)).data)
