"""Rows taken out as files: allowed by right, and written into the audit."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from crm.actions.audit import audit
from crm.models import AuditLine
from crm.rights import Actor, require


def note_export(
    *, list_name: str, rows: int, filters: Mapping[str, Any], by: Actor, at: datetime, right: str = "exports.persons"
) -> AuditLine:
    """Write down that somebody takes a list out: how many rows, by which filters. The file follows."""
    require(by, right)
    changes: dict[str, list[Any]] = {"list": [None, list_name], "rows": [None, rows], "filters": [None, dict(filters)]}
    return audit(kind="list", object_id=0, verb="exported", changes=changes, by=by, at=at)
