"""Deals: chances to sell, on their way through the stages of a pipeline, each step remembered."""

from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _


def _in_language(row: "Pipeline | PipelineStage | LostReason") -> str:
    """The firm's own word in the visitor's language."""
    return row.name_fi if row.name_fi and (get_language() or "").startswith("fi") else row.name


class Pipeline(models.Model):
    name = models.CharField(_("name"), max_length=80, help_text=_("Name shown to people."))
    name_fi = models.CharField(
        _("Finnish name"), max_length=80, blank=True, help_text=_("Name shown in Finnish; empty means the name.")
    )
    slug = models.SlugField(_("slug"), max_length=60, unique=True, help_text=_("Short name in addresses and the API."))
    position = models.PositiveSmallIntegerField(_("position"), default=1, help_text=_("The first one opens first."))
    archived_at = models.DateTimeField(
        _("archived at"), null=True, blank=True, help_text=_("UTC; takes no new deals from then on.")
    )

    class Meta:
        ordering = ["position", "id"]
        verbose_name = _("pipeline")
        verbose_name_plural = _("pipelines")

    def __str__(self) -> str:
        return _in_language(self)


class PipelineStage(models.Model):
    pipeline = models.ForeignKey(
        Pipeline, models.PROTECT, related_name="stages", verbose_name=_("pipeline"), help_text=_("Whose stage it is.")
    )
    name = models.CharField(_("name"), max_length=80, help_text=_("Name shown to people."))
    name_fi = models.CharField(
        _("Finnish name"), max_length=80, blank=True, help_text=_("Name shown in Finnish; empty means the name.")
    )
    slug = models.SlugField(_("slug"), max_length=60, help_text=_("Short name in the API; unique in its pipeline."))
    position = models.PositiveSmallIntegerField(_("position"), help_text=_("Order of the stages, from 1."))
    probability_share = models.DecimalField(
        _("probability"),
        max_digits=4,
        decimal_places=3,
        help_text=_("0–1; how often deals that stand here are won."),
    )
    slow_after_days = models.PositiveSmallIntegerField(
        _("slow after"), default=14, help_text=_("Days; deals that stand here longer are marked.")
    )
    archived_at = models.DateTimeField(
        _("archived at"), null=True, blank=True, help_text=_("UTC; no deal is moved here from then on.")
    )

    class Meta:
        ordering = ["pipeline", "position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["pipeline", "slug"], name="stage_slug_once"),
            models.CheckConstraint(
                condition=Q(probability_share__gte=0, probability_share__lte=1), name="stage_probability_is_a_share"
            ),
        ]
        verbose_name = _("stage of a pipeline")
        verbose_name_plural = _("stages of pipelines")

    def __str__(self) -> str:
        return _in_language(self)


class LostReason(models.Model):
    name = models.CharField(_("name"), max_length=80, help_text=_("Why deals are lost, in a few words."))
    name_fi = models.CharField(
        _("Finnish name"), max_length=80, blank=True, help_text=_("Name shown in Finnish; empty means the name.")
    )
    slug = models.SlugField(_("slug"), max_length=60, unique=True, help_text=_("Short name in the API."))
    position = models.PositiveSmallIntegerField(_("position"), default=1, help_text=_("Order of the choices."))
    archived_at = models.DateTimeField(
        _("archived at"), null=True, blank=True, help_text=_("UTC; no longer offered from then on.")
    )

    class Meta:
        ordering = ["position", "id"]
        verbose_name = _("reason for losing")
        verbose_name_plural = _("reasons for losing")

    def __str__(self) -> str:
        return _in_language(self)


class DealStatus(models.TextChoices):
    OPEN = "open", _("Open")
    WON = "won", _("Won")
    LOST = "lost", _("Lost")


