"""Changes others may request of profiles: bringing the warehouse up to date."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from profiles import queries
from profiles.models import Snapshot, SnapshotStatus
from profiles.moments import Moment
from profiles.warehouse import building, engines, exporting, files, readers
from profiles.warehouse.building import Arrived, Seen
from profiles.warehouse.files import BuilderBusy
from profiles.warehouse.sources import Since

SNAPSHOTS_KEPT = 3

__all__ = ["BuilderBusy", "Refresh", "export_warehouse", "refresh", "write_snapshot"]


@dataclass(frozen=True)
class Refresh:
    """What a refresh did: the snapshot that is current now, whether it was made from every row, the seconds it took.

    `is_new` is false when the last snapshot still holds, so that none was made.
    """

    snapshot: Snapshot
    is_full: bool
    seconds: float
    is_new: bool = True


def refresh(*, at: datetime, full: bool = False) -> Refresh:
    """Make the next snapshot as of `at`: from what changed since the last, or from every row when asked or needed.

    When nothing changed there is no next one. Raises BuilderBusy while another process builds. Whatever fails or dies,
    the last ready snapshot stays.
    """
    moment = Moment(at, ZoneInfo(settings.FIRM_TIME_ZONE))
    last = None if full else latest()
    if last and building.holds(last.watermarks, moment):
        return unchanged(last)
    with files.builder_lock():
        bury_the_dead(at)
        readers.rest(readers.pool())
        last = None if full else latest()
        answer = (last and continued(moment, last)) or attempt(moment, building.look(moment))
        remove_old(at)
    return answer


def unchanged(last: Snapshot) -> Refresh:
    return Refresh(last, is_full=False, seconds=0, is_new=False)


def continued(moment: Moment, last: Snapshot) -> Refresh | None:
    """A build from the last snapshot, if it is needed; None when it must be done again from every row."""
    since = since_of(last)
    if since is None:
        return None
    seen = building.look(moment)
    since = building.narrowed(since, last.watermarks, last.file_name, moment)
    few = building.arrived(since, seen)
    if few and building.is_nothing(few, since, last.watermarks):
        last.watermarks = building.renewed(last.watermarks, seen)
        last.save(update_fields=["watermarks"])
        return unchanged(last)
    try:
        return attempt(moment, seen, last=last, since=since, few=few)
    except building.NeedsFullBuild:
        return None


def write_snapshot(statements: Iterable[tuple[str, dict[str, Any]]], *, at: datetime) -> Snapshot:
    """A snapshot made by statements (with their parameters) instead of rows, for measuring: no row knows of it."""
    made = Snapshot(file_name=files.new_name(at), as_of=at, started_at=at)
    building.write(made.file_name, statements)
    return made


def export_warehouse(*, folder: Path | None = None) -> exporting.Export:
    """The current snapshot as Parquet files, by default where the engine of the setting looks for them.

    Raises NoSnapshot before the first build.
    """
    where = engines.chosen()
    chosen = folder or (where.folder if where else exporting.default_folder())
    return exporting.export(queries.current().file_name, chosen)


def latest() -> Snapshot | None:
    """The newest ready snapshot whose file is there."""
    ready = Snapshot.objects.filter(status=SnapshotStatus.READY)[: SNAPSHOTS_KEPT + 1]
    return next((one for one in ready if files.path_of(one.file_name).exists()), None)


def since_of(last: Snapshot) -> Since | None:
    """Where the last snapshot had read to; None when it was made otherwise than today."""
    marks = last.watermarks
    if marks.get("shape") != building.shape():
        return None
    return Since(datetime.fromisoformat(marks["moment"]), marks["ids"], unsettled=frozenset(marks["unsettled"]))


def attempt(
    moment: Moment, seen: Seen, *, last: Snapshot | None = None, since: Since | None = None, few: Arrived | None = None
) -> Refresh:
    """One build, its row ready or failed. Raises NeedsFullBuild when it must be done again from every row."""
    started = timezone.now()
    row = Snapshot.objects.create(file_name=files.new_name(moment.as_of), as_of=moment.as_of, started_at=started)
    name = last.file_name if last else None
    try:
        built = building.build(row.file_name, moment=moment, seen=seen, last=name, since=since, few=few)
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
