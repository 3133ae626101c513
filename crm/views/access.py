"""Coming in, going out, and the page about oneself."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override
from django.views.decorators.http import require_http_methods, require_POST

from crm import figures, sign_in
from crm.forms.access import THEMES, MeForm, SignInForm
from crm.models import User
from crm.notices import notify

ONLY_FORMS = require_http_methods(["GET", "HEAD", "POST"])
YEAR_SECONDS = 365 * 24 * 3600


@method_decorator(ONLY_FORMS, name="dispatch")
class SignIn(LoginView):
    form_class = SignInForm
    template_name = "crm/sign_in.html"
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        _remember(response, "known", sign_in.known_browser(form.get_user().get_username()), is_secret=True)
        return response


@method_decorator(ONLY_FORMS, name="dispatch")
class PasswordChange(PasswordChangeView):
    template_name = "crm/password.html"
    success_url = reverse_lazy("me")
    extra_context = {"crumbs": [(gettext_lazy("My settings"), reverse_lazy("me"))]}

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        notify(self.request, _("Your password is changed. Other devices are signed out."))
        return super().form_valid(form)


@ONLY_FORMS
@login_required
def me(request: Any) -> HttpResponse:
    """Name, language, time zone, theme and density of the signed-in user."""
    form = MeForm(request.POST or None, instance=request.user, initial={"theme": request.COOKIES.get("theme", "")})
    if not form.is_valid():
        context = {"form": form, "facts": _facts(request.user)}
        return render(request, "crm/me.html", context, status=400 if form.is_bound else 200)
    user = form.save()
    with override(user.language):
        notify(request, _("Saved."))
    response = redirect("me")
    _remember(response, "theme", form.cleaned_data["theme"])
    return response


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Switch the language here and, for a signed-in user, for good."""
    chosen = request.POST.get("language", "")
    response = _back(request)
    if chosen in dict(settings.LANGUAGES):
        _remember(response, "django_language", chosen)
        _save(request, language=chosen)
    return response


@require_POST
def appearance(request: HttpRequest) -> HttpResponse:
    """Switch theme or density and come back to the same page."""
    response = _back(request)
    if request.POST.get("theme") in dict(THEMES):
        _remember(response, "theme", request.POST["theme"])
    if "is_compact" in request.POST:
        _save(request, is_compact=request.POST["is_compact"] == "yes")
    return response


def _facts(user: User) -> list[tuple[str, str]]:
    teams = ", ".join(team.name for team in user.teams.all())
    return [
        (_("User name"), user.get_username()),
        (_("Role"), user.get_role_display()),
        (_("Teams"), teams),
        (_("Signed in"), figures.moment(user.last_login)),
    ]


def _save(request: HttpRequest, **changes: object) -> None:
    if request.user.is_authenticated:
        User.objects.filter(pk=request.user.pk).update(**changes)


def _back(request: HttpRequest) -> HttpResponseRedirect:
    wanted = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return HttpResponseRedirect(wanted if is_ours else "/")


def _remember(response: HttpResponse, name: str, value: str, *, is_secret: bool = False) -> None:
    response.set_cookie(name, value, YEAR_SECONDS, secure=settings.HTTPS, httponly=is_secret, samesite="Lax")
