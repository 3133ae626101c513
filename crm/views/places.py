"""Where a page goes after a change: back to where its form stood, inside this house only."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme


def back(request: HttpRequest, usual: str) -> HttpResponse:
    """A redirect to the address that the form named as `next`, or to the usual one."""
    asked = request.POST.get("next", "")
    is_own = asked.startswith("/") and url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    return redirect(asked if is_own else usual)
