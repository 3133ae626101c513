"""Tasks, calls and meetings: what may be done with them, who sees them, and how their pages behave."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from crm import access, actions, due, queries, rights, timeline
from crm.models import AuditLine, Customer, Event, Task
from crm.refusals import ManyRefused, Refused
from tests.crm.conftest import NOW

MACHINE = rights.machine("test")
HELSINKI = ZoneInfo("Europe/Helsinki")


@pytest.fixture
def plan(cast: SimpleNamespace) -> Callable[..., Task]:
    """A task of Anna's: plan("Call", customer=…)."""

    def make(title: str = "Ring", by: Any = None, at: datetime = NOW, **values: Any) -> Task:
        values = {"title": title, "due_at": due.end_of(due.day_of(at)), **values}
        return actions.create_task(values=values, by=access.of_user(by or cast.anna), at=at)

    return make


# --- the lifecycle -------------------------------------------------------------------------------


def test_a_day_ends_at_the_firms_midnight() -> None:
    end = due.end_of(date(2026, 11, 27))
    assert end == datetime(2026, 11, 27, 23, 59, 59, tzinfo=HELSINKI)
    assert due.day_of(end) == date(2026, 11, 27) and due.day_of(end + timedelta(seconds=1)) == date(2026, 11, 28)
    noon = datetime(2026, 11, 27, 12, tzinfo=HELSINKI)
    assert [due.group_of(noon + timedelta(hours=h), noon) for h in (-1, 0, 11, 12)] == [
        "overdue", "today", "today", "later",
    ]  # fmt: skip


def test_each_step_of_a_task_begins_where_the_table_says(plan: Callable, cast: Any) -> None:
    steps = {"finish": actions.finish_task, "cancel": actions.cancel_task, "reopen": actions.reopen_task}
    anna = access.of_user(cast.anna)
    for verb, step in steps.items():
        for status in ("open", "done", "cancelled"):
            row = plan()
            done_at = NOW if status == "done" else None
            Task.objects.filter(pk=row.pk).update(status=status, done_at=done_at)
            if status in actions.MOVES[verb].begins:
                assert step(row, by=anna, at=NOW).status == actions.MOVES[verb].end
            else:
                with pytest.raises(actions.MoveNotAllowed):
                    step(row, by=anna, at=NOW)


def test_the_last_change_is_taken_back_and_no_other(plan: Callable, cast: Any) -> None:
    anna, row = access.of_user(cast.anna), plan()
    due_at = row.due_at
    actions.snooze_task(row, until=due.day_of(NOW) + timedelta(days=3), by=anna, at=NOW)
    snoozed = actions.last_change("task", row.pk)
    actions.finish_task(row, by=anna, at=NOW)
    with pytest.raises(actions.ChangedSince):
        actions.undo_task(row, snoozed, by=anna, at=NOW)
    row = actions.undo_task(row, actions.last_change("task", row.pk), by=anna, at=NOW)
    assert (row.status, row.done_at) == ("open", None) and row.due_at == due_at + timedelta(days=3)


def test_putting_off_keeps_the_time_of_day_across_the_change_of_clocks(plan: Callable, cast: Any) -> None:
    at = datetime(2026, 10, 23, 9, 30, tzinfo=HELSINKI)  # clocks go back on the 25th
    row = plan(at=at, due_at=at, has_time=True)
    row = actions.snooze_task(row, until=date(2026, 10, 26), by=access.of_user(cast.anna), at=at)
    assert row.due_at.astimezone(HELSINKI).isoformat() == "2026-10-26T09:30:00+02:00"


def test_every_change_leaves_its_line(plan: Callable, cast: Any) -> None:
    anna, row = access.of_user(cast.anna), plan()
    actions.change_task(row, values={"title": "Ring again"}, by=anna, at=NOW)
    actions.change_task(row, values={"title": "Ring again"}, by=anna, at=NOW)
    actions.finish_task(row, by=anna, at=NOW)
    lines = AuditLine.objects.filter(kind="task", object_id=row.pk).order_by("id")
    assert [line.verb for line in lines] == ["created", "changed", "done"]
    assert lines[1].changes == {"title": ["Ring", "Ring again"]} and lines[1].by == cast.anna


def test_faults_name_their_place(cast: Any) -> None:
    with pytest.raises(ManyRefused) as fault:
        actions.create_task(values={"kind": "dance"}, by=access.of_user(cast.anna), at=NOW)
    assert {one.path for one in fault.value.faults} == {"title", "due_at", "kind"}


