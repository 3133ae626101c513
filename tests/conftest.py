"""What every test may use: a fixed cast of users, a data folder per run, and services that answer or are reported."""

import gc
import os
import shutil
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import SimpleTestCase
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from xdist.scheduler import LoadFileScheduling

from tests import houses

gc.disable()  # what is imported stays; `pytest_collection_finish` sets it apart and enables this again
ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("KOHDE_TEST_DATA", ROOT / ".." / "shared" / "data")).resolve()
CHROMIUM = os.environ.get("KOHDE_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
TEST_REDIS_URL = os.environ.get("KOHDE_TEST_REDIS_URL", "redis://127.0.0.1:6379/4")
TEST_POSTGRES_URL = os.environ.get("KOHDE_TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")

hypothesis_settings.register_profile(
    "kohde", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
hypothesis_settings.register_profile("thorough", parent=hypothesis_settings.get_profile("kohde"), max_examples=1000)
# A second database is there for its SQL; what is made up to try our own thinking was tried on the first.
hypothesis_settings.register_profile("again", parent=hypothesis_settings.get_profile("kohde"), max_examples=16)
USUAL = "again" if os.environ.get("KOHDE_ONLY_DATABASE") == "1" else "kohde"
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", USUAL))


# Engines elsewhere are large to install and slow to start: `make engines` runs them.
collect_ignore = [] if os.environ.get("KOHDE_TEST_ENGINES") == "1" else ["engines"]


def answers(url: str) -> bool:
    """Whether something listens at the host and port of `url`."""
    host, _, port = url.partition("@" if "@" in url else "//")[2].partition("/")[0].partition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1):
            return True
    except OSError:
        return False


NEEDS: dict[str, tuple[Any, str]] = {
    "postgres": (lambda: answers(TEST_POSTGRES_URL), f"no PostgreSQL at {TEST_POSTGRES_URL} (KOHDE_TEST_POSTGRES_URL)"),
    "redis": (lambda: answers(TEST_REDIS_URL), f"no Redis at {TEST_REDIS_URL} (KOHDE_TEST_REDIS_URL)"),
    "browser": (lambda: CHROMIUM is not None, "no Chromium found (KOHDE_CHROMIUM)"),
    "data": (DATA.is_dir, f"no data sets in {DATA} (KOHDE_TEST_DATA)"),
}


def asks_the_database(item: pytest.Item) -> bool:
    """Whether the answer may depend on which database it is: by its fixtures, its class, or its mark."""
    fixtures = {"db", "transactional_db", "house"} & set(getattr(item, "fixturenames", ()))
    is_djangos = isinstance(item, pytest.Function) and item.cls and issubclass(item.cls, SimpleTestCase)
    return bool(fixtures or is_djangos or any(item.iter_markers("django_db")) or any(item.iter_markers("database")))


def seconds_of(item: pytest.Item) -> float:
    """About how long it takes: what `slow` says, and else what most take."""
    slow = item.get_closest_marker("slow")
    return float((slow.args or (10,))[0]) if slow else 0.06


def keep(config: pytest.Config, items: list[pytest.Item], holds: Callable[[pytest.Item], bool]) -> None:
    config.hook.pytest_deselected(items=[item for item in items if not holds(item)])
    items[:] = filter(holds, items)


def pytest_configure() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        houses.begin()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: browsers, served houses and databases are waited for."""
    return (os.cpu_count() or 1) + 1


class ByFiles(LoadFileScheduling):
    """The guides go to one process, for they walk through one house, which takes longest to fill."""

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        return "tests/browser/test_guide" if "browser/test_guide" in file else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFiles | None:
    return ByFiles(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs a service that does not answer; the reason says what is missing. Let long files begin first.

    Several processes share the tests by files; one that began a long file last would keep the others waiting.
    With KOHDE_ONLY_DATABASE=1, for a round on a second database, tests that ask none are left out. Two writers at once
    are for a database that locks rows; SQLite lets one write at a time. What a browser makes of pages is judged there,
    and so is what PostgreSQL could answer no otherwise (`once`, with the reason).
    """
    if os.environ.get("KOHDE_ONLY_DATABASE") == "1":
        keep(config, items, asks_the_database)
    elsewhere = ("looks", "once") if os.environ.get("DATABASE_URL", "").startswith("postgres") else ("row_locks",)
    keep(config, items, lambda item: not any(map(item.get_closest_marker, elsewhere)))
    if "PYTEST_XDIST_WORKER" in os.environ:
        seconds = Counter[Path]()
        for item in items:
            seconds[item.path] += seconds_of(item)
        items.sort(key=lambda item: (-seconds[item.path], item.path))
    missing = {mark: reason for mark, (is_there, reason) in NEEDS.items() if not is_there()}
    for item in items:
        for mark in missing.keys() & {one.name for one in item.iter_markers()}:
            item.add_marker(pytest.mark.skip(reason=missing[mark]))


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: looking for garbage in it again and again took an eighth."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say at the end what was skipped, and why."""
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        terminalreporter.write_line("Nothing was skipped.", green=True)
        return
    reasons = [report.longrepr[2].removeprefix("Skipped: ") for report in skipped]
    terminalreporter.section(f"{len(skipped)} skipped", yellow=True)
    for reason in sorted(set(reasons)):
        terminalreporter.write_line(f"{reasons.count(reason):>5} × {reason}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """With KOHDE_FAIL_ON_SKIP=1 a run that skipped anything has failed."""
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    must_fail = os.environ.get("KOHDE_FAIL_ON_SKIP") == "1" and reporter is not None
    if must_fail and reporter.stats.get("skipped") and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure() -> None:
    from django.conf import settings

    gc.unfreeze()
    if "PYTEST_XDIST_WORKER" not in os.environ:
        houses.end()
    shutil.rmtree(settings.DATA_DIR, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def emptied_by_deleting() -> None:
    from tests import emptying

    emptying.use()


@pytest.fixture(autouse=True)
def no_kept_answers() -> None:
    """Ids begin anew in every test; answers kept by them must not reach the next."""
    from django.core.cache import caches

    caches["answers"].clear()


@pytest.fixture(autouse=True)
def no_language_left_over() -> None:
    """A request answered in Finnish leaves its thread in Finnish; the next test begins in English."""
    from django.utils import translation

    translation.deactivate()


@pytest.fixture
def data_dir() -> Path:
    """The folder of the public data sets."""
    return DATA


@pytest.fixture
def cast(db: None) -> SimpleNamespace:
    """Five users: anna and bertil in sales of two teams, maija the marketer, aino the analyst, adele the admin."""
    from crm.models import Role, Team, User

    def user(name: str, role: str, team: Any = None, **more: Any) -> User:
        made = User.objects.create_user(name, f"{name}@kohde.example", "a long password", role=role, **more)
        if team:
            made.teams.add(team)
        return made

    north = Team.objects.create(name="North", slug="north")
    south = Team.objects.create(name="South", slug="south")
    return SimpleNamespace(
        north=north,
        south=south,
        anna=user("anna", Role.SALES, north),
        bertil=user("bertil", Role.SALES, south),
        maija=user("maija", Role.MARKETER),
        aino=user("aino", Role.ANALYST),
        adele=user("adele", Role.ADMIN, is_staff=True, is_superuser=True),
    )


@pytest.fixture
def anna(cast: SimpleNamespace) -> Any:
    """Sales, team North."""
    return cast.anna


@pytest.fixture
def bertil(cast: SimpleNamespace) -> Any:
    """Sales, team South."""
    return cast.bertil


@pytest.fixture
def maija(cast: SimpleNamespace) -> Any:
    """Marketer."""
    return cast.maija


@pytest.fixture
def aino(cast: SimpleNamespace) -> Any:
    """Analyst."""
    return cast.aino


@pytest.fixture
def adele(cast: SimpleNamespace) -> Any:
    """Admin and superuser."""
    return cast.adele


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Playwright drives the machine's own Chromium."""
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": ["--no-sandbox", "--disable-gpu"]}
