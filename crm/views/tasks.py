"""Tasks: the list of what is due, one task, and the buttons that do, put off, cancel and take back."""

from datetime import date, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import actions, due, figures, keyset, queries, search
from crm.access import ActorRequest, needs
from crm.forms.tasks import CLOSED, WHEN, FilterForm, QuickForm, TaskForm
from crm.lists import downloads
from crm.models import Customer, Outcome, Task, TaskKind, TaskSource, TaskStatus
from crm.notices import notify
from crm.refusals import ManyRefused, NotPossibleNow, Refused
from crm.rights import Actor, may
from crm.tables import Column, Order, order
from crm.views.places import back, returned

ROWS, OFFERED = 50, 8
COLUMNS = (
    Column(gettext_lazy("Done"), "action", is_label_hidden=True),
    Column(gettext_lazy("Task")),
    Column(gettext_lazy("Customer")),
    Column(gettext_lazy("Due"), sort="due_at"),
    Column(gettext_lazy("Priority"), sort="priority"),
    Column(gettext_lazy("Owner")),
    Column(gettext_lazy("Actions"), "action", is_label_hidden=True),
)
ICONS = {
    TaskKind.TODO: "check-circle",
    TaskKind.CALL: "phone",
    TaskKind.MEETING: "users",
    TaskKind.EMAIL: "envelope",
    TaskKind.LETTER: "document-text",
}
SHEET = downloads.Sheet(
    "tasks",
    "tasks",
    (
        (gettext_lazy("Task"), lambda one: one.title),
        (gettext_lazy("Kind"), lambda one: one.get_kind_display()),
        (gettext_lazy("Customer"), lambda one: one.customer or one.company or ""),
        (gettext_lazy("Due"), lambda one: one.due_at if one.has_time else due.day_of(one.due_at)),
        (gettext_lazy("Priority"), lambda one: one.get_priority_display()),
        (gettext_lazy("Owner"), lambda one: one.owner or ""),
        (gettext_lazy("Status"), lambda one: one.get_status_display()),
        (gettext_lazy("Outcome"), lambda one: one.get_outcome_display()),
        (gettext_lazy("Note"), lambda one: one.note),
    ),
    downloads.PERSONS,
)
SNOOZES = ((1, gettext_lazy("Tomorrow")), (3, gettext_lazy("In 3 days")), (7, gettext_lazy("In a week")))


@require_safe
@needs("tasks.view")
def tasks(request: ActorRequest) -> HttpResponse:
    """What is to be done: searched, filtered, sorted, done with one click."""
    return _list(request, QuickForm(initial={"day": due.day_of(timezone.now())}))


def _list(request: ActorRequest, quick: QuickForm, status: int = 200) -> HttpResponse:
    actor, now = request.actor, timezone.now()
    form = FilterForm(request.GET, actor=actor, at=now)
    sort = _order(request, form)
    rows = form.rows().select_related("customer", "company", "owner", "deal")
    page = keyset.page_or_first(rows, order=str(sort), cursor=request.GET.get("cursor", ""), size=ROWS)
    counts = _counts(form, now)
    context = {
        "form": form,
        "quick": quick,
        "columns": COLUMNS,
        "sort": sort,
        "groups": _groups(page.rows, now, is_grouped=form.group == "open" and sort.key == "due_at"),
        "more_url": _with(request, cursor=page.next_cursor) if page.next_cursor else "",
        "tabs": [(label, _with(request, when=key, cursor=""), counts.get(key)) for key, label in WHEN.items()],
        "here": _with(request, when=form.group, cursor=""),
        "address": request.get_full_path(),
        "answer": _answer(counts),
        "is_filtered": form.is_filtered(),
        "files": downloads.links(request, "tasks-file") if may(actor, downloads.PERSONS) else [],
        **row_context(actor, now),
    }
    return render(request, "crm/tasks.html", context, status=status)


def _order(request: HttpRequest, form: FilterForm) -> Order:
    return order(request.GET, COLUMNS, "-due_at" if form.group in CLOSED else "due_at")


