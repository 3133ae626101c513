"""What imports keep of persons and for how long: stored files, quoted values, examples of dry runs."""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from pathlib import Path

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from crm.imports.runs import ACTIVE
from crm.models import AuditLine, ConsentEntry, Customer, Event, Import, ImportProblem, Order

KEPT = timedelta(days=30)
FORGOTTEN = "a person of this row was erased"


def forget_files(*, at: datetime) -> int:
    """Delete the stored copies of imports that ended, or were left lying, 30 days ago; returns how many."""
    return _delete_files(_old(at))


def overdue_files(*, at: datetime) -> int:
    """How many stored copies the next run would delete."""
    return len(_doomed(_old(at)))


def _old(at: datetime) -> QuerySet[Import]:
    return _idle().annotate(since=Coalesce("finished_at", "created_at")).filter(since__lt=at - KEPT)


def forget_in_imports(customer: Customer, told: Collection[str]) -> None:
    """Take a person out of the imports that knew them: the files themselves, problems and examples that quote them.

    `told` are the texts that say who it is.
    """
    runs = runs_with(customer)
    quoted = reduce(or_, (Q(message__icontains=text) for text in told), Q(pk__in=[]))
    ImportProblem.objects.filter(quoted).update(message=FORGOTTEN)
    for run in Import.objects.exclude(diff={}).only("pk", "diff").iterator():
        if run.pk in runs or any(text.casefold() in str(run.diff).casefold() for text in told):
            Import.objects.filter(pk=run.pk).update(diff={**run.diff, "examples": [], "samples": []})
    _delete_files(_idle().filter(pk__in=runs))


def runs_with(customer: Customer) -> set[int]:
    """Ids of the imports that brought or changed something of the customer."""
    lines = AuditLine.objects.filter(kind="customer", object_id=customer.pk)
    rows: tuple[QuerySet, ...] = (lines, *(model.objects.filter(customer=customer) for model in BROUGHT))
    found = (part.order_by().exclude(import_run=None).values_list("import_run", flat=True).distinct() for part in rows)
    return {run for part in found for run in part}


BROUGHT = (Order, Event, ConsentEntry)


def _idle() -> QuerySet[Import]:
    return Import.objects.exclude(status__in=ACTIVE)


def _delete_files(runs: QuerySet[Import]) -> int:
    """Delete the copies that no import outside of `runs` may still need."""
    there = _doomed(runs)
    for path in there:
        path.unlink(missing_ok=True)
    return len(there)


def _doomed(runs: QuerySet[Import]) -> list[Path]:
    paths = set(runs.values_list("file_path", flat=True))
    needed = set(Import.objects.filter(file_path__in=paths, status__in=ACTIVE).values_list("file_path", flat=True))
    return [path for one in paths - needed if (path := settings.DATA_DIR / one).is_file()]
