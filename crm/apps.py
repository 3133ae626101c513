"""Registers the crm app, what the search over everything finds of it, and its own panels on the customer's page."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CrmConfig(AppConfig):
    name = "crm"

    def ready(self) -> None:
        from crm import finding, panels

        finding.register(*finding.OWN)
        panels.register(panels.Panel("tasks", _("Next steps"), "customer-tasks", "tasks.view", panels.OVERVIEW, 2))
