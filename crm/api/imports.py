"""Imports over the API: upload a file with its mapping, ask for a dry run, run it, read its problems, undo it."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from crm import actions, queries, tasks
from crm.models import Import, ImportProblem
from crm.models.imports import ImportKind
from crm.refusals import Refused
from crm.rest.endpoints import Endpoint, Listed, Retrieved
from crm.rest.parsing import parsed
from crm.rest.serializers import StrictModelSerializer, StrictSerializer

LARGEST_MAPPING = 1024 * 1024
MOST_PROBLEMS = 1000


class ImportSerializer(StrictModelSerializer):
    """An import: `counts` once it runs, `diff` after its dry run, `undo` once it is undone."""

    class Meta:
        model = Import
        fields = [
            "id",
            "kind",
            "status",
            "file_name",
            "file_hash",
            "mapping",
            "cursor",
            "rows_total",
            "counts",
            "diff",
            "undo",
            "error",
            "created_at",
            "started_at",
            "finished_at",
            "undone_at",
        ]
        read_only_fields = fields


class UploadSerializer(StrictSerializer):
    """A file in a multipart form. Without `mapping` one is suggested from the headings."""

    kind = serializers.ChoiceField(choices=ImportKind.choices)
    file = serializers.FileField(help_text="CSV, gzipped CSV, text in columns or .xlsx.")
    mapping = serializers.CharField(required=False, help_text="The mapping as JSON (docs/imports.md).")


class MappingSerializer(StrictSerializer):
    mapping = serializers.JSONField(help_text="The mapping (docs/imports.md).")


class ImportProblemSerializer(StrictModelSerializer):
    class Meta:
        model = ImportProblem
        fields = ["id", "row", "column", "code", "message", "is_fatal"]
        read_only_fields = fields


class ImportFilters(filters.FilterSet):
    class Meta:
        model = Import
        fields = ["kind", "status", "file_hash"]


class Imports(Listed, Retrieved, Endpoint):
    """Files that become customers, orders or events. Work is done by a worker: ask again for `status`."""

    rights = {
        "list": "imports.view",
        "retrieve": "imports.view",
        "problems": "imports.view",
        "create": "imports.run",
        "partial_update": "imports.run",
        "check": "imports.run",
        "start": "imports.run",
        "undo": "imports.run",
    }
    serializer_class = ImportSerializer
    filterset_class = ImportFilters
    query_parameters = ()

    def rows(self) -> QuerySet[Import]:
        return queries.imports(self.actor)

    def get_parsers(self) -> list[Any]:
        """Files come as multipart forms; everything else is JSON."""
        is_upload = self.request is not None and self.action_map.get("post") == "create"
        return [MultiPartParser()] if is_upload and self.request.method == "POST" else super().get_parsers()

    @extend_schema(request={"multipart/form-data": UploadSerializer}, responses={201: ImportSerializer})
    def create(self, request: Request) -> Response:
        """Upload a file; nothing is changed yet."""
        upload = self.read(request, by=UploadSerializer)
        said = {"kind": upload["kind"], "by": self.actor, "at": self.at}
        file, written = upload["file"], upload.get("mapping")
        said |= {"file": file, "name": file.name}
        run = actions.start_import(mapping=_mapping(written), **said) if written else actions.upload_file(**said)
        return Response(ImportSerializer(run).data, status=201)

    @extend_schema(request=MappingSerializer, responses=ImportSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Give an import that has not run another mapping."""
        body = self.read(request, by=MappingSerializer)
        mapping = body["mapping"]
        run = actions.change_mapping(import_id=self.get_object().pk, mapping=mapping, by=self.actor, at=self.at)
        return Response(ImportSerializer(run).data)

    @extend_schema(request=None, responses={202: ImportSerializer})
    @action(detail=True, methods=["post"])
    def check(self, request: Request, pk: str) -> Response:
        """Ask for the dry run; its answer comes in `diff`."""
        return self._ask(actions.check_import)

    @extend_schema(request=None, responses={202: ImportSerializer})
    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: str) -> Response:
        """Ask for the import to be run."""
        return self._ask(actions.run_import)

    @extend_schema(request=None, responses={202: ImportSerializer})
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        """Ask for the import to be undone."""
        return self._ask(actions.undo_import)

    @extend_schema(responses=ImportProblemSerializer(many=True))
    @action(detail=True, methods=["get"], filter_backends=[])
    def problems(self, request: Request, pk: str) -> Response:
        """The first 1,000 problems by row; the totals by code are in `counts`."""
        rows = self.get_object().problems.order_by("row", "id")[:MOST_PROBLEMS]
        return Response({"results": ImportProblemSerializer(rows, many=True).data})

    def _ask(self, ask: Any) -> Response:
        run = self.get_object()
        ask(import_id=run.pk, by=self.actor, at=self.at)
        tasks.poke_import(run.pk)
        run.refresh_from_db()
        return Response(ImportSerializer(run).data, status=202)


def _mapping(written: str) -> Any:
    if len(written) > LARGEST_MAPPING:
        raise Refused(_("The mapping is too large."), path="mapping")
    return parsed(written.encode())
