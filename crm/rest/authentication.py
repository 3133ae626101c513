"""Who calls the API: an API key in the Authorization header, or a signed-in page."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.authentication import SessionAuthentication as _SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from crm import access, rights

SCHEME = "Bearer"


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer kohde_…`; the same answer for unknown, expired and revoked keys."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != SCHEME.lower().encode():
            return None
        now = timezone.now()
        key = access.live_key(parts[1].decode("latin-1"), at=now) if len(parts) == 2 else None
        if key is None:
            raise AuthenticationFailed(_("This API key is not valid."))
        access.note_use(key, at=now)
        return key.created_by, key

    def authenticate_header(self, request: Request) -> str:
        return f'{SCHEME} realm="Kohde API"'


class SessionAuthentication(_SessionAuthentication):
    """Signed-in pages call the same addresses, with the CSRF token in a header."""


def actor_of(request: Request) -> rights.Actor:
    """On whose behalf the call is made; the request must be authenticated."""
    caller: Any = request.auth or request.user
    return access.of_key(caller) if request.auth is not None else access.of_user(caller)
