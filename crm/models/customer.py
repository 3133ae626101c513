"""Customers (persons), companies and the firm's own typed fields."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from crm.collation import ByLetter


class Dimension(models.TextChoices):
    """The ten dimensions in which a profile is described."""

    DEMOGRAPHIC = "demographic", _("Demographic")
    GEOGRAPHIC = "geographic", _("Geographic")
    PSYCHOGRAPHIC = "psychographic", _("Psychographic")
    BEHAVIOURAL = "behavioural", _("Behavioural")
    TECHNOGRAPHIC = "technographic", _("Technographic")
    ECONOMIC = "economic", _("Economic")
    SOCIAL = "social", _("Social")
    LIFE_SITUATION = "life_situation", _("Life situation")
    MARKET_POSITION = "market_position", _("Market position")
    CULTURAL = "cultural", _("Cultural")


class FieldType(models.TextChoices):
    TEXT = "text", _("Text")
    NUMBER = "number", _("Number")
    MONEY = "money", _("Money")
    DATE = "date", _("Date")
    DATETIME = "datetime", _("Date and time")
    TRUTH = "truth", _("Yes or no")
    CHOICE = "choice", _("Choice")
    LIST = "list", _("List of texts")


class Sensitivity(models.TextChoices):
    NORMAL = "normal", _("Normal")
    SPECIAL = "special", _("Special category (GDPR article 9)")
    NOT_FOR_MARKETING = "not_for_marketing", _("Not allowed for marketing")


class FieldDefinition(models.Model):
    """A custom field of customers or companies; its values live in the row's `attributes`."""

    entity = models.CharField(
        _("entity"),
        max_length=10,
        choices=[("customer", _("Customer")), ("company", _("Company"))],
        default="customer",
        help_text=_("Whose field it is."),
    )
    key = models.CharField(
        _("key"),
        max_length=60,
        help_text=_("Name in rules, files and the API: a-z, 0-9 and _, beginning with a letter."),
    )
    label = models.CharField(_("label"), max_length=120, help_text=_("Name shown to people."))
    label_fi = models.CharField(
        _("Finnish label"), max_length=120, blank=True, help_text=_("Name shown in Finnish; empty means the label.")
    )
    type = models.CharField(_("type"), max_length=10, choices=FieldType, help_text=_("What kind of value it holds."))
    dimension = models.CharField(
        _("dimension"), max_length=20, choices=Dimension, help_text=_("Which of the ten dimensions it describes.")
    )
    unit = models.CharField(
        _("unit"), max_length=20, blank=True, help_text=_("For numbers: unit; for money: ISO 4217 code.")
    )
    choices = models.JSONField(_("choices"), default=list, blank=True, help_text=_("For choices: the allowed values."))
    sensitivity = models.CharField(
        _("sensitivity"),
        max_length=20,
        choices=Sensitivity,
        default=Sensitivity.NORMAL,
        help_text=_("What may be done with it."),
    )
    source = models.CharField(_("source"), max_length=60, blank=True, help_text=_("Where its values come from."))
    created_at = models.DateTimeField(_("created at"), help_text=_("UTC."))
    archived_at = models.DateTimeField(
        _("archived at"),
        null=True,
        blank=True,
        help_text=_("UTC; archived fields keep their values and leave the pickers."),
    )

    class Meta:
        ordering = ["entity", "dimension", "key"]
        constraints = [
            models.UniqueConstraint(fields=["entity", "key"], name="field_key_once"),
            models.CheckConstraint(condition=Q(key__regex=r"^[a-z][a-z0-9_]{0,59}$"), name="field_key_form"),
        ]
        verbose_name = _("field")
        verbose_name_plural = _("fields")

    def __str__(self) -> str:
        return self.label


class Company(models.Model):
    number = models.CharField(
        _("number"), max_length=64, unique=True, help_text=_("Company number in the firm's books; unique.")
    )
    name = models.CharField(_("name"), max_length=200, help_text=_("Name of the company."))
    business_id = models.CharField(
        _("business id"), max_length=20, blank=True, help_text=_("Official registration number.")
    )
    industry = models.CharField(_("industry"), max_length=80, blank=True, help_text=_("Line of business."))
    employees = models.PositiveIntegerField(_("employees"), null=True, blank=True, help_text=_("Number of persons."))
    city = models.CharField(_("city"), max_length=120, blank=True, help_text=_("City."))
    country = models.CharField(_("country"), max_length=60, blank=True, help_text=_("ISO 3166 code or name as given."))
    website = models.URLField(_("website"), blank=True, help_text=_("Address of its site."))
    attributes = models.JSONField(
        _("custom fields"), default=dict, blank=True, help_text=_("Values of custom fields by key.")
    )
    owner = models.ForeignKey(
        "crm.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("owner"),
        help_text=_("Salesperson responsible."),
    )
    team = models.ForeignKey(
        "crm.Team",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("team"),
        help_text=_("Team that may see it; empty means no sales team."),
    )
    created_at = models.DateTimeField(_("created at"), help_text=_("UTC."))
    updated_at = models.DateTimeField(
        _("updated at"), db_index=True, help_text=_("UTC; the warehouse takes rows changed since.")
    )

    class Meta:
        ordering = ["name", "id"]
        indexes = [
            models.Index(fields=["name", "id"], name="company_name"),
            models.Index(ByLetter(Lower("name")), name="company_name_begins"),
            models.Index(fields=["team", "id"], name="company_team"),
        ]
        verbose_name = _("company")
        verbose_name_plural = _("companies")

    def __str__(self) -> str:
        return self.name


