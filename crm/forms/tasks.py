"""Finding tasks, planning them, and writing down calls and meetings."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import due, queries, search
from crm.actions import OUTCOMES
from crm.models import Company, Customer, Outcome, Priority, Task, TaskKind, TaskStatus
from crm.opened_forms import remember, touched
from crm.refusals import Refused
from crm.rights import Actor, may

WHEN = {
    "open": gettext_lazy("Open"),
    "overdue": gettext_lazy("Overdue"),
    "today": gettext_lazy("Today"),
    "later": gettext_lazy("Later"),
    "done": gettext_lazy("Done"),
    "cancelled": gettext_lazy("Cancelled"),
}
CLOSED = {"done": TaskStatus.DONE, "cancelled": TaskStatus.CANCELLED}
REMINDERS = {
    "": (None, gettext_lazy("No reminder")),
    "0": (timedelta(), gettext_lazy("When it is due")),
    "15": (timedelta(minutes=15), gettext_lazy("15 minutes before")),
    "60": (timedelta(hours=1), gettext_lazy("1 hour before")),
    "1440": (timedelta(days=1), gettext_lazy("1 day before")),
}
MORNING = time(8)  # a whole day's reminder comes in the morning of the day, not at its last second
CALLED_BACK = timedelta(days=1)
LATEST = date(2999, 12, 31)
EARLIEST = date(1990, 1, 1)


class DayInput(forms.DateInput):
    """The browser's own calendar."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%d")


class DayField(forms.DateField):
    """A day that every database and zone can tell."""

    widget = DayInput

    def clean(self, value: Any) -> Any:
        day = super().clean(value)
        if day is not None and not EARLIEST <= day <= LATEST:
            raise forms.ValidationError(self.error_messages["invalid"])
        return day


class FilterForm(forms.Form):
    """Search and filters of the list of tasks; what is not valid filters nothing."""

    q = forms.CharField(required=False, max_length=120)
    when = forms.ChoiceField(required=False, choices=list(WHEN.items()), widget=forms.HiddenInput)
    whose = forms.ChoiceField(
        label=gettext_lazy("Whose"),
        required=False,
        choices=[("", gettext_lazy("Mine")), ("all", gettext_lazy("My teams'"))],
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"), required=False, choices=[("", gettext_lazy("Every kind")), *TaskKind.choices]
    )

    def __init__(self, *args: Any, actor: Actor, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor, self.at = actor, at
        if not may(actor, "tasks.change"):  # who does none has none of their own
            self.fields["whose"].choices = [("", _("Everybody's"))]  # type: ignore[attr-defined]
        elif actor.team_ids is None:
            self.fields["whose"].choices = [("", _("Mine")), ("all", _("Everybody's"))]  # type: ignore[attr-defined]
        self.is_valid()

    @property
    def group(self) -> str:
        """Which part of the list is shown, a key of WHEN."""
        return self.cleaned_data.get("when") or "open"

    @property
    def is_own(self) -> bool:
        return may(self.actor, "tasks.change") and self.cleaned_data.get("whose", "") != "all"

    def is_filtered(self) -> bool:
        return any(self.cleaned_data.get(name) for name in ("q", "kind", "whose"))

    def scope(self) -> QuerySet[Task]:
        """The tasks of whoever was asked for."""
        rows = queries.tasks(self.actor)
        return rows.filter(owner=self.actor.user) if self.is_own else rows

    def rows(self) -> QuerySet[Task]:
        rows, given = self.scope(), self.cleaned_data
        if given.get("kind"):
            rows = rows.filter(kind=given["kind"])
        if (words := given.get("q", "").strip()) and may(self.actor, "customers.identify"):
            people = search.found(queries.customers(self.actor), words, by_name=True)
            rows = rows.filter(Q(title__icontains=words) | Q(customer__in=people.values("pk")))
        if self.group in CLOSED:
            return rows.filter(status=CLOSED[self.group])
        return rows.filter(due.within(self.group, self.at), status=TaskStatus.OPEN)


class QuickForm(forms.Form):
    """A task in one line: what, which kind, which day."""

    title = forms.CharField(label=gettext_lazy("What is to be done"), max_length=200)
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=TaskKind.choices, initial=TaskKind.TODO)
    day = DayField(label=gettext_lazy("Due"))

    def values(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {"title": given["title"], "kind": given["kind"], "due_at": due.end_of(given["day"])}


class CustomerField(forms.CharField):
    """One customer, by number or by whatever finds exactly one."""

    def __init__(self, actor: Actor, **more: Any) -> None:
        super().__init__(required=False, max_length=120, **more)
        self.actor = actor

    def clean(self, value: Any) -> Customer | None:
        words = super().clean(value).strip()
        if not words:
            return None
        rows = queries.customers(self.actor)
        found = list(rows.filter(number=words)[:1]) or list(
            search.found(rows, words, by_name=may(self.actor, "customers.identify"))[:2]
        )
        if len(found) != 1:
            raise forms.ValidationError(
                _("Several customers match; give the number.") if found else _("No customer matches.")
            )
        return found[0]


class CompanyField(forms.CharField):
    """One company, by number or by its whole name."""

    def __init__(self, actor: Actor, **more: Any) -> None:
        super().__init__(required=False, max_length=200, **more)
        self.actor = actor

    def clean(self, value: Any) -> Company | None:
        words = super().clean(value).strip()
        if not words:
            return None
        rows = queries.companies(self.actor)
        found = list(rows.filter(number=words)[:1]) or list(rows.filter(name=words)[:2])
        if len(found) != 1:
            raise forms.ValidationError(
                _("Several companies match; give the number.") if found else _("No company matches.")
            )
        return found[0]


def people_input(url: str) -> forms.TextInput:
    """A field that offers the customers or companies it finds, as far as the browser can."""
    return forms.TextInput({"list": "found", "autocomplete": "off", "data-offers": url})


class TaskForm(forms.Form):
    """Everything of a task."""

    title = forms.CharField(label=gettext_lazy("What is to be done"), max_length=200)
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=TaskKind.choices)
    day = DayField(label=gettext_lazy("Due"))
    time = forms.TimeField(
        label=gettext_lazy("Time"),
        required=False,
        widget=forms.TimeInput({"type": "time"}, format="%H:%M"),
        help_text=gettext_lazy("Leave it empty for any time of the day."),
    )
    duration_minutes = forms.IntegerField(
        label=gettext_lazy("Duration in minutes"), required=False, min_value=1, max_value=1440
    )
    place = forms.CharField(label=gettext_lazy("Place"), required=False, max_length=200)
    priority = forms.TypedChoiceField(
        label=gettext_lazy("Priority"), choices=Priority.choices, coerce=int, initial=Priority.NORMAL
    )
    remind = forms.ChoiceField(label=gettext_lazy("Reminder by e-mail"), required=False)
    note = forms.CharField(
        label=gettext_lazy("Note"), required=False, max_length=4000, widget=forms.Textarea({"rows": 4})
    )

    def __init__(self, data: Any = None, *, actor: Actor, task: Task | None, about: dict[str, Any]) -> None:
        super().__init__(data, initial=_initial(task) if task else {"kind": "todo", "priority": 2, **about})
        self.task = task
        self.fields["remind"].choices = [(key, label) for key, (_span, label) in REMINDERS.items()]  # type: ignore[attr-defined]
        self.fields["customer"] = CustomerField(
            actor, label=_("Customer"), help_text=_("Name, number, e-mail or phone."), widget=people_input("customers")
        )
        self.fields["company"] = CompanyField(
            actor, label=_("Company"), help_text=_("Name or number."), widget=people_input("companies")
        )
        self.fields["owner"] = forms.ModelChoiceField(
            queries.colleagues(actor, present=task.owner_id if task else None),
            label=_("Who does it"),
            required=False,
            empty_label=_("Anybody of the team"),
        )
        if task is None and not self.is_bound:
            self.initial.setdefault("owner", actor.user.pk)
        order = ("title", "kind", "day", "time", "customer", "company", "owner", "priority", "remind")
        self.order_fields(order)
        if task:
            remember(self)

    def values(self) -> dict[str, Any]:
        """What the form says, as the action wants it."""
        given, changed = self.cleaned_data, touched(self)
        columns = ("title", "kind", "note", "place", "priority", "duration_minutes", "customer", "company", "owner")
        values = {name: given[name] for name in columns if name in changed}
        if not changed & {"day", "time", "remind"}:
            return values
        due_at = due_moment(given["day"], given["time"])
        return {
            **values,
            "due_at": due_at,
            "has_time": given["time"] is not None,
            "remind_at": self._remind_at(due_at, has_time=given["time"] is not None),
        }

    def _remind_at(self, due_at: datetime, *, has_time: bool) -> datetime | None:
        before, _label = REMINDERS[self.cleaned_data["remind"]]
        if before is None:
            return None
        start = due_at if has_time else datetime.combine(due.day_of(due_at), MORNING, due.zone())
        return start - before

    def refuse(self, fault: Refused) -> None:
        """Show what the action refused beside its field."""
        self.add_error(fault.path if fault.path in self.fields else None, fault.message)


