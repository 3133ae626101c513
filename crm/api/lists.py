"""What the lists of the pages can, for the API: their filters and saved views, files, and changes of many rows."""

from typing import Any, ClassVar

import numpy as np
from django.db.models import QuerySet
from django.http import HttpResponseBase, QueryDict
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request
from rest_framework.response import Response

from crm import actions, bulk_actions, queries
from crm.lists import conditions, files, narrowing, views, whole
from crm.lists import shown as lists
from crm.lists.shown import Kind
from crm.models import BulkChange
from crm.refusals import ManyRefused, Refused
from crm.rest.endpoints import Endpoint, Retrieved
from crm.rest.idempotency import idempotent
from crm.rest.serializers import StrictModelSerializer, StrictSerializer
from crm.rights import require

HIGHEST_ID = 2**63 - 1
WHERE = (
    "A filter as the list's page writes it, `subject:operator:value`: `feature.age:least:30`, `segment.member:is:vip`, "
    "`customer.city:is:Oulu`. May be given up to twelve times; all must hold."
)
VIEW = "Id of a saved view, whose filters hold besides."


class ListConditions(BaseFilterBackend):
    """`where` and `view` of a list. Ids that only a floor above knows are left to the pages (`view.among`)."""

    def filter_queryset(self, request: Request, queryset: QuerySet, view: Any) -> QuerySet:
        asked = request.query_params
        if view.detail or not (asked.getlist("where") or asked.get("view")):
            return queryset
        rows, view.among = narrowed(view.kind, view.actor, asked, queryset)
        return rows

    def get_schema_operation_parameters(self, view: Any) -> list[dict]:
        if view.detail:
            return []
        texts = {"type": "array", "items": {"type": "string"}}
        return [
            {"name": "where", "in": "query", "required": False, "description": WHERE, "schema": texts},
            {"name": "view", "in": "query", "required": False, "description": VIEW, "schema": {"type": "integer"}},
        ]


def narrowed(kind: Kind, actor: Any, asked: QueryDict, rows: QuerySet) -> tuple[QuerySet, np.ndarray | None]:
    """The rows by a saved view and by conditions, and the ids that must hold besides. Raises Refused."""
    given = QueryDict(mutable=True)
    given.setlist("where", asked.getlist("where"))
    given["view"] = asked.get("view", "")
    read = views.asked(actor, kind.name, given)
    refuse_unknown(read.view, asked)
    own = [*(read.view.query.get("where", []) if read.view else []), *asked.getlist("where")]
    wanted, faults = conditions.read(own, conditions.subjects_of(kind.name, actor))
    if faults or len(own) > conditions.MOST:
        raise ManyRefused(faults) if faults else Refused(_("Too many filters."), path="where")
    meant, among = conditions.narrowed(kind.name, actor, wanted)
    return kind.form(read.query, actor=actor).narrowed(rows).filter(meant), among


def refuse_unknown(view: Any, asked: QueryDict) -> None:
    """A view that is not the caller's leaves nothing out: better no rows than all of them."""
    if asked.get("view") and view is None:
        raise Refused(_("There is no such view."), path="view", code="does_not_exist")


class BulkSerializer(StrictSerializer):
    """What to do to which rows."""

    action = serializers.CharField(max_length=40, help_text="Key of the action; a refusal names those there are.")
    parameters = serializers.DictField(
        child=serializers.CharField(max_length=200, allow_blank=True), required=False,
        help_text="As the action wants: `tag` (its slug) or `name`, `team` and `owner` (ids), `segment` (its slug).",
    )  # fmt: skip
    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=HIGHEST_ID), max_length=bulk_actions.MOST,
        help_text="Ids of the rows; those out of scope are left alone.",
    )  # fmt: skip


class BulkChangeSerializer(StrictModelSerializer):
    """What was done to how many, and whether it was undone."""

    class Meta:
        model = BulkChange
        fields = ["id", "kind", "action", "parameters", "chosen", "changed", "at", "undone_at"]
        read_only_fields = fields


