"""What others may ask of imports, on behalf of an actor; `crm.actions` shows it."""

from datetime import datetime
from typing import BinaryIO

from django.conf import settings
from django.utils.translation import gettext as _

from crm import rights
from crm.imports import runs, undo
from crm.imports.fields import new_fields
from crm.imports.files import keep_copy, path_of
from crm.imports.mapping import check_columns, read_mapping
from crm.imports.reading import open_table
from crm.imports.runs import CHECKABLE, Clock, ImportNotPossible
from crm.imports.suggestion import preview, suggested
from crm.models import Import, User
from crm.models.imports import ImportStatus
from crm.rights import Actor, NotAllowed

RIGHT = "imports.run"


def start_import(*, kind: str, file: BinaryIO, name: str, mapping: dict, by: Actor, at: datetime) -> Import:
    """Keep a copy of the open file and make an import of it; raises `MappingError` or `FileError`, both `Refused`."""
    rights.require(by, RIGHT)
    return runs.start_import(kind=kind, file=file, name=name, mapping=mapping, by=by.user, at=at)


def upload_file(*, kind: str, file: BinaryIO, name: str, by: Actor, at: datetime) -> Import:
    """Keep a copy of the open file and make an import with a suggested mapping, for somebody to look at."""
    rights.require(by, RIGHT)
    stored = keep_copy(file, name)
    sample = preview(path_of(stored.path), stored.name)
    mapping = suggested(kind, sample, settings.FIRM_TIME_ZONE, settings.FIRM_CURRENCY)
    return runs.record(kind=kind, stored=stored, mapping=mapping, by=by.user, at=at)


def change_mapping(*, import_id: int, mapping: dict, by: Actor, at: datetime) -> Import:
    """Give an import that has not run another mapping; what an earlier dry run found is forgotten."""
    run = _own(import_id, by)
    read = read_mapping(mapping, run.kind)
    with open_table(path_of(run.file_path), read.file, run.file_name) as table:
        check_columns(read, table.columns)
    new_fields(read)
    waiting = Import.objects.filter(pk=import_id, status__in=CHECKABLE)
    if not waiting.update(mapping=mapping, diff={}, error="", status=ImportStatus.UPLOADED):
        raise ImportNotPossible(_("only an import that has not run can be mapped anew"))
    run.refresh_from_db()
    return run


def check_import(*, import_id: int, by: Actor, at: datetime) -> None:
    """Ask for the dry run; a worker makes it."""
    _own(import_id, by)
    runs.queue_check(import_id=import_id, at=at)


def run_import(*, import_id: int, by: Actor, at: datetime) -> None:
    """Ask for the import to be run; a worker does it."""
    _own(import_id, by)
    runs.queue_import(import_id=import_id, at=at)


def undo_import(*, import_id: int, by: Actor, at: datetime) -> None:
    """Ask for the import to be undone; a worker does it."""
    _own(import_id, by)
    undo.queue_undo(import_id=import_id, by=by.user, at=at)


def _own(import_id: int, by: Actor) -> Import:
    """The import, when it is the actor's own or the actor is an admin."""
    rights.require(by, RIGHT)
    run = Import.objects.get(pk=import_id)
    is_own = run.created_by_id == (by.user.pk if by.user else None)
    if by.role != rights.ADMIN and not is_own:
        raise NotAllowed(_("Only an admin may touch the imports of others."))
    return run


def carry_on_import(*, import_id: int, clock: Clock) -> None:
    """Do whatever the import waits for: its dry run, its run, its undo."""
    run = Import.objects.get(pk=import_id)
    if run.status == ImportStatus.CHECKING:
        runs.check_import(import_id=import_id, at=clock())
    elif run.status == ImportStatus.UNDOING:
        by = User.objects.filter(pk=run.undo.get("by")).first()
        undo.undo_import(import_id=import_id, by=by, clock=clock)
    else:
        runs.run_import(import_id=import_id, clock=clock)