def due_moment(day: date, clock: time | None) -> datetime:
    """A day and a time of the visitor's clock; without a time the end of the firm's day."""
    if clock is None:
        return due.end_of(day)
    return datetime.combine(day, clock, timezone.get_current_timezone())


def _initial(task: Task) -> dict[str, Any]:
    local = timezone.localtime(task.due_at)
    columns = ("title", "kind", "note", "place", "priority", "duration_minutes", "owner")
    return {
        **{name: getattr(task, name) for name in columns},
        "customer": task.customer.number if task.customer else "",
        "company": task.company.number if task.company else "",
        "day": local.date() if task.has_time else due.day_of(task.due_at),
        "time": local.time() if task.has_time else None,
        "remind": _reminder_of(task),
    }


def _reminder_of(task: Task) -> str:
    if task.remind_at is None:
        return ""
    start = task.due_at if task.has_time else datetime.combine(due.day_of(task.due_at), MORNING, due.zone())
    spans = {span: key for key, (span, _label) in REMINDERS.items()}
    return spans.get(start - task.remind_at, "0")


class ContactForm(forms.Form):
    """A call or meeting: what came of it, and if wanted a note and the task that follows."""

    kind = forms.ChoiceField(choices=[(kind.value, kind.label) for kind in OUTCOMES], widget=forms.HiddenInput)
    outcome = forms.ChoiceField(choices=Outcome.choices)
    note = forms.CharField(
        label=gettext_lazy("Note"), required=False, max_length=4000, widget=forms.Textarea({"rows": 2})
    )
    next_title = forms.CharField(label=gettext_lazy("Then"), required=False, max_length=200)
    next_day = DayField(label=gettext_lazy("On"), required=False)

    def follow_up(self, at: datetime) -> dict[str, Any] | None:
        """The task that follows: what was asked for, or the call-back that was promised."""
        given = self.cleaned_data
        is_promised = given["outcome"] == Outcome.CALL_BACK
        if not (given["next_day"] or given["next_title"] or is_promised):
            return None
        day = given["next_day"] or due.day_of(at + CALLED_BACK)
        kind = TaskKind.CALL if is_promised or not given["next_title"] else TaskKind.TODO
        title = given["next_title"] or (_("Call back") if is_promised else _("Call again"))
        return {"title": title, "kind": kind, "due_at": due.end_of(day)}
