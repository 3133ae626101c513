"""One shape for every error: {"error": {"code", "message", "path", "choices"?, "details": […]}}."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response

from crm.refusals import ManyRefused, Refused, at_path

RETRY_SECONDS = 5


class ChoiceCode(str):
    """An error code that carries the valid choices through Django REST framework, which rebuilds its error details."""

    choices: list[str]

    def __new__(cls, code: str, choices: list[str]) -> "ChoiceCode":
        made = super().__new__(cls, code)
        made.choices = choices
        return made


def body(code: str, message: str, *, path: str = "", details: list[dict[str, Any]] | None = None, **more: Any) -> dict:
    """The error shape; `details` holds every fault found, at least this one."""
    fault = {"code": code, "message": message, "path": path, **more}
    return {"error": {**fault, "details": details or [fault]}}


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """Django REST framework's exception handler. None lets an unexpected error reach the log and `server_error`."""
    error = _translated(error)
    if isinstance(error, Refused):
        return Response(refused_body(error), status=error.status)
    if isinstance(error, exceptions.APIException):
        return Response(_api_body(error), status=error.status_code, headers=_headers(error))
    return None


def _translated(error: Exception) -> Exception:
    match error:
        case Http404():
            return exceptions.NotFound(_("Not found."))
        case PermissionDenied():
            return exceptions.PermissionDenied()
        case RequestDataTooBig():
            return BodyTooLarge(_("The body is too large."))
        case OperationalError() | InterfaceError():
            return Busy()
    return error


class BodyTooLarge(exceptions.APIException):
    """More bytes than the endpoint takes."""

    status_code = 413
    default_code = "too_large"


class EncodingUnknown(exceptions.APIException):
    """The body is compressed; limits count bytes as sent, so only plain bodies are read."""

    status_code = 415
    default_code = "unsupported_encoding"


class Busy(exceptions.APIException):
    """The database is away or locked; nothing was done."""

    status_code = 503
    default_code = "busy"
    default_detail = "The database does not answer; try again in a few seconds."
    wait = RETRY_SECONDS


def refused_body(error: Refused) -> dict:
    """The error shape of a refusal, with all faults when there are several."""
    faults = error.faults if isinstance(error, ManyRefused) else [error]
    details = [_refusal_row(fault) for fault in faults]
    return {"error": {**details[0], "details": details}}


def _refusal_row(error: Refused) -> dict[str, Any]:
    row: dict[str, Any] = {"code": error.code, "message": str(error.message), "path": error.path}
    return row if error.choices is None else {**row, "choices": error.choices}


def _api_body(error: exceptions.APIException) -> dict:
    details = list(flattened(error.detail))
    first = details[0] if details else {"code": error.default_code, "message": str(error.detail), "path": ""}
    return {"error": {**first, "details": details or [first]}}


def flattened(detail: Any, path: str = "") -> Iterator[dict[str, Any]]:
    """Every fault of a nested error detail as a row with its place, e.g. `lines[0].quantity`."""
    if isinstance(detail, dict):
        for name, part in detail.items():
            yield from flattened(part, _joined(path, name))
    elif isinstance(detail, list):
        for index, part in enumerate(detail):
            yield from flattened(part, path if isinstance(part, str) else f"{path}[{index}]")
    else:
        code = getattr(detail, "code", "invalid")
        row = {"code": str(code), "message": str(detail), "path": path}
        yield {**row, "choices": code.choices} if isinstance(code, ChoiceCode) else row


def _joined(path: str, name: Any) -> str:
    if name in ("non_field_errors", "__all__"):
        return path
    return f"{path}[{name}]" if isinstance(name, int) else at_path(path, str(name))


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    return headers


def is_api(request: HttpRequest) -> bool:
    """Whether errors of this request are answered as JSON."""
    return request.path.startswith("/api/")


def not_found(request: HttpRequest, address: str = "") -> JsonResponse:
    """404 for addresses under /api/ that no endpoint has."""
    hint: dict[str, Any] = {} if request.path.endswith("/") else {"hint": request.path + "/"}
    return JsonResponse(body("not_found", _("No such address."), **hint), status=404)


def server_error(request: HttpRequest) -> JsonResponse:
    """500 in the shape of all others; what went wrong stands in the log only."""
    return JsonResponse(body("server_error", _("Something went wrong here; it has been logged.")), status=500)
