"""Tasks: what somebody has promised to do for a customer or company, until when, and what came of it."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class TaskKind(models.TextChoices):
    TODO = "todo", _("To do")
    CALL = "call", _("Call")
    MEETING = "meeting", _("Meeting")
    EMAIL = "email", _("E-mail")
    LETTER = "letter", _("Letter")


class TaskStatus(models.TextChoices):
    OPEN = "open", _("Open")
    DONE = "done", _("Done")
    CANCELLED = "cancelled", _("Cancelled")


class Priority(models.IntegerChoices):
    HIGH = 1, _("High")
    NORMAL = 2, _("Normal")
    LOW = 3, _("Low")


class TaskSource(models.TextChoices):
    HAND = "hand", _("By hand")
    FOLLOW_UP = "follow-up", _("Follow-up")
    WORKLIST = "worklist", _("Worklist")
    CAMPAIGN = "campaign", _("Campaign")


class Outcome(models.TextChoices):
    """What came of a call, and of a meeting."""

    REACHED = "reached", _("Reached")
    NO_ANSWER = "no_answer", _("No answer")
    CALL_BACK = "call_back", _("Call back")
    WRONG_NUMBER = "wrong_number", _("Wrong number")
    AGREED = "agreed", _("Agreed")
    DECLINED = "declined", _("Not interested")
    HELD = "held", _("Held")
    NOT_COME = "not_come", _("Did not come")
    MOVED = "moved", _("Moved to another time")


class Task(models.Model):
    """Who may see it follows from its customer, else its company; a task about neither belongs to its team."""

    title = models.CharField(_("title"), max_length=200, help_text=_("What is to be done, in a few words."))
    note = models.TextField(_("note"), max_length=4000, blank=True, help_text=_("Anything to remember."))
    script = models.TextField(
        _("script"), max_length=8000, blank=True, help_text=_("What to say, written by whoever planned the call.")
    )
    kind = models.CharField(
        _("kind"), max_length=8, choices=TaskKind, default=TaskKind.TODO, help_text=_("What kind of work it is.")
    )
    customer = models.ForeignKey(
        "crm.Customer",
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="tasks",
        verbose_name=_("customer"),
        help_text=_("Whom it is about."),
    )
    company = models.ForeignKey(
        "crm.Company",
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="tasks",
        verbose_name=_("company"),
        help_text=_("Which company it is about."),
    )
    deal = models.ForeignKey(
        "crm.Deal",
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="tasks",
        verbose_name=_("deal"),
        help_text=_("Which deal it carries forward."),
    )
    owner = models.ForeignKey(
        "crm.User",
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        verbose_name=_("owner"),
        help_text=_("Who does it; empty means anybody of the team."),
    )
    team = models.ForeignKey(
        "crm.Team",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("team"),
        help_text=_("Team that sees it when it is about no customer and no company."),
    )
    due_at = models.DateTimeField(
        _("due at"), help_text=_("UTC; a task for a whole day is due at the end of the firm's day.")
    )
    has_time = models.BooleanField(
        _("has a time"), default=False, help_text=_("Due at this time of day; otherwise any time of the day.")
    )
    duration_minutes = models.PositiveSmallIntegerField(
        _("duration"), null=True, blank=True, help_text=_("Minutes, for meetings.")
    )
    place = models.CharField(_("place"), max_length=200, blank=True, help_text=_("Where a meeting is held."))
    priority = models.PositiveSmallIntegerField(
        _("priority"), choices=Priority, default=Priority.NORMAL, help_text=_("1 is done first.")
    )
    remind_at = models.DateTimeField(
        _("remind at"), null=True, blank=True, help_text=_("UTC; when the owner is reminded by e-mail.")
    )
    reminded_at = models.DateTimeField(_("reminded at"), null=True, blank=True, help_text=_("UTC; when that was done."))
    status = models.CharField(
        _("status"), max_length=9, choices=TaskStatus, default=TaskStatus.OPEN, help_text=_("Where it stands.")
    )
    outcome = models.CharField(
        _("outcome"), max_length=12, choices=Outcome, blank=True, help_text=_("What came of a call or meeting.")
    )
    outcome_note = models.TextField(
        _("what came of it"), max_length=4000, blank=True, help_text=_("In the owner's words.")
    )
    done_at = models.DateTimeField(_("done at"), null=True, blank=True, help_text=_("UTC; when it was done."))
    source = models.CharField(
        _("source"), max_length=10, choices=TaskSource, default=TaskSource.HAND, help_text=_("Who asked for it.")
    )
    source_ref = models.CharField(
        _("reference"),
        max_length=100,
        blank=True,
        help_text=_("What asked for it, in words of its source; unique in it, so a repeat makes no second task."),
    )
    created_by = models.ForeignKey(
        "crm.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("created by"),
        help_text=_("User; empty when a machine did it."),
    )
    created_at = models.DateTimeField(_("created at"), help_text=_("UTC."))
    updated_at = models.DateTimeField(_("updated at"), help_text=_("UTC."))

    class Meta:
        ordering = ["due_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "source_ref"], name="task_source_once", condition=~Q(source_ref="")
            ),
            models.CheckConstraint(
                condition=Q(status="done", done_at__isnull=False) | (~Q(status="done") & Q(done_at__isnull=True)),
                name="task_done_has_time",
            ),
        ]
        # Lists show one status in the order of due_at, of everybody's or of one owner; reminders look for few rows.
        indexes = [
            models.Index(fields=["status", "due_at", "id"], name="task_due"),
            models.Index(fields=["owner", "status", "due_at", "id"], name="task_owner_due"),
            models.Index(fields=["status", "priority", "id"], name="task_priority"),
            models.Index(fields=["customer", "status"], name="task_customer", condition=Q(customer__isnull=False)),
            models.Index(fields=["company", "status"], name="task_company", condition=Q(company__isnull=False)),
            models.Index(fields=["deal", "status"], name="task_deal", condition=Q(deal__isnull=False)),
            models.Index(
                fields=["remind_at"],
                name="task_reminders",
                condition=Q(status="open", remind_at__isnull=False, reminded_at__isnull=True),
            ),
        ]
        verbose_name = _("task")
        verbose_name_plural = _("tasks")

    def __str__(self) -> str:
        return self.title or self.get_kind_display()
