"""Lists in pages by cursor: `?limit=`, `?ordering=` from the endpoint's allow-list, `next` holds the next address."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from crm import keyset
from crm.lists import narrowing
from crm.refusals import Refused

DEFAULT_SIZE, LARGEST_SIZE = 50, 500


class CursorPages(BasePagination):
    """Stable pages without counting; `view.orderings` lists the orders that an index supports, the first by default."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        query = request.query_params
        order = _order(query.get("ordering", ""), view.orderings)
        self.request = request
        asked: dict[str, Any] = {
            "order": order,
            "cursor": query.get("cursor", ""),
            "size": _size(query.get("limit", "")),
        }
        among = getattr(view, "among", None)
        held = None if among is None else narrowing.Narrowed(queryset, among)
        self.page = narrowing.page(held, **asked) if held else keyset.page_of(queryset, **asked)
        return self.page.rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self._next()})

    def _next(self) -> str | None:
        if not self.page.next_cursor:
            return None
        return replace_query_param(self.request.build_absolute_uri(), "cursor", self.page.next_cursor)

    def get_paginated_response_schema(self, schema: dict) -> dict:
        address = {"type": "string", "format": "uri", "nullable": True, "description": "Address of the next page."}
        properties = {"results": schema, "next": address}
        return {"type": "object", "required": list(properties), "properties": properties}

    def get_schema_operation_parameters(self, view: Any) -> list[dict]:
        whole = {"type": "integer", "minimum": 1, "maximum": LARGEST_SIZE, "default": DEFAULT_SIZE}
        order = {"type": "string", "enum": list(view.orderings), "default": view.orderings[0]}
        return [
            _parameter("limit", "Rows per page.", whole),
            _parameter("ordering", "Order of the rows; - before it means descending.", order),
            _parameter("cursor", "Place to go on from, taken from `next`.", {"type": "string"}),
        ]


def _parameter(name: str, description: str, schema: dict) -> dict:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def _order(asked: str, orderings: list[str]) -> str:
    if asked and asked not in orderings:
        raise Refused(_("Not one of the orders."), path="ordering", choices=orderings, code="invalid_choice")
    return asked or orderings[0]


def _size(asked: str) -> int:
    if not asked:
        return DEFAULT_SIZE
    if not (asked.isascii() and asked.isdigit() and len(asked) <= 3 and 1 <= int(asked) <= LARGEST_SIZE):
        raise Refused(_("A whole number from 1 to %(most)s.") % {"most": LARGEST_SIZE}, path="limit")
    return int(asked)
