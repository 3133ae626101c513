"""How many calls one key or user may make a minute."""

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle


class PerCaller(SimpleRateThrottle):
    """Counts per API key, else per user, else per address."""

    scope = "api"

    def get_cache_key(self, request: Request, view: Any) -> str:
        return f"calls:{self._caller(request)}"

    def _caller(self, request: Request) -> str:
        if request.auth is not None:
            return f"key:{request.auth.pk}"
        if request.user and request.user.is_authenticated:
            return f"user:{request.user.pk}"
        return f"address:{self.get_ident(request)}"
