"""Tags: words of the firm's own that people put on customers and companies."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class TagColour(models.TextChoices):
    GREY = "neutral", _("Grey")
    GREEN = "good", _("Green")
    YELLOW = "warn", _("Yellow")
    RED = "bad", _("Red")
    BLUE = "info", _("Blue")


class Tag(models.Model):
    name = models.CharField(_("name"), max_length=60, unique=True, help_text=_("Word shown to people."))
    slug = models.SlugField(_("slug"), max_length=60, unique=True, help_text=_("Short name in addresses and the API."))
    colour = models.CharField(
        _("colour"), max_length=8, choices=TagColour, default=TagColour.GREY, help_text=_("Colour of its badge.")
    )
    created_at = models.DateTimeField(_("created at"), help_text=_("UTC."))
    created_by = models.ForeignKey(
        "crm.User", models.PROTECT, null=True, blank=True, related_name="+", help_text=_("Who made it.")
    )
    archived_at = models.DateTimeField(
        _("archived at"), null=True, blank=True, help_text=_("UTC; archived tags leave the pickers and the rows.")
    )
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("merged into"),
        help_text=_("The tag that took its place, when it was archived by a merge."),
    )  # fmt: skip

    class Meta:
        ordering = ["name"]
        verbose_name = _("tag")
        verbose_name_plural = _("tags")

    def __str__(self) -> str:
        return self.name


class CustomerTag(models.Model):
    """This customer has this tag. Taking it off deletes the row; the audit keeps what was."""

    tag = models.ForeignKey(
        Tag, models.PROTECT, db_index=False, related_name="+", verbose_name=_("tag"), help_text=_("Which tag.")
    )
    customer = models.ForeignKey(
        "crm.Customer", models.PROTECT, related_name="tagged", verbose_name=_("customer"), help_text=_("Who has it.")
    )
    at = models.DateTimeField(_("at"), help_text=_("UTC; when it was put on."))
    by = models.ForeignKey(
        "crm.User", models.PROTECT, null=True, blank=True, db_index=False, related_name="+", help_text=_("Who put it.")
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tag", "customer"], name="customer_tag_once")]
        verbose_name = _("tag of a customer")
        verbose_name_plural = _("tags of customers")

    def __str__(self) -> str:
        return f"{self.tag_id} {self.customer_id}"


class CompanyTag(models.Model):
    """This company has this tag."""

    tag = models.ForeignKey(
        Tag, models.PROTECT, db_index=False, related_name="+", verbose_name=_("tag"), help_text=_("Which tag.")
    )
    company = models.ForeignKey(
        "crm.Company", models.PROTECT, related_name="tagged", verbose_name=_("company"), help_text=_("Which has it.")
    )
    at = models.DateTimeField(_("at"), help_text=_("UTC; when it was put on."))
    by = models.ForeignKey(
        "crm.User", models.PROTECT, null=True, blank=True, db_index=False, related_name="+", help_text=_("Who put it.")
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tag", "company"], name="company_tag_once")]
        verbose_name = _("tag of a company")
        verbose_name_plural = _("tags of companies")

    def __str__(self) -> str:
        return f"{self.tag_id} {self.company_id}"
