"""Registers the crm app, and what the search over everything finds of it."""

from django.apps import AppConfig


class CrmConfig(AppConfig):
    name = "crm"

    def ready(self) -> None:
        from crm import finding

        finding.register(*finding.OWN)
