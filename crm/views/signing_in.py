"""Coming in: the password, the code of an app where one is on, and the link by which a password is chosen."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import REDIRECT_FIELD_NAME, login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from ua_parser import parse

from crm import access, actions, sign_in
from crm.forms.access import CodeForm, SignInForm, client_address
from crm.models import User, Way
from crm.notices import notify
from crm.queries import has_two_factor
from crm.views.cookies import remember

ONLY_FORMS = require_http_methods(["GET", "HEAD", "POST"])
HALF = "half signed in"
HALF_LASTS = timedelta(minutes=10)
CHOSEN_LANGUAGE = "chosen_language"  # in the session of whoever chose one on the page of the sign-in
BACKEND = "django.contrib.auth.backends.ModelBackend"


@method_decorator(ONLY_FORMS, name="dispatch")
class SignIn(LoginView):
    """The first step; whoever has an app of codes is asked for one before they are in."""

    form_class = SignInForm
    template_name = "crm/sign_in.html"
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user: Any = form.get_user()
        if not has_two_factor(user):
            return come_in(self.request, user, Way.PASSWORD, self.get_success_url())
        self.request.session.cycle_key()
        self.request.session[HALF] = {
            "user": user.pk,
            "hash": user.get_session_auth_hash(),
            "at": timezone.now().isoformat(),
            "next": self.get_redirect_url(),
        }
        return redirect("sign-in-code")


@ONLY_FORMS
@never_cache
def code(request: HttpRequest) -> HttpResponse:
    """The second step: a code of the app, or a recovery code."""
    user = half_signed_in(request)
    if user is None:
        return redirect("sign-in")
    form = CodeForm(request.POST or None, user=user, address=client_address(request))
    if form.is_valid():
        wanted = request.session.pop(HALF)["next"]
        return come_in(request, user, form.way, safe(request, wanted))
    return render(request, "crm/sign_in_code.html", {"form": form}, status=400 if form.is_bound else 200)


def half_signed_in(request: HttpRequest) -> User | None:
    """Who has just given the right password, unless it was long ago or has changed since."""
    half = request.session.get(HALF)
    if half is None or timezone.now() - datetime.fromisoformat(half["at"]) > HALF_LASTS:
        return None
    user = User.objects.filter(pk=half["user"], is_active=True).first()
    return user if user and constant_time_compare(half["hash"], user.get_session_auth_hash()) else None


def come_in(request: HttpRequest, user: User, way: Way, url: str) -> HttpResponse:
    """Sign in, remember where and how, and tell the browser that it is known."""
    chosen = request.session.pop(CHOSEN_LANGUAGE, "")
    if chosen and chosen != user.language:
        user.language = chosen
        user.save(update_fields=["language"])
    login(request, user, BACKEND)
    actions.note_visit(
        user, session_key=request.session.session_key or "", way=way, browser=browser(request),
        address=client_address(request), at=timezone.now(),
    )  # fmt: skip
    if way == Way.RECOVERY:
        notify(request, _("That recovery code is used up. See that you have enough of them."))
    response = HttpResponseRedirect(url)
    remember(response, "known", sign_in.known_browser(user.get_username()), is_secret=True)
    return response


def safe(request: HttpRequest, wanted: str) -> str:
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if wanted and is_ours else resolve_url("home")


def browser(request: HttpRequest) -> str:
    """What the browser says it is: Firefox, Windows."""
    told = parse(request.headers.get("User-Agent", "")[:500])
    parts = (told.user_agent.family if told.user_agent else "", told.os.family if told.os else "")
    return ", ".join(part for part in parts if part)


@method_decorator([ONLY_FORMS, never_cache], name="dispatch")
class Invitation(PasswordResetConfirmView):
    """Whoever holds the link chooses a password, once; an app of codes that is on stays on."""

    template_name = "crm/invitation.html"
    success_url = reverse_lazy("sign-in")

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        actions.audit(
            kind="user", object_id=form.user.pk, verb="password_chosen", changes={},
            by=access.of_user(form.user), at=timezone.now(),
        )  # fmt: skip
        notify(self.request, _("Your password is set. Sign in with it."))
        return response

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        return super().get_context_data(**more) | {"sign_in_url": reverse("sign-in"), "field": REDIRECT_FIELD_NAME}
