"""make chaos: things go wrong on purpose; then every message is accounted for. Three scenarios:

kills: workers are killed in mid-send again and again · points: one worker is killed at each point of a hand-over where
it hurts · launches: fifty launches of one campaign at once.
Uses DATABASE_URL's server with a database of its own (made and dropped), or SQLite in a folder of its own.
"""

import argparse
import contextlib
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from chaos.stage import free_ports, kill, own_database, prepare, start, wait_until_open

SIZES = {"small": 600, "full": 20_000}
PROCESSES = 2


def main() -> int:
    asked = parse()
    with tempfile.TemporaryDirectory(prefix="kohde-chaos-") as folder, own_database(folder):
        place = Path(folder)
        ports = free_ports(2)
        os.environ["EMAIL_URL"] = f"smtp://127.0.0.1:{ports[1] if asked.cut_share else ports[0]}"
        prepare()
        with serving(asked, place / "sink.jsonl", ports):
            return SCENARIOS[asked.scenario](asked, place / "sink.jsonl")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", nargs="?", choices=list(SCENARIOS), default="kills")
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--messages", type=int)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cut-share", type=float, default=0.0, help="share of connections a proxy cuts off")
    parser.add_argument("--on-ambiguous", choices=["hold", "resend"], default="hold")
    return parser.parse_args()


@contextlib.contextmanager
def serving(asked: argparse.Namespace, log: Path, ports: list[int]) -> Iterator[None]:
    """The sink, and before it the proxy that cuts connections when asked for."""
    servers = [start("chaos.sink", "--port", str(ports[0]), "--log", str(log))]
    if asked.cut_share:
        told = ["--port", str(ports[1]), "--target", str(ports[0]), "--cut-share", str(asked.cut_share)]
        servers.append(start("chaos.faultproxy", *told))
    try:
        for port in ports[: len(servers)]:
            wait_until_open(port)
        yield
    finally:
        for server in servers:
            kill(server)


def kills(asked: argparse.Namespace, log: Path) -> int:
    """Workers die at random moments, one or all of them."""
    from chaos import firm

    run = firm.make_run(asked.messages or SIZES[asked.size], seed=asked.seed, on_ambiguous=asked.on_ambiguous)
    killed = torment(run, random.Random(asked.seed), asked.kills)
    finish(run)
    return report(run, log, killed, asked)


def points(asked: argparse.Namespace, log: Path) -> int:
    """At each point a worker dies; that leaves one message in doubt at most, and none before the first hand-over."""
    from campaigns.models import Message
    from chaos import firm, worker

    run, doubts, wrong = firm.make_run(asked.messages or 120, seed=asked.seed), 0, []
    for point in worker.POINTS:
        start("chaos.worker", str(run), "--die-at", point).wait(timeout=600)
        held = Message.objects.filter(state="handing").count()
        if held != (point in worker.DOUBTFUL):
            wrong.append(f"{point}: {held} rows in hand-over")
        doubts += held
        let_time_pass()
    finish(run)
    status = report(run, log, doubts, asked)
    sys.stdout.write("".join(f"{one}\n" for one in wrong))
    return 1 if wrong else status


def launches(asked: argparse.Namespace, log: Path) -> int:
    """Fifty launches at once make one run; the other forty-nine are told."""
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connection
    from django.utils import timezone

    from campaigns import actions
    from campaigns.lifecycle import MoveNotAllowed
    from campaigns.models import Campaign, Run
    from chaos import firm
    from crm import rights

    campaign = firm.make_campaign(20, seed=asked.seed)

    def launch(_: int) -> str:
        try:
            actions.launch(Campaign.objects.get(pk=campaign.pk), by=rights.machine("chaos"), at=timezone.now())
        except MoveNotAllowed:
            return "told"
        finally:
            connection.close()
        return "launched"

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(launch, range(50)))
    found = {answer: answers.count(answer) for answer in set(answers)}
    sys.stdout.write(json.dumps({"answers": found, "runs": Run.objects.count()}) + "\n")
    return 0 if (found, Run.objects.count()) == ({"launched": 1, "told": 49}, 1) else 1


SCENARIOS = {"kills": kills, "points": points, "launches": launches}


def torment(run: int, chance: random.Random, times: int) -> int:
    """Start workers and kill one, or all, after a moment; pretend that time passed. Return how many were killed."""
    workers, killed = [start("chaos.worker", str(run)) for _ in range(PROCESSES)], 0
    for _ in range(times):
        time.sleep(1.2 + chance.random())
        victims = workers if chance.random() < 0.4 else [chance.choice(workers)]
        for victim in list(victims):
            killed += victim.poll() is None
            kill(victim)
            workers.remove(victim)
        let_time_pass()
        workers += [start("chaos.worker", str(run)) for _ in range(PROCESSES - len(workers))]
    for worker in workers:
        worker.wait(timeout=600)
    return killed


def finish(run: int) -> None:
    """Let the rest be sent without kills, through every wait for another try."""
    from campaigns.models import Run

    for _ in range(12):
        let_time_pass()
        if Run.objects.get(pk=run).status == "completed":
            return
        start("chaos.worker", str(run), "--patience", "3").wait(timeout=900)


def let_time_pass() -> None:
    """What a day would do: leases run out, waits are over, and the sweep of every minute comes by."""
    from datetime import timedelta

    from django.utils import timezone

    from campaigns.delivery.sweeping import sweep
    from campaigns.models import Message, Run

    past = timezone.now() - timedelta(minutes=1)
    Message.objects.filter(state__in=("leased", "handing")).update(lease_until=past)
    Message.objects.filter(state="deferred").update(next_at=past)
    Run.objects.filter(status="paused").update(resume_at=past)
    sweep(at=timezone.now())


def report(run: int, log: Path, killed: int, asked: argparse.Namespace) -> int:
    from campaigns.models import Attempt
    from chaos.audit import audit

    drops = Attempt.objects.filter(phase="data", code="").count()
    found = audit(run, log, kills=killed, processes=1, drops=drops, may_repeat=asked.on_ambiguous == "resend")
    sys.stdout.write(json.dumps({"kills": killed, **asdict(found)}, indent=1) + "\n")
    return 1 if found.broken else 0


if __name__ == "__main__":
    sys.exit(main())