@require_safe
@needs(downloads.PERSONS)
def tasks_file(request: ActorRequest, kind: str) -> HttpResponseBase:
    """The tasks of the list as a file."""
    form = FilterForm(request.GET, actor=request.actor, at=timezone.now())
    rows = form.rows().select_related("customer", "company", "owner").order_by(str(_order(request, form)), "pk")
    return downloads.download(request, SHEET, rows, kind)


def row_context(actor: Actor, now: datetime) -> dict[str, Any]:
    """What every template that shows tasks needs."""
    today = due.day_of(now)
    return {
        "may_change": may(actor, "tasks.change"),
        "snoozes": [((today + timedelta(days=days)).isoformat(), label) for days, label in SNOOZES],
        "outcomes": {str(kind): [(str(one), one.label) for one in found] for kind, found in actions.OUTCOMES.items()},
    }


def dressed(task: Task, now: datetime) -> Task:
    """The task with what its row shows: icon, tone and words of when it is due."""
    row: Any = task
    row.icon = ICONS[TaskKind(task.kind)]
    row.tone = due.TONES[due.group_of(task.due_at, now)] if task.status == TaskStatus.OPEN else "neutral"
    row.due_words = figures.moment(task.due_at) if task.has_time else figures.day(due.day_of(task.due_at))
    row.chips = [(str(one), one.label) for one in actions.OUTCOMES.get(TaskKind(task.kind), ())]
    return task


def _groups(rows: list[Task], now: datetime, *, is_grouped: bool) -> list[tuple[Any, list[Task]]]:
    """The rows under headings by when they are due, or all under none."""
    if not is_grouped:
        return [("", [dressed(row, now) for row in rows])] if rows else []
    found: dict[str, list[Task]] = {}
    for row in rows:
        found.setdefault(due.group_of(row.due_at, now), []).append(dressed(row, now))
    return [(due.LABELS[key], group) for key, group in found.items()]


def _counts(form: FilterForm, now: datetime) -> dict[str, int]:
    """How many of one's own are due when; of everybody's nobody counts."""
    if not form.is_own:
        return {}
    asked = {key: Count("pk", filter=due.within(key, now)) for key in ("open", "overdue", "today", "later")}
    return form.scope().filter(status=TaskStatus.OPEN).aggregate(**asked)


def _answer(counts: dict[str, int]) -> str:
    if not counts:
        return ""
    if not counts["open"]:
        return _("Nothing is to be done.")
    late = ngettext("%(n)s task is overdue", "%(n)s tasks are overdue", counts["overdue"]) % {"n": counts["overdue"]}
    now = ngettext("%(n)s is due today", "%(n)s are due today", counts["today"]) % {"n": counts["today"]}
    said = [words for words, count in ((late, counts["overdue"]), (now, counts["today"])) if count]
    return f"{', '.join(said)}." if said else _("Nothing is due today.")


def _with(request: HttpRequest, **changes: str) -> str:
    query = request.GET.copy()
    for name, value in changes.items():
        query[name] = value
        if not value:
            del query[name]
    return f"{reverse('tasks')}?{query.urlencode()}"


@require_POST
@needs("tasks.change")
def task_quick(request: ActorRequest) -> HttpResponse:
    """A task from one line: of the list, of a customer or of a deal."""
    form, now = QuickForm(request.POST), timezone.now()
    if not form.is_valid():
        return _list(request, form, status=400)
    try:
        values = {**form.values(), **_about(request)}
        source = TaskSource.WORKLIST if request.POST.get("source") == TaskSource.WORKLIST else TaskSource.HAND
        row = actions.create_task(values=values, source=source, by=request.actor, at=now)
    except Refused as fault:
        form.add_error(None, fault.message)
        return _list(request, form, status=400)
    notify(
        request, _("“%(title)s” is planned for %(day)s.") % {"title": row, "day": figures.day(due.day_of(row.due_at))}
    )
    return back(request, reverse("tasks"))


