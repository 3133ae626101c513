"""Web, worker and timetable under one roof, until Ctrl-C."""

import errno
import shutil
import socket
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from config.children import Child, keep_alive, printer
from config.management.commands import demo_data

LEAST_FREE_MB = 200
WEB = "config.wsgi"


class Command(BaseCommand):
    help = "Serve Kohde: web, worker and timetable, until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
        parser.add_argument("--demo", action="store_true", help="fill an empty house with demo data first")
        parser.add_argument("--port", type=int, default=settings.PORT, help="port to listen on (PORT, else 8000)")

    def handle(self, *, host: str, port: int, demo: bool, **options: Any) -> None:
        refuse_a_full_disk(settings.DATA_DIR)
        again = "make demo" if demo else "make serve"
        refuse_a_taken_port(host, port, again=again)
        if settings.HAS_MAIL_CATCHER:
            refuse_a_taken_port(
                "127.0.0.1", settings.MAIL_CATCHER_PORT, variable="KOHDE_MAIL_CATCHER_PORT", again=again
            )
        self.stdout.write("Bringing the database and the pages up to date …")
        self.stdout.flush()
        call_command("prepare")
        if demo and demo_data.is_wanted():
            call_command("demo_data")
        children = the_children(host, port)
        self.stdout.write(welcome())
        self.stdout.flush()
        keep_alive(children, printer(max(len(child.name) for child in children)))
        self.stdout.write("Stopped.")


def the_children(host: str, port: int) -> list[Child]:
    """The web process, and the worker with the timetable: one process over the embedded broker, two over Redis."""
    python = (sys.executable, "-u", "-m")
    web = Child("web", (*python, "gunicorn", WEB, "--bind", f"{host}:{port}", *GUNICORN))
    catcher = [Child("mail", (sys.executable, "-u", str(settings.ROOT / "manage.py"), "catch_mail"))]
    mail = catcher if settings.HAS_MAIL_CATCHER else []
    if not settings.REDIS_URL:
        return [web, *mail, Child("worker", (sys.executable, "-u", str(settings.ROOT / "manage.py"), "work"))]
    celery = (*python, "celery", "-A", "config")
    return [
        web,
        *mail,
        Child("worker", (*celery, "worker", "--concurrency", "2", "--loglevel", "WARNING")),
        Child("timetable", (*celery, "beat", "--loglevel", "WARNING", "--pidfile=")),
    ]


GUNICORN = (
    "--worker-class", "gthread", "--workers", "2", "--threads", "4",
    "--graceful-timeout", "5", "--log-level", "warning",
)  # fmt: skip


def refuse_a_full_disk(folder: Path) -> None:
    free_mb = shutil.disk_usage(folder).free // 2**20
    if free_mb < LEAST_FREE_MB:
        raise CommandError(f"Only {free_mb} MB are free on the disk of {folder}; at least {LEAST_FREE_MB} are needed.")


def refuse_a_taken_port(host: str, port: int, *, variable: str = "PORT", again: str = "make serve") -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(why_not(error, host, port, f"{variable}={port + 1} {again}")) from error


def why_not(error: OSError, host: str, port: int, otherwise: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken. Stop what uses it, or choose another: {otherwise}"
    return f"Cannot listen on {host}:{port}: {error.strerror}."


def welcome() -> str:
    """The address, and who may sign in: the demo's people when its data wrote them, or how to let somebody in."""
    lines = [f"Kohde {settings.VERSION} is at {settings.BASE_URL} – Ctrl-C ends it."]
    if sign_ins().exists():
        lines.append(sign_ins().read_text(encoding="utf-8").rstrip())
    elif not get_user_model().objects.exists():
        lines.append("Nobody can sign in yet: .venv/bin/python manage.py add_user NAME --role admin")
    return "\n".join(lines)


def sign_ins() -> Path:
    """The last thing `demo_data` writes: a line per role with its sign-in."""
    return Path(settings.DATA_DIR) / "sign-ins.txt"
