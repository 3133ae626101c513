"""From a request to its actor: signed-in users and API keys; the guard of pages."""

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, cast

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase
from django_htmx.middleware import HtmxDetails

from crm import rights
from crm.models import ApiKey, User

KEY_MARK = "kohde_"
PREFIX_LENGTH = 12


def of_user(user: User) -> rights.Actor:
    """The actor of a signed-in user; sales staff are bound to their teams."""
    return rights.Actor(
        role=user.role,
        user=user,
        team_ids=_teams_of(user),
        may_see_special=user.may_see_special and user.role != rights.ANALYST,
        language=user.language,
    )


def of_key(key: ApiKey) -> rights.Actor:
    """The actor of an API key: never more than its issuer may, never special categories."""
    issuer = key.created_by
    return rights.Actor(
        role=issuer.role,
        user=issuer,
        key=key,
        team_ids=_teams_of_key(key),
        scopes=frozenset(key.scopes),
        language=issuer.language,
        source=f"api:{key.prefix}",
    )


def _teams_of_key(key: ApiKey) -> frozenset[int] | None:
    """The key's team, as long as its issuer still sees it; without one, the issuer's teams."""
    own = _teams_of(key.created_by)
    if not key.team_id:
        return own
    return frozenset([key.team_id]) if own is None else own & {key.team_id}


def _teams_of(user: User) -> frozenset[int] | None:
    if user.role != rights.SALES:
        return None
    return frozenset(user.teams.values_list("id", flat=True))


class ActorRequest(HttpRequest):
    """What a guarded view is given: the request of a signed-in user, and on whose behalf it acts."""

    user: User
    actor: rights.Actor
    htmx: HtmxDetails


def of_request(request: HttpRequest) -> rights.Actor:
    """The actor of a page request, read once per request. The user must be signed in."""
    known = cast(ActorRequest, request)
    if not hasattr(known, "actor"):
        known.actor = of_user(known.user)
    return known.actor


def hash_of(raw_key: str) -> str:
    """SHA-256 in hexadecimal; keys carry 256 random bits, so no slow hash is needed."""
    return hashlib.sha256(raw_key.encode()).hexdigest()


def live_key(raw_key: str, *, at: datetime) -> ApiKey | None:
    """The key that this text is, unless unknown, revoked, expired, or its issuer has left."""
    rows = ApiKey.objects.select_related("created_by", "team").filter(prefix=raw_key[:PREFIX_LENGTH])
    key = rows.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at), revoked_at__isnull=True).first()
    if key is None or not key.created_by.is_active:
        return None
    return key if hmac.compare_digest(key.key_hash, hash_of(raw_key)) else None


def note_use(key: ApiKey, *, at: datetime) -> None:
    """Remember when the key was last used, at most one write a minute."""
    if key.last_used_at is None or key.last_used_at < at - timedelta(minutes=1):
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=at)


View = Callable[..., HttpResponseBase]


def needs(right: str) -> Callable[[View], View]:
    """Guard a page: sign in first, hold the right; the view finds `request.actor`."""
    if right not in rights.RIGHTS:
        raise KeyError(right)

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not rights.may(of_request(request), right):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        guarded.right = right  # type: ignore[attr-defined]
        return guarded

    return guard
