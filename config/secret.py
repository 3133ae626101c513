"""The data folder, and secrets made once on first start and kept in it, for firms that set none themselves."""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

OURS = ("secret_key", "kohde.sqlite3", "warehouse")  # a folder with one of these is a house's, not /srv or a home


def made_folder(path: Path) -> None:
    """Make the data folder unless it is there; one line and exit code 1 where nothing can be written.

    Nobody else on the machine may look into it: customers lie there. What the group may do is the firm's to decide.
    """
    with said_in_one_line(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = path.stat().st_mode
        if mode & stat.S_IRWXO and not mode & stat.S_ISVTX and any((path / name).exists() for name in OURS):
            with suppress(PermissionError):  # somebody else's, who gave us a place in it
                path.chmod(stat.S_IMODE(mode) & ~stat.S_IRWXO)


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
