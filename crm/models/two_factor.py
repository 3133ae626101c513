"""The second step of signing in: codes of an app, codes on paper, and where a user is signed in now."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class TwoFactor(models.Model):
    """A user's app of six-digit codes (RFC 6238). Its secret is made from the seed and the house's own."""

    user = models.OneToOneField(
        "crm.User", models.CASCADE, related_name="two_factor", verbose_name=_("user"), help_text=_("Whose app.")
    )
    seed = models.CharField(max_length=64, help_text=_("Random; no code can be made from it without the secret key."))
    last_step = models.BigIntegerField(
        default=0, help_text=_("Half minutes since 1970 of the last code that was taken; none is taken twice.")
    )
    begun_at = models.DateTimeField(_("begun at"), help_text=_("UTC; when the picture was shown."))
    confirmed_at = models.DateTimeField(
        _("confirmed at"), null=True, blank=True, help_text=_("UTC; asked for at sign-in since then.")
    )

    class Meta:
        verbose_name = _("two-factor app")
        verbose_name_plural = _("two-factor apps")

    def __str__(self) -> str:
        return str(self.user)


class RecoveryCode(models.Model):
    user = models.ForeignKey(
        "crm.User", models.CASCADE, related_name="recovery_codes", verbose_name=_("user"), help_text=_("Whose code.")
    )
    code_hash = models.CharField(max_length=64, help_text=_("Keyed hash; the code itself is shown once."))
    used_at = models.DateTimeField(_("used at"), null=True, blank=True, help_text=_("UTC; good once."))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "code_hash"], name="recovery_code_once")]
        verbose_name = _("recovery code")
        verbose_name_plural = _("recovery codes")

    def __str__(self) -> str:
        return str(self.user)


class Way(models.TextChoices):
    PASSWORD = "password", _("Password")
    CODE = "code", _("Password and code")
    RECOVERY = "recovery", _("Password and recovery code")


class Visit(models.Model):
    """One sign-in of a user, kept 90 days; its session may be ended from the page about signing in."""

    user = models.ForeignKey(
        "crm.User", models.CASCADE, related_name="visits", verbose_name=_("user"), help_text=_("Who signed in.")
    )
    session_key = models.CharField(max_length=40, db_index=True, help_text=_("Its session, as long as there is one."))
    way = models.CharField(_("way"), max_length=10, choices=Way, help_text=_("What was asked for."))
    browser = models.CharField(_("browser"), max_length=120, blank=True, help_text=_("Browser and system, as it says."))
    address = models.CharField(_("network address"), max_length=45, blank=True, help_text=_("Where it came from."))
    began_at = models.DateTimeField(_("signed in at"), db_index=True, help_text=_("UTC."))

    class Meta:
        ordering = ["-began_at"]
        indexes = [models.Index(fields=["user", "-began_at"], name="visit_of_user")]
        verbose_name = _("sign-in")
        verbose_name_plural = _("sign-ins")

    def __str__(self) -> str:
        return f"{self.user} {self.began_at:%Y-%m-%d %H:%M}"
