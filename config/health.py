"""Two answers for whoever watches: /live (the process answers) and /ready (it can do its work)."""

from collections.abc import Callable
from datetime import timedelta

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm import timetable

SILENT_AFTER = timedelta(minutes=2)


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
    return "ok" if silence < SILENT_AFTER else f"silent for {int(silence.total_seconds() // 60)} minutes"


CHECKS: dict[str, Callable[[], str]] = {
    "database": database,
    "migrations": migrations,
    "worker": lambda: sign_of_life("worker"),
    "timetable": lambda: sign_of_life("timetable"),
}
NEEDED = ("database", "migrations")
