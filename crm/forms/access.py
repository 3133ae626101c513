"""Signing in, and what a user may change about herself."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from crm import access, actions, sign_in
from crm.models import User, Way
from crm.refusals import Refused

THEMES = [("", _("As the system")), ("light", _("Light")), ("dark", _("Dark"))]


class SignInForm(AuthenticationForm):
    """Django's form behind the counters of failed attempts."""

    error_messages = {
        "invalid_login": _("The user name and password do not match. Both are case-sensitive."),
        "inactive": _("This account is closed. Ask your administrator."),
    }

    def clean(self) -> dict[str, Any]:
        request: Any = self.request
        name, known = self.cleaned_data.get("username", ""), request.COOKIES.get("known", "")
        counted = sign_in.counters(name, client_address(request), known)
        try:
            sign_in.begin_attempt(counted, at=timezone.now())
        except sign_in.TooManyAttempts as refusal:
            raise forms.ValidationError(wait_sentence(refusal), code="too_many") from refusal
        cleaned = super().clean()
        sign_in.forgive(counted)
        return cleaned


class CodeForm(forms.Form):
    """A code of the app or a recovery code, behind counters that no new sign-in sets back (reliability: F36)."""

    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        help_text=_("Six digits from your app, or one of your recovery codes."),
        widget=forms.TextInput({"autocomplete": "one-time-code", "autocapitalize": "off", "spellcheck": "false"}),
    )

    def __init__(self, data: Any, *, user: User, address: str, take: Any = None, name: str = "code") -> None:
        """`take` does what the code is for and may refuse it; left out, it is only checked, as at the sign-in."""
        super().__init__(data, auto_id=f"{name}_%s")
        self.user, self.address, self.take, self.way = user, address, take or self._check, Way.CODE
        self.answer: Any = None

    def clean_code(self) -> str:
        given = str(self.cleaned_data["code"])
        counted = sign_in.code_counters(self.user.get_username(), self.address)
        try:
            sign_in.begin_attempt(counted, at=timezone.now())
            self.answer = self.take(given)
        except sign_in.TooManyAttempts as refusal:
            raise forms.ValidationError(wait_sentence(refusal), code="too_many") from refusal
        except Refused as refusal:
            raise forms.ValidationError(refusal.message, code=refusal.code) from refusal
        sign_in.forgive(counted)
        return given

    def _check(self, given: str) -> None:
        self.way = actions.check_code(self.user, given, by=access.of_user(self.user), at=timezone.now())


def zones() -> list[tuple[str, Any]]:
    """Time zones to choose from, the firm's own first."""
    names = sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc"))
    return [("", _("The firm's time zone")), *((name, name) for name in names)]


class MeForm(forms.ModelForm):
    theme = forms.ChoiceField(label=_("Theme"), choices=THEMES, required=False)
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=zones, required=False)

    class Meta:
        model = User
        fields = ["first_name", "last_name", "email", "language", "time_zone", "is_compact", "has_keys"]


def client_address(request: Any) -> str:
    """The address that reached our own server: behind a proxy the last one it noted, which nobody can forge."""
    noted = request.headers.get("X-Forwarded-For", "") if settings.BEHIND_PROXY else ""
    return noted.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")


def wait_sentence(refusal: sign_in.TooManyAttempts) -> str:
    seconds = max(1, round(refusal.wait.total_seconds()))
    if seconds < 60:
        return (
            ngettext(
                "Too many attempts. Try again in %d second.", "Too many attempts. Try again in %d seconds.", seconds
            )
            % seconds
        )
    minutes = -(-seconds // 60)
    return (
        ngettext("Too many attempts. Try again in %d minute.", "Too many attempts. Try again in %d minutes.", minutes)
        % minutes
    )
