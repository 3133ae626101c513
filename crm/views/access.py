"""The page about oneself, and the switches of the frame: language, theme, density."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import figures
from crm.forms.access import THEMES, MeForm
from crm.models import User
from crm.notices import notify
from crm.views.cookies import remember
from crm.views.signing_in import CHOSEN_LANGUAGE

ONLY_FORMS = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@login_required
def settings_index(request: HttpRequest) -> HttpResponse:
    """The settings begin with one's own."""
    return redirect("me")


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
    remember(response, "theme", form.cleaned_data["theme"])
    return response


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Switch the language here and, for a signed-in user, for good; whoever is at the door takes it in."""
    chosen = request.POST.get("language", "")
    response = _back(request)
    if chosen in dict(settings.LANGUAGES):
        remember(response, "django_language", chosen)
        if request.user.is_authenticated:
            _save(request, language=chosen)
        else:
            request.session[CHOSEN_LANGUAGE] = chosen
    return response


@require_POST
def appearance(request: HttpRequest) -> HttpResponse:
    """Switch theme or density and come back to the same page."""
    response = _back(request)
    if request.POST.get("theme") in dict(THEMES):
        remember(response, "theme", request.POST["theme"])
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
