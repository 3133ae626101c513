"""Moves a finished run into the past: for the demo only, which cannot wait three weeks for responses."""

from datetime import timedelta
from typing import Any

import numpy as np
from django.apps import apps
from django.db.models import F, Max

# Looked up by name on purpose: no door of the house changes times that have passed.


def move(run: Any, *, days: int, rng: np.random.Generator) -> None:
    """Shift the times of the sending by whole days, to where it was sealed; responses follow their message after
    seconds to days. Who got nothing was told so at the sealing, which lies there already."""
    by = timedelta(days=days)
    runs, messages, responses = (apps.get_model("campaigns", name) for name in ("Run", "Message", "Response"))
    of_run = messages.objects.filter(run=run)
    of_run.exclude(handed_at=None).update(handed_at=F("handed_at") - by, final_at=F("final_at") - by)
    runs.objects.filter(pk=run.pk).update(finished_at=of_run.aggregate(last=Max("final_at"))["last"])
    spread(responses, run, rng)


def spread(responses: Any, run: Any, rng: np.random.Generator) -> None:
    rows = list(responses.objects.filter(message__run=run).select_related("message"))
    for row in rows:
        wait = float(rng.exponential(16)) + (0.2 if row.kind != "open" else 0.05)
        row.at = row.message.handed_at + timedelta(hours=min(wait, 300))
    responses.objects.bulk_update(rows, ["at"], batch_size=500)
    tell(rows)


def tell(rows: list[Any]) -> None:
    """The customers' own events of these responses happened at the same moments."""
    events = apps.get_model("crm", "Event")
    moments = {f"{row.message_id}:{row.kind}:{row.source_id}": row.at for row in rows}
    told = list(events.objects.filter(source="campaigns", source_id__in=moments))
    for one in told:
        one.occurred_at = moments[one.source_id]
    events.objects.bulk_update(told, ["occurred_at"], batch_size=500)
