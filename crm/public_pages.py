"""Pages that customers open by an address of their own: neither cached nor told on, and wrong ones all look alike."""

import time
from collections import deque
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import get_language, override

from crm.tasks import poke_followers

Response = TypeVar("Response", bound=HttpResponseBase)
POKE_SECONDS = 1.0
poked_at = deque([0.0], maxlen=1)
View = Callable[..., HttpResponseBase]


def private(view: View) -> View:
    """No cache keeps it, no referrer tells the address on, and every wrong address looks the same."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
        except Http404:
            response = render(request, "public/not_found.html", status=404)
        return untold(response)

    return answered


def spoken_to(language: str, answer: Callable[[], HttpResponse]) -> HttpResponse:
    """The answer in the customer's language where the house speaks it, else in what their browser asks for."""
    with override(language if language in dict(settings.LANGUAGES) else get_language() or settings.LANGUAGE_CODE):
        response = answer()
        response["Content-Language"] = get_language() or settings.LANGUAGE_CODE
        return response


def poke_seldom() -> None:
    """Tell workers that customers changed: at most every second, of the last change within the minute."""
    if time.monotonic() > poked_at[-1] + POKE_SECONDS:
        poked_at.append(time.monotonic())
        poke_followers()


def untold(response: Response) -> Response:
    response["Cache-Control"] = "no-store, private"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
