"""Registers the segments app, its parts of the customer's page, and what the search finds of it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SegmentsConfig(AppConfig):
    name = "segments"

    def ready(self) -> None:
        from crm import bulk_actions, finding, holdings, hooks, news, panels, tag_uses
        from crm.lists import conditions
        from profiles import uses
        from segments import feature_uses, lists, people
        from segments import finding as own
        from segments import news as own_news

        label, view = _("Segments"), ("customer-segments", "segments.view")
        panels.register(panels.Panel("segments", label, *view, place=60, is_page=True))
        panels.register(panels.Panel("segments-now", label, *view, panels.OVERVIEW, 20))
        finding.register(*own.OWN)
        holdings.register(*people.HOLDINGS)
        holdings.follow(people.FOLLOWER)
        holdings.explain(people.logic)
        conditions.register(lists.FILTERS)
        bulk_actions.register(lists.ADD)
        hooks.register("segment.entered", _("Somebody entered a segment"))
        hooks.register("segment.left", _("Somebody left a segment"))
        uses.register(feature_uses.of_features)
        news.register(own_news.STALE)
        tag_uses.register(feature_uses.of_tags)
