"""Registers the campaigns app, and its campaigns as users of segments."""

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"

    def ready(self) -> None:
        from campaigns import uses as of_campaigns
        from segments import uses

        uses.register(of_campaigns.of_segments)
