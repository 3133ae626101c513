"""Users and teams: who may come in, and whose customers they see."""

from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from crm.actions.audit import audit
from crm.models import Team, User
from crm.refusals import Refused
from crm.rights import ROLES, Actor, require


@transaction.atomic
def create_team(*, name: str, slug: str, by: Actor, at: datetime) -> Team:
    """A new team. Raises Refused when the name or slug is taken."""
    require(by, "users.change")
    try:
        with transaction.atomic():
            team = Team.objects.create(name=name, slug=slug)
    except IntegrityError as fault:
        raise Refused(_("There is such a team already."), path="slug", code="taken") from fault
    audit(kind="team", object_id=team.pk, verb="created", changes={"name": [None, name]}, by=by, at=at)
    return team


@transaction.atomic
def create_user(
    *,
    username: str,
    password: str,
    role: str,
    by: Actor,
    at: datetime,
    teams: Iterable[Team] = (),
    first_name: str = "",
    language: str = "en",
) -> User:
    """A new user with one role; admins may use the Django admin."""
    require(by, "users.change")
    if role not in ROLES:
        raise Refused(_("No such role."), path="role", choices=ROLES)
    if User.objects.filter(username=username).exists():
        raise Refused(_("This user name is taken."), path="username", code="taken")
    is_admin = role == "admin"
    user = User.objects.create_user(
        username, password=password, role=role, first_name=first_name, language=language,
        is_staff=is_admin, is_superuser=is_admin,
    )  # fmt: skip
    user.teams.set(teams)
    audit(kind="user", object_id=user.pk, verb="created", changes={"role": [None, role]}, by=by, at=at)
    return user