FILE_PARAMETERS = [
    OpenApiParameter("form", str, enum=list(files.FORMATS), default="csv", description="Which kind of file."),
    OpenApiParameter("q", str, description="What is searched."),
    OpenApiParameter("view", int, description=VIEW),
    OpenApiParameter("where", str, many=True, description=WHERE),
    OpenApiParameter("columns", str, many=True, description="Keys of the columns in their order."),
]


class ListedAsPage:
    """Of an endpoint whose rows are those of a list's page: many changed at once, and all taken out as a file."""

    kind: ClassVar[Kind]
    query_parameters: ClassVar[tuple[str, ...]] = ("where", "view", "form", "q", "columns")

    @extend_schema(request=BulkSerializer, responses={200: BulkChangeSerializer})
    @action(detail=False, methods=["post"])
    @idempotent
    def bulk(self: Any, request: Request) -> Response:
        """Do one thing to many rows, as in the list; undone by POST /api/v1/bulk-changes/{id}/undo/."""
        asked = self.read(request, by=BulkSerializer)
        known = {one.key: one for one in bulk_actions.ACTIONS if one.list == self.kind.name}
        chosen = known.get(asked["action"])
        if chosen is None:
            raise Refused(_("There is no such action."), path="action", choices=sorted(known), code="invalid_choice")
        require(self.actor, chosen.right)
        parameters = parameters_of(chosen, asked.get("parameters", {}), self.actor)
        ids = narrowing.in_scope(self.kind.rows(self.actor), asked["ids"])
        done = actions.change_many(action=chosen.key, ids=ids, parameters=parameters, by=self.actor, at=self.at)
        return Response(BulkChangeSerializer(done).data)

    @extend_schema(parameters=FILE_PARAMETERS, responses={(200, "text/csv"): OpenApiTypes.BINARY})
    @action(detail=False, methods=["get"], filterset_class=None)
    def file(self: Any, request: Request) -> HttpResponseBase:
        """Every row that matches as CSV or for Excel, in the list's columns; written into the audit."""
        form, one = request.query_params.get("form", "csv"), lists.shown(self.kind, self.actor, request.query_params)
        refuse_unknown(one.asked.view, request.query_params)
        if form not in files.FORMATS:
            raise Refused(_("Not one of the choices."), path="form", choices=list(files.FORMATS), code="invalid_choice")
        return whole.of_all(one, form, at=self.at)


def parameters_of(chosen: bulk_actions.BulkAction, given: dict[str, str], actor: Any) -> dict[str, Any]:
    """The parameters as the action's own form reads them. Raises ManyRefused with their places."""
    form = chosen.form(given, actor=actor)
    if unknown := sorted(given.keys() - form.fields.keys()):
        path = f"parameters.{unknown[0]}"
        raise Refused(_("No such field, or it is read-only."), path=path, choices=sorted(form.fields))
    if not form.is_valid():
        faults = form.errors.get_json_data().items()
        raise ManyRefused(
            [Refused(one["message"], path=_place(name), code="invalid") for name, ones in faults for one in ones]
        )
    return dict(form.parameters())


def _place(name: str) -> str:
    return "parameters" if name == "__all__" else f"parameters.{name}"


class BulkChanges(Retrieved, Endpoint):
    """Changes of many rows at once, of the caller; administrators see all."""

    rights = {"retrieve": "customers.view", "undo": "customers.view"}
    serializer_class = BulkChangeSerializer

    def rows(self) -> QuerySet[BulkChange]:
        return queries.bulk_changes(self.actor)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    @idempotent
    def undo(self, request: Request, pk: str) -> Response:
        """Set it back, but for what somebody has changed since; 409 when it was undone before."""
        row = self.get_object()
        actions.undo_many(row, by=self.actor, at=self.at)
        row.refresh_from_db()
        return Response(self.get_serializer(row).data)
