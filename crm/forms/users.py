"""Letting people in: accounts with one role, teams, API keys."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.form_fields import RowsField
from crm.models import Role, Team, User
from crm.rights import SCOPES

ROLE_MEANINGS = {
    Role.SALES: _("Sales – works with the customers of their teams"),
    Role.MARKETER: _("Marketer – segments, campaigns and imports over all customers"),
    Role.ANALYST: _("Analyst – figures and reports, no names"),
    Role.ADMIN: _("Admin – everything, and who may come in"),
}
LIVES = (("30", _("30 days")), ("90", _("90 days")), ("365", _("A year")), ("", _("Never")))


class UserForm(forms.ModelForm):
    """What an administrator says about somebody."""

    role = forms.ChoiceField(label=_("Role"), choices=list(ROLE_MEANINGS.items()), widget=forms.RadioSelect)
    teams = RowsField(
        Team.objects.all(),
        label=_("Teams"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Sales staff see the customers of these teams only."),
    )

    class Meta:
        model = User
        fields = ["first_name", "last_name", "email", "language", "role", "teams", "may_see_special"]

    def values(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name not in ("teams", "username")}


class NewUserForm(UserForm):
    username = forms.CharField(
        label=_("User name"),
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        help_text=_("What they sign in with. Letters, digits and @/./+/-/_ only."),
    )
    field_order = ["username", "first_name", "last_name", "email", "language", "role", "teams"]


class TeamForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)


class NewTeamForm(TeamForm):
    slug = forms.SlugField(
        label=_("Short name"), max_length=60, help_text=_("Used in files and the API; it stays as it is for ever.")
    )


class KeyForm(forms.Form):
    """What a key is for, what it may do, and for how long."""

    name = forms.CharField(label=_("What it is for"), max_length=120, help_text=_("Such as “Web shop orders”."))
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"), widget=forms.CheckboxSelectMultiple, choices=lambda: scopes()
    )
    team = forms.ModelChoiceField(
        Team.objects.all(), label=_("Only customers of the team"), required=False, empty_label=_("All teams")
    )
    days = forms.ChoiceField(label=_("Good for"), choices=LIVES, required=False, initial="365")

    def values(self) -> dict[str, Any]:
        given = self.cleaned_data
        expires_at = timezone.now() + timedelta(days=int(given["days"])) if given["days"] else None
        return {"name": given["name"], "scopes": given["scopes"], "team": given["team"], "expires_at": expires_at}


def scopes() -> list[tuple[str, str]]:
    """Each scope in words: what, and what may be done with it."""
    return [(scope, _words(*scope.split(":"))) for scope in SCOPES]


def _words(noun: str, verb: str) -> str:
    return f"{NOUNS.get(noun, noun)}: {VERBS.get(verb, verb)}"


NOUNS: dict[str, Any] = {
    "customers": _("Customers and companies"),
    "deals": _("Deals"),
    "tasks": _("Tasks"),
    "orders": _("Orders and products"),
    "events": _("Events"),
    "consent": _("Consents"),
    "export": _("Exports of persons"),
    "import": _("Imports"),
    "features": _("Features and profiles"),
    "segments": _("Segments"),
    "campaigns": _("Campaigns"),
    "letters": _("E-mails to single customers"),
    "surveys": _("Surveys"),
    "reports": _("Reports"),
    "privacy": _("Requests about personal data"),
}
VERBS: dict[str, Any] = {
    "read": _("read"),
    "write": _("write"),
    "admin": _("assign, merge, define"),
    "launch": _("launch and stop"),
    "execute": _("carry out"),
}