def test_tasks_are_about_nobody_out_of_scope_and_for_nobody_of_another_team(make_customer: Callable, cast: Any) -> None:
    theirs, anna = make_customer("T", cast.south), access.of_user(cast.anna)
    base = {"title": "x", "due_at": NOW}
    for values, place in (
        ({"customer": theirs}, "customer"),
        ({"owner": cast.bertil}, "owner"),
        ({"owner": cast.maija}, "owner"),
    ):
        with pytest.raises(Refused) as fault:
            actions.create_task(values={**base, **values}, by=anna, at=NOW)
        assert fault.value.path == place
    for name in ("maija", "aino"):
        with pytest.raises(rights.NotAllowed):
            actions.create_task(values=base, by=access.of_user(getattr(cast, name)), at=NOW)


def test_a_floor_above_asks_for_tasks_once(make_customer: Callable, cast: Any) -> None:
    row = make_customer("1", cast.north)
    asked = [
        actions.NewTask("Offer", NOW, f"run-1-{n}", customer_id=row.pk, owner_id=cast.anna.pk, script="Good day")
        for n in range(3)
    ]
    assert actions.record_tasks(asked, source="campaign", by=MACHINE, at=NOW) == 3
    assert actions.record_tasks(asked, source="campaign", by=MACHINE, at=NOW) == 0
    assert Task.objects.filter(source="campaign", kind="call", script="Good day").count() == 3


# --- calls ---------------------------------------------------------------------------------------


def test_a_call_becomes_an_event_and_satisfies_the_task_that_asked_for_it(
    plan: Callable, make_customer: Callable, cast: Any
) -> None:
    anna, row = access.of_user(cast.anna), make_customer("1", cast.north, first_name="Aada")
    asked, later = plan(kind="call", customer=row), plan(kind="call", customer=row, due_at=NOW + timedelta(days=9))
    done = actions.log_contact(row, kind="call", outcome="reached", note="Likes blue", by=anna, at=NOW)
    assert [one.pk for one in done.satisfied] == [asked.pk]
    asked.refresh_from_db(), later.refresh_from_db()
    assert (asked.status, asked.outcome, asked.outcome_note, later.status) == ("done", "reached", "Likes blue", "open")
    event = Event.objects.get()
    assert (event.type, event.customer, event.channel, event.category) == ("call", row, "phone", "reached")
    happenings, _more = timeline.of_customer(anna, row, before=NOW + timedelta(days=1), most=5)
    assert [one.words for one in happenings] == ["Call · Reached"]


def test_the_same_button_twice_is_one_call(make_customer: Callable, cast: Any) -> None:
    anna, row = access.of_user(cast.anna), make_customer("1", cast.north)
    for _n in range(2):
        follow = {"title": "Again", "due_at": NOW + timedelta(days=1), "kind": "call"}
        actions.log_contact(row, kind="call", outcome="no_answer", follow_up=follow, by=anna, at=NOW)
    assert Event.objects.count() == Task.objects.count() == 1


def test_a_call_refuses_outcomes_of_meetings_strangers_and_the_restricted(make_customer: Callable, cast: Any) -> None:
    anna = access.of_user(cast.anna)
    mine, theirs = make_customer("1", cast.north), make_customer("2", cast.south)
    frozen = make_customer("3", cast.north, restricted_at=NOW)
    for customer, outcome in ((mine, "held"), (theirs, "reached"), (frozen, "reached")):
        with pytest.raises(Refused):
            actions.log_contact(customer, kind="call", outcome=outcome, by=anna, at=NOW)
    assert not Event.objects.exists()


# --- who sees what -------------------------------------------------------------------------------


def test_sales_see_the_tasks_of_their_teams_and_analysts_no_words(
    plan: Callable, make_customer: Callable, cast: Any
) -> None:
    row = make_customer("1", cast.north, first_name="Aada", last_name="Virtanen")
    plan("Ring Aada", note="Virtanen", customer=row)
    plan("Sort the shelf")
    seen = lambda name: sorted(str(t) for t in queries.tasks(access.of_user(getattr(cast, name))))  # noqa: E731
    assert seen("anna") == seen("maija") == seen("adele") == ["Ring Aada", "Sort the shelf"]
    assert seen("bertil") == [] and seen("aino") == ["To do", "To do"]
    nameless = queries.tasks(access.of_user(cast.aino)).filter(customer=row).get()
    assert (nameless.note, nameless.customer.first_name, str(nameless.customer)) == ("", "", "1")
    for asked in ("title", "customer__last_name"):
        with pytest.raises(rights.NotAllowed):
            list(queries.tasks(access.of_user(cast.aino)).values_list(asked))


