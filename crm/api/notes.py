"""Notes on customers and companies over the API; their files are named, and given out on the pages."""

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm import actions, queries
from crm.models import Note
from crm.refusals import Refused
from crm.rest.endpoints import Endpoint, Listed, Retrieved
from crm.rest.idempotency import idempotent
from crm.rest.serializers import ScopedField, StrictModelSerializer


class NoteSerializer(StrictModelSerializer):
    """What somebody wrote down about a customer or a company. `@username` in the text tells that user."""

    customer = ScopedField(queries.customers, "number", required=False, allow_null=True, help_text="Customer number.")
    company = ScopedField(queries.companies, "number", required=False, allow_null=True, help_text="Company number.")
    text = serializers.CharField(max_length=10_000)
    created_by = serializers.CharField(source="created_by.username", read_only=True, help_text="User name.")
    mentions = serializers.SerializerMethodField(help_text="User names of those mentioned who may see it.")
    files = serializers.SerializerMethodField(help_text="Names of its files.")
    is_pinned = serializers.BooleanField(required=False, help_text="Whether it stands above all others.")

    class Meta:
        model = Note
        fields = [
            "id", "customer", "company", "text", "created_by", "created_at", "edited_at", "is_pinned", "mentions",
            "files",
        ]  # fmt: skip
        read_only_fields = ["created_at", "edited_at"]

    def get_mentions(self, note: Note) -> list[str]:
        return [mention.user.username for mention in note.mentions.all()]

    def get_files(self, note: Note) -> list[str]:
        return [file.name for file in note.files.all()]

    def to_representation(self, instance: Note) -> dict[str, Any]:
        instance.is_pinned = instance.pinned_at is not None  # type: ignore[attr-defined]
        return super().to_representation(instance)


class NoteFilters(filters.FilterSet):
    customer = filters.CharFilter("customer__number", label="Customer number.")
    company = filters.CharFilter("company__number", label="Company number.")

    class Meta:
        model = Note
        fields: list[str] = []


class Notes(Listed, Retrieved, Endpoint):
    """Notes on customers and companies in scope; a deleted one may be brought back on its page for 30 days."""

    rights = {
        "list": "notes.view",
        "retrieve": "notes.view",
        "create": "notes.change",
        "partial_update": "notes.change",
        "destroy": "notes.change",
    }
    serializer_class = NoteSerializer
    filterset_class = NoteFilters

    def rows(self) -> QuerySet[Note]:
        rows = queries.notes(self.actor).select_related("customer", "company", "created_by")
        return rows.prefetch_related("mentions__user", "files")

    @idempotent
    def create(self, request: Request) -> Response:
        """Write a note about a customer or a company: name one of them."""
        values = self.read(request)
        subjects = [one for one in (values.get("customer"), values.get("company")) if one]
        if len(subjects) != 1:
            raise Refused("Name a customer or a company, one of them.", path="customer", code="required")
        note = actions.add_note(subjects[0], text=values["text"], by=self.actor, at=self.at).note
        if values.get("is_pinned"):
            actions.pin_note(note, is_pinned=True, by=self.actor, at=self.at)
        return Response(self.get_serializer(self.rows().get(pk=note.pk)).data, status=201)

    @idempotent
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the words of one's own note, pin anybody's; what it is about stays."""
        row = self.get_object()
        values = self.read(request, row)
        if stays := next((name for name in ("customer", "company") if name in values), None):
            raise Refused("What a note is about stays.", path=stays, code="read_only")
        if "text" in values:
            actions.change_note(row, text=values["text"], by=self.actor, at=self.at)
        if "is_pinned" in values:
            actions.pin_note(row, is_pinned=values["is_pinned"], by=self.actor, at=self.at)
        return Response(self.get_serializer(self.rows().get(pk=row.pk)).data)

    def destroy(self, request: Request, pk: str) -> Response:
        """Delete one's own note; administrators delete anybody's."""
        actions.delete_note(self.get_object(), by=self.actor, at=self.at)
        return Response(status=204)
