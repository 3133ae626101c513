"""API keys: shown once, stored as a hash, revoked for good."""

import secrets
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from crm.access import KEY_MARK, PREFIX_LENGTH, hash_of
from crm.actions.audit import audit, created
from crm.models import ApiKey, Team
from crm.refusals import Refused
from crm.rights import SCOPES, Actor, require


@transaction.atomic
def issue_key(
    *,
    name: str,
    scopes: Iterable[str],
    by: Actor,
    at: datetime,
    team: Team | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its text, which is never shown again. The key may do no more than its issuer."""
    require(by, "keys.change")
    wanted = sorted(set(scopes))
    if unknown := next((scope for scope in wanted if scope not in SCOPES), None):
        raise Refused(_("No such scope: %(scope)s.") % {"scope": unknown}, path="scopes", choices=SCOPES)
    if expires_at is not None and expires_at <= at:
        raise Refused(_("The key would have expired already."), path="expires_at")
    raw_key = KEY_MARK + secrets.token_urlsafe(32)
    values = {"name": name, "scopes": wanted, "team": team, "expires_at": expires_at}
    key = ApiKey.objects.create(
        **values, prefix=raw_key[:PREFIX_LENGTH], key_hash=hash_of(raw_key), created_by=by.user, created_at=at
    )
    audit(kind="api_key", object_id=key.pk, verb="issued", changes=created(values), by=by, at=at)
    return key, raw_key


@transaction.atomic
def revoke_key(key: ApiKey, *, by: Actor, at: datetime) -> ApiKey:
    """Stop the key at once. A key revoked earlier keeps its time."""
    require(by, "keys.change")
    if ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=at):
        audit(kind="api_key", object_id=key.pk, verb="revoked", changes={"revoked_at": [None, at]}, by=by, at=at)
    key.refresh_from_db()
    return key
