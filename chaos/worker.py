"""A worker process for chaos: sends until nothing is due. With --die-at it kills itself at that point of a message."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

POINTS = ("after_claim", "before_handing", "after_handing", "after_250", "after_sent")
DOUBTFUL = POINTS[1:]  # T5 of a message is written with T4 of the next: a death then leaves one doubt, never two


def main() -> None:
    asked = parse()
    import django

    django.setup()
    from campaigns.delivery import worker

    if asked.die_at:
        arm(worker, asked.die_at, asked.on)
    idle = 0
    while idle < asked.patience:
        idle = 0 if worker.send_batch(asked.run, size=asked.size) else idle + 1
        time.sleep(0.05 if idle else 0)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=int)
    parser.add_argument("--size", type=int, default=50)
    parser.add_argument("--patience", type=int, default=20, help="idle rounds before it ends")
    parser.add_argument("--die-at", choices=POINTS)
    parser.add_argument("--on", type=int, default=3, help="at which message it dies")
    return parser.parse_args()


def arm(worker: Any, point: str, on: int) -> None:
    """Wrap the step so that the process is gone, without any clean-up, at its `on`-th passing."""
    steps = {
        "after_claim": (worker, "claim", "after"),
        "before_handing": (worker, "begin", "before"),
        "after_handing": (worker, "begin", "after"),
        "after_250": (worker, "accept", "before"),
        "after_sent": (worker, "write_accepted", "after"),
    }
    holder, name, when = steps[point]
    count = 1 if point == "after_claim" else on
    setattr(holder, name, deadly(getattr(holder, name), when, count))
    if point == "after_250":
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


if __name__ == "__main__":
    sys.exit(main())
