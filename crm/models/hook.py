"""Webhooks: who outside is told of what, and every telling with what became of it."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Hook(models.Model):
    """A subscription: an address that is told of some topics. Its signing keys are never stored."""

    name = models.CharField(_("name"), max_length=80, help_text=_("What it is for."))
    url = models.URLField(_("address"), max_length=500, help_text=_("https; never an address inside."))
    topics = models.JSONField(_("topics"), default=list, help_text=_("Keys of what it is told of."))
    key_number = models.PositiveSmallIntegerField(
        _("key"), default=1, help_text=_("Another number makes another signing key.")
    )
    rotated_at = models.DateTimeField(
        null=True, blank=True, help_text=_("UTC; for a day from then calls carry the signature of the key before, too.")
    )
    is_active = models.BooleanField(_("in force"), default=True, help_text=_("Whether it is told of what happens."))
    failing_since = models.DateTimeField(
        _("failing since"), null=True, blank=True, help_text=_("UTC; the first of the failures since the last success.")
    )
    stopped_at = models.DateTimeField(
        _("stopped at"), null=True, blank=True, help_text=_("UTC; when it was stopped for failing too long.")
    )
    created_by = models.ForeignKey(
        "crm.User", models.PROTECT, null=True, blank=True, related_name="+", help_text=_("Who made it, and is told.")
    )
    created_at = models.DateTimeField(_("created at"), help_text=_("UTC."))

    class Meta:
        ordering = ["name", "pk"]
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    def __str__(self) -> str:
        return self.name


class HookCallState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    DONE = "done", _("Delivered")
    FAILED = "failed", _("Given up")


class HookCall(models.Model):
    """One happening for one hook, written in the transaction in which it happened; repeated until it is taken."""

    hook = models.ForeignKey(
        Hook,
        models.CASCADE,
        db_index=False,
        related_name="calls",
        verbose_name=_("webhook"),
        help_text=_("Who is told."),
    )
    key = models.CharField(max_length=80, help_text=_("Names the happening, so that it is told once."))
    topic = models.CharField(_("topic"), max_length=40, help_text=_("What happened."))
    data = models.JSONField(_("data"), help_text=_("Ids and names of what it happened to; no personal data."))
    at = models.DateTimeField(_("at"), help_text=_("UTC; when it happened."))
    state = models.CharField(
        _("state"), max_length=8, choices=HookCallState, default=HookCallState.WAITING, help_text=_("How far it is.")
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0, help_text=_("Calls made."))
    next_at = models.DateTimeField(_("next at"), null=True, help_text=_("UTC; when it is tried, or tried again."))
    answer = models.CharField(_("answer"), max_length=120, blank=True, help_text=_("What the last call got."))
    done_at = models.DateTimeField(_("ended at"), null=True, blank=True, help_text=_("UTC; taken, or given up."))

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["hook", "key"], name="hook_call_once")]
        indexes = [
            models.Index(fields=["next_at"], name="hook_call_due", condition=Q(state="waiting")),
            models.Index(fields=["hook", "-id"], name="hook_call_log"),
        ]
        verbose_name = _("call of a webhook")
        verbose_name_plural = _("calls of webhooks")

    def __str__(self) -> str:
        return f"{self.topic} {self.key}"
