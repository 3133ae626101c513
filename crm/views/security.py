"""Signing in, as a setting of oneself: the password, the app of codes, and where one is signed in now."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import access, actions, queries, two_factor
from crm.forms.access import CodeForm, client_address
from crm.models import User
from crm.notices import notify
from crm.tables import Column

ONLY_FORMS = require_http_methods(["GET", "HEAD", "POST"])
VISITS = (
    Column(gettext_lazy("Signed in")),
    Column(gettext_lazy("With")),
    Column(gettext_lazy("Browser")),
    Column(gettext_lazy("Network address")),
    Column(gettext_lazy("Now"), "action"),
)


@method_decorator(ONLY_FORMS, name="dispatch")
class PasswordChange(PasswordChangeView):
    template_name = "crm/password.html"
    success_url = reverse_lazy("security")
    extra_context = {"crumbs": [(gettext_lazy("Signing in"), reverse_lazy("security"))]}

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        old_key = self.request.session.session_key or ""
        response = super().form_valid(form)
        actions.move_visit(old_key, self.request.session.session_key or "")
        notify(self.request, _("Your password is changed. Other devices are signed out."))
        return response


@require_safe
@login_required
@never_cache
def security(request: Any) -> HttpResponse:
    """What keeps strangers out, and where one is signed in."""
    visits = queries.visits_of(request.user)
    open_keys = queries.open_sessions([one.session_key for one in visits])
    context = {
        "two_factor": queries.two_factor_of(request.user),
        "codes_left": queries.recovery_codes_left(request.user),
        "visits": [
            (one, one.session_key in open_keys, one.session_key == request.session.session_key) for one in visits
        ],
        "columns": VISITS,
        "others": len(open_keys - {request.session.session_key}),
        "off_form": _form(request, None, name="off"),
        "codes_form": _form(request, None, name="codes"),
    }
    return render(request, "crm/security.html", context)


@require_POST
@login_required
def end_session(request: Any, pk: int) -> HttpResponse:
    """Sign out one browser of one's own."""
    visit = get_object_or_404(queries.visits_of(request.user, most=None), pk=pk)
    actions.end_session(visit, by=access.of_request(request), at=timezone.now())
    notify(request, _("Signed out there."))
    return redirect("security")


@require_POST
@login_required
def end_sessions(request: Any) -> HttpResponse:
    """Sign out everywhere but here."""
    actions.end_sessions(request.user, by=access.of_request(request), at=timezone.now())
    _stay(request)
    notify(request, _("Every other browser is signed out."))
    return redirect("security")


@require_POST
@login_required
def two_factor_begin(request: Any) -> HttpResponse:
    """Make a new secret to show."""
    actions.begin_two_factor(request.user, at=timezone.now())
    return redirect("two-factor")


@ONLY_FORMS
@login_required
@never_cache
def two_factor_set_up(request: Any) -> HttpResponse:
    """The picture for the app; the right code turns it on and shows the recovery codes, once."""
    row = queries.two_factor_of(request.user)
    if row is None or row.confirmed_at:
        return redirect("security")
    form = _form(request, lambda code: actions.confirm_two_factor(request.user, code, **_by(request)))
    if form.is_valid():
        _end_others(request)
        return _shown_codes(request, form.answer)
    secret = two_factor.secret_of(row.user_id, row.seed)
    context = {
        "form": form,
        "picture": two_factor.picture(two_factor.address(secret, request.user.get_username())),
        "secret": two_factor.written(secret),
        "crumbs": [(_("Signing in"), reverse_lazy("security"))],
    }
    return render(request, "crm/two_factor.html", context, status=400 if form.is_bound else 200)


@require_POST
@login_required
@never_cache
def two_factor_codes(request: Any) -> HttpResponse:
    """New recovery codes, against a code of the app."""
    form = _form(request, lambda code: actions.new_recovery_codes(request.user, code, **_by(request)))
    if form.is_valid():
        return _shown_codes(request, form.answer)
    return _refused(request, form)


@require_POST
@login_required
def two_factor_off(request: Any) -> HttpResponse:
    """Turn it off, against a code."""
    form = _form(request, lambda code: actions.turn_off_two_factor(request.user, code, **_by(request)))
    if not form.is_valid():
        return _refused(request, form)
    notify(request, _("Signing in takes the password alone again."))
    return redirect("security")


def _form(request: Any, take: Any, *, name: str = "code") -> CodeForm:
    """A field for a code; guesses are counted as at the sign-in."""
    data = request.POST if take and request.method == "POST" else None
    return CodeForm(data, user=request.user, address=client_address(request), take=take, name=name)


def _by(request: Any) -> dict[str, Any]:
    return {"by": access.of_request(request), "at": timezone.now()}


def _end_others(request: Any) -> None:
    """Who came in by the password alone has to come in anew."""
    actions.end_sessions(request.user, **_by(request))
    _stay(request)


def _stay(request: Any) -> None:
    """Bind this browser's session to the user as she is now."""
    old_key = request.session.session_key or ""
    user = User.objects.get(pk=request.user.pk)
    update_session_auth_hash(request, user)
    request.session.save()
    actions.move_visit(old_key, request.session.session_key or "")


def _shown_codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    context = {"codes": codes, "crumbs": [(_("Signing in"), reverse_lazy("security"))]}
    return render(request, "crm/recovery_codes.html", context)


def _refused(request: HttpRequest, form: CodeForm) -> HttpResponse:
    for errors in form.errors.values():
        notify(request, str(errors[0]), level=messages.ERROR)
    return redirect("security")
