"""What every endpoint of the API is made of."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from crm.models import FieldDefinition
from crm.refusals import Refused
from crm.rest.parsing import text_fault
from crm.rights import Actor

PAGE_PARAMETERS = ("cursor", "limit", "ordering")


class Endpoint(GenericViewSet):
    """One address of the API. Subclasses name the right each action takes and answer with `rows()` of the actor.

    `rights` maps actions (list, retrieve, create, partial_update …) to rights; an action without one is closed.
    `orderings` lists orders that an index supports, the first by default. `body_limit` is in bytes. Batches named in
    `faults_by_row` judge row by row what no database can hold, instead of refusing the whole body.
    `query_parameters` are read besides the declared filters; any other parameter is refused.
    `listing_actions` answer for one row with pages of others.
    """

    rights: ClassVar[dict[str, str]] = {}
    orderings: ClassVar[list[str]] = ["-id", "id"]
    query_parameters: ClassVar[tuple[str, ...]] = ()
    listing_actions: ClassVar[tuple[str, ...]] = ()
    faults_by_row: ClassVar[tuple[str, ...]] = ()
    body_limit: ClassVar[int] = 1024 * 1024
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    lookup_value_regex = r"[0-9]{1,18}"
    queryset: QuerySet | None = None
    actor: Actor

    def rows(self) -> QuerySet:
        """The rows this actor may see, from a scoped query."""
        raise NotImplementedError

    def get_queryset(self) -> QuerySet:
        if getattr(self, "swagger_fake_view", False):  # the OpenAPI file is made without a caller
            return self.queryset if self.queryset is not None else _no_rows(self.serializer_class)
        return self.rows()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if "Accept-Language" not in request.headers:  # who asks for none gets the language of the caller
            translation.activate(self.actor.language)
        self.at = timezone.now()
        self._refuse_strange_parameters(request)

    def read(self, request: Request, row: Any = None, *, by: type[BaseSerializer] | None = None) -> dict[str, Any]:
        """The body as a serializer reads it, the endpoint's own unless named; of a `row` the parts given only."""
        kind = by or self.get_serializer_class()
        body = kind(row, data=request.data, partial=row is not None, context=self.get_serializer_context())
        body.is_valid(raise_exception=True)
        return dict(body.validated_data)

    def _refuse_strange_parameters(self, request: Request) -> None:
        known = [*self.query_parameters]
        if request.method in ("GET", "HEAD") and self.detail is False:
            known += [*PAGE_PARAMETERS, *_filter_names(self)]
        if self.action in self.listing_actions:
            known += PAGE_PARAMETERS
        if unknown := next((name for name in request.query_params if name not in known), None):
            raise Refused(_("No such parameter."), path=unknown[:80], choices=sorted(known), code="unknown_parameter")
        for name, values in request.query_params.lists():
            if fault := next(filter(None, map(text_fault, values)), ""):
                raise Refused(fault, path=name, code="invalid")


def _no_rows(serializer_class: Any) -> QuerySet:
    meta = getattr(serializer_class, "Meta", None)  # answers that are no rows have no model either
    return meta.model._default_manager.none() if meta else FieldDefinition.objects.none()


def _filter_names(view: Any) -> list[str]:
    filterset = getattr(view, "filterset_class", None)
    return list(filterset.base_filters) if filterset else []


class Listed(mixins.ListModelMixin):
    """GET of the list: filtered, ordered, in pages."""


class Retrieved(mixins.RetrieveModelMixin):
    """GET of one row; out of scope is not found."""
