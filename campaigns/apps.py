"""Registers the campaigns app, and its campaigns as users of segments."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CampaignsConfig(AppConfig):
    name = "campaigns"

    def ready(self) -> None:
        from campaigns import announcing, audience, correspondence, people
        from campaigns import finding as own
        from campaigns import news as own_news
        from campaigns import uses as of_campaigns
        from crm import finding, holdings, hooks, news, timeline
        from crm import panels as of_customers
        from crm.panels import Beginning, Panel
        from segments import panels, uses

        messages = ("customer-messages", "campaigns.view")
        of_customers.register(Panel("messages", _("Messages"), *messages, place=70, is_page=True))
        letter = Beginning(_("Write an e-mail"), "customer-letter", "letters.write", "envelope", "email")
        of_customers.offer(letter)
        for topic, label in announcing.TOPICS.items():
            hooks.register(topic, label)
        timeline.register(correspondence.happenings, "messages")
        timeline.CONTACTED.append(correspondence.last_written)
        uses.register(of_campaigns.of_segments)
        uses.name_campaigns(of_campaigns.named)
        finding.register(*own.OWN)
        panels.judge(audience.WITHIN_CAPS)
        panels.register(Panel("lessons", _("What was learned"), "segment-lessons", "reports.view"))
        news.register(*own_news.KINDS)
        holdings.register(*people.HOLDINGS)
        holdings.follow(people.FOLLOWER)
