"""Children come back when they die, and none outlives its supervisor, however that ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.broker import is_alive, owner_of

# A supervisor with one child, which has a child of its own (the grandchild); both note their process in files.
SUPERVISOR = """
import sys; from config.children import Child, keep_alive, printer
keep_alive([Child("family", [sys.executable, "-c", sys.argv[1], *sys.argv[2:]])], printer(6))
"""
FAMILY = """
import os, signal, subprocess, sys, time
def end_all(*_): kid.terminate(); sys.exit(0)
kid = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
signal.signal(signal.SIGTERM, end_all)
print("päivää", flush=True)
with open(sys.argv[1], "a") as log: log.write(f"{os.getpid()} {kid.pid}\\n")
time.sleep(600)
"""
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
kid = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(sys.argv[1], "a") as log: log.write(f"{os.getpid()} {kid.pid}\\n")
time.sleep(600)
"""


def wait_for(condition: Callable[[], object], seconds: float = 120) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(condition())


class House:
    """A running supervisor and the processes its child noted."""

    def __init__(self, code: str, log: Path) -> None:
        self.log = log
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISOR, code, str(log)], stdout=subprocess.PIPE, text=True
        )
        assert wait_for(lambda: len(self.families()) == 1)

    def families(self) -> list[list[str]]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [[owner_of(int(pid)) for pid in line.split()] for line in lines]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[str], House]]:
    houses: list[House] = []

    def start(code: str) -> House:
        houses.append(House(code, tmp_path / "log"))
        return houses[-1]

    yield start
    for house in houses:
        house.process.kill()
        house.process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_child_and_grandchild(started: Callable[[str], House], number: signal.Signals) -> None:
    house = started(FAMILY)
    (family,) = house.families()
    house.process.send_signal(number)
    assert house.process.wait(timeout=120) == 0
    assert not any(map(is_alive, family))


@pytest.mark.slow
def test_a_child_that_ignores_the_request_is_ended_with_its_own(started: Callable[[str], House]) -> None:
    house = started(STUBBORN)
    (family,) = house.families()
    house.process.send_signal(signal.SIGTERM)
    assert house.process.wait(timeout=120) == 0
    assert not any(map(is_alive, family))


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_kill_nine_of_the_supervisor_leaves_no_orphans(started: Callable[[str], House]) -> None:
    house = started(FAMILY)
    (family,) = house.families()
    house.process.kill()
    house.process.wait()
    assert wait_for(lambda: not any(map(is_alive, family)))


def test_a_killed_child_starts_again_and_takes_its_grandchild_along(started: Callable[[str], House]) -> None:
    house = started(FAMILY)
    (first,) = house.families()
    os.kill(int(first[0].partition(":")[0]), signal.SIGKILL)
    assert wait_for(lambda: len(house.families()) == 2)
    assert not any(map(is_alive, first)), "what the dead child left behind is ended too"
    house.process.send_signal(signal.SIGTERM)
    assert house.process.stdout is not None
    assert house.process.stdout.read().splitlines() == [
        "family | päivää",
        "family | ended (SIGKILL); starts again in 2 s",
        "family | päivää",
    ]
