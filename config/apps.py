"""Registers the house itself, for its commands and the signs of life of its processes."""

from django.apps import AppConfig


class HouseConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from config import finding as own
        from config import signs_of_life  # noqa: F401  # connects to Celery's start-up
        from crm import finding

        finding.register(*own.OWN)
