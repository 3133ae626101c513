"""Stored copies of uploaded files: hashed, named by their content, below the data folder."""

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from crm.refusals import Refused

MAX_FILE_BYTES = 2 * 1024**3
MAX_COLUMNS = 2_000
BLOCK = 1024 * 1024


class FileError(Refused):
    """A file that cannot be read: missing, too big, not a table, in another encoding. One sentence for people."""

    code = "file"

    def __init__(self, message: str) -> None:
        super().__init__(message, path="file")


@dataclass(frozen=True)
class StoredFile:
    """`path` is relative to the data folder; `sha256` in hexadecimal; `size` in bytes."""

    name: str
    path: str
    sha256: str
    size: int


def keep_copy(source: BinaryIO, name: str) -> StoredFile:
    """Copy the open file below the data folder under its SHA-256 and say where it lies."""
    folder = settings.DATA_DIR / "files" / "imports"
    folder.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".incoming-", delete=False) as copy:
        while block := source.read(BLOCK):
            size += len(block)
            if size > MAX_FILE_BYTES:
                Path(copy.name).unlink()
                raise FileError(f"{name} is larger than {MAX_FILE_BYTES // 1024**3} GB")
            digest.update(block)
            copy.write(block)
    home = folder / digest.hexdigest()
    shutil.move(copy.name, home)
    return StoredFile(Path(name).name[:200], str(home.relative_to(settings.DATA_DIR)), digest.hexdigest(), size)


def path_of(stored: str) -> Path:
    """Where a stored copy lies; refuses a path that leaves the data folder."""
    path = (settings.DATA_DIR / stored).resolve()
    if not path.is_relative_to(settings.DATA_DIR.resolve()):
        raise FileError(f"{stored} is not below the data folder")
    if not path.is_file():
        raise FileError(f"the stored copy {stored} is gone; start the import again")
    return path
