"""A worker for chaos: sends until nothing is due; told to, it kills its process at one point of a message."""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

POINTS = ("after_claim", "before_handing", "after_handing", "after_250", "after_journal", "after_sent")
KNOWN = ("after_journal", "after_sent")  # what the dead process was told stands in its journal
DOUBTFUL = POINTS[1:]  # T5 of a message is written with T4 of the next: a death then leaves one doubt, never two


def work(run: int, *, size: int = 50, patience: int = 20, die_at: str = "", on: int = 3) -> None:
    """Send until nothing was due `patience` times in a row; die at the `on`-th message if told to."""
    from campaigns.delivery import worker

    if die_at:
        arm(worker, die_at, on)
    idle = 0
    while idle < patience:
        idle = 0 if worker.send_batch(run, size=size) else idle + 1
        time.sleep(0.05 if idle else 0)


def arm(worker: Any, point: str, on: int) -> None:
    """Wrap the step so that the process is gone, without any clean-up, at its `on`-th passing."""
    steps = {
        "after_claim": (worker, "claim", "after"),
        "before_handing": (worker, "begin", "before"),
        "after_handing": (worker, "begin", "after"),
        "after_250": (worker, "accept", "before"),
        "after_journal": (worker, "accept", "after"),
        "after_sent": (worker, "accepted", "after"),
    }
    holder, name, when = steps[point]
    count = 1 if point == "after_claim" else on
    setattr(holder, name, deadly(getattr(holder, name), when, count))
    if name == "accept":
        worker.AFTER = {**worker.AFTER, worker.Meaning.ACCEPTED: worker.accept}


def deadly(step: Callable[..., Any], when: str, on: int) -> Callable[..., Any]:
    passed = 0

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        nonlocal passed
        passed += 1
        if passed == on and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = step(*args, **kwargs)
        if passed == on:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return wrapped
