"""People and teams: who may come in, as whom, and the links by which they choose a password."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import actions, queries
from crm.access import ActorRequest, needs
from crm.forms.users import NewTeamForm, NewUserForm, TeamForm, UserForm
from crm.keyset import LARGEST_ID
from crm.models import Team, User
from crm.notices import notify
from crm.refusals import Refused
from crm.tables import Column

ONLY_FORMS = require_http_methods(["GET", "HEAD", "POST"])
PEOPLE = (
    Column(gettext_lazy("Name")),
    Column(gettext_lazy("Role")),
    Column(gettext_lazy("Teams")),
    Column(gettext_lazy("Two-factor")),
    Column(gettext_lazy("Signed in last")),
)
TEAMS = (Column(gettext_lazy("Name")), Column(gettext_lazy("Short name")), Column(gettext_lazy("Members"), "number"))


@require_safe
@needs("users.change")
def users(request: ActorRequest) -> HttpResponse:
    """Everybody who may come in, and those who no longer may."""
    rows = queries.all_users(request.actor)
    without = [one for one in rows if one.is_active and one.role == "admin" and not _has_two_factor(one)]
    context = {"rows": [(one, _has_two_factor(one)) for one in rows], "columns": PEOPLE, "unguarded": len(without)}
    return render(request, "crm/users.html", context)


@ONLY_FORMS
@needs("users.change")
def user_new(request: ActorRequest) -> HttpResponse:
    """Let somebody in: an account, and the link by which they choose a password."""
    form = NewUserForm(request.POST or None, initial={"language": request.user.language, "role": "sales"})
    if form.is_valid():
        try:
            made = actions.create_user(
                username=form.cleaned_data["username"],
                teams=form.cleaned_data["teams"],
                **form.values(),
                **_by(request),
            )
        except Refused as refusal:
            form.add_error(refusal.path if refusal.path in form.fields else None, refusal.message)
        else:
            return invited(request, made)
    context = {"form": form, "title": _("Let somebody in"), "crumbs": _crumbs()}
    return render(request, "crm/user_new.html", context, status=400 if form.is_bound else 200)


@ONLY_FORMS
@needs("users.change")
def user(request: ActorRequest, pk: int) -> HttpResponse:
    """One account: its role, its teams, how it signs in."""
    row = _found(request, pk)
    form = UserForm(request.POST or None, instance=row)
    if form.is_valid():
        try:
            actions.change_user(
                _found(request, pk), teams=form.cleaned_data["teams"], values=form.values(), **_by(request)
            )
        except Refused as refusal:
            form.add_error(refusal.path if refusal.path in form.fields else None, refusal.message)
        else:
            notify(request, _("Saved."))
            return redirect("user", pk)
    row = _found(request, pk) if form.is_bound else row
    keys = queries.keys(request.actor).filter(created_by=row, revoked_at=None)
    context = {
        "one": row, "form": form, "crumbs": _crumbs(), "has_two_factor": _has_two_factor(row),
        "visits": queries.visits_of(row, most=5), "keys": keys.count(), "is_me": row.pk == request.user.pk,
    }  # fmt: skip
    return render(request, "crm/user.html", context, status=400 if form.is_bound else 200)


@require_POST
@needs("users.change")
@never_cache
def user_invite(request: ActorRequest, pk: int) -> HttpResponse:
    """A link by which somebody chooses a password, shown once and mailed where there is an address."""
    return invited(request, _found(request, pk))


@require_POST
@needs("users.change")
def user_move(request: ActorRequest, pk: int, name: str) -> HttpResponse:
    """Close or reopen an account, end its sessions, take its two-factor off."""
    row = _found(request, pk)
    if name not in MOVES:
        return redirect("user", pk)
    act, said = MOVES[name]
    try:
        act(row, **_by(request))
    except Refused as refusal:
        notify(request, refusal.message, level=messages.ERROR)
    else:
        undo = {"close": "reopen", "reopen": "close"}.get(name)
        notify(request, str(said), undo_url=reverse("user-move", args=[pk, undo]) if undo else "")
    return redirect("user", pk)


MOVES: dict[str, tuple[Any, Any]] = {
    "close": (actions.close_user, gettext_lazy("The account is closed and signed out.")),
    "reopen": (actions.reopen_user, gettext_lazy("The account is open again.")),
    "sign-out": (actions.end_sessions, gettext_lazy("They are signed out everywhere.")),
    "reset-two-factor": (actions.reset_two_factor, gettext_lazy("Two-factor is off; they are signed out everywhere.")),
}


def invited(request: ActorRequest, row: User) -> HttpResponse:
    """Show the link; whoever holds it chooses the password, so it is shown to the administrator alone."""
    try:
        actions.note_invitation(row, **_by(request))
    except Refused as refusal:
        notify(request, refusal.message, level=messages.ERROR)
        return redirect("user", row.pk)
    link = invitation(row)
    context = {"one": row, "link": link, "is_mailed": _mailed(row, link), "crumbs": _crumbs(), "days": _days()}
    return render(request, "crm/user_invited.html", context)


def invitation(row: User) -> str:
    """An address good once and for three days; a new password makes it void."""
    where = [urlsafe_base64_encode(force_bytes(row.pk)), default_token_generator.make_token(row)]
    return settings.BASE_URL + reverse("invitation", args=where)


def _mailed(row: User, link: str) -> bool:
    """Whether the link was handed to the mail server; what the catcher keeps is read by others than whom it is for."""
    if not row.email or settings.HAS_MAIL_CATCHER:
        return False
    with override(row.language):
        subject = _("Your way into Kohde")
        body = _("%(firm)s lets you in as %(name)s. Choose your password within %(days)s days:\n\n%(link)s") % {
            "firm": settings.FIRM_NAME, "name": row.get_username(), "days": _days(), "link": link,
        }  # fmt: skip
    try:
        return bool(send_mail(subject, body, None, [row.email]))
    except OSError:  # every fault of smtplib and of the network
        return False


def _days() -> int:
    return settings.PASSWORD_RESET_TIMEOUT // 86400


# --- teams ---------------------------------------------------------------------------------------


@require_safe
@needs("users.change")
def teams(request: ActorRequest) -> HttpResponse:
    """Whose customers belong together."""
    return render(request, "crm/teams.html", {"rows": queries.teams_with_members(request.actor), "columns": TEAMS})


@ONLY_FORMS
@needs("users.change")
def team_new(request: ActorRequest) -> HttpResponse:
    form = NewTeamForm(request.POST or None)
    return _team(request, form, _("New team"), lambda given: actions.create_team(**given, **_by(request)))


@ONLY_FORMS
@needs("users.change")
def team(request: ActorRequest, slug: str) -> HttpResponse:
    """Rename a team."""
    row = get_object_or_404(Team, slug=slug)
    form = TeamForm(request.POST or None, initial={"name": row.name})
    return _team(request, form, row.name, lambda given: actions.rename_team(row, **given, **_by(request)))


def _team(request: HttpRequest, form: TeamForm, title: str, act: Any) -> HttpResponse:
    if form.is_valid():
        try:
            act(form.cleaned_data)
        except Refused as refusal:
            form.add_error(refusal.path if refusal.path in form.fields else None, refusal.message)
        else:
            notify(request, _("Saved."))
            return redirect("teams")
    context = {"form": form, "title": title, "crumbs": [(_("Teams"), reverse("teams"))]}
    return render(request, "crm/team.html", context, status=400 if form.is_bound else 200)


def _found(request: ActorRequest, pk: int) -> User:
    return get_object_or_404(queries.all_users(request.actor), pk=min(pk, LARGEST_ID))


def _has_two_factor(row: User) -> bool:
    return hasattr(row, "two_factor") and row.two_factor.confirmed_at is not None


def _crumbs() -> list[tuple[str, str]]:
    return [(_("People"), reverse("users"))]


def _by(request: ActorRequest) -> dict[str, Any]:
    return {"by": request.actor, "at": timezone.now()}
