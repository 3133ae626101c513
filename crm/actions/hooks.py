"""Webhooks: made, changed, given another key, tried out, stopped; and calls made once more."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import F, Value
from django.utils.translation import gettext as _

from crm import calling, hooks
from crm.actions.audit import audit, created, difference
from crm.models import Hook, HookCall, HookCallState
from crm.refusals import Refused
from crm.rights import Actor, require

SETTABLE = ("name", "url", "topics", "is_active")


@transaction.atomic
def create_hook(*, values: Mapping[str, Any], by: Actor, at: datetime) -> tuple[Hook, str]:
    """A new webhook and its signing key, which is shown this once."""
    require(by, "settings.change")
    _refuse(values)
    hook = Hook.objects.create(**values, created_by=by.user, created_at=at)
    audit(kind="hook", object_id=hook.pk, verb="created", changes=created(dict(values)), by=by, at=at)
    return hook, calling.shown(hooks.secrets_of(hook, at)[0])


@transaction.atomic
def change_hook(hook: Hook, *, values: Mapping[str, Any], by: Actor, at: datetime) -> Hook:
    """Change name, address or topics, stop it or let it go on; what waits is called again when it goes on."""
    require(by, "settings.change")
    _refuse(values)
    changes = difference(hook, dict(values))
    if not changes:
        return hook
    for name, value in values.items():
        setattr(hook, name, value)
    if "is_active" in changes and hook.is_active:
        hook.failing_since = hook.stopped_at = None
    hook.save()
    audit(kind="hook", object_id=hook.pk, verb="changed", changes=changes, by=by, at=at)
    return hook


@transaction.atomic
def rotate_hook(hook: Hook, *, by: Actor, at: datetime) -> str:
    """Another signing key, shown this once; for a day calls are signed by both."""
    require(by, "settings.change")
    Hook.objects.filter(pk=hook.pk).update(key_number=F("key_number") + 1, rotated_at=at)
    hook.refresh_from_db()
    changes: dict[str, list[Any]] = {"key_number": [hook.key_number - 1, hook.key_number]}
    audit(kind="hook", object_id=hook.pk, verb="rotated", changes=changes, by=by, at=at)
    return calling.shown(hooks.secrets_of(hook, at)[0])


@transaction.atomic
def delete_hook(hook: Hook, *, by: Actor, at: datetime) -> None:
    """Take it away with its log; what was told stays told."""
    require(by, "settings.change")
    pk, gone = hook.pk, {name: [getattr(hook, name), None] for name in SETTABLE}
    hook.delete()
    audit(kind="hook", object_id=pk, verb="deleted", changes=gone, by=by, at=at)


def try_hook(hook: Hook, *, by: Actor, at: datetime) -> HookCall:
    """Call it now with a trial, and keep the answer in its log."""
    require(by, "settings.change")
    row = HookCall.objects.create(hook=hook, key=f"test:{at.timestamp()}", topic=hooks.TEST, data={}, at=at)
    hooks.tell(row, at=at)
    row.refresh_from_db()
    return row


@transaction.atomic
def replay_calls(hook: Hook, *, call: HookCall | None = None, by: Actor, at: datetime) -> int:
    """Make one call again, or all that were given up; return how many. Their ids stay, so receivers know repeats."""
    require(by, "settings.change")
    rows = HookCall.objects.filter(hook=hook)
    rows = rows.filter(pk=call.pk) if call else rows.filter(state=HookCallState.FAILED).exclude(topic=hooks.TEST)
    count = rows.update(state=HookCallState.WAITING, attempts=Value(0), next_at=at, done_at=None)
    audit(kind="hook", object_id=hook.pk, verb="replayed", changes={"calls": [None, count]}, by=by, at=at)
    return count


def _refuse(values: Mapping[str, Any]) -> None:
    if unknown := next((name for name in values if name not in SETTABLE), None):
        raise Refused(_("There is no such field."), path=unknown, choices=SETTABLE)
    topics = values.get("topics", [*hooks.TOPICS])
    if unknown := next((one for one in topics if one not in hooks.TOPICS), None):
        raise Refused(_("There is no such topic: %(topic)s.") % {"topic": unknown}, path="topics", choices=hooks.TOPICS)
    if not topics:
        raise Refused(_("Choose at least one thing to be told of."), path="topics")
    if "url" in values:
        _refuse_address(values["url"])


def _refuse_address(url: str) -> None:
    """Raise `Refused` for what is not https, and for names that lead inside; each call looks again."""
    parts = urlsplit(url)
    try:
        port = parts.port or calling.PORTS.get(parts.scheme, 0)
        is_inside = f"{parts.hostname}:{port}" in settings.WEBHOOK_INSIDE
        if parts.scheme != "https" and not is_inside:
            raise Refused(_("The address begins with https://."), path="url")
        calling.address_of(parts.hostname or "", port)
    except calling.NotAllowed as refusal:
        raise Refused(_("Nothing inside is called: the address has to be public."), path="url") from refusal
    except ValueError as error:
        raise Refused(_("This is not an address of the web."), path="url") from error
    except OSError as error:
        raise Refused(_("Nobody knows this address."), path="url") from error
