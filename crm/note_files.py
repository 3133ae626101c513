"""Files of notes: kept below the data folder under random names, given out as downloads, deleted for good."""

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from crm.models import Note, NoteFile
from crm.refusals import Refused

MOST_BYTES = 10 * 1024 * 1024
MOST_FILES = 10  # in one note
FOLDER = Path("files") / "notes"


class FileRefused(Refused):
    """Too big, or one too many."""

    code = "file"


def keep(upload: Any) -> tuple[str, str, int]:
    """Store an uploaded file; its name as given, its path below the data folder, its size in bytes."""
    if upload.size > MOST_BYTES:
        raise FileRefused(_("%(name)s is larger than 10 MB.") % {"name": upload.name}, path="files")
    home = settings.DATA_DIR / FOLDER
    home.mkdir(parents=True, exist_ok=True)
    path = FOLDER / secrets.token_hex(20)
    with (settings.DATA_DIR / path).open("xb") as file:
        for block in upload.chunks():
            file.write(block)
    return Path(upload.name.replace("\\", "/")).name[:200], str(path), upload.size


def path_of(file: NoteFile) -> Path:
    """Where it lies; refuses a path that leaves its folder."""
    if not is_there(file):
        raise FileRefused(_("The file is gone."), path="file")
    return (settings.DATA_DIR / file.path).resolve()


def is_there(file: NoteFile) -> bool:
    """Whether it lies in its folder."""
    path = (settings.DATA_DIR / file.path).resolve()
    return path.is_relative_to((settings.DATA_DIR / FOLDER).resolve()) and path.is_file()


def discard(notes: QuerySet[Note]) -> None:
    """Delete the files of these notes: the rows now, the bytes once the transaction stands."""
    files = NoteFile.objects.filter(note__in=notes)
    paths = list(files.values_list("path", flat=True))
    files.delete()
    transaction.on_commit(lambda: remove(paths))


def remove(paths: Iterable[str]) -> None:
    """Delete the bytes; one that is gone is no trouble."""
    for path in paths:
        (settings.DATA_DIR / path).unlink(missing_ok=True)
