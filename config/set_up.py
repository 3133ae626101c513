"""Sets up the virtual environment: run by the machine's own Python, before anything is installed.

Usage: python3 config/set_up.py [--dev] [--engines]. Quick when the requirements did not change since the last time.
"""

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / ".kohde-requirements.json"
OLDEST = (3, 11)
LEAST_FREE_MB = 1500
FILES = {"run": "requirements.txt", "dev": "requirements-dev.txt", "engines": "requirements-engines.txt"}


def main(words: list[str]) -> None:
    wanted = ["run", *(name for name in ("dev", "engines") if f"--{name}" in words)]
    hashes = {name: hash_of(ROOT / FILES[name]) for name in wanted}
    if (VENV / "bin" / "python").exists() and hashes.items() <= installed().items():
        return
    refuse_what_cannot_work()
    if not (VENV / "bin" / "python").exists():
        say("Making the virtual environment .venv")
        run(sys.executable, "-m", "venv", str(VENV))
    say(f"Installing {FILES[wanted[-1]]} into .venv (once; takes a minute or two)")
    run(str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--requirement", str(ROOT / FILES[wanted[-1]]))  # fmt: skip
    STAMP.write_text(json.dumps(hashes))


def hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def installed() -> dict[str, str]:
    """Hashes of the requirement files as last installed, by the names in `FILES`."""
    return dict(json.loads(STAMP.read_text())) if STAMP.exists() else {}


def refuse_what_cannot_work() -> None:
    """End with one line if this machine lacks something."""
    major, minor = sys.version_info[:2]
    if (major, minor) < OLDEST:
        stop(f"Python {major}.{minor} is too old; Kohde needs 3.11 or newer. On Debian: apt install python3.11")
    if not (VENV / "bin" / "python").exists() and importlib.util.find_spec("ensurepip") is None:
        stop(f"Python {major}.{minor} cannot make virtual environments here. On Debian: apt install python3-venv")
    free_mb = shutil.disk_usage(VENV if VENV.exists() else ROOT).free // 2**20
    if free_mb < LEAST_FREE_MB:
        stop(f"Only {free_mb} MB are free on the disk of {ROOT}; setting up takes about {LEAST_FREE_MB} MB.")


def run(*command: str) -> None:
    if subprocess.run(command, check=False).returncode:
        stop(f"Setting up stopped at: {' '.join(command[1:5])} …; see above.")


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # runs before Django is installed


def stop(line: str) -> None:
    sys.exit(line)


if __name__ == "__main__":
    main(sys.argv[1:])
