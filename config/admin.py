"""Puts our administrators' site in the place of Django's."""

from django.contrib.admin.apps import AdminConfig


class BackstageConfig(AdminConfig):
    default = False
    default_site = "crm.backstage.AdminSite"
