"""Signing in, and what a user may change about herself."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from crm import sign_in
from crm.models import User

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


def zones() -> list[tuple[str, Any]]:
    """Time zones to choose from, the firm's own first."""
    names = sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc"))
    return [("", _("The firm's time zone")), *((name, name) for name in names)]


class MeForm(forms.ModelForm):
    theme = forms.ChoiceField(label=_("Theme"), choices=THEMES, required=False)
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=zones, required=False)

    class Meta:
        model = User
        fields = ["first_name", "last_name", "email", "language", "time_zone", "is_compact"]


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
