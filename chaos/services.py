"""Services of a firm, each its own and private: Redis, PostgreSQL, worker and timetable, made to be killed."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from chaos.stage import free_ports, kill, wait_until_open


class Redis:
    """A Redis that keeps nothing on disk: what it held when killed is gone."""

    def __init__(self) -> None:
        (self.port,) = free_ports(1)
        self.process = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        words = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, start_new_session=True)
        wait_until_open(self.port)
        return process

    def kill(self) -> None:
        kill(self.process)

    def revive(self) -> None:
        self.process = self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"


class Postgres:
    """A cluster of its own in a folder, stopped as by a power cut."""

    def __init__(self, folder: Path) -> None:
        self.folder, (self.port,) = folder / "postgres", free_ports(1)
        self.folder.mkdir()
        shutil.chown(self.folder, *(["postgres", "postgres"] if os.geteuid() == 0 else [os.geteuid(), os.getegid()]))
        folder.chmod(0o755)
        self.run("initdb", "-D", str(self.folder), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.revive()

    def run(self, program: str, *words: str) -> None:
        as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        prefix = as_postgres if os.geteuid() == 0 else []
        subprocess.run([*prefix, binary(program), *words], check=True, stdout=subprocess.DEVNULL, cwd="/")

    def kill(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder), "-m", "immediate", "stop")

    def revive(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=40"
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", str(self.folder), "-w", "-l", log, "-o", options, "start")

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"


class Celery:
    """A worker with two processes, or the timetable; killed with all its children."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.revive()

    def revive(self) -> None:
        words = [sys.executable, "-m", "celery", "-A", "config.celery", *self.words]
        self.process = subprocess.Popen(words, start_new_session=True, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        kill(self.process)


def binary(program: str) -> str:
    """A program of PostgreSQL, on the path or where Debian keeps it. Raises FileNotFoundError."""
    places = [
        shutil.which(program),
        *map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), reverse=True)),
    ]
    found = next(filter(None, places), None)
    if found is None:
        raise FileNotFoundError(f"{program} of PostgreSQL is not on this machine")
    return found


@contextlib.contextmanager
def own_services() -> Iterator[dict[str, "Redis | Postgres"]]:
    """A private Redis and PostgreSQL, to which the environment points.

    The cluster is not in the data folder, which Kohde closes to every other user: PostgreSQL runs as one.
    """
    with tempfile.TemporaryDirectory(prefix="kohde-chaos-postgres-") as folder:
        services: dict[str, Redis | Postgres] = {"postgres": Postgres(Path(folder)), "redis": Redis()}
        os.environ["DATABASE_URL"], os.environ["REDIS_URL"] = services["postgres"].url, services["redis"].url
        try:
            yield services
        finally:
            for service in services.values():
                with contextlib.suppress(subprocess.CalledProcessError):
                    service.kill()
