"""What a page or the API says of an import: state, sentence, counts, problems by code, examples."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import figures
from crm.imports import wording
from crm.imports.problems import problems_csv
from crm.imports.runs import ACTIVE, CHECKABLE
from crm.models import Customer, Dimension, FieldDefinition, FieldType, Import
from crm.models.imports import ImportStatus
from crm.tables import Column

__all__ = ["COLUMNS", "Report", "of", "problems_csv"]

SHOWN = 50
COLUMNS = (
    Column(gettext_lazy("Row"), "number"),
    Column(gettext_lazy("Column")),
    Column(gettext_lazy("Problem")),
    Column(gettext_lazy("What became of it")),
)
TONES = {
    ImportStatus.FINISHED: "good",
    ImportStatus.FAILED: "bad",
    ImportStatus.CHECKED: "info",
    ImportStatus.UNDONE: "neutral",
}
COUNT_LABELS = {
    "created": gettext_lazy("New"),
    "changed": gettext_lazy("Changed"),
    "unchanged": gettext_lazy("Unchanged"),
    "refused": gettext_lazy("Refused"),
    "warned": gettext_lazy("With a warning"),
    "lines": gettext_lazy("Lines"),
    "guests": gettext_lazy("Orders of guests"),
    "consents": gettext_lazy("Consents"),
}
UNDO_LABELS = {
    "customers deleted": gettext_lazy("Customers deleted"),
    "customers restored": gettext_lazy("Customers set back"),
    "customers kept": gettext_lazy("Customers kept"),
    "orders deleted": gettext_lazy("Orders deleted"),
    "orders restored": gettext_lazy("Orders set back"),
    "events deleted": gettext_lazy("Events deleted"),
    "values restored": gettext_lazy("Values set back"),
    "values kept": gettext_lazy("Values kept"),
    "consents taken back": gettext_lazy("Consents taken back"),
    "products deleted": gettext_lazy("Products deleted"),
    "fields deleted": gettext_lazy("Fields deleted"),
}
PROBLEM_LABELS = {
    "missing": gettext_lazy("A value is missing"),
    "filler": gettext_lazy("Looks like a filler"),
    "out_of_range": gettext_lazy("Outside the expected range"),
    "not_a_choice": gettext_lazy("Not among the choices"),
    "look_alike": gettext_lazy("Equal to another row in everything but its number"),
    "constant_column": gettext_lazy("A column with one value only"),
    "note": gettext_lazy("Notes of the mapping"),
    "exact_copy": gettext_lazy("Exact copies of another line"),
    "zero_price": gettext_lazy("Price zero"),
    "negative_price": gettext_lazy("Negative price"),
    "several_times": gettext_lazy("Orders with lines at several times"),
    "several_countries": gettext_lazy("Customers in several countries"),
    "several_customers": gettext_lazy("Orders that name several customers"),
    "missing_number": gettext_lazy("Without a number"),
    "repeated_number": gettext_lazy("A number that stands twice"),
    "wrong_width": gettext_lazy("Too many or too few cells"),
    "unclosed_quote": gettext_lazy("A quotation mark that is not closed"),
    "mixed_encoding": gettext_lazy("Rows in another encoding than the rest"),
    "invalid_email": gettext_lazy("Not an e-mail address"),
    "invalid_phone": gettext_lazy("Not a phone number"),
    "not_a_number": gettext_lazy("Not a number"),
    "not_a_date": gettext_lazy("Not a date"),
    "not_a_truth": gettext_lazy("Neither yes nor no"),
    "ambiguous_date": gettext_lazy("Day/month or month/day"),
    "ambiguous_number": gettext_lazy("Decimal sign unclear"),
    "too_long": gettext_lazy("Too long"),
    "unknown_customer": gettext_lazy("Unknown customer"),
    "changed_since": gettext_lazy("Changed since, so not undone"),
    "used_since": gettext_lazy("Used since, so not undone"),
    "consent_withdrawn": gettext_lazy("Consent withdrawn later"),
    "missing_customer": gettext_lazy("Names nobody"),
    "missing_id": gettext_lazy("Without an id"),
    "repeated_id": gettext_lazy("An id that stands twice"),
    "erased": gettext_lazy("The customer was erased"),
    "too_large": gettext_lazy("Too large a number"),
    "too_precise": gettext_lazy("Too many decimals"),
    "too_many_lines": gettext_lazy("An order with too many lines"),
    "wrong_type": gettext_lazy("A type that events cannot have"),
    "merged": gettext_lazy("The customer was merged into another"),
    "restricted": gettext_lazy("The customer's data may not be changed"),
}


@dataclass(frozen=True)
class Figure:
    name: str
    label: Any
    count: int


@dataclass(frozen=True)
class Report:
    """What is to be said of an import at present. `counts` are of the dry run until it has run."""

    tone: str
    sentence: str
    is_active: bool
    is_checkable: bool
    is_startable: bool
    is_undoable: bool
    done: int
    total: int | None
    counts: list[Figure]
    problems: list[Figure]
    rows: list[Any]
    examples: list[dict[str, Any]]
    fields: list[dict[str, Any]]
    undone: list[Figure]


def of(run: Import) -> Report:
    """The report of an import."""
    is_before = run.status in (*CHECKABLE, ImportStatus.CHECKING)
    counts = dict(run.diff.get("counts", {}) if is_before else run.counts)
    problems = run.diff.get("problems", {}) if is_before else counts.pop("problems", {})
    return Report(
        tone=TONES.get(ImportStatus(run.status), "info"),
        sentence=sentence(run, counts),
        is_active=run.status in ACTIVE,
        is_checkable=run.status in CHECKABLE,
        is_startable=run.status in (ImportStatus.CHECKED, ImportStatus.FAILED),
        is_undoable=run.status in (ImportStatus.FINISHED, ImportStatus.FAILED) and bool(run.cursor),
        done=run.cursor,
        total=run.rows_total,
        counts=[Figure(name, COUNT_LABELS.get(name, name), count) for name, count in counts.items()],
        problems=[Figure(name, PROBLEM_LABELS.get(name, name), n) for name, n in sorted(problems.items())],
        rows=[_in_words(one) for one in (run.diff.get("samples", []) if is_before else _problems(run))],
        examples=_examples(run.diff) if is_before else [],
        fields=_fields(run.diff) if is_before else [],
        undone=[
            Figure(name, UNDO_LABELS.get(name, name), count)
            for name, count in run.undo.items()
            if name not in ("by", "up_to", "lines")
        ],
    )


def _examples(diff: dict[str, Any]) -> list[dict[str, Any]]:
    """The examples with each change as label, before and after, as people write them."""
    labels = {one.name: capfirst(one.verbose_name) for one in Customer._meta.fields}
    labels |= {one.key: str(one) for one in FieldDefinition.objects.all()}
    labels |= {one["key"]: one["label"] for one in diff.get("fields", [])} | ORDER_LABELS
    return [{**one, "changes": list(_changes(one["changes"], labels))} for one in diff.get("examples", [])]


def _fields(diff: dict[str, Any]) -> list[dict[str, Any]]:
    """The fields it would make, their type and dimension in words."""
    kinds, places = dict(FieldType.choices), dict(Dimension.choices)
    return [
        {**one, "kind": kinds.get(one["type"], one["type"]), "place": places.get(one["dimension"], one["dimension"])}
        for one in diff.get("fields", [])
    ]


def _changes(changes: dict[str, list[Any]], labels: dict[str, Any]) -> Iterator[tuple[Any, Any, Any]]:
    for name, (before, after) in changes.items():
        if name != "number":  # it has a column of its own
            yield labels.get(name, name), _shown(before), _shown(after)


PROBLEM_COLUMNS = ("row", "column", "code", "message", "is_fatal")
ORDER_LABELS = {"total": gettext_lazy("Total"), "total_amount": gettext_lazy("Total"), "lines": gettext_lazy("Lines")}
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\S+")


def _shown(value: Any) -> Any:
    if isinstance(value, str) and MOMENT.fullmatch(value):
        return figures.moment(datetime.fromisoformat(value))
    return value


def _problems(run: Import) -> Iterable[dict[str, Any]]:
    return run.problems.order_by("-is_fatal", "row", "id").values(*PROBLEM_COLUMNS)[:SHOWN]


def _in_words(problem: dict[str, Any]) -> dict[str, Any]:
    """What it is, in the reader's language, beside what the reading of the file said of it."""
    label = PROBLEM_LABELS.get(problem.get("code", ""), "")
    return {**problem, "label": label, "message": wording.told(problem["message"])}


def sentence(run: Import, counts: dict[str, int]) -> str:
    """The import in one sentence."""
    if run.error:
        return wording.told(run.error)
    told = {name: figures.number(counts.get(name, 0)) for name in ("created", "changed", "unchanged", "refused")}
    sentences = {
        ImportStatus.UPLOADED: _("Say what the columns mean; nothing is changed yet."),
        ImportStatus.CHECKING: _("Reading the file; nothing is changed yet."),
        ImportStatus.CHECKED: _(
            "It would make %(created)s, change %(changed)s, leave %(unchanged)s as they are and refuse %(refused)s."
        ),
        ImportStatus.QUEUED: _("It waits for a worker. You may leave this page."),
        ImportStatus.RUNNING: _("It runs. You may leave this page."),
        ImportStatus.FINISHED: _(
            "It made %(created)s, changed %(changed)s, left %(unchanged)s as they were and refused %(refused)s."
        ),
        ImportStatus.UNDOING: _("It is being undone. You may leave this page."),
        ImportStatus.UNDONE: _("It is undone."),
        ImportStatus.FAILED: _("It stopped."),
    }
    return sentences[ImportStatus(run.status)] % told