def _about(request: ActorRequest) -> dict[str, Any]:
    """Whom a new task is about: ids from the page it was written on, looked up in the actor's scope."""
    found: dict[str, Any] = {}
    sources: dict[str, Any] = {"customer": queries.customers, "deal": queries.deals, "company": queries.companies}
    for name, rows in sources.items():
        asked = request.POST.get(name) or request.GET.get(name) or ""
        if (pk := keyset.row_id(asked)) is not None:
            found[name] = get_object_or_404(rows(request.actor), pk=pk)
    if (deal := found.get("deal")) and "customer" not in found:
        found |= {"customer": deal.customer, "company": deal.company}
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@needs("tasks.change")
def task_new(request: ActorRequest, pk: int | None = None) -> HttpResponse:
    """Plan a task with all that belongs to it; for a customer when it was begun on their page."""
    about = _about(request)
    if pk is not None:
        about["customer"] = get_object_or_404(queries.customers(request.actor), pk=min(pk, keyset.LARGEST_ID))
    numbers = {name: row.number for name, row in about.items() if name in ("customer", "company") and row}
    given = {name: request.GET[name] for name in ("kind", "title", "day") if name in request.GET}
    initial = {"day": due.day_of(timezone.now()), **numbers, **given}
    form = TaskForm(request.POST or None, actor=request.actor, task=None, about=initial)
    if form.is_valid():
        deal = {"deal": about["deal"]} if "deal" in about else {}
        row = _attempted(
            form, lambda values, at: actions.create_task(values={**values, **deal}, by=request.actor, at=at)
        )
        if row:
            notify(request, _("Saved."))
            return back(request, reverse("task", args=[row.pk]))
    context = {
        "form": form,
        "title": _("New task"),
        "crumbs": [(_("Tasks"), reverse("tasks"))],
        "cancel_url": reverse("tasks"),
    }
    return render(request, "crm/task_edit.html", context, status=400 if form.is_bound else 200)


def _attempted(form: TaskForm, change: Any) -> Task | None:
    try:
        row: Task = change(form.values(), timezone.now())
    except Refused as error:
        for fault in error.faults if isinstance(error, ManyRefused) else [error]:
            form.refuse(fault)
        return None
    return row


@require_http_methods(["GET", "HEAD", "POST"])
@needs("tasks.view")
def task(request: ActorRequest, pk: int) -> HttpResponse:
    """One task: read by those who may see it, changed by those who do it."""
    actor, now = request.actor, timezone.now()
    if request.method == "POST" and not may(actor, "tasks.change"):
        raise PermissionDenied
    row = found(actor, pk)
    is_editable = may(actor, "tasks.change") and not (row.customer and row.customer.restricted_at)
    if request.method == "POST":
        return _changed(request, row)
    form = TaskForm(actor=actor, task=row, about={}) if is_editable else None
    return render(request, "crm/task.html", _context(request, row, form, now))


def _changed(request: ActorRequest, row: Task) -> HttpResponse:
    form = TaskForm(request.POST, actor=request.actor, task=row, about={})
    if form.is_valid() and _attempted(
        form, lambda values, at: actions.change_task(row, values=values, by=request.actor, at=at)
    ):
        notify(request, _("Saved."))
        return redirect("task", row.pk)
    return render(request, "crm/task.html", _context(request, row, form, timezone.now()), status=400)


def _context(request: ActorRequest, row: Task, form: TaskForm | None, now: datetime) -> dict[str, Any]:
    facts = [
        (_("Kind"), row.get_kind_display()),
        (_("Due"), dressed(row, now).due_words),  # type: ignore[attr-defined]
        (_("Priority"), row.get_priority_display()),
        (_("Customer"), row.customer),
        (_("Company"), row.company),
        (_("Owner"), row.owner or _("Anybody of the team")),
        (_("Asked for by"), _asked_by(row)),
        (_("Outcome"), row.get_outcome_display()),
        (_("Done"), figures.moment(row.done_at) if row.done_at else ""),
    ]
    return {
        "task": row,
        "form": form,
        "title": str(row),
        "crumbs": [(_("Tasks"), reverse("tasks"))],
        "facts": facts,
        "address": request.path,
        **row_context(request.actor, now),
    }


def _asked_by(row: Task) -> str:
    who = str(row.created_by) if row.created_by else ""
    return " · ".join(filter(None, [row.get_source_display(), who]))


def found(actor: Actor, pk: int) -> Task:
    """The task, when it is in the actor's scope."""
    if pk > keyset.LARGEST_ID:
        raise Http404
    rows = queries.tasks(actor).select_related("customer", "company", "owner", "deal", "created_by")
    return get_object_or_404(rows, pk=pk)


# --- buttons -------------------------------------------------------------------------------------


