"""Registers the crm app, what the search over everything finds of it, and its own panels on the customer's page."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CrmConfig(AppConfig):
    name = "crm"

    def ready(self) -> None:
        from crm import dealings, finding, panels, timeline

        finding.register(*finding.OWN, dealings.SEARCHER)
        panels.register(panels.Panel("tasks", _("Next steps"), "customer-tasks", "tasks.view", panels.OVERVIEW, 2))
        panels.register(panels.Panel("deals", _("Deals"), "customer-deals", "deals.view", place=20))
        panels.register(panels.Panel("notes", _("Notes"), "customer-notes", "notes.view", place=15, is_page=True))
        panels.offer(panels.Beginning(_("New deal"), "customer-deal-new", "deals.change", "banknotes"))
        panels.offer(panels.Beginning(_("New task"), "customer-task-new", "tasks.change", "check-circle"))
        timeline.register(dealings.happenings, "deals", _("Deals"))
