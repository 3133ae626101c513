"""Pages that customers open by an address of their own: neither cached nor told on, and wrong ones all look alike."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render

Response = TypeVar("Response", bound=HttpResponseBase)
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


def untold(response: Response) -> Response:
    response["Cache-Control"] = "no-store, private"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