def test_tasks_follow_their_customer_to_another_team(plan: Callable, make_customer: Callable, cast: Any) -> None:
    row = make_customer("1", cast.north)
    plan(customer=row)
    actions.assign_customers(customers=[row.pk], team=cast.south, by=MACHINE, at=NOW)
    assert not queries.tasks(access.of_user(cast.anna)).exists()
    assert queries.tasks(access.of_user(cast.bertil)).count() == 1


# --- pages ---------------------------------------------------------------------------------------


def test_a_task_is_planned_done_and_taken_back_on_the_page(as_: Callable, cast: Any) -> None:
    client, today = as_("anna"), due.day_of(timezone.now())
    assert client.post("/tasks/quick/", {"title": "Ring Aada", "kind": "call", "day": today}).status_code == 302
    row = Task.objects.get()
    assert row.owner == cast.anna and "Ring Aada" in client.get("/tasks/").content.decode()
    assert client.post(f"/tasks/{row.pk}/done/", {"next": "/tasks/?when=today"})["Location"] == "/tasks/?when=today"
    page = client.get("/tasks/").content.decode()
    assert "“Ring Aada” is done." in page and "task-" not in page.split("<tbody>")[1].split("</tbody>")[0]
    undo = f"/tasks/{row.pk}/undo/{actions.last_change('task', row.pk)}/"
    assert undo in page and client.post(undo).status_code == 302
    row.refresh_from_db()
    assert row.status == "open"


def test_a_form_never_leads_out_of_the_house(as_: Callable, plan: Callable) -> None:
    for place in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        response = as_("anna").post(f"/tasks/{plan().pk}/done/", {"next": place})
        assert response["Location"] == "/tasks/"


def test_the_list_parts_tasks_by_when_they_are_due(as_: Callable, plan: Callable) -> None:
    now = timezone.now()
    for title, days in (("Late one", -2), ("Later one", 5)):
        plan(title, at=now, due_at=now + timedelta(days=days))
    plan("Whole day", at=now)
    client = as_("anna")
    shown = {
        when: client.get(f"/tasks/?when={when}").content.decode() for when in ("overdue", "today", "later", "done")
    }
    found = {
        when: [t for t in ("Late one", "Whole day", "Later one") if f"{t}</a>" in page] for when, page in shown.items()
    }
    assert found == {"overdue": ["Late one"], "today": ["Whole day"], "later": ["Later one"], "done": []}
    assert "1 task is overdue, 1 is due today." in client.get("/tasks/").content.decode()


@pytest.mark.parametrize(
    "query", ["?when=evil", "?sort=title", "?cursor=x", "?kind=king", "?whose=%00", "?q=" + "A" * 200]
)
def test_odd_parameters_still_get_the_list(query: str, as_: Callable, plan: Callable) -> None:
    plan()
    assert as_("anna").get("/tasks/" + query).status_code == 200


def test_a_task_with_all_its_parts_is_entered_and_changed(as_: Callable, make_customer: Callable, cast: Any) -> None:
    row = make_customer("77", cast.north, first_name="Aada", last_name="Virtanen")
    given = {
        "title": "Visit", "kind": "meeting", "day": "2026-12-01", "time": "09:30", "duration_minutes": "45",
        "customer": "virtanen", "owner": cast.anna.pk, "priority": "1", "remind": "60", "place": "Kahvila",
    }  # fmt: skip
    client = as_("anna")
    response = client.post("/tasks/new/", given)
    assert response.status_code == 302, response.context["form"].errors
    task = Task.objects.get()
    assert task.customer == row and task.due_at == datetime(2026, 12, 1, 9, 30, tzinfo=HELSINKI)
    assert task.remind_at == task.due_at - timedelta(hours=1)
    assert client.post(f"/tasks/{task.pk}/", {**given, "time": "", "remind": ""}).status_code == 302
    task.refresh_from_db()
    assert (task.has_time, task.remind_at, task.due_at) == (False, None, due.end_of(date(2026, 12, 1)))
    response = client.post(f"/tasks/{task.pk}/", {**given, "day": "0001-01-01", "customer": "nobody"})
    assert response.status_code == 400 and {"day", "customer"} == set(response.context["form"].errors)


