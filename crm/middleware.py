"""The visitor's language and time zone around every request."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation


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
