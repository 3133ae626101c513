"""Users and teams: who may come in, and whose customers they see."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.actions.audit import audit, difference
from crm.actions.rows import refusing_doubles
from crm.models import Team, User
from crm.refusals import Refused
from crm.rights import ADMIN, ROLES, Actor, require

CHANGEABLE = ("first_name", "last_name", "email", "role", "language", "may_see_special")


@transaction.atomic
def create_team(*, name: str, slug: str, by: Actor, at: datetime) -> Team:
    """A new team. Raises Refused when the name or slug is taken."""
    require(by, "users.change")
    with refusing_doubles(Refused(_("There is such a team already."), path="slug", code="taken")):
        team = Team.objects.create(name=name, slug=slug)
    audit(kind="team", object_id=team.pk, verb="created", changes={"name": [None, name]}, by=by, at=at)
    return team


@transaction.atomic
def rename_team(team: Team, *, name: str, by: Actor, at: datetime) -> Team:
    """Another name; the slug stays, for files and the API name it. Raises Refused when the name is taken."""
    require(by, "users.change")
    if changes := difference(team, {"name": name}):
        with refusing_doubles(Refused(_("There is such a team already."), path="name", code="taken")):
            Team.objects.filter(pk=team.pk).update(name=name)
        audit(kind="team", object_id=team.pk, verb="changed", changes=changes, by=by, at=at)
    team.refresh_from_db()
    return team


@transaction.atomic
def create_user(
    *,
    username: str,
    role: str,
    by: Actor,
    at: datetime,
    password: str | None = None,
    teams: Iterable[Team] = (),
    **more: Any,
) -> User:
    """A new user with one role; without a password nobody gets in before the invitation is taken.

    `more` holds the other columns of `CHANGEABLE`.
    """
    require(by, "users.change")
    _check_role(role)
    taken = Refused(_("This user name is taken."), path="username", code="taken")
    if User.objects.filter(username__iexact=username).exists():
        raise taken
    flags: dict[str, Any] = _flags(role)
    with refusing_doubles(taken):
        user = User.objects.create_user(username, password=password, role=role, **flags, **more)
    user.teams.set(teams)
    audit(kind="user", object_id=user.pk, verb="created", changes={"role": [None, role]}, by=by, at=at)
    return user


@transaction.atomic
def change_user(
    user: User, *, by: Actor, at: datetime, teams: Iterable[Team] | None = None, values: dict[str, Any]
) -> User:
    """Change columns of `CHANGEABLE` and the teams. Raises Refused when nobody would be left to administer."""
    require(by, "users.change")
    values = {name: values[name] for name in CHANGEABLE if name in values}
    if "role" in values:
        _check_role(values["role"])
        if values["role"] != ADMIN:
            keep_an_admin(user)
    changes = difference(user, values)
    User.objects.filter(pk=user.pk).update(**values, **(_flags(values["role"]) if "role" in values else {}))
    if teams is not None:
        before, after = sorted(user.teams.values_list("slug", flat=True)), sorted(team.slug for team in teams)
        if before != after:
            user.teams.set(teams)
            changes["teams"] = [before, after]
    if changes:
        audit(kind="user", object_id=user.pk, verb="changed", changes=changes, by=by, at=at)
    user.refresh_from_db()
    return user


@transaction.atomic
def close_user(user: User, *, by: Actor, at: datetime) -> User:
    """Nobody comes in by this account any more: sessions end, its API keys stop. What they did stays theirs."""
    require(by, "users.change")
    if by.user is not None and by.user.pk == user.pk:
        raise Refused(_("You cannot close your own account."), code="own_account")
    keep_an_admin(user)
    if User.objects.filter(pk=user.pk, is_active=True).update(is_active=False):
        audit(kind="user", object_id=user.pk, verb="closed", changes={"is_active": [True, False]}, by=by, at=at)
    user.refresh_from_db()
    return user


@transaction.atomic
def reopen_user(user: User, *, by: Actor, at: datetime) -> User:
    """Let a closed account in again."""
    require(by, "users.change")
    if User.objects.filter(pk=user.pk, is_active=False).update(is_active=True):
        audit(kind="user", object_id=user.pk, verb="reopened", changes={"is_active": [False, True]}, by=by, at=at)
    user.refresh_from_db()
    return user


def hide_first_steps(user: User, *, is_hidden: bool) -> None:
    """Whether the user's own first page shows the steps to begin with."""
    User.objects.filter(pk=user.pk).update(hides_first_steps=is_hidden)


@transaction.atomic
def note_invitation(user: User, *, by: Actor, at: datetime) -> None:
    """The audit line of a link by which a password may be chosen."""
    require(by, "users.change")
    if not user.is_active:
        raise Refused(_("This account is closed. Ask your administrator."), code="closed")
    audit(kind="user", object_id=user.pk, verb="invited", changes={}, by=by, at=at)


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise Refused(_("No such role."), path="role", choices=ROLES)


def _flags(role: str) -> dict[str, bool]:
    """Django's own flags, which its admin looks at."""
    return {"is_staff": role == ADMIN, "is_superuser": role == ADMIN}


def keep_an_admin(user: User) -> None:
    """Raises Refused when the user is the last administrator. Those who leave at once wait for each other."""
    others = User.objects.select_for_update().filter(role=ADMIN, is_active=True).order_by("pk")
    if user.role == ADMIN and not [one for one in others if one.pk != user.pk]:
        raise Refused(_("This is the last administrator; somebody must be left to keep the house."), path="role")
