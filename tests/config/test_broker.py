"""The embedded broker loses nothing to a kill -9 and hands nothing out twice to the living."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection

from config.broker import MOST_DELIVERIES, QueueFile, is_alive, owner_of, register

TAKE_AND_HANG = """
import sys, time; from pathlib import Path; from config.broker import QueueFile
queue = QueueFile(Path(sys.argv[1]))
for _ in range(int(sys.argv[2])): print(queue.take("q"), flush=True)
time.sleep(600)
"""
WORKER = """
import os, sys, time; from celery import Celery; from config import broker
broker.register()
app = Celery("probe", broker=sys.argv[1])
app.conf.update(task_acks_late=True, worker_enable_remote_control=False, worker_prefetch_multiplier=4,
                task_ignore_result=True, worker_hijack_root_logger=False)
@app.task(name="note")
def note(number):
    with open(sys.argv[2], "a") as log: log.write(f"start {number}\\n")
    time.sleep(0.01)
    with open(sys.argv[2], "a") as log: log.write(f"end {number}\\n")
if sys.argv[3] == "send":
    for number in range(int(sys.argv[4])): note.delay(number)
else:
    app.Worker(pool="threads", concurrency=2, quiet=True, without_gossip=True, without_mingle=True).start()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.sqlite3"


def child(code: str, *words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def test_the_oldest_of_the_highest_priority_leaves_first(path: Path) -> None:
    queue = QueueFile(path)
    for tag, priority in (("a", 0), ("b", 5), ("c", 5), ("d", 0)):
        queue.put("q", tag, tag, priority)
    assert [queue.take("q") for _ in range(4)] == ["b", "c", "a", "d"]


def test_an_empty_queue_says_so_and_other_queues_are_not_touched(path: Path) -> None:
    queue = QueueFile(path)
    queue.put("other", "a", "a")
    with pytest.raises(Empty):
        queue.take("q")
    assert queue.waiting("other") == 1


def test_a_message_given_back_is_delivered_again_and_one_done_is_gone(path: Path) -> None:
    queue = QueueFile(path)
    queue.put("q", "a", "a")
    queue.take("q")
    queue.give_back("a")
    assert queue.take("q") == "a"
    queue.done("a")
    queue.free_the_dead()
    assert queue.waiting("q") == 0


def test_leases_of_a_killed_process_are_freed_and_those_of_a_living_one_are_kept(path: Path) -> None:
    queue = QueueFile(path)
    for tag in "abc":
        queue.put("q", tag, tag)
    taker = child(TAKE_AND_HANG, path, 2)
    assert taker.stdout is not None
    assert [taker.stdout.readline().strip() for _ in range(2)] == ["a", "b"]
    QueueFile(path)
    assert queue.waiting("q") == 1, "the taker lives"
    taker.kill()
    taker.wait()
    QueueFile(path)
    assert queue.waiting("q") == 3


def test_a_message_that_keeps_killing_its_worker_is_dropped(path: Path) -> None:
    queue = QueueFile(path)
    queue.put("q", "poison", "poison")
    for _ in range(MOST_DELIVERIES):
        taker = child(TAKE_AND_HANG, path, 1)
        assert taker.stdout is not None
        taker.stdout.readline()
        taker.kill()
        taker.wait()
        queue.free_the_dead()
    assert queue.waiting("q") == 0


def test_a_dead_process_whose_number_was_given_to_another_counts_as_dead() -> None:
    mine = owner_of(os.getpid())
    assert is_alive(mine)
    assert not is_alive(mine.partition(":")[0] + ":1"), "same number, another start"


def test_eight_threads_take_every_message_exactly_once(path: Path) -> None:
    queue = QueueFile(path)
    for number in range(400):
        queue.put("q", str(number), str(number))
    taken: list[str] = []

    def take_all() -> None:
        while True:
            try:
                taken.append(queue.take("q"))
            except Empty:
                return

    threads = [threading.Thread(target=take_all) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken, key=int) == [str(number) for number in range(400)]


def test_kombu_sends_and_receives_over_it(path: Path) -> None:
    register()
    with Connection(f"embedded:///{path}") as connection:
        queue = connection.SimpleQueue("q")
        queue.put({"text": "päivää"})
        message = queue.get(timeout=60)
        assert message.payload == {"text": "päivää"}
        message.ack()
        assert queue.qsize() == 0
        queue.close()
    assert QueueFile(path).purge("q") == 0


def test_celery_loses_no_task_to_kill_nine(path: Path, tmp_path: Path) -> None:
    """300 tasks; the worker is killed three times in the middle; each task ends, few start twice."""
    log = tmp_path / "log"
    log.touch()
    address = f"embedded:///{path}"
    assert child(WORKER, address, log, "send", 300).wait(timeout=240) == 0

    def ended() -> set[str]:
        return {line.split()[1] for line in log.read_text().splitlines() if line.startswith("end")}

    for share in (60, 130, 200, 300):
        worker = child(WORKER, address, log, "work")
        deadline = time.monotonic() + 240
        while len(ended()) < share and time.monotonic() < deadline:
            time.sleep(0.02)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    assert ended() == {str(number) for number in range(300)}
    starts = [line for line in log.read_text().splitlines() if line.startswith("start")]
    assert len(starts) - 300 <= 4 * 8, "at most what was fetched at each kill starts again"


def test_the_body_stays_readable_json(path: Path) -> None:
    register()
    with Connection(f"embedded:///{path}") as connection:
        connection.SimpleQueue("q").put([1, 2])
    assert json.loads(QueueFile(path).take("q"))["content-type"] == "application/json"
