"""Customers that may be one person, and what was joined: with all that is needed to take it apart again."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class LikePair(models.Model):
    """Two customers that look like one person. Found anew by the timetable; "not the same" stays said."""

    first = models.ForeignKey(
        "crm.Customer", models.CASCADE, db_index=False, related_name="+", help_text=_("The lower id.")
    )
    second = models.ForeignKey("crm.Customer", models.CASCADE, related_name="+", help_text=_("The higher id."))
    score = models.PositiveSmallIntegerField(_("score"), help_text=_("1–100; how much they look alike."))
    signs = models.PositiveSmallIntegerField(
        _("signs"),
        help_text=_("Added up: 1 same e-mail, 2 phone, 4 name and birthday, 8 name and address."),
    )
    found_at = models.DateTimeField(_("found at"), help_text=_("UTC."))
    dismissed_at = models.DateTimeField(
        _("dismissed at"), null=True, blank=True, help_text=_("UTC; somebody said they are not the same.")
    )
    dismissed_by = models.ForeignKey(
        "crm.User", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("dismissed by"),
        help_text=_("User."),
    )  # fmt: skip

    class Meta:
        ordering = ["-score", "id"]
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="like_pair_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="like_pair_in_order"),
        ]
        indexes = [models.Index(fields=["score", "id"], name="like_pair_score", condition=Q(dismissed_at=None))]
        verbose_name = _("possible duplicate")
        verbose_name_plural = _("possible duplicates")

    def __str__(self) -> str:
        return f"{self.first_id}/{self.second_id} {self.score}"


class Merge(models.Model):
    """One merge of two customers, with the rows as they were before, so that it can be undone."""

    survivor = models.ForeignKey(
        "crm.Customer", models.PROTECT, related_name="merges", verbose_name=_("kept"), help_text=_("Who stayed.")
    )
    merged = models.ForeignKey(
        "crm.Customer",
        models.PROTECT,
        related_name="+",
        verbose_name=_("merged"),
        help_text=_("Who became a tombstone."),
    )
    at = models.DateTimeField(_("at"), help_text=_("UTC."))
    by = models.ForeignKey(
        "crm.User", models.PROTECT, related_name="+", verbose_name=_("by"), help_text=_("User who decided it.")
    )
    before = models.JSONField(default=dict, help_text=_("Columns and consents of both before; emptied by erasure."))
    after = models.JSONField(default=dict, help_text=_("Columns and consents that the merge wrote."))
    moved = models.JSONField(default=dict, help_text=_("Per table: ids of the rows that changed hands."))
    undone_at = models.DateTimeField(_("undone at"), null=True, blank=True, help_text=_("UTC."))
    undone_by = models.ForeignKey(
        "crm.User", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("undone by"),
        help_text=_("User."),
    )  # fmt: skip
    kept = models.JSONField(default=list, help_text=_("What had changed since and therefore stayed, in words."))

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["merged"], condition=Q(undone_at=None), name="merged_away_once"),
            models.CheckConstraint(condition=~Q(survivor=F("merged")), name="merge_of_two"),
        ]
        verbose_name = _("merge")
        verbose_name_plural = _("merges")

    def __str__(self) -> str:
        return f"{self.merged_id} → {self.survivor_id}"
