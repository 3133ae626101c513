"""One audit line per change, written in the transaction of the change."""

from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from django.db.models import Model

from crm import hooks
from crm.models import AuditLine, Import
from crm.rights import Actor


def audit(
    *,
    kind: str,
    object_id: int,
    verb: str,
    changes: dict[str, list[Any]],
    by: Actor,
    at: datetime,
    import_run: Import | None = None,
) -> AuditLine:
    """Write who changed what, when: `changes` maps a field to [before, after]."""
    row = AuditLine.objects.create(
        **line(kind=kind, object_id=object_id, verb=verb, changes=changes, by=by, at=at, import_run=import_run)
    )
    hooks.announce_lines([row], at=at)
    return row


def audit_many(lines: Iterable[AuditLine], *, at: datetime) -> None:
    """Write the lines of one change of many rows, all of one kind and verb, and tell whoever wants to know."""
    hooks.announce_lines(AuditLine.objects.bulk_create(lines, batch_size=1_000), at=at)


def line(
    *,
    kind: str,
    object_id: int,
    verb: str,
    changes: dict[str, list[Any]],
    by: Actor,
    at: datetime,
    import_run: Import | None = None,
) -> dict[str, Any]:
    """The columns of one audit line, for writing many at once: AuditLine(**line(…))."""
    return {
        "kind": kind,
        "object_id": object_id,
        "verb": verb,
        "changes": {name: [_plain(before), _plain(after)] for name, (before, after) in changes.items()},
        "at": at,
        "by": by.user,
        "source": by.source,
        "import_run": import_run,
    }


def difference(row: Model, values: dict[str, Any]) -> dict[str, list[Any]]:
    """What setting `values` on the row would change: field to [before, after]."""
    before = {name: getattr(row, name) for name in values}
    return {name: [before[name], values[name]] for name in values if before[name] != values[name]}


def created(values: dict[str, Any]) -> dict[str, list[Any]]:
    """The changes of a new row: empty before, empty values left out."""
    return {name: [None, value] for name, value in values.items() if value not in ("", None, {}, [])}


def _plain(value: Any) -> Any:
    match value:
        case Model():
            return value.pk
        case date() | time():
            return value.isoformat()
        case Decimal():
            return str(value)
    return value
