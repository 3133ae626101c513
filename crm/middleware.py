"""Around every request: the visitor's language and time zone, and a poke for those who follow changed customers."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from crm.actions.touches import was_touched
from crm.tasks import poke_followers


def preferences(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: signed-in users get their own language and zone, everybody else the firm's zone."""

    def respond(request: HttpRequest) -> HttpResponse:
        user = request.user
        if user.is_authenticated:
            translation.activate(user.language)
            request.LANGUAGE_CODE = translation.get_language()
        with timezone.override(ZoneInfo(getattr(user, "time_zone", "") or settings.FIRM_TIME_ZONE)):
            return get_response(request)

    return respond


def followers(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: when the request changed customers, workers are told at once."""

    def respond(request: HttpRequest) -> HttpResponse:
        mark = was_touched.set(False)
        response = get_response(request)
        if was_touched.get():
            poke_followers()
        was_touched.reset(mark)
        return response

    return respond


def without_nul(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: takes NUL out of the questions pages are asked; PostgreSQL holds none, and no person types it.

    The API refuses it at its place by itself.
    """

    def respond(request: HttpRequest) -> HttpResponse:
        query = request.META.get("QUERY_STRING", "")
        if "%00" in query and not request.path.startswith("/api/"):
            request.META["QUERY_STRING"] = query.replace("%00", "")
        return get_response(request)

    return respond
