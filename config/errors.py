"""Answers to what went wrong: JSON below /api/, a page elsewhere; 503 when the database is away."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import get_language
from django.views import defaults

from crm.rest import errors

RETRY_AFTER_SECONDS = 30


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return errors.not_found(request) if errors.is_api(request) else defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer without touching the database; the exception that led here is still the current one."""
    if errors.is_api(request):
        return errors.server_error(request)
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return _plain("503.html", 503, {"Retry-After": str(RETRY_AFTER_SECONDS)})
    return _plain("500.html", 500, {})


def _plain(template: str, status: int, headers: dict[str, str]) -> HttpResponse:
    # Without the request no context processor runs, so no query can fail a second time.
    page = render_to_string(template, {"LANGUAGE_CODE": get_language()})
    return HttpResponse(page, status=status, headers=headers)
