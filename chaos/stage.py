"""Where chaos and benchmarks happen: a database, ports and processes of their own."""

import contextlib
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit, urlunsplit


@contextlib.contextmanager
def own_database(folder: str) -> Iterator[None]:
    """A database for this run alone."""
    os.environ["KOHDE_DATA_DIR"] = folder
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        os.environ.pop("DATABASE_URL", None)
        yield
        return
    import psycopg

    name, parts = f"kohde_chaos_{os.getpid()}", urlsplit(url)
    server = urlunsplit(parts._replace(path="/postgres"))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    os.environ["DATABASE_URL"] = urlunsplit(parts._replace(path=f"/{name}"))
    try:
        yield
    finally:  # by a new connection: the server may have been killed in between
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def prepare() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def free_ports(count: int) -> list[int]:
    from chaos.sink import free_port

    return [free_port("127.0.0.1") for _ in range(count)]


def wait_until_open(port: int, seconds: float = 120) -> None:
    """Until something listens at `port` of this machine."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens at port {port}")


def start(module: str, *words: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", module, *words], start_new_session=True)


class Fork:
    """A child of this process that does one thing: a worker that need not load anything first."""

    def __init__(self, act: Callable[[], None]) -> None:
        from django.db import connections

        connections.close_all()  # no two processes may share one
        self.process = multiprocessing.get_context("fork").Process(target=self.run, args=[act])
        self.process.start()
        self.pid = self.process.pid or 0

    def run(self, act: Callable[[], None]) -> None:
        os.setsid()
        act()

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self, timeout: float | None = None) -> int | None:
        self.process.join(timeout)
        if self.process.is_alive():
            raise TimeoutError(f"process {self.pid} does not end")
        return self.process.exitcode


def kill(process: "subprocess.Popen[bytes] | Fork") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)  # it may not lead a group of its own yet
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
