"""The firm's rules of sending on one page: quiet hours, approval, how often one person, how fast each server."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from campaigns import queries
from campaigns.channels import label_of
from campaigns.models import ContactCap, SendingRules
from campaigns.models.rules import ANY_CHANNEL
from crm import charts, figures, later
from crm.access import ActorRequest, needs
from crm.rights import may
from crm.tables import Column

CAPS = (Column(gettext_lazy("Rule")), Column(gettext_lazy("Channel")), Column(gettext_lazy("In force")))
RATES = (
    Column(gettext_lazy("Channel")),
    Column(gettext_lazy("Domain")),
    Column(gettext_lazy("Per minute"), "number"),
    Column(gettext_lazy("At once"), "number"),
)
DAYS = (7, 30)
HOURS_OF_DAY = 24


@require_safe
@needs("settings.view")
def rules(request: ActorRequest) -> HttpResponse:
    """What holds for every campaign; an administrator changes it backstage."""
    rules = queries.rules()
    context = {
        "crumbs": [(_("Campaigns"), reverse("campaigns"))],
        "facts": facts(rules),
        "rules_url": backstage(rules),
        "caps": [(sentence(cap), channel(cap), cap.is_active) for cap in queries.caps()],
        "caps_columns": CAPS,
        "rates": [(label_of(one.channel), one) for one in queries.rates()],
        "rates_columns": RATES,
        **later.figures(
            request, lambda: {"spreads": [(days, spread(days)) for days in DAYS]}, rows=queries.most_messages()
        ),
        "may_change": may(request.actor, "settings.change"),
    }
    return render(request, "campaigns/rules.html", context)


def backstage(rules: SendingRules) -> str:
    """Where the one row is changed, or made while there is none: no list to look for it in."""
    if SendingRules.objects.exists():
        return reverse("admin:campaigns_sendingrules_change", args=[rules.pk])
    return reverse("admin:campaigns_sendingrules_add")


def facts(rules: SendingRules) -> list[tuple[str, str]]:
    quiet = f"{rules.quiet_from:%H:%M}–{rules.quiet_until:%H:%M}" if rules.quiet_from and rules.quiet_until else ""
    return [(_("Quiet hours, where the recipient lives"), quiet), (_("Approval by a second person"), approval(rules))]


def approval(rules: SendingRules) -> str:
    if rules.approval_above is None:
        return _("Not needed")
    if rules.approval_above == 0:
        return _("Always needed")
    people = ngettext("%(count)s person", "%(count)s people", rules.approval_above)
    return _("Needed above %(people)s") % {"people": people % {"count": figures.number(rules.approval_above)}}


def sentence(cap: ContactCap) -> str:
    """The cap in words: at most 2 messages in 7 days."""
    messages = ngettext("At most %d message", "At most %d messages", cap.at_most) % cap.at_most
    return _("%(messages)s in %(period)s") % {"messages": messages, "period": period(cap.period_hours)}


def period(hours: int) -> str:
    if hours % HOURS_OF_DAY:
        return ngettext("%d hour", "%d hours", hours) % hours
    return ngettext("%d day", "%d days", hours // HOURS_OF_DAY) % (hours // HOURS_OF_DAY)


def channel(cap: ContactCap) -> str:
    return _("All channels together") if cap.channel == ANY_CHANNEL else label_of(cap.channel)


def spread(days: int) -> list[charts.Mark]:
    """A bar per number of messages: how many people got so many."""
    found = queries.contacts(at=timezone.now(), days=days)
    return [charts.Mark(words(n), people) for n, people in found.items()]


def words(n: int) -> str:
    return ngettext("%d message", "%d messages", n) % n
