"""How endpoints are told in the OpenAPI file: one tag per noun, the right and scope in words, the error shape."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiParameter

from crm.rights import RIGHTS

ERRORS = {"400": "Refused; `path` names the place.", "401": "No valid key.", "403": "The right is missing."}

_TEXT = {"type": "string"}
_FAULT_PROPERTIES = {
    "code": _TEXT,
    "message": _TEXT,
    "path": {"type": "string", "description": "Place in the input, e.g. lines[0].quantity; empty for the whole."},
    "choices": {"type": "array", "items": _TEXT, "description": "What would be valid there."},
}
_FAULT = {"type": "object", "required": ["code", "message", "path"], "properties": _FAULT_PROPERTIES}
ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "path", "details"],
            "properties": {**_FAULT_PROPERTIES, "details": {"type": "array", "items": _FAULT}},
        }
    },
}


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """API keys in the OpenAPI file."""

    target_class = "crm.rest.authentication.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "kohde_…"}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Signed-in pages in the OpenAPI file."""

    target_class = "crm.rest.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


class ScopedFieldText(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Rows named by one of their columns."""

    target_class = "crm.rest.serializers.ScopedField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict:
        return {"type": "string"}


class Schema(AutoSchema):
    """Adds rights, Idempotency-Key and error answers to every operation."""

    def get_description(self) -> str:  # type: ignore[override]
        right = getattr(self.view, "rights", {}).get(getattr(self.view, "action", None))
        words = [super().get_description() or ""]
        if right:
            scope = RIGHTS[right].scope or "none: signed-in users only"
            words.append(f"Right: `{right}` · key scope: `{scope}`.")
        return "\n\n".join(word for word in words if word)

    def get_override_parameters(self) -> list[Any]:
        action = getattr(self.view, getattr(self.view, "action", None) or "", None)
        if not getattr(action, "takes_idempotency_key", False):
            return []
        meaning = "The same key gets the same answer for 24 hours."
        return [OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, description=meaning)]

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix("/api/v1/").split("/")[0]]

    def _get_response_bodies(self, direction: Any = "response") -> dict:
        bodies = super()._get_response_bodies(direction)
        reference = self._error_reference()
        for status, meaning in self._errors().items():
            bodies.setdefault(status, {"description": meaning, "content": {"application/json": {"schema": reference}}})
        return bodies

    def _errors(self) -> dict[str, str]:
        more = {"404": "Not found, or out of scope."} if "{" in self.path else {}
        return {**ERRORS, **more, "default": "Any other error, in the same shape."}

    def _error_reference(self) -> dict:
        component = ResolvedComponent("Error", "schemas", ERROR, "crm.rest.Error")  # type: ignore[no-untyped-call]
        self.registry.register_on_missing(component)
        return component.ref
