"""Houses that tests copy: each made once per run of the tests, by whichever process needs it first.

To bring a house up to date takes five seconds and to fill it half a minute; to copy it takes neither. On SQLite a house
is a folder; on PostgreSQL the server copies its database too.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

ROOT = Path(__file__).resolve().parent.parent
PLACE = "KOHDE_TEST_HOUSES"  # names the folder of this run of the tests to all of its processes
CUSTOMERS = os.environ.get("KOHDE_HOUSE_CUSTOMERS", "300")
# Name → (the house it begins as a copy of, what is done there)
HOUSES: dict[str, tuple[str, tuple[str, ...]]] = {
    "prepared": ("", ("prepare",)),
    "filled": ("prepared", ("demo_data", "--customers", CUSTOMERS)),
}
copies = count()


@dataclass(frozen=True)
class House:
    """A folder of data, and the name of its database on a server when it is not in the folder."""

    folder: Path
    server: str = ""
    database: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """What its processes are told; its mail and its tasks stay in it."""
        inherited = {name: value for name, value in os.environ.items() if name != "EMAIL_URL"}  # the tests' own
        return inherited | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "KOHDE_DATA_DIR": str(self.folder),
            "KOHDE_DEBUG": "true",  # spares it the compression of static files
            "DATABASE_URL": self.url,
            "REDIS_URL": "",
        }

    @property
    def url(self) -> str:
        if self.server:
            return urlunsplit(urlsplit(self.server)._replace(path=f"/{self.database}"))
        return f"sqlite:///{self.folder / 'kohde.sqlite3'}"

    def manage(self, *command: str) -> str:
        """What a command says; one that is to be tried again in a moment, since the timetable is at it, is."""
        line = [sys.executable, str(ROOT / "manage.py"), *command]
        for _ in range(60):
            done = subprocess.run(line, env=self.environment, capture_output=True, text=True, check=False)
            if "try again in a moment" not in done.stderr:
                break
            time.sleep(1)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def begin() -> None:
    """In the process that starts the others."""
    os.environ[PLACE] = tempfile.mkdtemp(prefix="kohde_houses_")


def end() -> None:
    """In the same process, when nobody is in a house any more."""
    place = Path(os.environ.pop(PLACE))
    for server in {file.read_text() for file in place.glob("*.server")}:
        with psycopg.connect(server, autocommit=True) as connection:
            names = [name for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall()]
            for name in names:
                if name.startswith(place.name):
                    connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    shutil.rmtree(place)


def copy(name: str, folder: Path, server: str = "") -> House:
    """That house once more, in `folder`, its database on `server` if one is given."""
    place = Path(os.environ[PLACE])
    original = House(place / f"{name}{'_postgres' * bool(server)}", server, f"{place.name}_{name}")
    with alone(original.folder.with_suffix(".lock")):
        if not original.folder.exists():
            make(name, original)
    return copied(original, House(folder, server, f"{place.name}_{os.getpid()}_{next(copies)}"))


def make(name: str, house: House) -> None:
    """In another folder first: one that is there is finished."""
    first, command = HOUSES[name]
    building = copy(first, house.folder.with_suffix(".building"), house.server) if first else begun(house)
    building.manage(*command)
    if house.server:
        house.folder.with_suffix(".server").write_text(house.server)
        tell(house.server, f'ALTER DATABASE "{building.database}" RENAME TO "{house.database}"')
    building.folder.rename(house.folder)


def begun(house: House) -> House:
    """An empty one."""
    empty = House(house.folder.with_suffix(".building"), house.server, f"{house.database}_building")
    if house.server:
        tell(house.server, f'CREATE DATABASE "{empty.database}"')
    return empty


def copied(one: House, other: House) -> House:
    shutil.copytree(one.folder, other.folder, dirs_exist_ok=True)
    if one.server:
        tell(one.server, f'CREATE DATABASE "{other.database}" TEMPLATE "{one.database}"')
    return other


def tell(server: str, sentence: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sentence)


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """One process at a time."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
