"""How the house is: one row per thing that may fall behind, for the health page and for Prometheus alike."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from campaigns import queries as campaign_queries
from config.timetable import JOBS
from crm import figures, timetable
from crm import queries as crm_queries
from crm.rights import machine
from profiles import queries as profile_queries
from segments import queries as segment_queries

WATCHER = machine("health")
SILENT_AFTER = timedelta(minutes=2)
SLOW_SEND = timedelta(minutes=15)
LITTLE_DISK = 2 * 1024**3
MANY_WAITING = 500
MISSED = 3  # periods of a job after which it is late


@dataclass(frozen=True)
class Sign:
    """One figure: its metric's name and labels, and how the page tells it. `value` None means it is not known."""

    metric: str
    value: float | None
    label: Any
    told: str
    tone: str = "good"
    note: str = ""
    url: str = ""
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """Signs about one part of the house."""

    title: Any
    signs: tuple[Sign, ...]


def sections(*, at: datetime) -> list[Section]:
    return [Section(title, tuple(find(at))) for title, find in SECTIONS]


def _age(at: datetime, since: datetime | None) -> float | None:
    return None if since is None else max(0.0, (at - since).total_seconds())


def processes(at: datetime) -> Iterator[Sign]:
    """When worker and timetable were heard of last."""
    kinds = {"worker": _("Worker"), "timetable": _("Timetable")}
    for kind, label in kinds.items():
        seen_at = timetable.last_seen_at(kind)
        told = figures.ago(seen_at, at) if seen_at else _("never seen")
        is_well = seen_at is not None and at - seen_at <= SILENT_AFTER
        note = "" if is_well else _("Nothing is refreshed or sent until it runs.")
        labels = {"kind": kind}
        yield Sign(
            "process_seen_age_seconds",
            _age(at, seen_at),
            label,
            told,
            "good" if is_well else "bad",
            note,
            labels=labels,
        )


def queue(at: datetime) -> Iterator[Sign]:
    """Pokes that no worker has taken yet."""
    depth = queue_depth()
    told = figures.number(depth) if depth is not None else _("the broker does not answer")
    tone = "bad" if depth is None else "warn" if depth > MANY_WAITING else "good"
    yield Sign("queue_depth", depth, _("Tasks in the queue"), told, tone)


def queue_depth() -> int | None:
    """Messages in the default queue; None when the broker does not answer."""
    name = current_app.conf.task_default_queue
    try:
        with current_app.connection_for_read() as connection:
            return int(connection.default_channel.queue_declare(name, passive=True).message_count)
    except Exception:  # every transport raises its own
        return None


# What each line of the timetable does, for people.
JOB_LABELS = {
    "sweep-imports": gettext_lazy("Imports carried on"),
    "gather-words": gettext_lazy("Words of names gathered for the search"),
    "remind-of-tasks": gettext_lazy("Reminders of tasks"),
    "tell-news": gettext_lazy("Notifications"),
    "call-webhooks": gettext_lazy("Webhooks called"),
    "refresh-profiles": gettext_lazy("Profiles refreshed"),
    "refresh-segments": gettext_lazy("Segments refreshed"),
    "measure-segments": gettext_lazy("Segments measured"),
    "follow-customers": gettext_lazy("Changed customers followed"),
    "sweep-campaigns": gettext_lazy("Campaigns carried on"),
    "check-outside": gettext_lazy("Domains and links checked"),
    "find-clusters": gettext_lazy("Groups searched for"),
    "find-duplicates": gettext_lazy("Duplicates searched for"),
    "forget": gettext_lazy("What is over its time let go"),
    "forget-in-surveys": gettext_lazy("Answers to surveys over their time let go"),
    "expire-answers": gettext_lazy("Answers that no longer hold let go"),
    "forget-in-campaigns": gettext_lazy("What campaigns keep over its time let go"),
    "forget-old-ticks": gettext_lazy("Old lines of the timetable let go"),
}


def jobs(at: datetime) -> Iterator[Sign]:
    """Each line of the timetable: when it last went through, and whether it failed."""
    for job in JOBS:
        tick = timetable.newest_tick(job.name)
        finished = tick.finished_at if tick else None
        is_late = finished is None or at - finished > max(job.every * MISSED, timedelta(minutes=5))
        error = tick.error if tick else ""
        told = figures.ago(finished, at) if finished else _("never")
        tone = "bad" if error else "warn" if is_late else "good"
        yield Sign(
            "job_age_seconds",
            _age(at, finished),
            JOB_LABELS.get(job.name, job.name),
            told,
            tone,
            error,
            labels={"job": job.name},
        )


def segments(at: datetime) -> Iterator[Sign]:
    """How late each segment is whose refresh is overdue; the others together."""
    rows = [one for one in segment_queries.segments(WATCHER) if one.kind != "static"]
    late = [(one, _late(one, at)) for one in rows]
    behind = [pair for pair in late if pair[1] > 0 and (pair[0].error or segment_queries.is_late(pair[0], at=at))]
    fine = len(rows) - len(behind)
    yield Sign("segments_on_time", fine, _("Segments on time"), f"{figures.number(fine)} / {figures.number(len(rows))}")
    for one, seconds in behind:
        told = _("%(span)s late") % {"span": figures.span(timedelta(seconds=seconds))}
        url, tone = reverse("segment", args=[one.slug]), "bad" if one.error else "warn"
        yield Sign("segment_late_seconds", seconds, one.name, told, tone, one.error, url, {"segment": one.slug})


def _late(one: Any, at: datetime) -> float:
    return _age(at, one.due_at) or 0.0