@require_POST
@needs("tasks.change")
def task_done(request: ActorRequest, pk: int) -> HttpResponse:
    """Done; with what came of it, a call or meeting of a customer is written down as well."""
    row, now, outcome = found(request.actor, pk), timezone.now(), request.POST.get("outcome", "")

    def do() -> str:
        actions.finish_task(row, outcome=outcome, by=request.actor, at=now)
        return _("“%(title)s” is done.") % {"title": row}

    if outcome and row.customer and row.kind in actions.OUTCOMES:
        return _contacted(request, row, row.customer, outcome, now)
    return _pressed(request, row, do)


def _contacted(request: ActorRequest, row: Task, customer: Customer, outcome: str, now: datetime) -> HttpResponse:
    """The call or meeting of a task written down; taken back, the task is open again."""
    try:
        done = actions.log_contact(customer, kind=row.kind, outcome=outcome, task=row, by=request.actor, at=now)
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
    else:
        said = _("“%(title)s”: %(outcome)s.") % {"title": row, "outcome": Outcome(outcome).label.lower()}
        notify(request, said, undo_url=reverse("contact-undo", args=[done.event.customer_id, done.event.pk]))
    return back(request, reverse("tasks"))


@require_POST
@needs("tasks.change")
def task_cancel(request: ActorRequest, pk: int) -> HttpResponse:
    """No longer to be done."""
    row, now = found(request.actor, pk), timezone.now()

    def do() -> str:
        actions.cancel_task(row, by=request.actor, at=now)
        return _("“%(title)s” is cancelled.") % {"title": row}

    return _pressed(request, row, do)


@require_POST
@needs("tasks.change")
def task_reopen(request: ActorRequest, pk: int) -> HttpResponse:
    """To be done after all."""
    row, now = found(request.actor, pk), timezone.now()

    def do() -> str:
        actions.reopen_task(row, by=request.actor, at=now)
        return _("“%(title)s” is open again.") % {"title": row}

    return _pressed(request, row, do)


@require_POST
@needs("tasks.change")
def task_snooze(request: ActorRequest, pk: int) -> HttpResponse:
    """Put off to a day."""
    row, now = found(request.actor, pk), timezone.now()
    until = _day(request.POST.get("until", "")) or due.day_of(now) + timedelta(days=1)

    def do() -> str:
        actions.snooze_task(row, until=until, by=request.actor, at=now)
        return _("“%(title)s” is put off to %(day)s.") % {"title": row, "day": figures.day(until)}

    return _pressed(request, row, do)


@require_POST
@needs("tasks.change")
def task_undo(request: ActorRequest, pk: int, line: int) -> HttpResponse:
    """Take the last change back."""
    row, now = found(request.actor, pk), timezone.now()
    try:
        actions.undo_task(row, line, by=request.actor, at=now)
        notify(request, _("“%(title)s” is as it was.") % {"title": row})
    except NotPossibleNow as fault:
        notify(request, fault.message, level=messages.ERROR)
    return returned(request, reverse("tasks"))


def _pressed(request: ActorRequest, row: Task, do: Any) -> HttpResponse:
    """Do what a button says; tell it with its way back, or why it could not be done."""
    try:
        sentence = do()
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
    else:
        line = actions.last_change("task", row.pk)
        notify(request, sentence, undo_url=reverse("task-undo", args=[row.pk, line]))
    return back(request, reverse("tasks"))


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1990 <= day.year <= 2999 else None


# --- offers for fields ---------------------------------------------------------------------------


@require_safe
@needs("tasks.change")
def offers(request: ActorRequest, kind: str) -> HttpResponse:
    """Customers or companies that a field may mean, as choices of the browser's own list."""
    words, rows = request.GET.get("q", "").strip()[:120], []
    if words and kind == "customers":
        rows = list(search.found(queries.customers(request.actor), words, by_name=True)[:OFFERED])
    elif words and kind == "companies":
        matching = Q(name__istartswith=words) | Q(number=words)
        rows = list(queries.companies(request.actor).filter(matching).order_by("name")[:OFFERED])  # type: ignore[arg-type]
    elif kind not in ("customers", "companies"):
        raise Http404
    return render(request, "crm/offers.html", {"rows": rows})
