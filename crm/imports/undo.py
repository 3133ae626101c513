"""
Undoing an import: what it created is deleted, what it changed is set back; what somebody changed since is kept.

It goes from the newest audit line of the import to the oldest, in chunks that remember how far they are, so that a
killed undo goes on. What could not be undone is listed among the problems of the import.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import models, transaction
from django.db.models import Q

from crm.imports.customers import BULK
from crm.imports.plans import Stamp
from crm.imports.problems import Problem, store_problems
from crm.imports.runs import LEASE, Clock, ImportNotPossible, Progress
from crm.imports.values import stored
from crm.models import (
    AuditLine,
    ConsentEntry,
    ConsentState,
    Customer,
    Event,
    FieldDefinition,
    Import,
    Order,
    OrderLine,
    Product,
    User,
)
from crm.models.imports import ImportStatus

CHUNK = 1000
UNDO = "undo"
UNDOABLE = [ImportStatus.FINISHED, ImportStatus.FAILED]


def queue_undo(*, import_id: int, by: User | None, at: datetime) -> None:
    """Mark the import as to be undone; a worker does it."""
    waiting = Import.objects.filter(pk=import_id, status__in=UNDOABLE)
    if not waiting.update(status=ImportStatus.UNDOING, lease_until=None, undo={"by": by.pk if by else None}):
        raise ImportNotPossible("only an import that has run can be undone, and only once")


def undo_import(*, import_id: int, by: User | None, clock: Clock, progress: Progress | None = None) -> Import:
    """
    Undo a finished or failed import; goes on with an undo whose worker died.

    Raises `ImportNotPossible` when it runs, waits or is undone already.
    """
    run = _claim(import_id, clock())
    total = AuditLine.objects.filter(import_run=run).exclude(verb__in=OWN_VERBS).count()
    for step in (_orders_and_events, _consents):
        step(run, by, clock)
    while _audited_chunk(run, by, clock):
        if progress:
            progress(min(total, run.undo.get("lines", 0)), total)
    Import.objects.filter(pk=run.pk).update(status=ImportStatus.UNDONE, undone_at=clock(), lease_until=None)
    run.refresh_from_db()
    return run


OWN_VERBS = ("restored", "removed")


def _claim(import_id: int, at: datetime) -> Import:
    silent = Q(lease_until=None) | Q(lease_until__lt=at)
    takeable = Q(status__in=UNDOABLE) | (Q(status=ImportStatus.UNDOING) & silent)
    claimed = Import.objects.filter(takeable, pk=import_id).update(status=ImportStatus.UNDOING, lease_until=at + LEASE)
    run = Import.objects.get(pk=import_id)
    if not claimed:
        raise ImportNotPossible(f"import {import_id} is {run.get_status_display().lower()}; it cannot be undone now")
    return run


def _save_progress(run: Import, counts: Counter[str], at: datetime, **more: Any) -> None:
    run.undo = {**run.undo, **more, **(Counter(_counts(run)) + counts)}
    Import.objects.filter(pk=run.pk).update(undo=run.undo, counts=run.counts, lease_until=at + LEASE)


def _counts(run: Import) -> dict[str, int]:
    return {name: count for name, count in run.undo.items() if name not in ("up_to", "by")}


def _note_problems(run: Import, problems: Iterable[Problem]) -> None:
    totals = Counter(run.counts.get("problems", {}))
    store_problems(run, problems, totals)
    run.counts = {**run.counts, "problems": dict(totals)}


# --- rows that carry the import themselves -----------------------------------------------------------


def _orders_and_events(run: Import, by: User | None, clock: Clock) -> None:
    for model, noun in ((Order, "orders deleted"), (Event, "events deleted")):
        while ids := list(_removable(model, run).order_by("pk").values_list("pk", flat=True)[:CHUNK]):
            with transaction.atomic():
                if model is Order:
                    OrderLine.objects.filter(order__in=ids).delete()
                model._default_manager.filter(pk__in=ids).delete()
                _save_progress(run, Counter({noun: len(ids)}), clock())
    kept = Order.objects.filter(import_run=run).values_list("number", flat=True)
    _note_problems(run, [_changed_order(number) for number in kept])


def _changed_order(number: str) -> Problem:
    return Problem(0, "", "changed_since", f"order {number} was changed since; kept", is_fatal=True)


def _removable(model: type[models.Model], run: Import) -> models.QuerySet:
    """Rows of the import that nobody has changed since."""
    changed = AuditLine.objects.filter(kind=model._meta.model_name, object_id=models.OuterRef("pk")).exclude(
        import_run=run
    )
    return model._default_manager.filter(~models.Exists(changed), import_run=run)


def _consents(run: Import, by: User | None, clock: Clock) -> None:
    """Append the opposite of each consent of the import that still stands; the ledger itself is never rewritten."""
    reverse = ConsentEntry.objects.filter(import_run=run).exclude(evidence__has_key="undoes").order_by("pk")
    done = set(
        ConsentEntry.objects.filter(import_run=run, evidence__has_key="undoes").values_list(
            "evidence__undoes", flat=True
        )
    )
    entries = [entry for entry in reverse.iterator(chunk_size=CHUNK) if entry.pk not in done]
    for start in range(0, len(entries), CHUNK):
        with transaction.atomic():
            undone = _reverse(entries[start : start + CHUNK], Stamp(run, by, clock()))
            _save_progress(run, Counter({"consents taken back": undone}), clock())


def _reverse(entries: list[ConsentEntry], stamp: Stamp) -> int:
    customers = {entry.customer_id for entry in entries}
    list(Customer.objects.select_for_update().filter(pk__in=customers).order_by("pk").values_list("pk"))
    history: dict[tuple[int, str, str], list[ConsentEntry]] = {}
    for line in ConsentEntry.objects.filter(customer__in=customers).order_by("at", "pk"):
        history.setdefault((line.customer_id, line.purpose, line.channel), []).append(line)
    new, states = [], []
    for entry in entries:
        lines = history[entry.customer_id, entry.purpose, entry.channel]
        if lines[-1].pk != entry.pk:
            continue
        before = lines[-2] if len(lines) > 1 else None
        new.append(_opposite(entry, before, stamp))
        states.append((entry, before))
    ConsentEntry.objects.bulk_create(new, batch_size=BULK)
    refused = Q()
    for entry, before in states:
        place = Q(customer=entry.customer_id, purpose=entry.purpose, channel=entry.channel)
        if before is not None and before.act == "granted":
            # As it was: with its own time, or it would outdo what was withdrawn since for every channel.
            ConsentState.objects.filter(place).update(
                is_granted=True, since_at=before.at, expires_at=before.expires_at, updated_at=stamp.at
            )
        else:
            refused |= place
    if refused:
        ConsentState.objects.filter(refused).update(is_granted=False, since_at=stamp.at, updated_at=stamp.at)
    return len(new)


def _opposite(entry: ConsentEntry, before: ConsentEntry | None, stamp: Stamp) -> ConsentEntry:
    return ConsentEntry(
        customer_id=entry.customer_id,
        purpose=entry.purpose,
        channel=entry.channel,
        act=before.act if before else "withdrawn",
        at=stamp.at,
        expires_at=before.expires_at if before else None,
        source=UNDO,
        evidence={"undoes": entry.pk},
        recorded_at=stamp.at,
        by=stamp.by,
        import_run=stamp.run,
    )


# --- rows that the audit lines of the import tell of ---------------------------------------------------


def _audited_chunk(run: Import, by: User | None, clock: Clock) -> bool:
    """Undo the newest audit lines not undone yet; whether there were any."""
    lines = AuditLine.objects.filter(import_run=run).exclude(verb__in=OWN_VERBS).order_by("-pk")
    if run.undo.get("up_to"):
        lines = lines.filter(pk__lt=run.undo["up_to"])
    chunk = list(lines[:CHUNK])
    if not chunk:
        return False
    counts: Counter[str] = Counter({"lines": len(chunk)})
    with transaction.atomic():
        stamp = Stamp(run, by, clock())
        for (kind, verb), undo in STEPS.items():
            some = [line for line in chunk if (line.kind, line.verb) == (kind, verb)]
            if some:
                _note_problems(run, undo(some, stamp, counts))
        _save_progress(run, counts, stamp.at, up_to=chunk[-1].pk)
    return True


def _locked(lines: list[AuditLine]) -> dict[int, Customer]:
    """The customers of these lines by id, so that nobody changes one between its reading and its writing."""
    return Customer.objects.select_for_update().order_by("pk").in_bulk([line.object_id for line in lines])


def _restore_customers(lines: list[AuditLine], stamp: Stamp, counts: Counter[str]) -> list[Problem]:
    """Set back each value that is still what the import made it."""
    customers = _locked(lines)
    problems: list[Problem] = []
    restored: list[tuple[Customer, dict[str, list[Any]]]] = []
    for line in lines:
        customer = customers.get(line.object_id)
        if customer is None:
            continue
        changes, kept = _set_back(customer, line.changes)
        problems += [_kept(customer.number, name, *values) for name, values in kept.items()]
        counts["values restored"] += len(changes)
        counts["values kept"] += len(kept)
        if changes:
            customer.updated_at = stamp.at
            restored.append((customer, changes))
    names = {name for _, changes in restored for name in changes}
    columns = {name if name in BUILT_IN_COLUMNS else "attributes" for name in names}
    if restored:
        Customer.objects.bulk_update([one for one, _ in restored], sorted({*columns, "updated_at"}), batch_size=BULK)
    _tell_audit("customer", "restored", [(one.pk, changes) for one, changes in restored], stamp)
    counts["customers restored"] += len(restored)
    return problems


BUILT_IN_COLUMNS = {column.attname for column in Customer._meta.concrete_fields}


def _set_back(customer: Customer, changes: dict[str, list[Any]]) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """Set back what is unchanged since; gives what was set back and what was kept, each as [before, after]."""
    restored, kept = {}, {}
    for name, (before, after) in changes.items():
        current = _current(customer, name)
        if current != after:
            kept[name] = [after, current]
        elif name in BUILT_IN_COLUMNS:
            setattr(customer, name, _from_json(Customer, name, before))
            restored[name] = [after, before]
        else:
            _set_attribute(customer, name, before)
            restored[name] = [after, before]
    return restored, kept


def _current(customer: Customer, name: str) -> Any:
    value = stored(getattr(customer, name)) if name in BUILT_IN_COLUMNS else customer.attributes.get(name)
    return None if value == "" else value


def _set_attribute(customer: Customer, name: str, before: Any) -> None:
    if before is None:
        customer.attributes.pop(name, None)
    else:
        customer.attributes[name] = before


def _from_json(model: type[models.Model], name: str, value: Any) -> Any:
    column = model._meta.get_field(name)
    if value is None:
        return None if column.null else ""
    return column.to_python(value)  # type: ignore[union-attr]


def _kept(number: str, name: str, after: Any, current: Any) -> Problem:
    message = f"{number}: {name} was changed since, from “{after}” to “{current}”; kept"
    return Problem(0, name, "changed_since", message, is_fatal=True)


def _remove_customers(lines: list[AuditLine], stamp: Stamp, counts: Counter[str]) -> list[Problem]:
    """Delete customers that only the import knows of; one that has got a life of its own since stays."""
    customers = _locked(lines)
    alive = _with_dependants(list(customers)) | _changed_since(lines, stamp.run)
    doomed = [pk for pk in customers if pk not in alive]
    ConsentState.objects.filter(customer__in=doomed).delete()
    ConsentEntry.objects.filter(customer__in=doomed, import_run=stamp.run).delete()
    _tell_audit("customer", "removed", [(pk, {"number": [customers[pk].number, None]}) for pk in doomed], stamp)
    Customer.objects.filter(pk__in=doomed).delete()
    counts["customers deleted"] += len(doomed)
    counts["customers kept"] += len(customers) - len(doomed)
    return [_alive(customers[pk].number) for pk in sorted(alive & set(customers))]


def _alive(number: str) -> Problem:
    return Problem(0, "", "used_since", f"customer {number} was changed or used since; kept", is_fatal=True)


def _with_dependants(ids: list[int]) -> set[int]:
    """Customers that any other row points at, on whatever floor, the traces of this import left out."""
    own = (ConsentState, ConsentEntry)
    found: set[int] = set()
    for relation in Customer._meta.related_objects:
        if relation.related_model not in own and not relation.many_to_many:
            name = relation.field.name
            rows = relation.related_model._base_manager.filter(**{f"{name}__in": ids})
            found |= set(rows.values_list(f"{name}_id", flat=True).distinct())
    return found


def _changed_since(lines: list[AuditLine], run: Import) -> set[int]:
    """Objects of these lines that somebody else has changed after the import."""
    ids = [line.object_id for line in lines]
    later = AuditLine.objects.filter(kind=lines[0].kind, object_id__in=ids, pk__gt=min(line.pk for line in lines))
    consents = (
        ConsentEntry.objects.filter(customer__in=ids).exclude(import_run=run).values_list("customer_id", flat=True)
    )
    found = set(later.exclude(import_run=run).values_list("object_id", flat=True))
    return found | set(consents) if lines[0].kind == "customer" else found


def _remove_products(lines: list[AuditLine], stamp: Stamp, counts: Counter[str]) -> list[Problem]:
    ids = [line.object_id for line in lines]
    used = set(OrderLine.objects.filter(product__in=ids).values_list("product_id", flat=True).distinct())
    used |= _changed_since(lines, stamp.run)
    doomed = Product.objects.filter(pk__in=[pk for pk in ids if pk not in used])
    _tell_audit("product", "removed", [(one.pk, {"sku": [one.sku, None]}) for one in doomed], stamp)
    counts["products deleted"] += doomed.delete()[0]
    return []


def _remove_fields(lines: list[AuditLine], stamp: Stamp, counts: Counter[str]) -> list[Problem]:
    """Delete the fields the import made, unless a customer holds a value by now."""
    problems = []
    for definition in FieldDefinition.objects.filter(pk__in=[line.object_id for line in lines]):
        if Customer.objects.filter(attributes__has_key=definition.key).exists():
            message = f"the field {definition.key} is in use by now; kept"
            problems.append(Problem(0, definition.key, "used_since", message, is_fatal=True))
            continue
        _tell_audit("field", "removed", [(definition.pk, {"key": [definition.key, None]})], stamp)
        definition.delete()
        counts["fields deleted"] += 1
    return problems


def _restore_orders(lines: list[AuditLine], stamp: Stamp, counts: Counter[str]) -> list[Problem]:
    """Set orders back to what they were before the import, lines included, unless changed since."""
    orders = Order.objects.in_bulk([line.object_id for line in lines])
    later = _changed_since(lines, stamp.run)
    problems, restored, order_lines = [], [], []
    for line in lines:
        order = orders.get(line.object_id)
        if order is None:
            continue
        if order.pk in later:
            problems.append(_changed_order(order.number))
            continue
        for name, (before, _after) in line.changes.items():
            if name == "lines":
                order_lines += [(order, position, values) for position, values in enumerate(before, 1)]
            else:
                column = "customer_id" if name == "customer" else name
                setattr(order, column, before if name == "customer" else _from_json(Order, name, before))
        order.updated_at = stamp.at
        restored.append((order, {name: [after, before] for name, (before, after) in line.changes.items()}))
    columns = ["kind", "customer", "ordered_at", "channel", "country", "total_amount", "updated_at"]
    if restored:
        Order.objects.bulk_update([order for order, _ in restored], columns, batch_size=BULK)
    OrderLine.objects.filter(order__in={order.pk for order, _, _ in order_lines}).delete()
    OrderLine.objects.bulk_create([_line(*line) for line in order_lines], batch_size=BULK)
    _tell_audit("order", "restored", [(order.pk, changes) for order, changes in restored], stamp)
    counts["orders restored"] += len(restored)
    return problems


def _line(order: Order, position: int, values: list[Any]) -> OrderLine:
    sku, description, quantity, unit_amount, amount, at = values
    return OrderLine(
        order=order,
        position=position,
        product=Product.objects.filter(sku=sku).first() if sku else None,
        sku=sku,
        description=description,
        quantity=Decimal(quantity),
        unit_amount=Decimal(unit_amount),
        amount=Decimal(amount),
        at=datetime.fromisoformat(at) if at else None,
    )


def _tell_audit(kind: str, verb: str, changed: list[tuple[int, dict[str, list[Any]]]], stamp: Stamp) -> None:
    AuditLine.objects.bulk_create(
        [
            AuditLine(
                kind=kind,
                object_id=pk,
                verb=verb,
                changes=changes,
                at=stamp.at,
                by=stamp.by,
                source=UNDO,
                import_run=stamp.run,
            )
            for pk, changes in changed
        ],
        batch_size=BULK,
    )


# What undoes which audit line, in this order within a chunk.
Undo = Callable[[list[AuditLine], Stamp, "Counter[str]"], list[Problem]]
STEPS: dict[tuple[str, str], Undo] = {
    ("order", "changed"): _restore_orders,
    ("customer", "changed"): _restore_customers,
    ("customer", "created"): _remove_customers,
    ("product", "created"): _remove_products,
    ("field", "created"): _remove_fields,
}
