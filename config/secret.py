"""A secret made once on first start and kept in the data folder, for firms that set none themselves."""

import os
import secrets
from pathlib import Path


def load_or_make(path: Path) -> str:
    """Return the secret in `path`; write a random one (64 URL-safe characters, mode 600) if there is none."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    aside.write_text(secrets.token_urlsafe(48))
    aside.chmod(0o600)
    try:
        os.link(aside, path)  # fails if another process was first: then its secret holds
    except FileExistsError:
        pass
    finally:
        aside.unlink()
    return path.read_text().strip()
