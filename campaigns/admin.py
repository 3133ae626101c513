"""Backstage of campaigns: what was drafted, sealed, sent and answered, read only; changed on its pages."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from campaigns import models
from campaigns.delivery.webhooks import shown_secret
from crm.backstage import Editable, Ledger


class Rules(Editable):
    kind = "sending rules"


class Caps(Editable):
    kind = "contact cap"


class Rates(Editable):
    kind = "sending rate"


class Targets(Editable):
    kind = "webhook target"
    readonly_fields = ("signing_key",)

    @admin.display(description=_("signing key"))
    def signing_key(self, target: models.WebhookTarget) -> str:
        return shown_secret(target) if target.pk else ""


admin.site.register(models.LetterText, Ledger, list_display=["name", "owner", "is_shared", "updated_at", "deleted_at"])
admin.site.register(models.WebhookTarget, Targets, list_display=["name", "url", "key_number", "is_active"])
admin.site.register(
    models.SendingRules, Rules, list_display=["__str__", "quiet_from", "quiet_until", "approval_above"], exclude=["id"]
)
admin.site.register(
    models.ContactCap, Caps, list_display=["__str__", "channel", "at_most", "period_hours", "is_active"]
)
admin.site.register(
    models.SendingRate,
    Rates,
    list_display=["__str__", "channel", "domain", "per_minute", "burst"],
    exclude=["tokens", "filled_at"],
)

admin.site.register(
    models.Campaign,
    Ledger,
    list_display=["name", "slug", "status", "channel", "goal", "owner", "send_at"],
    list_filter=["status", "channel", "goal"],
    search_fields=["slug__startswith", "name__startswith"],
)
admin.site.register(models.Variant, Ledger, list_display=["campaign", "key", "name", "weight", "subject"])
admin.site.register(
    models.VariantText,
    Ledger,
    list_display=["variant", "segment", "language", "subject"],
    list_select_related=["variant", "segment"],
)
admin.site.register(
    models.Run,
    Ledger,
    list_display=["campaign", "occurrence_key", "status", "expected", "sealed_at", "finished_at", "pause_reason"],
    list_filter=["status"],
    search_fields=["campaign__slug__exact"],
)
admin.site.register(
    models.Message,
    Ledger,
    list_display=["id", "run", "customer", "variant", "state", "reason", "attempts", "final_at"],
    list_filter=["state"],
    search_fields=["customer__number__exact", "token__exact"],
    exclude=["lease_token"],
)
admin.site.register(
    models.Attempt, Ledger, list_display=["message", "n", "phase", "code", "started_at", "ended_at", "worker"]
)
admin.site.register(models.Link, Ledger, list_display=["variant", "position", "url"])
admin.site.register(
    models.Response,
    Ledger,
    list_display=["message", "kind", "at", "by_class", "amount"],
    list_filter=["kind", "by_class"],
)
admin.site.register(
    models.ProviderEvent, Ledger, list_display=["provider", "kind", "message", "at"], list_filter=["kind"]
)
admin.site.register(models.ContactWish, Ledger, list_display=["customer", "period_hours", "said_at"])
admin.site.register(models.TopicChoice, Ledger, list_display=["customer", "topic", "is_wanted", "said_at"])
admin.site.register(models.Topic, Ledger, list_display=["name_en", "name_fi", "is_offered"])
admin.site.register(models.Lesson, Ledger, list_display=["text"])
admin.site.register(models.Wave, Ledger, list_display=["run", "number", "due_at", "opened_at", "shares"])
admin.site.register(models.SenderDomain, Ledger, list_display=["domain", "verdict", "checked_at", "accepted_at"])
admin.site.register(models.LinkCheck, Ledger, list_display=["url", "verdict", "code", "checked_at"])
