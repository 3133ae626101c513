"""Cookies that outlast a session: the theme, the language, and that a browser is known."""

from django.conf import settings
from django.http import HttpResponse

YEAR_SECONDS = 365 * 24 * 3600


def remember(response: HttpResponse, name: str, value: str, *, is_secret: bool = False) -> None:
    """Set a cookie for a year; a secret one no script can read."""
    response.set_cookie(name, value, YEAR_SECONDS, secure=settings.HTTPS, httponly=is_secret, samesite="Lax")
