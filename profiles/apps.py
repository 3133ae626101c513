"""Registers the profiles app, and its parts of the customer's page."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProfilesConfig(AppConfig):
    name = "profiles"

    def ready(self) -> None:
        from crm import panels
        from crm.lists import columns, conditions
        from profiles import lists

        profile = panels.Panel("profile", _("Profile"), "customer-profile", "features.view", place=20, is_page=True)
        value = panels.Panel("value", _("Worth"), "customer-value", "features.view", panels.OVERVIEW, 5)
        for panel in (profile, value):
            panels.register(panel)
        conditions.register(lists.FILTERS)
        columns.register(lists.COLUMNS)
