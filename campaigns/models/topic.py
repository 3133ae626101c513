"""Topics of campaigns, and which of them a person does not want: narrower than leaving altogether."""

from typing import Any

from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _


class Topic(models.Model):
    """What some campaigns are about. Its names are read by customers on the page where they choose what they get."""

    name_en = models.CharField(_("name in English"), max_length=60, unique=True, help_text=_("As customers read it."))
    name_fi = models.CharField(_("name in Finnish"), max_length=60, unique=True, help_text=_("As customers read it."))
    is_offered = models.BooleanField(
        _("offered"),
        default=True,
        help_text=_("New campaigns and customers can choose it. Who did not want it still gets nothing about it."),
    )

    class Meta:
        ordering = ["name_en"]
        verbose_name = _("topic")
        verbose_name_plural = _("topics")

    def __str__(self) -> str:
        """In the reader's language."""
        return self.name_fi if (get_language() or "").startswith("fi") else self.name_en


class TopicChoice(models.Model):
    """What a person last said of a topic; whoever said nothing wants it as far as they consent."""

    customer = models.ForeignKey(
        "crm.Customer",
        models.CASCADE,
        related_name="topic_choices",
        db_index=False,  # the constraint below begins with it
        verbose_name=_("customer"),
        help_text=_("Who said it."),
    )
    topic: Any = models.ForeignKey(
        Topic, models.CASCADE, related_name="choices", verbose_name=_("topic"), help_text=_("Of which topic.")
    )
    is_wanted = models.BooleanField(_("wanted"), help_text=_("Otherwise nothing about it is sent to them."))
    said_at = models.DateTimeField(_("said at"), db_index=True, help_text=_("UTC."))

    class Meta:
        ordering = ["-said_at"]
        constraints = [models.UniqueConstraint(fields=["customer", "topic"], name="topic_choice_once")]
        verbose_name = _("choice of a topic")
        verbose_name_plural = _("choices of topics")

    def __str__(self) -> str:
        return f"{self.customer_id} {self.topic_id} {self.is_wanted}"