def test_other_teams_tasks_are_not_found(as_: Callable, plan: Callable, make_customer: Callable, cast: Any) -> None:
    row = plan(customer=make_customer("1", cast.north))
    client = as_("bertil")
    assert client.get(f"/tasks/{row.pk}/").status_code == 404
    for verb in ("done", "cancel", "reopen", "snooze", "undo/1"):
        assert client.post(f"/tasks/{row.pk}/{verb}/").status_code == 404
    for address in (f"/customers/{row.customer_id}/contacts/", "/tasks/quick/"):
        given = {"kind": "call", "outcome": "reached", "title": "x", "day": "2026-12-01", "customer": row.customer_id}
        assert client.post(address, given).status_code == 404
    assert Task.objects.count() == 1 and client.get(f"/tasks/{9**30}/").status_code == 404


def test_a_call_is_logged_from_the_customers_page(as_: Callable, make_customer: Callable, cast: Any) -> None:
    row = make_customer("1", cast.north, phone="+358401234567")
    client = as_("anna")
    panel = client.get(f"/customers/{row.pk}/tasks/").content.decode()
    assert "tel:+358401234567" in panel and 'value="no_answer"' in panel and 'value="held"' in panel
    given = {"kind": "call", "outcome": "call_back", "note": "After lunch"}
    assert client.post(f"/customers/{row.pk}/contacts/", given)["Location"] == f"/customers/{row.pk}/"
    task = Task.objects.get()
    tomorrow = due.day_of(timezone.now()) + timedelta(days=1)
    assert (task.title, task.kind, due.day_of(task.due_at)) == ("Call back", "call", tomorrow)
    assert "Call back" in client.get(f"/customers/{row.pk}/").content.decode()
    client.post(f"/customers/{row.pk}/contacts/", {"kind": "call", "outcome": "danced"})
    assert "Not written down" in client.get("/tasks/").content.decode() and Event.objects.count() == 1


def test_analysts_read_tasks_without_words_and_change_none(
    as_: Callable, plan: Callable, make_customer: Callable, cast: Any
) -> None:
    row = plan(
        "Ring Aada", note="Virtanen", customer=make_customer("1", cast.north, last_name="Virtanen", phone="+3581")
    )
    client = as_("aino")
    for address in (
        "/tasks/",
        f"/tasks/{row.pk}/",
        "/tasks/calendar/?on=2026-11-21",
        f"/customers/{row.customer_id}/tasks/",
    ):
        page = client.get(address).content.decode()
        assert "Aada" not in page and "Virtanen" not in page and "+3581" not in page and "To do" in page, address
    assert "/done/" not in client.get("/tasks/").content.decode()


def test_the_calendar_shows_a_month_and_a_week(as_: Callable, plan: Callable) -> None:
    plan("Visit Aada", due_at=datetime(2026, 12, 3, 9, 30, tzinfo=HELSINKI), has_time=True)
    client = as_("anna")
    for view, on, is_there in (
        ("month", "2026-12-20", True),
        ("week", "2026-12-01", True),
        ("week", "2026-12-09", False),
    ):
        page = client.get(f"/tasks/calendar/?view={view}&on={on}").content.decode()
        assert ("09:30 Visit Aada" in page) is is_there
    for odd in ("?on=9999-99-99", "?view=evil", "?on=0001-01-01"):
        assert client.get("/tasks/calendar/" + odd).status_code == 200


def test_the_lists_take_few_queries_whatever_their_length(
    as_: Callable, plan: Callable, make_customer: Callable, cast: Any, django_assert_max_num_queries: Any
) -> None:
    now = timezone.now()
    for n in range(30):
        row = make_customer(str(n), cast.north)
        plan(str(n), customer=row, at=now)
    client = as_("anna")
    for address, most in (
        ("/tasks/", 8),
        ("/tasks/?whose=all", 7),
        ("/tasks/calendar/", 6),
        (f"/customers/{row.pk}/tasks/", 7),
    ):
        with django_assert_max_num_queries(most):
            client.get(address)


def test_offers_name_customers_in_scope_only(as_: Callable, make_customer: Callable, cast: Any) -> None:
    make_customer("N1", cast.north, first_name="Aada", last_name="Virtanen")
    make_customer("S1", cast.south, first_name="Eino", last_name="Virtanen")
    page = as_("anna").get("/tasks/offers/customers/?q=virt").content.decode()
    assert 'value="N1"' in page and "Eino" not in page
    assert as_("anna").get("/tasks/offers/nobodies/?q=virt").status_code == 404
    assert Customer.objects.count() == 2
