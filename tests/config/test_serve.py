"""`serve` refuses what cannot work in one line, and what it starts really serves and really ends."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError

from config.management.commands import serve
from config.secret import load_or_make, made_folder
from tests import houses
from tests.config.test_children import wait_for

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_taken_port_is_refused_with_the_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=f"Port {port} is taken.*PORT={port + 1} make demo"):
            serve.refuse_a_taken_port("127.0.0.1", port, again="make demo")


@pytest.mark.django_db
def test_an_empty_house_says_how_to_let_somebody_in(settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    assert "manage.py add_user" in serve.welcome()
    get_user_model().objects.create_user("maria")
    assert "add_user" not in serve.welcome()


def test_a_data_folder_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for work in (lambda: made_folder(tmp_path / "file" / "x"), lambda: load_or_make(tmp_path / "none" / "key")):
        with pytest.raises(SystemExit, match=r"Cannot write .*KOHDE_DATA_DIR") as caught:
            work()
        assert "\n" not in str(caught.value)


def test_others_on_the_machine_cannot_look_into_the_data_folder(tmp_path: Path) -> None:
    made_folder(tmp_path / "new")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    for held, left in (((), 0o755), (("secret_key",), 0o750), (("kohde.sqlite3",), 0o750)):
        folder = tmp_path / "-".join(("old", *held))
        folder.mkdir()
        folder.chmod(0o755)
        for name in held:
            (folder / name).touch()
        made_folder(folder)
        assert folder.stat().st_mode & 0o777 == left, held


def test_a_full_disk_is_refused_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "LEAST_FREE_MB", 10**9)
    with pytest.raises(CommandError, match=rf"Only \d+ MB are free on the disk of {tmp_path}"):
        serve.refuse_a_full_disk(tmp_path)


def test_over_redis_worker_and_timetable_are_processes_of_their_own(settings: object) -> None:
    settings.REDIS_URL = ""
    assert [child.name for child in serve.the_children("127.0.0.1", 8000)] == ["web", "worker"]
    settings.REDIS_URL = "redis://127.0.0.1:6379/0"
    assert [child.name for child in serve.the_children("127.0.0.1", 8000)] == ["web", "worker", "timetable"]


def environment_of(folder: Path, port: int, *, redis_url: str) -> dict[str, str]:
    """A house in `folder`, as long as no one sends its mail elsewhere."""
    mail = {"EMAIL_URL": os.environ["EMAIL_URL"]}
    return houses.House(folder).environment | mail | {"REDIS_URL": redis_url, "PORT": str(port)}


def is_live(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/live", timeout=60) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def members_of(group_leader: int) -> list[str]:
    """Processes descended from `group_leader`, itself left out (Linux)."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, wave = [], [group_leader]
    while wave:
        wave = [pid for pid, parent in parents.items() if parent in wave]
        found += wave
    return [str(pid) for pid in found]


@pytest.mark.slow(30)
@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_serve_answers_runs_the_timetable_and_leaves_nobody_behind(tmp_path: Path, number: signal.Signals) -> None:
    port = free_port()
    if number is not signal.SIGINT:  # once it is brought up to date here
        houses.copy("prepared", tmp_path)
    environment = environment_of(tmp_path, port, redis_url="")
    (tmp_path / "sign-ins.txt").write_text("sales  anna  a password\n")
    with (tmp_path / "out").open("w") as out:
        house = subprocess.Popen(
            [sys.executable, "manage.py", "serve"], cwd=ROOT, env=environment, stdout=out, stderr=out
        )
    try:
        assert wait_for(lambda: is_live(port), seconds=240), (tmp_path / "out").read_text()
        assert wait_for(lambda: len(members_of(house.pid)) >= 4), "gunicorn with two workers, and the worker"
        assert wait_for(lambda: rows(tmp_path, "SELECT count(*) FROM crm_workerbeat") == 2)
    finally:
        descendants = members_of(house.pid)
        house.send_signal(number)
        house.wait(timeout=120)
    assert wait_for(lambda: not [pid for pid in descendants if Path(f"/proc/{pid}").exists()])
    said = (tmp_path / "out").read_text()
    assert f"is at http://localhost:{port}" in said
    assert "sales  anna  a password" in said


def rows(folder: Path, question: str) -> int:
    """The number SQLite answers from the served database."""
    import sqlite3

    with sqlite3.connect(folder / "kohde.sqlite3") as connection:
        return int(connection.execute(question).fetchone()[0])


def open_at(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.slow(30)
@pytest.mark.redis
def test_a_redis_that_is_away_costs_no_page_and_is_found_again(tmp_path: Path) -> None:
    """Pages answer without the broker; once it comes, the worker finds it by itself."""
    port, redis_port = free_port(), free_port()
    houses.copy("prepared", tmp_path)
    environment = environment_of(tmp_path, port, redis_url=f"redis://127.0.0.1:{redis_port}/0")
    broker = None
    with (tmp_path / "out").open("w") as out:
        house = subprocess.Popen(
            [sys.executable, "manage.py", "serve"], cwd=ROOT, env=environment, stdout=out, stderr=out
        )
        try:
            assert wait_for(lambda: is_live(port), seconds=240), (tmp_path / "out").read_text()
            assert rows(tmp_path, "SELECT count(*) FROM crm_workerbeat WHERE kind = 'worker'") == 0
            broker = subprocess.Popen(["redis-server", "--port", str(redis_port), "--save", ""], stdout=out, stderr=out)
            assert wait_for(lambda: open_at(redis_port))
            assert wait_for(
                lambda: rows(tmp_path, "SELECT count(*) FROM crm_workerbeat WHERE kind = 'worker'") == 1, seconds=240
            ), (tmp_path / "out").read_text()
        finally:
            house.send_signal(signal.SIGTERM)
            house.wait(timeout=120)
            if broker:
                broker.kill()
                broker.wait()
