"""Registers the segments app, its panel on the customer's page, and what the search finds of it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SegmentsConfig(AppConfig):
    name = "segments"

    def ready(self) -> None:
        from crm import finding, panels
        from segments import finding as own

        panels.register(panels.Panel("segments", _("Segments"), "customer-segments", "segments.view"))
        finding.register(*own.OWN)
