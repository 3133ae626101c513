"""Settings that stand in the environment, told to people: the firm, the channels, how long data are kept."""

from datetime import timedelta
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.mail import get_connection
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from campaigns import queries as campaign_queries
from config.tasks import TICKS_ARE_KEPT
from crm import figures, timetable
from crm import retention as crm_retention
from crm.access import ActorRequest, needs
from crm.notices import notify
from crm.rights import may
from crm.tables import Column

PATIENCE_SECONDS = 10
KEPT = (
    Column(gettext_lazy("What")),
    Column(gettext_lazy("Kept for")),
    Column(gettext_lazy("Over its time now"), "number"),
    Column(gettext_lazy("Last cleared")),
)
TARGETS = (Column(gettext_lazy("Name")), Column(gettext_lazy("Address")), Column(gettext_lazy("In force")))


@require_safe
@needs("settings.view")
def firm(request: ActorRequest) -> HttpResponse:
    """Who the firm is to customers, and where its settings stand."""
    languages = ", ".join(str(name) for _code, name in settings.LANGUAGES)
    facts = [
        (_("Name"), settings.FIRM_NAME, "KOHDE_FIRM_NAME"),
        (_("Time zone"), settings.FIRM_TIME_ZONE, "KOHDE_TIME_ZONE"),
        (_("Currency"), settings.FIRM_CURRENCY, "KOHDE_CURRENCY"),
        (_("Address of these pages"), settings.BASE_URL, "KOHDE_BASE_URL"),
        (_("Sender of messages"), settings.DEFAULT_FROM_EMAIL, "KOHDE_FROM_EMAIL"),
        (_("Languages of the pages"), languages, ""),
        (_("Version"), settings.VERSION, ""),
    ]
    columns = (Column(_("What")), Column(_("Now")), Column(_("Set by")))
    return render(request, "settings_firm.html", {"facts": facts, "columns": columns})


@require_safe
@needs("settings.view")
def channels(request: ActorRequest) -> HttpResponse:
    """By what messages leave, and whether it is connected; secrets are never shown."""
    context = {
        "facts": server_facts(),
        "has_catcher": settings.HAS_MAIL_CATCHER,
        "texts": bool(settings.SMS_URL),
        "targets": campaign_queries.webhook_targets(),
        "columns": TARGETS,
        "may_change": may(request.actor, "settings.change"),
    }
    return render(request, "settings_channels.html", context)


def server_facts() -> list[tuple[Any, Any]]:
    """The mail server as it is set, without its password."""
    sender = (_("Sender"), settings.DEFAULT_FROM_EMAIL)
    if settings.MAIL_PROVIDER:
        return [(_("Provider"), settings.MAIL_PROVIDER), sender]
    guard = "TLS" if settings.EMAIL.get("EMAIL_USE_SSL") else "STARTTLS" if settings.EMAIL.get("EMAIL_USE_TLS") else ""
    return [
        (_("Server"), f"{settings.EMAIL.get('EMAIL_HOST', '')}:{settings.EMAIL.get('EMAIL_PORT', '')}"),
        (_("Encryption"), guard or _("none")),
        (_("Signs in as"), settings.EMAIL.get("EMAIL_HOST_USER", "")),
        sender,
    ]


@require_POST
@needs("settings.change")
def test_connection(request: ActorRequest) -> HttpResponse:
    """Connect to the mail server and sign in, send nothing, say what came of it."""
    try:
        line: Any = get_connection(timeout=PATIENCE_SECONDS)
        line.open()
        line.close()
    except (OSError, SMTPException) as fault:
        told = _("The mail server cannot be used: %(why)s") % {"why": f"{type(fault).__name__}: {fault}"[:300]}
        notify(request, told, level=messages.ERROR)
    else:
        notify(request, _("The mail server answers and lets us in."))
    return redirect("channels")


@require_safe
@needs("settings.view")
def retention(request: ActorRequest) -> HttpResponse:
    """What is let go after how long, how much of it is due, and when that was done last."""
    now = timezone.now()
    rows = [*crm_retention.kept(at=now), *campaign_queries.retention(at=now)]
    last = {job: timetable.newest_tick(job) for job in {row.job for row in rows} | {"forget-old-ticks"}}
    told: list[tuple[Any, str, int | None, Any]] = [
        (row.label, period(row.kept), row.due, last[row.job]) for row in rows
    ]
    told.append((_("Runs of the timetable"), period(TICKS_ARE_KEPT), None, last["forget-old-ticks"]))
    due = sum(row.due for row in rows)
    return render(request, "settings_retention.html", {"rows": told, "due": due, "columns": KEPT})


def period(kept: timedelta) -> str:
    return figures.span(kept) if kept < timedelta(days=1) else _("%(n)s days") % {"n": figures.number(kept.days)}
