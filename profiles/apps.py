"""Registers the profiles app, and its panel on the customer's page."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProfilesConfig(AppConfig):
    name = "profiles"

    def ready(self) -> None:
        from crm import panels

        panels.register(panels.Panel("profile", _("Profile"), "customer-profile", "features.view"))
