"""Changes others may request of profiles: bringing the warehouse up to date."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from profiles.models import Snapshot, SnapshotStatus
from profiles.moments import Moment
from profiles.warehouse import building, files
from profiles.warehouse.files import BuilderBusy
from profiles.warehouse.sources import Since

SNAPSHOTS_KEPT = 3

__all__ = ["BuilderBusy", "Refresh", "refresh", "write_snapshot"]


@dataclass(frozen=True)
class Refresh:
    """What a refresh did: the snapshot it made, whether from every row, and the seconds it took."""

    snapshot: Snapshot
    is_full: bool
    seconds: float


def refresh(*, at: datetime, full: bool = False) -> Refresh:
    """Make the next snapshot as of `at`: from what changed since the last, or from every row when asked or needed.

    Raises BuilderBusy while another process builds. Whatever fails or dies, the last ready snapshot stays.
    """
    with files.builder_lock():
        bury_the_dead(at)
        last = None if full else latest()
        answer = (last and continued(at, last)) or attempt(at, None, None)
        remove_old(at)
    return answer


def continued(at: datetime, last: Snapshot) -> Refresh | None:
    """A build from the last snapshot; None when it must be done again from every row."""
    since = since_of(last)
    if since is None:
        return None
    try:
        return attempt(at, last, since)
    except building.NeedsFullBuild:
        return None


def write_snapshot(statements: Iterable[tuple[str, dict[str, Any]]], *, at: datetime) -> Snapshot:
    """A snapshot made by statements (with their parameters) instead of rows, for measuring: no row knows of it."""
    made = Snapshot(file_name=files.new_name(at), as_of=at, started_at=at)
    building.write(made.file_name, statements)
    return made


def latest() -> Snapshot | None:
    """The newest ready snapshot whose file is there."""
    ready = Snapshot.objects.filter(status=SnapshotStatus.READY)[: SNAPSHOTS_KEPT + 1]
    return next((one for one in ready if files.path_of(one.file_name).exists()), None)


def since_of(last: Snapshot) -> Since | None:
    """Where the last snapshot had read to; None when its columns are not today's."""
    marks = last.watermarks
    if marks.get("shape") != building.shape():
        return None
    return Since(datetime.fromisoformat(marks["moment"]), marks["ids"])


def attempt(at: datetime, last: Snapshot | None, since: Since | None) -> Refresh:
    """One build, its row ready or failed. Raises NeedsFullBuild when it must be done again from every row."""
    started = timezone.now()
    row = Snapshot.objects.create(file_name=files.new_name(at), as_of=at, started_at=started)
    try:
        moment = Moment(at, ZoneInfo(settings.FIRM_TIME_ZONE))
        built = building.build(row.file_name, moment=moment, last=last.file_name if last else None, since=since)
    except building.NeedsFullBuild as reason:
        end(row, SnapshotStatus.FAILED, error=str(reason))
        raise
    except Exception as error:
        end(row, SnapshotStatus.FAILED, error=f"{type(error).__name__}: {error}")
        raise
    finished = end(row, SnapshotStatus.READY, watermarks=built.watermarks, counts=built.counts)
    return Refresh(row, is_full=since is None, seconds=(finished - started).total_seconds())


def end(row: Snapshot, status: str, **values: object) -> datetime:
    """The one place that asks the clock: a build's length is not known beforehand."""
    finished = timezone.now()
    for name, value in {"status": status, "finished_at": finished, **values}.items():
        setattr(row, name, value)
    row.save()
    return finished


def bury_the_dead(at: datetime) -> None:
    """Holding the lock, whatever still says `building` has died; its leftovers go."""
    Snapshot.objects.filter(status=SnapshotStatus.BUILDING).update(
        status=SnapshotStatus.FAILED, finished_at=at, error="The process that built it died."
    )
    files.sweep(known=Snapshot.objects.filter(status=SnapshotStatus.READY).values_list("file_name", flat=True), at=at)


def remove_old(at: datetime) -> None:
    """Older snapshots leave; whoever still reads one keeps it open until done."""
    old = Snapshot.objects.filter(status=SnapshotStatus.READY).order_by("-id")[SNAPSHOTS_KEPT:]
    for snapshot in list(old):
        files.remove(files.path_of(snapshot.file_name))
        Snapshot.objects.filter(pk=snapshot.pk).update(status=SnapshotStatus.REMOVED)
