"""Saved views of lists: filters, order and columns under a name; and what each user sees first."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Sharing(models.TextChoices):
    NOBODY = "nobody", _("Only me")
    TEAMS = "teams", _("My teams")
    EVERYONE = "everyone", _("Everyone")


class ListName(models.TextChoices):
    CUSTOMERS = "customers", _("Customers")
    COMPANIES = "companies", _("Companies")


class SavedView(models.Model):
    list_name = models.CharField(_("list"), max_length=20, choices=ListName, help_text=_("Which list it is a view of."))
    name = models.CharField(_("name"), max_length=80, help_text=_("Name shown to people."))
    query = models.JSONField(
        _("filters"), default=dict, blank=True, help_text=_("Parameters of the list's address: name to values.")
    )
    columns = models.JSONField(
        _("columns"),
        default=list,
        blank=True,
        help_text=_("Keys of the columns in their order; empty means the usual."),
    )
    sort = models.CharField(
        _("order"), max_length=80, blank=True, help_text=_("Key of the column that orders it; - before it: downwards.")
    )
    sharing = models.CharField(
        _("shared with"), max_length=10, choices=Sharing, default=Sharing.NOBODY, help_text=_("Who else may use it.")
    )
    teams = models.ManyToManyField(
        "crm.Team", blank=True, related_name="+", verbose_name=_("teams"), help_text=_("When shared with teams: which.")
    )
    owner = models.ForeignKey(
        "crm.User", models.PROTECT, related_name="+", verbose_name=_("owner"), help_text=_("Who saved it; changes it.")
    )
    created_at = models.DateTimeField(_("created at"), help_text=_("UTC."))
    updated_at = models.DateTimeField(_("updated at"), help_text=_("UTC."))
    deleted_at = models.DateTimeField(
        _("deleted at"), null=True, blank=True, help_text=_("UTC; kept so that deleting can be undone.")
    )

    class Meta:
        ordering = ["name", "id"]
        indexes = [models.Index(fields=["list_name", "name"], name="view_list")]
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")

    def __str__(self) -> str:
        return self.name


class ListChoice(models.Model):
    """How one user wants one list: the view it opens with, and the columns when no view is chosen."""

    user = models.ForeignKey(
        "crm.User", models.CASCADE, related_name="+", verbose_name=_("user"), help_text=_("Whose choice.")
    )
    list_name = models.CharField(_("list"), max_length=20, choices=ListName, help_text=_("Of which list."))
    view = models.ForeignKey(
        SavedView,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("view"),
        help_text=_("The view the list opens with; empty means every row."),
    )
    columns = models.JSONField(
        _("columns"),
        default=list,
        blank=True,
        help_text=_("Keys of the columns in their order; empty means the usual."),
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "list_name"], name="list_choice_once")]
        verbose_name = _("choice for a list")
        verbose_name_plural = _("choices for lists")

    def __str__(self) -> str:
        return f"{self.user_id} {self.list_name}"
