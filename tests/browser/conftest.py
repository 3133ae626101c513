"""A demo house of its own, served as a firm would serve it: what the journeys in the browser walk through."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from tests.config.test_children import wait_for
from tests.config.test_serve import ROOT, environment_of, free_port, is_live

collect_ignore = [] if os.environ.get("KOHDE_PICTURES") else ["test_pictures.py"]
CUSTOMERS, PASSWORD = int(os.environ.get("KOHDE_HOUSE_CUSTOMERS", "300")), "kohde-demo"
SIGNED_IN: dict[str, str] = {"sales": "anna", "marketer": "maija", "analyst": "aino", "admin": "adele"}


@dataclass(frozen=True)
class House:
    """Where it is, and how commands reach it."""

    url: str
    environment: dict[str, str]

    def manage(self, *command: str) -> str:
        line = [sys.executable, str(ROOT / "manage.py"), *command]
        return subprocess.run(line, env=self.environment, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Filled once per process of the tests; on PostgreSQL in a database of its own."""
    port = free_port()
    folder = tmp_path_factory.mktemp("house")
    environment = environment_of(folder, port, redis_url="") | {"KOHDE_MAIL_CATCHER_PORT": str(free_port())}
    environment.pop("EMAIL_URL", None)  # the tests' own; the house catches its mail, as a new firm's does
    with a_database(folder) as url:
        made = House(f"http://localhost:{port}", environment | {"DATABASE_URL": url})
        made.manage("prepare")
        made.manage("demo_data", "--customers", str(CUSTOMERS))
        serving = subprocess.Popen([sys.executable, str(ROOT / "manage.py"), "serve"], env=made.environment)
        try:
            wait_for(lambda: is_live(port), seconds=120)
            yield made
        finally:
            serving.terminate()
            serving.wait(timeout=60)


class a_database:  # reads as what it is where it is used
    """SQLite in the folder; on a PostgreSQL round a database beside the one that is signed in to."""

    def __init__(self, folder: Path) -> None:
        self.name, self.url = f"kohde_house_{os.getpid()}", f"sqlite:///{folder / 'kohde.sqlite3'}"
        given = os.environ.get("DATABASE_URL", "")
        self.server = urlunsplit(urlsplit(given)._replace(path="/postgres")) if given.startswith("postgres") else ""

    def __enter__(self) -> str:
        if self.server:
            self._tell(f'CREATE DATABASE "{self.name}"')
            self.url = urlunsplit(urlsplit(self.server)._replace(path=f"/{self.name}"))
        return self.url

    def __exit__(self, *_: object) -> None:
        if self.server:
            self._tell(f'DROP DATABASE "{self.name}" WITH (FORCE)')

    def _tell(self, sentence: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(sentence)


@pytest.fixture
def signed_in(house: House, browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a browser as one of the demo's people: `signed_in("marketer", language="fi", width=390)`."""
    contexts = []

    def open_as(role: str, *, language: str = "en", width: int = 1440) -> Any:
        context = browser.new_context(base_url=house.url, viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.goto("/sign-in/")
        page.locator("[name=username]").fill(SIGNED_IN[role])
        page.locator("[name=password]").fill(PASSWORD)
        page.locator("[name=password]").press("Enter")
        page.wait_for_url(house.url + "/")
        if language != "en":
            token = next(one["value"] for one in context.cookies() if one["name"].endswith("csrftoken"))
            form = {"language": language, "csrfmiddlewaretoken": token}
            context.request.post("/settings/language/", form=form, headers={"Referer": house.url + "/"})
        return page

    yield open_as
    for context in contexts:
        context.close()
