"""A demo house of its own, served as a firm would serve it: what the journeys in the browser walk through."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.urls import reverse

from tests import houses
from tests.config.test_children import wait_for
from tests.config.test_serve import ROOT, free_port, is_live

collect_ignore = [] if os.environ.get("KOHDE_PICTURES") else ["test_pictures.py"]
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # a browser's loop runs in the thread of its test
PASSWORD = "kohde-demo"
SIGNED_IN: dict[str, str] = {"sales": "anna", "marketer": "maija", "analyst": "aino", "admin": "adele"}
DATABASE = os.environ.get("DATABASE_URL", "")
SERVER = urlunsplit(urlsplit(DATABASE)._replace(path="/postgres")) if DATABASE.startswith("postgres") else ""


@dataclass(frozen=True)
class Served:
    """Where it is, and how commands reach it."""

    url: str
    manage: Callable[..., str]


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A copy of the filled house; on PostgreSQL in a database of its own."""
    made, port = houses.copy("filled", tmp_path_factory.mktemp("house"), SERVER), free_port()
    environment = made.environment | {"PORT": str(port), "KOHDE_MAIL_CATCHER_PORT": str(free_port())}
    serving = subprocess.Popen([sys.executable, str(ROOT / "manage.py"), "serve"], env=environment)
    try:
        wait_for(lambda: is_live(port), seconds=120)
        yield Served(f"http://localhost:{port}", made.manage)
    finally:
        serving.terminate()
        serving.wait(timeout=60)


@pytest.fixture
def signed_in(house: Served, browser: Any) -> Iterator[Callable[..., Any]]:
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


@pytest.fixture
def come_in(page: Any, live_server: Any) -> Callable[..., Any]:
    """Opens a page as one of the cast; its scripts have been loaded: `come_in("anna", "deals")`."""

    def as_user(user: str, name: str) -> Any:
        page.goto(f"{live_server.url}{reverse('sign-in')}?next={reverse(name)}")
        page.locator("[name=username]").fill(user)
        page.locator("[name=password]").fill("a long password")
        page.keyboard.press("Enter")
        page.wait_for_url(live_server.url + reverse(name), wait_until="load")
        return page

    return as_user
