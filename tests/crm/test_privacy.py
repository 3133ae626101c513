"""Erasure reaches every place that a person's data were carried to, and no file brings them back."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

from django.conf import settings

from crm import access, actions, rights
from crm.imports import forgetting, known
from crm.models import AuditLine, Customer, Event, IdempotencyRecord, Import, ImportProblem, Order, Task
from tests.crm.conftest import NOW

MACHINE = rights.machine("test")


def test_a_number_made_from_the_address_goes_and_no_file_brings_the_person_back(db: None) -> None:
    run = imported("number,email,first_name\naada@example.fi,aada@example.fi,Aada Planted\n")
    customer = Customer.objects.get()
    order = actions.NewOrder("web", "1", NOW, "EUR", total_amount=Decimal(1), customer_id=customer.pk)
    actions.record_order(order, by=MACHINE, at=NOW)
    actions.erase_customer(customer, by=MACHINE, at=NOW)
    customer.refresh_from_db()
    assert customer.number.startswith("erased-") and "aada" not in customer.number and not path(run).exists()
    again = imported("number,email,first_name\naada@example.fi,aada@example.fi,Aada Planted\n")
    assert (again.counts["refused"], Customer.objects.count()) == (1, 1)
    assert known.customer_ids(["aada@example.fi", "new"]) == {"aada@example.fi": None}
    assert Order.objects.get().customer == customer


def test_erasure_reaches_files_problems_dry_runs_and_answers_of_the_api(caller: Callable) -> None:
    text = "number,email,first_name,birth_date\n17,planted@example.fi,Planted,planted@example.fi\n18,b@x.fi,Other,x\n"
    run = imported(text)
    customer = Customer.objects.order_by("number")[0]
    body = {"first_name": "Planted again"}
    said = {"content_type": "application/json", "headers": {"Idempotency-Key": "1"}}
    assert caller().patch(f"/api/v1/customers/{customer.pk}/", body, **said).status_code == 200
    kept = [Import, ImportProblem, IdempotencyRecord, AuditLine, Customer]
    tell = lambda: [model.__name__ for model in kept for row in model.objects.values() if "lanted" in str(row)]  # noqa: E731
    assert set(tell()) == {"Import", "ImportProblem", "IdempotencyRecord", "AuditLine", "Customer"}
    actions.erase_customer(customer, by=MACHINE, at=NOW)
    assert tell() == [] and not path(run).exists()
    customer.refresh_from_db()
    assert customer.number == "17", "a number that tells nothing stays"
    assert ImportProblem.objects.filter(row=3).exclude(message=forgetting.FORGOTTEN).exists(), "others' rows stay"


def test_erasure_reaches_what_staff_wrote_in_tasks(make_customer: Callable, cast: SimpleNamespace) -> None:
    row, anna = make_customer("17", cast.north, first_name="Planted"), access.of_user(cast.anna)
    for title in ("Ring Planted", "Write Planted"):
        values = {"title": title, "note": "Planted is kind", "due_at": NOW, "customer": row}
        actions.create_task(values=values, by=anna, at=NOW)
    actions.log_contact(row, kind="call", outcome="reached", note="Planted spoke", by=anna, at=NOW)
    actions.finish_task(Task.objects.earliest("id"), note="Planted agreed", by=anna, at=NOW)
    kept = [Task, Event, AuditLine]
    tell = lambda: {model.__name__ for model in kept for one in model.objects.values() if "lanted" in str(one)}  # noqa: E731
    assert tell() == {"Task", "Event", "AuditLine"}
    actions.erase_customer(row, by=MACHINE, at=NOW)
    assert tell() == set()
    assert sorted(Task.objects.values_list("status", flat=True)) == ["cancelled", "done"]


def test_stored_files_are_let_go_after_a_month_unless_an_import_still_needs_them(db: None) -> None:
    old, waiting = imported("number\n1\n"), imported("number\n2\n", runs=False)
    Import.objects.filter(pk=waiting.pk).update(status="queued")
    assert forgetting.forget_files(at=NOW + timedelta(days=29)) == 0
    assert forgetting.forget_files(at=NOW + timedelta(days=31)) == 1
    assert not path(old).exists() and path(waiting).exists()
    assert forgetting.forget_files(at=NOW + timedelta(days=31)) == 0


def imported(text: str, *, runs: bool = True) -> Import:
    """A file of customers, checked and run."""
    columns = {name: name for name in text.splitlines()[0].split(",") if name != "number"}
    mapping = {"kind": "customers", "source": "test", "number": "number", "columns": columns}
    file = BytesIO(text.encode())
    run = actions.start_import(kind="customers", file=file, name="a.csv", mapping=mapping, by=MACHINE, at=NOW)
    if runs:
        for ask in (actions.check_import, actions.run_import):
            ask(import_id=run.pk, by=MACHINE, at=NOW)
            actions.carry_on_import(import_id=run.pk, clock=lambda: NOW)
    run.refresh_from_db()
    return run


def path(run: Import) -> Path:
    return settings.DATA_DIR / run.file_path
