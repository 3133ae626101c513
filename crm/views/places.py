"""Where a page goes after a change: back to where its form stood, inside this house only."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme


def back(request: HttpRequest, usual: str) -> HttpResponse:
    """A redirect to the address that the form named as `next`, or to the usual one."""
    asked = request.POST.get("next", "")
    return redirect(asked if _is_own(asked) else usual)


def returned(request: HttpRequest, usual: str) -> HttpResponse:
    """A redirect to the page of this house that an undo stood on; to the usual one when the browser tells none."""
    asked = request.headers.get("Referer", "").removeprefix(f"{request.scheme}://{request.get_host()}")
    return redirect(asked if _is_own(asked) else usual)


def _is_own(address: str) -> bool:
    return address.startswith("/") and url_has_allowed_host_and_scheme(address, allowed_hosts=None)