def sending(at: datetime) -> Iterator[Sign]:
    """What waits to leave, what is in doubt, and whether anything moves."""
    now = campaign_queries.backlog(at=at)
    for state, count in sorted(now.open.items()):
        label = campaign_queries.state_label(state)
        yield Sign("messages_open", count, label, figures.number(count), "info", labels={"state": state})
    if not now.open:
        yield Sign("messages_open", 0, _("Messages on their way"), figures.number(0), labels={"state": "queued"})
    since = now.due_since
    is_stuck = since is not None and at - max(since, now.last_try_at or since) > SLOW_SEND
    told = figures.span(at - since) if since else _("nothing is due")
    note = _("Nothing was handed over for a while: see the campaigns that are being sent.") if is_stuck else ""
    yield Sign(
        "message_oldest_due_seconds", _age(at, since) or 0.0, _("Oldest due message waits"), told,
        "bad" if is_stuck else "good", note, reverse("campaigns") if since else "",
    )  # fmt: skip
    doubt = "warn" if now.unknown else "good"
    note = _("They may or may not have arrived; their campaigns' pages say what may be done.") if now.unknown else ""
    yield Sign("messages_unknown", now.unknown, _("Messages in doubt"), figures.number(now.unknown), doubt, note)


def profiles(at: datetime) -> Iterator[Sign]:
    """How old the facts are that segments and reports are read from."""
    try:
        as_of = profile_queries.current().as_of
    except profile_queries.NoSnapshot:
        as_of = None
    told = figures.ago(as_of, at) if as_of else _("not built yet")
    is_old = as_of is None or at - as_of > timedelta(hours=1)
    yield Sign(
        "warehouse_age_seconds", _age(at, as_of), _("Profiles brought up to date"), told, "warn" if is_old else "good"
    )


def imports(at: datetime) -> Iterator[Sign]:
    """Imports that run, and those that failed in a week."""
    rows = crm_queries.imports(WATCHER)
    running = rows.filter(status__in=("queued", "running", "checking", "undoing")).count()
    failed = rows.filter(status="failed", created_at__gt=at - timedelta(days=7)).count()
    url = reverse("imports")
    yield Sign("imports_running", running, _("Imports running"), figures.number(running), url=url)
    yield Sign(
        "imports_failed",
        failed,
        _("Imports that failed in a week"),
        figures.number(failed),
        "warn" if failed else "good",
        url=url,
    )


def disk(at: datetime) -> Iterator[Sign]:
    """Room left where the data lie."""
    free = shutil.disk_usage(settings.DATA_DIR).free
    told = _("%(n)s GB") % {"n": figures.number(free / 1024**3, 1)}
    yield Sign("disk_free_bytes", free, _("Free disk"), told, "bad" if free < LITTLE_DISK else "good")


SECTIONS: tuple[tuple[Any, Callable[[datetime], Iterator[Sign]]], ...] = (
    (gettext_lazy("Processes"), processes),
    (gettext_lazy("Queue"), queue),
    (pgettext_lazy("vital signs", "Sending"), sending),
    (gettext_lazy("Segments"), segments),
    (gettext_lazy("Profiles"), profiles),
    (gettext_lazy("Imports"), imports),
    (gettext_lazy("Timetable"), jobs),
    (gettext_lazy("Machine"), disk),
)


# --- for Prometheus ------------------------------------------------------------------------------

HELP = {
    "process_seen_age_seconds": "Seconds since a worker or timetable last said that it lives.",
    "queue_depth": "Tasks that no worker has taken yet.",
    "job_age_seconds": "Seconds since a line of the timetable last finished.",
    "segments_on_time": "Segments whose refresh is not overdue.",
    "segment_late_seconds": "Seconds for which the refresh of a segment has been due; segments on time are left out.",
    "messages_open": "Messages of runs being sent or paused that have not reached their end, by state.",
    "message_oldest_due_seconds": "Seconds for which the oldest due message has waited; 0 when none is due.",
    "messages_unknown": "Messages that may or may not have arrived.",
    "warehouse_age_seconds": "Age of the facts that segments and reports are read from.",
    "imports_running": "Imports that wait, run or are being undone.",
    "imports_failed": "Imports of the last seven days that failed.",
    "disk_free_bytes": "Bytes left where the data lie.",
}


def exposition(found: list[Section]) -> str:
    """The signs in Prometheus' text format 0.0.4; what is not known is left out.

    https://prometheus.io/docs/instrumenting/exposition_formats/
    """
    by_metric: dict[str, list[Sign]] = {}
    for section in found:
        for sign in section.signs:
            by_metric.setdefault(sign.metric, []).append(sign)
    lines = []
    for metric, signs in by_metric.items():
        lines += [f"# HELP kohde_{metric} {HELP[metric]}", f"# TYPE kohde_{metric} gauge"]
        lines += [f"kohde_{metric}{_labels(one.labels)} {_number(one.value)}" for one in signs if one.value is not None]
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    """A figure as Prometheus reads it, no digit lost.

    >>> _number(12.0), _number(0.25), _number(52_613_349_376)
    ('12', '0.25', '52613349376')
    """
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _labels(labels: dict[str, str]) -> str:
    """Labels in braces, their values escaped.

    >>> _labels({"job": 'a "b"'})
    '{job="a \\\\"b\\\\""}'
    """
    escaped = {
        name: text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"') for name, text in labels.items()
    }
    return "{" + ",".join(f'{name}="{text}"' for name, text in escaped.items()) + "}" if labels else ""
