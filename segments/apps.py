"""Registers the segments app, and its panel on the customer's page."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SegmentsConfig(AppConfig):
    name = "segments"

    def ready(self) -> None:
        from crm import panels

        panels.register(panels.Panel("segments", _("Segments"), "customer-segments", "segments.view"))
