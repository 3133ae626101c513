"""The first page and its parts: the page answers at once, the parts come each in its own request."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from config.home import attention, first_steps, house, marketing, mentions, sales
from config.home.lines import Part
from crm import access
from crm import actions as crm_actions
from crm.finding import address
from crm.rights import ADMIN, ANALYST, MARKETER, SALES, Actor, may

TASKS = Part("tasks", _("My tasks"), _("Nothing is to be done."), sales.tasks, "tasks.view", "tasks")
PIPELINE = Part("pipeline", _("My pipeline"), _("You have no open deal."), sales.pipeline, "deals.view", "deals")
WORKLIST = Part(
    "worklist",
    _("Whom to contact today"),
    "",
    right="worklist.view",
    list_name="worklist",
    fragment_name="worklist-today",
)
AT_CUSTOMERS = Part(
    "happenings",
    _("What happened at my customers"),
    _("Nothing in four weeks."),
    sales.happenings,
    "orders.view",
    "customers",
)
MOVED = Part(
    "moved",
    _("What changed"),
    _("No segment changed its size in a week."),
    marketing.moved_segments,
    "segments.view",
    "segments",
)
WEAK = Part(
    "weak",
    _("Segments to look after"),
    _("Every segment is in good health."),
    marketing.weak_segments,
    "segments.view",
    "segments",
)
RUNNING = Part(
    "running",
    _("Campaigns running and due"),
    _("Nothing is being sent."),
    marketing.running_campaigns,
    "campaigns.view",
    "campaigns",
)
DECISIONS = Part(
    "decisions",
    _("What needs a decision"),
    _("No test waits for you."),
    marketing.open_decisions,
    "reports.view",
    "campaigns",
)
REPORTS = Part("reports", _("Reports"), _("No campaign has ended yet."), marketing.reports, "reports.view", "campaigns")
LESSONS = Part(
    "lessons", _("What was learned"), _("Nothing is written down yet."), marketing.lessons, "reports.view", "notebook"
)
HOUSE = Part("house", _("The house"), _("Everything runs."), house.signs, "settings.change", "health")
IMPORTS = Part("imports", _("Imports"), _("Nothing was imported in a week."), house.imports, "imports.view", "imports")
SIGN_INS = Part("sign-ins", _("Who came in"), _("Nobody yet."), house.sign_ins, "users.change", "users")
KEYS = Part("keys", _("Keys that end soon"), _("No key ends within a month."), house.keys, "keys.change", "keys")

MENTIONS = Part("mentions", _("Where I am mentioned"), _("Nobody has mentioned you."), mentions.mentions, "notes.view")

PARTS: dict[str, tuple[Part, ...]] = {
    SALES: (WORKLIST, TASKS, PIPELINE, AT_CUSTOMERS, MENTIONS),
    MARKETER: (DECISIONS, RUNNING, MOVED, WEAK, LESSONS, IMPORTS, MENTIONS),
    ANALYST: (REPORTS, MOVED, WEAK, LESSONS),
    ADMIN: (HOUSE, RUNNING, IMPORTS, SIGN_INS, MOVED, KEYS, MENTIONS),
}
BY_KEY = {part.key: part for parts in PARTS.values() for part in parts}


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The answer first, then what this role looks at; every line leads to where it can be acted on."""
    actor, now = access.of_request(request), timezone.now()
    is_sales = actor.role == SALES
    late = [] if is_sales else list(attention.lateness(actor, at=now))
    context = {
        "answer": sales.answer(actor, at=now) if is_sales else attention.answer(late),
        "late": late,
        "parts": [(part, url) for part in parts_of(actor) if (url := url_of(part))],
        "steps": [] if actor.user.hides_first_steps else first_steps.first_steps(actor),
    }
    return render(request, "home.html", context)


def parts_of(actor: Actor) -> list[Part]:
    return [part for part in PARTS.get(actor.role, ()) if may(actor, part.right)]


def url_of(part: Part) -> str:
    """Where the part is read; empty while no app brings it."""
    return address(part.fragment_name) if part.fragment_name else reverse("home-part", args=[part.key])


@require_safe
@login_required
def part(request: HttpRequest, key: str) -> HttpResponse:
    """One part: as a fragment on the first page, or alone without script."""
    actor = access.of_request(request)
    wanted = BY_KEY.get(key)
    if wanted is None or wanted.find is None or wanted not in parts_of(actor):
        raise Http404
    context: dict[str, Any] = {
        "part": wanted,
        "items": list(wanted.find(actor, timezone.now())),
        "list_url": wanted.list_url,
    }
    return render(request, "home_part.html", context)


@require_POST
@login_required
def hide_steps(request: HttpRequest) -> HttpResponse:
    """Take the first steps off one's own page, or bring them back."""
    actor = access.of_request(request)
    crm_actions.hide_first_steps(actor.user, is_hidden=request.POST.get("show") != "yes")
    return redirect("home")
