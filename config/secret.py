"""The data folder, and secrets made once on first start and kept in it, for firms that set none themselves."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def made_folder(path: Path) -> None:
    """Make the data folder unless it is there; one line and exit code 1 where nothing can be written."""
    with said_in_one_line(path):
        path.mkdir(parents=True, exist_ok=True)


@contextmanager
def said_in_one_line(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SystemExit(
            f"Cannot write {path}: {error.strerror}. Make room or give the rights, or choose another folder"
            " by KOHDE_DATA_DIR."
        ) from error


def load_or_make(path: Path) -> str:
    """Return the secret in `path`; write a random one (64 URL-safe characters, mode 600) if there is none."""
    with said_in_one_line(path):
        if not path.exists():
            make(path)
        return path.read_text().strip()


def make(path: Path) -> None:
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        aside.write_text(secrets.token_urlsafe(48))
        aside.chmod(0o600)
        os.link(aside, path)  # fails if another process was first: then its secret holds
    except FileExistsError:
        pass
    finally:
        aside.unlink(missing_ok=True)
