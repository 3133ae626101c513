"""What users are told of, and by which way they want to hear of each kind."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class NewsWay(models.TextChoices):
    OFF = "off", _("Not at all")
    APP = "app", _("Here only")
    DIGEST = "digest", _("Here, and in one e-mail a day")
    MAIL = "mail", _("Here, and by e-mail at once")


class Notification(models.Model):
    """One thing one user is told of. No words of persons stand here: the page asks for them within the user's scope."""

    user = models.ForeignKey("crm.User", models.CASCADE, db_index=False, related_name="+", help_text=_("Who is told."))
    kind = models.CharField(_("kind"), max_length=30, help_text=_("Key of the kind, e.g. mention."))
    object_id = models.BigIntegerField(_("object"), help_text=_("Primary key of the row that it is about."))
    ref = models.CharField(
        max_length=80, help_text=_("What makes it one: the same kind and reference is never told twice.")
    )
    by = models.ForeignKey(
        "crm.User", models.SET_NULL, null=True, blank=True, related_name="+", help_text=_("Who did it.")
    )
    at = models.DateTimeField(_("at"), db_index=True, help_text=_("UTC; when it happened."))
    way = models.CharField(_("way"), max_length=8, choices=NewsWay, help_text=_("As the user wished it at that time."))
    seen_at = models.DateTimeField(_("seen at"), null=True, blank=True, help_text=_("UTC; empty while unread."))
    mailed_at = models.DateTimeField(
        _("mailed at"),
        null=True,
        blank=True,
        help_text=_("UTC; set before the e-mail leaves, so that none leaves twice."),
    )

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [models.UniqueConstraint(fields=["user", "kind", "ref"], name="told_once")]
        indexes = [
            models.Index(fields=["user"], condition=models.Q(seen_at__isnull=True), name="news_unread"),
            models.Index(fields=["user", "-at"], name="news_of_user"),
            models.Index(
                fields=["way"],
                condition=models.Q(mailed_at__isnull=True, way__in=["mail", "digest"]),
                name="news_to_mail",
            ),
        ]
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"


class NewsWish(models.Model):
    """How one user wants to hear of one kind; without a row as the kind has it."""

    user = models.ForeignKey("crm.User", models.CASCADE, db_index=False, related_name="+", help_text=_("Whose wish."))
    kind = models.CharField(_("kind"), max_length=30, help_text=_("Key of the kind."))
    way = models.CharField(_("way"), max_length=8, choices=NewsWay, help_text=_("How they want to hear of it."))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="news_wish_once")]
        verbose_name = _("wish for notifications")
        verbose_name_plural = _("wishes for notifications")

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind} {self.way}"
