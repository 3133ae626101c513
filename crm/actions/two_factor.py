"""The second step of signing in: begun, confirmed, asked for, turned off; and where a user is signed in."""

from datetime import datetime, timedelta

from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from crm import two_factor
from crm.actions.audit import audit
from crm.models import RecoveryCode, TwoFactor, User, Visit, Way
from crm.refusals import Refused
from crm.rights import Actor, require

VISITS_KEPT = timedelta(days=90)


class CodeRefused(Refused):
    """The code is none that is good now."""

    code = "wrong_code"


@transaction.atomic
def begin_two_factor(user: User, *, at: datetime) -> TwoFactor:
    """A new app to be confirmed; nothing is asked for at sign-in before that. One that is confirmed stays."""
    row, is_new = TwoFactor.objects.select_for_update().get_or_create(
        user=user, defaults={"seed": two_factor.new_seed(), "begun_at": at}
    )
    if not is_new and row.confirmed_at is None:
        row.seed, row.begun_at, row.last_step = two_factor.new_seed(), at, 0
        row.save()
    return row


@transaction.atomic
def confirm_two_factor(user: User, code: str, *, by: Actor, at: datetime) -> list[str]:
    """Turn it on when the app shows the right code; returns the recovery codes, shown once. Raises CodeRefused."""
    row = TwoFactor.objects.select_for_update().filter(user=user, confirmed_at=None).first()
    if row is None:
        raise Refused(_("It is on already."), code="on_already")
    _take(row, code, at=at)
    TwoFactor.objects.filter(pk=row.pk).update(confirmed_at=at)
    _audit(user, "two_factor_on", by=by, at=at)
    return _fresh_codes(user)


@transaction.atomic
def new_recovery_codes(user: User, code: str, *, by: Actor, at: datetime) -> list[str]:
    """Ten new codes in the place of the old; takes a code of the app. Raises CodeRefused."""
    _take(_confirmed(user), code, at=at)
    _audit(user, "recovery_codes_renewed", by=by, at=at)
    return _fresh_codes(user)


@transaction.atomic
def turn_off_two_factor(user: User, code: str, *, by: Actor, at: datetime) -> None:
    """Turn it off with a code of the app, or with one of the recovery codes. Raises CodeRefused."""
    check_code(user, code, by=by, at=at)
    _forget(user)
    _audit(user, "two_factor_off", by=by, at=at)


@transaction.atomic
def reset_two_factor(user: User, *, by: Actor, at: datetime) -> None:
    """An administrator takes it off somebody who has lost app and paper; every session of theirs ends."""
    require(by, "users.change")
    _forget(user)
    _audit(user, "two_factor_reset", by=by, at=at)
    end_sessions(user, by=by, at=at)


@transaction.atomic
def check_code(user: User, code: str, *, by: Actor, at: datetime) -> Way:
    """Take a code of the app or a recovery code, each once; returns which it was. Raises CodeRefused."""
    row = _confirmed(user)
    digits = "".join(code.split())
    if len(digits) == two_factor.DIGITS and digits.isdecimal():
        _take(row, digits, at=at)
        return Way.CODE
    unused = RecoveryCode.objects.filter(user=user, code_hash=two_factor.hash_of(code), used_at=None)
    if not unused.update(used_at=at):
        raise CodeRefused(_wrong(), path="code")
    _audit(user, "recovery_code_used", by=by, at=at)
    return Way.RECOVERY


def note_visit(user: User, *, session_key: str, way: str, browser: str, address: str, at: datetime) -> Visit:
    """Remember a sign-in, and let go of old ones of this user."""
    Visit.objects.filter(user=user, began_at__lt=at - VISITS_KEPT).delete()
    return Visit.objects.create(
        user=user, session_key=session_key, way=way, browser=browser[:120], address=address[:45], began_at=at
    )


def move_visit(old_key: str, new_key: str) -> None:
    """The same visit under another session key, as after a change of the password."""
    Visit.objects.filter(session_key=old_key).update(session_key=new_key)


@transaction.atomic
def end_sessions(user: User, *, by: Actor, at: datetime) -> None:
    """End every session of a user at once, also those nobody noted; whoever did it must bind their own anew."""
    if by.user is None or by.user.pk != user.pk:
        require(by, "users.change")
    keys = list(Visit.objects.filter(user=user).values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    User.objects.filter(pk=user.pk).update(session_number=F("session_number") + 1)
    _audit(user, "sessions_ended", by=by, at=at)


@transaction.atomic
def end_session(visit: Visit, *, by: Actor, at: datetime) -> None:
    """End one session."""
    Session.objects.filter(session_key=visit.session_key).delete()
    _audit(visit.user, "session_ended", by=by, at=at)


def forget_visits(*, at: datetime) -> int:
    """Delete sign-ins older than 90 days; returns how many."""
    return Visit.objects.filter(began_at__lt=at - VISITS_KEPT).delete()[0]


def _confirmed(user: User) -> TwoFactor:
    row = TwoFactor.objects.select_for_update().filter(user=user, confirmed_at__isnull=False).first()
    if row is None:
        raise Refused(_("It is not on."), code="not_on")
    return row


def _take(row: TwoFactor, code: str, *, at: datetime) -> None:
    """Accept a code of the app once: the guarded update lets one of two at the same time through."""
    secret, digits = two_factor.secret_of(row.user_id, row.seed), "".join(code.split())
    step = two_factor.matching_step(secret, digits, at=at, after=row.last_step) if digits.isascii() else None
    if step is None or not TwoFactor.objects.filter(pk=row.pk, last_step__lt=step).update(last_step=step):
        raise CodeRefused(_wrong(), path="code")


def _fresh_codes(user: User) -> list[str]:
    RecoveryCode.objects.filter(user=user).delete()
    codes = two_factor.new_codes()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, code_hash=two_factor.hash_of(one)) for one in codes)
    return codes


def _forget(user: User) -> None:
    TwoFactor.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()


def _wrong() -> str:
    return _("This code is not good now. Wait for the next one, and see that the clock of your phone is right.")


def _audit(user: User, verb: str, *, by: Actor, at: datetime) -> None:
    audit(kind="user", object_id=user.pk, verb=verb, changes={}, by=by, at=at)
