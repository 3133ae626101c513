"""Rows that become events: one row one event, repeats of the same source id left alone."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import connection

from crm import bulk
from crm.imports.known import NewCustomer, customer_ids, make_customers
from crm.imports.mapping import EventForm, Mapping
from crm.imports.plans import EXAMPLES, Example, Plan, Reading, Stamp
from crm.imports.problems import Problem
from crm.imports.stage import Chunk, StagedRow
from crm.imports.values import ValueProblem, moment, number, stored
from crm.models import Event
from crm.models.order import LARGEST_AMOUNT

is_grouped = False
SOURCE_ID_LENGTH = 100


@dataclass
class Work:
    mapping: Mapping
    events: list[tuple[Event, str]] = field(default_factory=list)
    customers: dict[str, int | None] = field(default_factory=dict)
    new_customers: dict[str, NewCustomer] = field(default_factory=dict)


def prepare(mapping: Mapping, stamp: Stamp) -> None:
    """Nothing has to be there before the first event."""


def finish(stamp: Stamp) -> list[Problem]:
    """Nothing is left to do: every row stood alone."""
    return []


def plan(chunk: Chunk, reading: Reading) -> Plan:
    """Read the rows as events and leave out those whose source id is there already; nothing is written."""
    form = reading.mapping.event
    assert form is not None
    result = Plan(work=Work(reading.mapping))
    rows = list(_understood(chunk, reading, form, result))
    _find_customers(rows, form, result.work)
    ids = [event.source_id for _, event, _ in rows]
    known = set(
        Event.objects.filter(source=reading.mapping.source, source_id__in=ids).values_list("source_id", flat=True)
    )
    for row, event, name in rows:
        if event.source_id in known:
            result.counts["unchanged"] += 1
        elif problem := _customer_problem(row, event, name, form, result.work):
            result.problems.append(problem)
            result.counts["refused"] += 1
        else:
            _note(result, row, event, name)
    return result


def _note(result: Plan, row: StagedRow, event: Event, name: str) -> None:
    result.work.events.append((event, name))
    result.counts["created"] += 1
    if len(result.examples) < EXAMPLES:
        changes = {"type": [None, event.type], "occurred_at": [None, stored(event.occurred_at)]}
        result.examples.append(Example(row.row, name or event.anonymous_id, "created", changes))


def write(plan: Plan, stamp: Stamp) -> None:
    """Create the events of the plan and the customers they need."""
    work: Work = plan.work
    work.customers |= make_customers(work.new_customers.values(), work.mapping.source, stamp)
    for event, name in work.events:
        event.customer_id = work.customers.get(name) if name else None
        event.received_at = stamp.at
        event.import_run = stamp.run
    bulk.write(Event, COLUMNS, (_row(event) for event, _ in work.events))


COLUMNS = ("source", "source_id", "type", "customer", "anonymous_id", "occurred_at", "received_at", "value", "channel",
           "category", "properties", "import_run")  # fmt: skip


def _row(event: Event) -> tuple[Any, ...]:
    times = map(connection.ops.adapt_datetimefield_value, (event.occurred_at, event.received_at))
    value = None if event.value is None else format(event.value, "f")
    known = event.source, event.source_id, event.type, event.customer_id, event.anonymous_id
    return *known, *times, value, event.channel, event.category, json.dumps(event.properties), event.import_run_id


def _find_customers(rows: list[tuple[StagedRow, Event, str]], form: EventForm, work: Work) -> None:
    work.customers = customer_ids({name for _, _, name in rows if name})
    if form.customer.unknown != "create":
        return
    for row, event, name in rows:
        if name and name not in work.customers:
            work.new_customers.setdefault(name, NewCustomer(name, "", event.occurred_at, row.row))


def _customer_problem(row: StagedRow, event: Event, name: str, form: EventForm, work: Work) -> Problem | None:
    """Why the event cannot be given to anybody, if so."""
    if not name and not event.anonymous_id:
        return Problem(row.row, form.anonymous_id, "missing_customer", "the row names nobody", is_fatal=True)
    if not name or work.customers.get(name) or name in work.new_customers:
        return None
    if name in work.customers:
        return Problem(row.row, "", "erased", "this customer was erased", is_fatal=True)
    if event.anonymous_id and form.customer.unknown == "guest":
        return None
    return Problem(row.row, "", "unknown_customer", f"there is no customer {name}", is_fatal=True)


def _understood(
    chunk: Chunk, reading: Reading, form: EventForm, result: Plan
) -> Iterator[tuple[StagedRow, Event, str]]:
    for row in chunk:
        try:
            _refuse(row, reading)
            yield row, _event(row, reading, form), _customer(row, reading, form)
        except ValueProblem as problem:
            result.problems.append(Problem(row.row, "", problem.code, str(problem), is_fatal=True))
            result.counts["refused"] += 1


def _refuse(row: StagedRow, reading: Reading) -> None:
    if len(row.cells) != len(reading.columns):
        raise ValueProblem("wrong_width", f"the row has {len(row.cells)} cells, the header {len(reading.columns)}")
    if row.key.startswith("\x1f"):
        raise ValueProblem("missing_id", f"“{' + '.join(reading.mapping.key.columns)}” is empty")
    if len(row.key) > SOURCE_ID_LENGTH - 12:
        raise ValueProblem("too_long", f"an id has at most {SOURCE_ID_LENGTH - 12} characters")
    if row.key_row != row.row and not reading.mapping.is_keyed_by_row:
        raise ValueProblem("repeated_id", f"{row.key} stands in row {row.key_row} already; that row counts")


def _event(row: StagedRow, reading: Reading, form: EventForm) -> Event:
    def cell(column: str, longest: int) -> str:
        return row.cells[reading.place(column)].strip()[:longest] if column else ""

    style = reading.mapping.style
    value = cell(form.value, 60)
    kind = cell(form.type, 60) or form.type_value
    if not kind or kind == "order":
        raise ValueProblem("wrong_type", "an event needs a type other than “order”; orders have their own import")
    # Without ids of its own, the file's rows are told apart by their place among those of the same key.
    source_id = row.key if row.key_row == row.row else f"{row.key}#{row.row - row.key_row}"
    return Event(
        source=reading.mapping.source,
        source_id=source_id,
        type=kind,
        anonymous_id=cell(form.anonymous_id, 100),
        occurred_at=moment(cell(form.occurred_at, 60), style),
        value=_value(value, reading) if value else None,
        channel=cell(form.channel, 30) or form.channel_value,
        category=cell(form.category, 80),
        properties={name: said for name, column in form.properties.items() if (said := cell(column, 500))},
    )


def _value(text: str, reading: Reading) -> Decimal:
    value = number(text, reading.mapping.style)
    if abs(value) >= LARGEST_AMOUNT:
        raise ValueProblem("too_large", f"{text} is too large for a value")
    return round(value, 4)


def _customer(row: StagedRow, reading: Reading, form: EventForm) -> str:
    key = form.customer.key
    return key.of(row.cells, reading.places(key.columns)) if key else ""
