"""Answers for whoever watches: /live, /ready, /metrics for machines, and the health page for people."""

import re
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config import vital_signs
from crm import timetable
from crm.access import ActorRequest, needs
from crm.rights import may
from crm.tables import Column

SILENCE = "process_seen_age_seconds"
LOOPBACK = ("127.0.0.1", "::1")
FORWARDING = re.compile(
    r"(X-)?Forwarded|X-Real-|X-Original-|X-Client-|X-Cluster-|.*Client-Ip|.*Connecting-Ip|Via$", re.I
)
COLUMNS = (Column(_("What")), Column(_("Now")), Column(_("What it means")))


@require_safe
def icon(request: HttpRequest) -> HttpResponse:
    """The icon, for pages that name none: browsers ask for it at the root."""
    return redirect(static("img/logo.svg"))


@require_safe
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """200 as long as this process answers; asks nothing of anybody else."""
    return JsonResponse({"live": True})


@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """200 when pages can be served, else 503; each check is "ok" or says what is wrong.

    A silent worker or timetable is told but does not make the pages unready: they still show everything there is.
    """
    checks = {name: verdict(check) for name, check in CHECKS.items()}
    is_ready = all(checks[name] == "ok" for name in NEEDED)
    response = JsonResponse({"ready": is_ready, "checks": checks}, status=200 if is_ready else 503)
    if not is_ready:
        response["Retry-After"] = "5"
    return response


@require_safe
@needs("health.view")
@never_cache
def page(request: ActorRequest) -> HttpResponse:
    """How the house is, in a table that answers first."""
    found = vital_signs.sections(at=timezone.now())
    ill = [sign for section in found for sign in section.signs if sign.tone in ("warn", "bad")]
    context = {
        "sections": found,
        "answer": told(found, len(ill)),
        "columns": COLUMNS,
        "has_metrics": may(request.actor, "settings.change"),
        "may_see_imports": may(request.actor, "imports.view"),
    }
    return render(request, "health.html", context)


def told(found: list[vital_signs.Section], ill: int) -> str:
    """The answer first: silent processes before anything else, for the rest follows from them."""
    silent = [sign for section in found for sign in section.signs if sign.metric == SILENCE and sign.tone == "bad"]
    if silent:
        names = ", ".join(str(sign.label) for sign in silent)
        return gettext("%(names)s: not heard of. Nothing is refreshed or sent until it runs.") % {"names": names}
    if not ill:
        return gettext("Everything runs and nothing is late.")
    return ngettext("%(n)s thing needs attention.", "%(n)s things need attention.", ill) % {"n": ill}


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """The same figures for Prometheus: with the token of KOHDE_METRICS_TOKEN, else from this machine alone."""
    if not may_scrape(request):
        return HttpResponse("Not for you.\n", status=403, content_type="text/plain")
    found = vital_signs.sections(at=timezone.now())
    return HttpResponse(vital_signs.exposition(found), content_type="text/plain; version=0.0.4; charset=utf-8")


def may_scrape(request: HttpRequest) -> bool:
    """A proxy on this machine makes every caller look near, so what came through one needs the token."""
    token = settings.METRICS_TOKEN
    if token:
        return constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {token}")
    came_through = settings.BEHIND_PROXY or any(map(FORWARDING.match, request.headers))
    return request.META.get("REMOTE_ADDR") in LOOPBACK and not came_through


def verdict(check: Callable[[], str]) -> str:
    try:
        return check()
    except DatabaseError:
        return "the database does not answer"


def database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def migrations() -> str:
    executor = MigrationExecutor(connection)
    waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    return f"{waiting} migrations wait: run manage.py prepare" if waiting else "ok"


def sign_of_life(kind: str) -> str:
    """Whether a process of this kind wrote a sign of life lately."""
    seen_at = timetable.last_seen_at(kind)
    if seen_at is None:
        return "never seen"
    silence = timezone.now() - seen_at
    return "ok" if silence < vital_signs.SILENT_AFTER else f"silent for {int(silence.total_seconds() // 60)} minutes"


CHECKS: dict[str, Callable[[], str]] = {
    "database": database,
    "migrations": migrations,
    "worker": lambda: sign_of_life("worker"),
    "timetable": lambda: sign_of_life("timetable"),
}
NEEDED = ("database", "migrations")