class Stage(models.TextChoices):
    PROSPECT = "prospect", _("Prospect")
    OCCASIONAL = "occasional", _("Occasional")
    REGULAR = "regular", _("Regular")
    LAPSED = "lapsed", _("Lapsed")


class Customer(models.Model):
    """A person. What rules see of a customer is the profile: these columns, the custom fields and what is computed."""

    number = models.CharField(
        _("number"),
        max_length=64,
        unique=True,
        help_text=_("Customer number in the firm's books; unique, never reused."),
    )
    first_name = models.CharField(_("first name"), max_length=120, blank=True, help_text=_("Given name."))
    last_name = models.CharField(_("last name"), max_length=120, blank=True, help_text=_("Family name."))
    email = models.CharField(
        _("e-mail"), max_length=254, blank=True, help_text=_("One address, as given; compared by its lower-case form.")
    )
    phone = models.CharField(_("phone"), max_length=20, blank=True, help_text=_("E.164 with +."))
    language = models.CharField(_("language"), max_length=10, blank=True, help_text=_("ISO 639-1 code."))
    time_zone = models.CharField(
        _("time zone"), max_length=60, blank=True, help_text=_("IANA name; empty means the firm's.")
    )
    birth_date = models.DateField(_("birth date"), null=True, blank=True, help_text=_("Date of birth."))
    gender = models.CharField(_("gender"), max_length=20, blank=True, help_text=_("As given."))
    street = models.CharField(_("street address"), max_length=200, blank=True, help_text=_("Street and number."))
    postal_code = models.CharField(_("postal code"), max_length=20, blank=True, help_text=_("Postal code."))
    city = models.CharField(_("city"), max_length=120, blank=True, help_text=_("City."))
    country = models.CharField(_("country"), max_length=60, blank=True, help_text=_("ISO 3166 code or name as given."))
    stage = models.CharField(
        _("stage"), max_length=12, choices=Stage, default=Stage.PROSPECT, help_text=_("Stage of the relationship.")
    )
    attributes = models.JSONField(
        _("custom fields"),
        default=dict,
        blank=True,
        help_text=_("Values of custom fields by key; money and numbers as text."),
    )
    company = models.ForeignKey(
        Company,
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="people",
        verbose_name=_("company"),
        help_text=_("Employer, for business customers."),
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
    team = models.ForeignKey(
        "crm.Team",
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        verbose_name=_("team"),
        help_text=_("Team that may see the customer; empty means no sales team."),
    )
    source = models.CharField(_("source"), max_length=60, blank=True, help_text=_("Where the record came from first."))
    is_test = models.BooleanField(_("test record"), default=False, help_text=_("Seed address: left out of results."))
    created_at = models.DateTimeField(_("created at"), help_text=_("UTC; when the relationship began."))
    updated_at = models.DateTimeField(_("updated at"), help_text=_("UTC; the warehouse takes rows changed since."))
    merged_into = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="merged",
        help_text=_("Set on the tombstone left by a merge."),
    )
    erased_at = models.DateTimeField(
        _("erased at"), null=True, blank=True, help_text=_("UTC; personal data scrubbed (GDPR article 17).")
    )
    restricted_at = models.DateTimeField(
        _("restricted at"), null=True, blank=True, help_text=_("UTC; processing frozen (GDPR article 18).")
    )
    objected_at = models.DateTimeField(
        _("objected at"),
        null=True,
        blank=True,
        help_text=_("UTC; objects to marketing and profiling (GDPR article 21)."),
    )

    class Meta:
        ordering = ["-id"]
        # A list reads fifty rows off the index of its order. Columns that are mostly empty are indexed where they are
        # not, or a planner would take the empty ones for few. Beginnings of names: migration 0004 and crm/search.py.
        indexes = [
            models.Index(fields=["email"], name="customer_email", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["phone"], name="customer_phone", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["created_at", "id"], name="customer_since"),
            models.Index(fields=["updated_at", "id"], name="customer_changed"),
            models.Index(fields=["last_name", "id"], name="customer_name"),
            models.Index(ByLetter(Lower("last_name")), name="customer_last_name_begins"),
            models.Index(ByLetter(Lower("first_name")), name="customer_first_name_begins"),
            models.Index(fields=["city", "id"], name="customer_city"),
            models.Index(fields=["stage", "updated_at", "id"], name="customer_stage_changed"),
            models.Index(fields=["team", "updated_at", "id"], name="customer_team_changed"),
            models.Index(fields=["team", "last_name", "id"], name="customer_team_name"),
            models.Index(fields=["team", "number"], name="customer_team_number"),
            models.Index(fields=["owner", "id"], name="customer_owner", condition=Q(owner__isnull=False)),
            models.Index(fields=["company", "id"], name="customer_company", condition=Q(company__isnull=False)),
            models.Index(fields=["merged_into"], name="customer_merged", condition=Q(merged_into__isnull=False)),
        ]
        verbose_name = _("customer")
        verbose_name_plural = _("customers")

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.number
