"""Rows that become customers: read by the mapping, compared with what is there, written in bulk."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from crm.actions.audit import audit_many
from crm.imports.consents import Consent, plan_consents, write_consents
from crm.imports.fields import make_fields
from crm.imports.known import erased
from crm.imports.mapping import FULL_NAME, NUMBER_LENGTH, Check, Mapping, Sum, Target
from crm.imports.plans import EXAMPLES, Changes, Example, Plan, Reading, Stamp
from crm.imports.problems import Problem
from crm.imports.stage import Chunk, StagedRow
from crm.imports.values import PARSERS, ValueProblem, moment, number, stored, truth
from crm.models import AuditLine, Customer

is_grouped = False
BULK = 500


@dataclass
class Row:
    """A row understood: values for columns of the customer, values for custom fields, consents, warnings."""

    row: int
    number: str
    values: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    consents: list[Consent] = field(default_factory=list)


@dataclass(frozen=True)
class Change:
    customer: Customer
    changes: Changes


@dataclass
class Work:
    created: list[Change] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    consents: list[Consent] = field(default_factory=list)


def prepare(mapping: Mapping, stamp: Stamp) -> None:
    """Make the custom fields that are not there yet."""
    make_fields(mapping, stamp)


def plan(chunk: Chunk, reading: Reading) -> Plan:
    """Compare the rows with the customers of the same numbers; nothing is written."""
    result = Plan(work=Work())
    rows = list(_understood(chunk, reading, result))
    existing = {customer.number: customer for customer in _known(row.number for row in rows)}
    existing |= erased(row.number for row in rows if row.number not in existing)
    for row in rows:
        _plan_row(row, existing.get(row.number), reading.mapping, result)
    plan_consents(result.work.consents, existing, result)
    return result


def _known(numbers: Iterable[str]) -> QuerySet[Customer]:
    """The customers of these numbers. For writing they are locked, in the order in which everybody locks them: whole
    columns are written back, and nobody may change, erase or merge one of them in between."""
    rows = Customer.objects.filter(number__in=list(numbers)).select_related("merged_into").order_by("pk")
    return rows.select_for_update(of=("self",)) if connection.in_atomic_block else rows


def _plan_row(row: Row, customer: Customer | None, mapping: Mapping, result: Plan) -> None:
    if customer is None:
        new = Customer(number=row.number, source=mapping.source, **_constants(mapping))
        _note(result, "created", row, Change(new, {"number": [None, row.number], **_apply(new, row)}))
    elif refusal := _refusal(customer):
        result.counts["refused"] += 1
        result.problems.append(Problem(row.row, "", *refusal, is_fatal=True))
        return
    elif changes := _apply(customer, row):
        _note(result, "changed", row, Change(customer, changes))
    else:
        result.counts["unchanged"] += 1
    result.work.consents += row.consents


def _constants(mapping: Mapping) -> dict[str, Any]:
    return {name: PARSERS["text"](text, mapping.style) for name, text in mapping.constants.items()}


def _refusal(customer: Customer) -> tuple[str, str] | None:
    if customer.merged_into:
        return "merged", f"customer {customer.number} was merged into {customer.merged_into.number}"
    if customer.erased_at:
        return "erased", "this customer was erased"
    if customer.restricted_at:
        return "restricted", f"processing of customer {customer.number} is restricted"
    return None


def _apply(customer: Customer, row: Row) -> Changes:
    """Set the values of the row on the customer and give the changes."""
    changes: Changes = {}
    for name, value in row.values.items():
        before = getattr(customer, name)
        if before != value:
            changes[name] = [stored(before) if before not in ("", None) else None, stored(value)]
            setattr(customer, name, value)
    for key, value in row.attributes.items():
        before = customer.attributes.get(key)
        if before != value:
            changes[key] = [before, value]
            customer.attributes[key] = value
    return changes


def _note(result: Plan, verb: str, row: Row, change: Change) -> None:
    result.counts[verb] += 1
    getattr(result.work, verb).append(change)
    if len(result.examples) < 2 * EXAMPLES:
        result.examples.append(Example(row.row, row.number, verb, change.changes))


def write(plan: Plan, stamp: Stamp) -> None:
    """Create and change the customers of the plan, with their audit lines and consents."""
    work: Work = plan.work
    for change in work.created:
        # The relationship begins with the import unless the file knows better.
        change.customer.created_at = change.customer.created_at or stamp.at
    for change in (*work.created, *work.changed):
        change.customer.updated_at = stamp.at
    Customer.objects.bulk_create([change.customer for change in work.created], batch_size=BULK)
    _update(work.changed)
    audit_many([_audit(change, "created", stamp) for change in work.created], at=stamp.at)
    audit_many([_audit(change, "changed", stamp) for change in work.changed], at=stamp.at)
    write_consents(work.consents, stamp)


def _update(changed: list[Change]) -> None:
    columns = {name for change in changed for name in change.changes}
    built_in = {column.attname for column in Customer._meta.concrete_fields}
    touched = {name if name in built_in else "attributes" for name in columns} | {"updated_at"}
    if changed:
        Customer.objects.bulk_update([change.customer for change in changed], sorted(touched), batch_size=BULK)


def _audit(change: Change, verb: str, stamp: Stamp) -> AuditLine:
    return AuditLine(
        kind="customer",
        object_id=change.customer.pk,
        verb=verb,
        changes=change.changes,
        at=stamp.at,
        by=stamp.by,
        source="import",
        import_run=stamp.run,
    )


def finish(stamp: Stamp) -> list[Problem]:
    """Nothing is left to do: every row stood alone."""
    return []


# --- understanding a row ---------------------------------------------------------------------------


def _understood(chunk: Chunk, reading: Reading, result: Plan) -> Iterator[Row]:
    for line in chunk:
        problems = list(_row_problems(line, reading))
        if not problems:
            row = Row(line.row, line.key)
            problems = list(_fill(row, line, reading))
        result.problems += problems
        if any(problem.is_fatal for problem in problems):
            result.counts["refused"] += 1
        else:
            result.counts["warned"] += bool(problems)
            yield row


def _row_problems(line: StagedRow, reading: Reading) -> Iterator[Problem]:
    """Reasons not to look at the row any further."""
    width, key = len(reading.columns), " + ".join(reading.mapping.key.columns)
    if len(line.cells) != width:
        message = f"the row has {len(line.cells)} cells, the header {width}"
        yield Problem(line.row, "", "wrong_width", message, is_fatal=True)
    elif line.key.startswith("\x1f"):
        yield Problem(line.row, key, "missing_number", "the row has no customer number", is_fatal=True)
    elif len(line.key) > NUMBER_LENGTH:
        yield Problem(line.row, key, "too_long", f"a number has at most {NUMBER_LENGTH} characters", is_fatal=True)
    elif line.key_row != line.row:
        message = f"customer {line.key} stands in row {line.key_row} already; that row counts"
        yield Problem(line.row, key, "repeated_number", message, is_fatal=True)


def _fill(row: Row, line: StagedRow, reading: Reading) -> Iterator[Problem]:
    mapping = reading.mapping
    for target in mapping.targets:
        yield from _fill_target(row, target, line, reading)
    for consent in mapping.consents:
        yield from _fill_consent(row, consent, line, reading)
    for check in mapping.checks:
        if _holds(check, line, reading):
            yield Problem(line.row, "", check.code, check.message)
    if line.twin_row is not None and line.twin_row != line.row:
        message = f"equal to row {line.twin_row} in everything but its number; kept"
        yield Problem(line.row, "", "look_alike", message)


def _fill_target(row: Row, target: Target, line: StagedRow, reading: Reading) -> Iterator[Problem]:
    cells = [line.cells[place].strip() for place in reading.places(target.columns)]
    text = target.separator.join(cell for cell in cells if cell)
    text = target.values.get(text, text)
    if not text:
        if target.is_expected or target.is_required:
            yield Problem(line.row, target.title, "missing", "the value is missing", target.is_required)
        return
    try:
        value = PARSERS[target.type](text, reading.mapping.style)
        _refuse_long(value, target)
    except ValueProblem as problem:
        yield Problem(line.row, target.title, problem.code, str(problem), target.is_required)
        return
    _put(row, target, value)
    yield from _doubts(line.row, target, value)


def _refuse_long(value: Any, target: Target) -> None:
    if isinstance(value, str) and target.longest and len(value) > target.longest:
        raise ValueProblem("too_long", f"longer than {target.longest} characters; left out")
    if target.name == "stage" and value not in target.choices:
        raise ValueProblem("not_a_choice", f"“{value}” is not a stage; choose from {', '.join(sorted(target.choices))}")


def _put(row: Row, target: Target, value: Any) -> None:
    if target.form:
        row.attributes[target.name] = stored(value)
    elif target.name == FULL_NAME:
        first, _, last = value.rpartition(" ")
        row.values |= {"first_name": (first or last)[:120], "last_name": (last if first else "")[:120]}
    else:
        row.values[target.name] = value


def _doubts(row: int, target: Target, value: Any) -> Iterator[Problem]:
    """Warnings about a value that was kept."""
    if target.type in ("number", "money"):
        if value in target.fillers or _looks_filled(value):
            yield Problem(row, target.title, "filler", f"{stored(value)} looks like a filler; kept")
        low, high = target.low, target.high
        if (low is not None and value < low) or (high is not None and value > high):
            yield Problem(row, target.title, "out_of_range", f"{stored(value)} is outside {low}…{high}; kept")
    elif target.type == "choice" and target.choices and value not in target.choices:
        yield Problem(row, target.title, "not_a_choice", f"“{value}” is not among the choices; kept")


def _looks_filled(value: Decimal) -> bool:
    """Five or more times the same digit, as in 666666 or 99999, is a number somebody typed to get on."""
    digits = str(abs(value))
    return len(digits) >= 5 and len(set(digits)) == 1 and digits[0] != "0"


def _fill_consent(row: Row, form: Any, line: StagedRow, reading: Reading) -> Iterator[Problem]:
    text = line.cells[reading.place(form.column)].strip()
    if not text:
        return
    style = reading.mapping.style
    try:
        is_granted = truth(text)
        said = line.cells[reading.place(form.at_column)].strip() if form.at_column else ""
        at: datetime | None = moment(said, style) if said else None
    except ValueProblem as problem:
        yield Problem(line.row, form.column, problem.code, f"{problem}; no consent recorded")
        return
    evidence = {**form.evidence, "column": form.column, "row": line.row, "said": text}
    row.consents.append(Consent(row.number, line.row, form.purpose, form.channel, is_granted, at, evidence))


COMPARE = {"=": eq, "≠": ne, "<": lt, "≤": le, ">": gt, "≥": ge}


def _holds(check: Check, line: StagedRow, reading: Reading) -> bool:
    return all(
        COMPARE[one.sign](_total(one.left, line, reading), _total(one.right, line, reading))
        for one in check.comparisons
    )


def _total(terms: Sum, line: StagedRow, reading: Reading) -> Decimal:
    total = terms.constant
    for place in reading.places(terms.columns):
        try:
            total += number(line.cells[place].strip() or "0", reading.mapping.style)
        except ValueProblem:
            continue
    return total