class Deal(models.Model):
    """Who may see it follows from its customer, else from its company."""

    title = models.CharField(_("title"), max_length=200, help_text=_("What might be sold, in a few words."))
    note = models.TextField(_("note"), max_length=4000, blank=True, help_text=_("Anything to remember."))
    customer = models.ForeignKey(
        "crm.Customer",
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="deals",
        verbose_name=_("customer"),
        help_text=_("Who might buy."),
    )
    company = models.ForeignKey(
        "crm.Company",
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="deals",
        verbose_name=_("company"),
        help_text=_("Which company might buy."),
    )
    owner = models.ForeignKey(
        "crm.User",
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        verbose_name=_("owner"),
        help_text=_("Salesperson responsible."),
    )
    stage = models.ForeignKey(
        PipelineStage,
        models.PROTECT,
        db_index=False,
        related_name="deals",
        verbose_name=_("stage"),
        help_text=_("Where it stands, or stood when it was closed."),
    )
    stage_since_at = models.DateTimeField(_("in the stage since"), help_text=_("UTC."))
    amount = models.DecimalField(
        _("amount"), max_digits=16, decimal_places=2, help_text=_("What it would bring, in its currency.")
    )
    currency = models.CharField(_("currency"), max_length=3, help_text=_("ISO 4217 code."))
    probability_share = models.DecimalField(
        _("probability"),
        max_digits=4,
        decimal_places=3,
        null=True,
        blank=True,
        help_text=_("0–1; empty means that of the stage."),
    )
    expected_on = models.DateField(_("expected on"), help_text=_("Day on which it is expected to be won."))
    status = models.CharField(
        _("status"), max_length=4, choices=DealStatus, default=DealStatus.OPEN, help_text=_("Open, won or lost.")
    )
    lost_reason = models.ForeignKey(
        LostReason,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("reason for losing"),
        help_text=_("For lost deals: why."),
    )
    lost_note = models.TextField(
        _("more on the reason"), max_length=1000, blank=True, help_text=_("In the owner's words.")
    )
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True, help_text=_("UTC; when won or lost."))
    created_at = models.DateTimeField(_("created at"), help_text=_("UTC."))
    updated_at = models.DateTimeField(_("updated at"), help_text=_("UTC."))

    class Meta:
        ordering = ["expected_on", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(customer__isnull=False) | Q(company__isnull=False), name="deal_is_with_somebody"
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="deal_amount_not_negative"),
            models.CheckConstraint(
                condition=Q(probability_share__isnull=True) | Q(probability_share__gte=0, probability_share__lte=1),
                name="deal_probability_is_a_share",
            ),
            models.CheckConstraint(
                condition=Q(status="open", closed_at__isnull=True, lost_reason__isnull=True)
                | Q(status="won", closed_at__isnull=False, lost_reason__isnull=True)
                | Q(status="lost", closed_at__isnull=False, lost_reason__isnull=False),
                name="deal_status_has_its_facts",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "expected_on", "id"], name="deal_expected"),
            models.Index(fields=["owner", "status", "expected_on", "id"], name="deal_owner_expected"),
            models.Index(fields=["stage", "status", "expected_on", "id"], name="deal_stage_expected"),
            models.Index(fields=["status", "amount", "id"], name="deal_amount"),
            models.Index(fields=["status", "updated_at", "id"], name="deal_changed"),
            models.Index(fields=["closed_at"], name="deal_closed", condition=Q(closed_at__isnull=False)),
            models.Index(fields=["customer", "status"], name="deal_customer", condition=Q(customer__isnull=False)),
            models.Index(fields=["company", "status"], name="deal_company", condition=Q(company__isnull=False)),
        ]
        verbose_name = _("deal")
        verbose_name_plural = _("deals")

    def __str__(self) -> str:
        return self.title or f"#{self.pk}"


class DealMove(models.Model):
    """One step of a deal: opened, moved to a stage, won, lost, reopened. Never updated or deleted."""

    deal = models.ForeignKey(
        Deal, models.PROTECT, related_name="moves", verbose_name=_("deal"), help_text=_("Which deal.")
    )
    from_stage = models.ForeignKey(
        PipelineStage,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("from"),
        help_text=_("Stage before; empty when it was opened."),
    )
    to_stage = models.ForeignKey(
        PipelineStage, models.PROTECT, related_name="+", verbose_name=_("to"), help_text=_("Stage afterwards.")
    )
    status = models.CharField(_("status"), max_length=4, choices=DealStatus, help_text=_("Status afterwards."))
    at = models.DateTimeField(_("at"), help_text=_("UTC."))
    by = models.ForeignKey(
        "crm.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
        help_text=_("User; empty when a machine did it."),
    )

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["deal", "at"], name="move_deal")]
        verbose_name = _("move of a deal")
        verbose_name_plural = _("moves of deals")

    def __str__(self) -> str:
        return f"{self.deal_id} {self.status} {self.at:%Y-%m-%d %H:%M}"


class DealNote(models.Model):
    """What somebody wrote down about a deal."""

    deal = models.ForeignKey(
        Deal, models.PROTECT, related_name="notes", verbose_name=_("deal"), help_text=_("Which deal.")
    )
    text = models.TextField(_("text"), max_length=4000, help_text=_("In plain words."))
    at = models.DateTimeField(_("at"), help_text=_("UTC."))
    by = models.ForeignKey(
        "crm.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
        help_text=_("Who wrote it."),
    )

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = _("note of a deal")
        verbose_name_plural = _("notes of deals")

    def __str__(self) -> str:
        return self.text[:60]
