"""Child processes under one roof: started, prefixed, restarted with back-off, and ended to the last grandchild."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

PR_SET_PDEATHSIG = 1
GRACE_SECONDS = 10.0
STEADY_SECONDS = 60.0  # a child that lived this long starts its back-off afresh
LONGEST_BACK_OFF_SECONDS = 30.0
LOOK_SECONDS = 0.2

Say = Callable[[str, str], None]


@dataclass(frozen=True)
class Child:
    """A process to keep alive: the name before its lines, and its command."""

    name: str
    command: Sequence[str]


@dataclass
class Running:
    """One child and what the supervisor knows of it; times in seconds of the monotonic clock."""

    child: Child
    process: subprocess.Popen[str] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    back_off: float = 1.0
    reader: threading.Thread | None = field(default=None, repr=False)


def keep_alive(children: Sequence[Child], say: Say) -> None:
    """Run the children until SIGINT, SIGTERM or SIGHUP comes, then end them all and return."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    running = [Running(child) for child in children]
    try:
        while not stopping.is_set():
            for one in running:
                look_after(one, say)
            stopping.wait(LOOK_SECONDS)
    finally:
        end([one.process for one in running if one.process is not None])
        for one in running:
            if one.reader:
                one.reader.join(timeout=1)


def look_after(one: Running, say: Say) -> None:
    """Start the child if it is due; if it died, say so and note when to start it again."""
    now = time.monotonic()
    if one.process is None:
        if now >= one.start_at:
            start(one, say)
    elif (code := one.process.poll()) is not None:
        end([one.process])  # grandchildren it left behind
        one.back_off = next_back_off(one.back_off, lived=now - one.started_at)
        one.process, one.start_at = None, now + one.back_off
        say(one.child.name, f"ended ({how(code)}); starts again in {one.back_off:.0f} s")


def next_back_off(before: float, *, lived: float) -> float:
    """Seconds to wait before the next start: doubling, but afresh after a steady life.

    >>> next_back_off(4, lived=1), next_back_off(20, lived=1), next_back_off(20, lived=120)
    (8, 30.0, 1.0)
    """
    return 1.0 if lived >= STEADY_SECONDS else min(before * 2, LONGEST_BACK_OFF_SECONDS)


def how(code: int) -> str:
    """The end of a process in words.

    >>> how(1), how(-9)
    ('exit code 1', 'SIGKILL')
    """
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def start(one: Running, say: Say) -> None:
    """Start the child in a group of its own, and pass its lines on with its name before them."""
    parent = os.getpid()
    one.process = subprocess.Popen(
        one.child.command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        preexec_fn=lambda: die_with(parent),
    )
    one.started_at = time.monotonic()
    one.reader = threading.Thread(target=pass_on, args=(one.child.name, one.process, say), daemon=True)
    one.reader.start()


def die_with(parent: int) -> None:
    """Ask the kernel (Linux) for a SIGTERM when the parent dies, so that even its kill -9 leaves no orphans."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died in between
            os._exit(1)


def pass_on(name: str, process: subprocess.Popen[str], say: Say) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        say(name, line.rstrip())


def end(processes: Sequence[subprocess.Popen[str]]) -> None:
    """SIGTERM to every group, SIGKILL to what still lives after the grace."""
    send_to_groups(processes, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while any(group_lives(one) for one in processes) and time.monotonic() < deadline:
        time.sleep(0.05)
    send_to_groups(processes, signal.SIGKILL)
    for one in processes:
        one.wait()


def send_to_groups(processes: Sequence[subprocess.Popen[str]], number: int) -> None:
    for one in processes:
        try:
            os.killpg(one.pid, number)
        except ProcessLookupError:
            continue


def group_lives(process: subprocess.Popen[str]) -> bool:
    """Whether any process of the child's group is left."""
    process.poll()  # a zombie of ours would count as alive
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def printer(width: int) -> Say:
    """A `say` that writes whole lines to standard output, the name in a column of `width`."""
    lock = threading.Lock()

    def say(name: str, line: str) -> None:
        with lock:
            sys.stdout.write(f"{name:<{width}} | {line}\n"[: max(shutil.get_terminal_size().columns * 20, 2000)])
            sys.stdout.flush()

    return say
