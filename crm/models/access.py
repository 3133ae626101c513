"""Who may come in: teams, users with one role each, API keys."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

SESSION_SALT = "crm.models.User.session"


class Team(models.Model):
    name = models.CharField(_("name"), max_length=120, unique=True, help_text=_("Name shown in lists."))
    slug = models.SlugField(_("slug"), max_length=60, unique=True, help_text=_("Short name used in files and the API."))

    class Meta:
        ordering = ["name"]
        verbose_name = _("team")
        verbose_name_plural = _("teams")

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    SALES = "sales", _("Sales")
    MARKETER = "marketer", _("Marketer")
    ANALYST = "analyst", _("Analyst")
    ADMIN = "admin", _("Admin")


class User(AbstractUser):
    role = models.CharField(
        _("role"),
        max_length=10,
        choices=Role,
        default=Role.SALES,
        help_text=_("What the user may do; see the rights table."),
    )
    teams = models.ManyToManyField(
        Team,
        verbose_name=_("teams"),
        blank=True,
        related_name="members",
        help_text=_("Sales staff see the customers of these teams only."),
    )
    may_see_special = models.BooleanField(
        _("may see special-category fields"),
        default=False,
        help_text=_("A grant for data under GDPR article 9; each use is logged."),
    )
    language = models.CharField(
        _("language"),
        max_length=5,
        choices=[("en", "English"), ("fi", "Suomi")],
        default="en",
        help_text=_("Language of the pages."),
    )
    time_zone = models.CharField(
        _("time zone"), max_length=60, blank=True, help_text=_("IANA name; empty means the firm's zone.")
    )
    is_compact = models.BooleanField(_("compact lists"), default=False, help_text=_("32-pixel rows instead of 40."))
    has_keys = models.BooleanField(
        _("single-key shortcuts"), default=True, help_text=_("Single keys such as / and ? do something on pages.")
    )
    hides_first_steps = models.BooleanField(
        _("hides the first steps"), default=False, help_text=_("The first page shows no list of steps to begin with.")
    )
    session_number = models.PositiveIntegerField(
        default=0, help_text=_("Another number ends every session of the user but the one that set it.")
    )

    class Meta(AbstractUser.Meta):
        verbose_name = _("user")  # type: ignore[assignment]
        verbose_name_plural = _("users")  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """What sessions are bound to: the password, as in Django, and the number that ends them all."""
        said = f"{self.password}|{self.session_number}"
        return salted_hmac(SESSION_SALT, said, secret=secret, algorithm="sha256").hexdigest()


class ApiKey(models.Model):
    name = models.CharField(_("name"), max_length=120, help_text=_("What the key is for."))
    prefix = models.CharField(
        _("prefix"), max_length=12, unique=True, help_text=_("First characters, shown so that a key can be recognised.")
    )
    key_hash = models.CharField(
        max_length=64, help_text=_("SHA-256 of the whole key in hexadecimal; the key itself is never stored.")
    )
    scopes = models.JSONField(_("scopes"), default=list, help_text=_("List of scope names such as customers:read."))
    team = models.ForeignKey(
        Team,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("team"),
        help_text=_("When set, the key sees this team's customers only."),
    )
    created_by = models.ForeignKey(
        "crm.User",
        models.PROTECT,
        related_name="+",
        verbose_name=_("created by"),
        help_text=_("User whose rights bound the key."),
    )
    created_at = models.DateTimeField(_("created at"), help_text=_("UTC."))
    expires_at = models.DateTimeField(
        _("expires at"), null=True, blank=True, help_text=_("Empty means it does not expire.")
    )
    revoked_at = models.DateTimeField(
        _("revoked at"), null=True, blank=True, help_text=_("UTC; set once, never cleared.")
    )
    last_used_at = models.DateTimeField(_("last used at"), null=True, blank=True, help_text=_("UTC, to the minute."))

    class Meta:
        ordering = ["-id"]
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class IdempotencyRecord(models.Model):
    scope = models.CharField(max_length=80, help_text=_("Actor and action the key belongs to."))
    key = models.CharField(max_length=200, help_text=_("The client's Idempotency-Key."))
    request_hash = models.CharField(max_length=64, help_text=_("SHA-256 of the request body."))
    status = models.PositiveSmallIntegerField(null=True, help_text=_("HTTP status answered; empty while in flight."))
    body = models.JSONField(null=True, help_text=_("Answer given."))
    created_at = models.DateTimeField(help_text=_("UTC; kept 24 hours."))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="idempotency_once")]

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"
