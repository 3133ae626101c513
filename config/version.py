"""The version, read from the changelog so that it is said in one place."""

import re
from pathlib import Path

HEADING = re.compile(r"^## (\d+\.\d+\.\d+)", re.MULTILINE)


def newest_version(changelog: Path) -> str:
    """The number in the first heading such as `## 0.1.0 – 2026-11-21`; raise `ValueError` if there is none."""
    found = HEADING.search(changelog.read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{changelog} has no heading such as '## 0.1.0 – 2026-11-21'")
    return found[1]
