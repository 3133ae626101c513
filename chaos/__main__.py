"""make chaos: things go wrong on purpose; then every message is accounted for. The scenarios, any number in one go:

launches: fifty launches of one campaign at once · points: one worker dies at each point of a hand-over where it hurts ·
kills: workers are killed in mid-send again and again · cuts: the same while a proxy breaks connections · resends: the
same when the policy is to send again · services: a PostgreSQL, a Redis, workers and a timetable of its own, with real
Celery, are killed in turns while messages leave.
Uses DATABASE_URL's server with a database of its own (made and dropped), or SQLite in a folder of its own.
"""

import argparse
import contextlib
import itertools
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from chaos.services import Celery, own_services
from chaos.stage import Fork, free_ports, kill, own_database, prepare, start, wait_until_open
from chaos.worker import work

SIZES = {"small": 600, "full": 20_000}
PROCESSES = 2
CUT_SHARE = 0.3  # of connections, by the proxy
MOST_WAITS = 100  # each lets a worker go on until the server's next fault
ENOUGH_SECONDS = 7_200  # for 20,000 messages on a busy machine


def main() -> int:
    asked = parse()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="kohde-chaos-"))
        place = Path(folder)
        if "services" in asked.scenarios:
            asked.services = stack.enter_context(own_services())
        stack.enter_context(own_database(folder))
        asked.ports = free_ports(2)
        os.environ["EMAIL_URL"] = f"smtp://127.0.0.1:{asked.ports[0]}"
        prepare()
        with serving(place / "sink.jsonl", asked.ports):
            return max([tried(name, asked, place / "sink.jsonl") for name in asked.scenarios])


def tried(name: str, asked: argparse.Namespace, log: Path) -> int:
    """One scenario; its figures are printed. 1 when a promise was broken."""
    began = time.monotonic()
    status = SCENARIOS[name](asked, log)
    sys.stdout.write(f"{name}: {'broken' if status else 'kept'}, {time.monotonic() - began:.0f} s\n")
    sys.stdout.flush()
    return status


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="+", choices=list(SCENARIOS))
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--messages", type=int)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


@contextlib.contextmanager
def serving(log: Path, ports: list[int]) -> Iterator[None]:
    """The sink, and before it the proxy that cuts connections for those who call there."""
    told = ["--port", str(ports[1]), "--target", str(ports[0]), "--cut-share", str(CUT_SHARE)]
    servers = [start("chaos.sink", "--port", str(ports[0]), "--log", str(log)), start("chaos.faultproxy", *told)]
    try:
        for port in ports:
            wait_until_open(port)
        yield
    finally:
        for server in servers:
            kill(server)


@contextlib.contextmanager
def by_the_proxy(asked: argparse.Namespace) -> Iterator[None]:
    from django.conf import settings

    settings.EMAIL_PORT = asked.ports[1]
    try:
        yield
    finally:
        settings.EMAIL_PORT = asked.ports[0]


def kills(asked: argparse.Namespace, log: Path, *, on_ambiguous: str = "hold") -> int:
    """Workers die at random moments, one or all of them."""
    from chaos import firm

    run = firm.make_run(asked.messages or SIZES[asked.size], seed=asked.seed, on_ambiguous=on_ambiguous)
    killed = torment(run, random.Random(asked.seed), asked.kills)
    finish(run)
    return report(run, log, killed, may_repeat=on_ambiguous == "resend")


def cuts(asked: argparse.Namespace, log: Path) -> int:
    """Connections break as well."""
    with by_the_proxy(asked):
        return kills(asked, log)


def points(asked: argparse.Namespace, log: Path) -> int:
    """At each point a worker dies; that leaves one message in doubt at most, and none before the first hand-over."""
    from campaigns.models import Message
    from chaos import firm, worker

    run, doubts, wrong = firm.make_run(min(asked.messages or 120, 120), seed=asked.seed), 0, []
    own = Message.objects.filter(run=run)
    for point in worker.POINTS:
        Fork(partial(work, run, die_at=point)).wait(ENOUGH_SECONDS)
        held = own.filter(state="handing").count()
        if held != (point in worker.DOUBTFUL):
            wrong.append(f"{point}: {held} rows in hand-over")
        doubts += held
        before = own.filter(state="unknown").count()
        let_time_pass()
        doubted = own.filter(state="unknown").count() - before
        if point in worker.KNOWN and doubted:
            wrong.append(f"{point}: the journal was not read")
    finish(run)
    status = report(run, log, doubts)
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
    runs = Run.objects.filter(campaign=campaign).count()
    sys.stdout.write(json.dumps({"answers": found, "runs": runs}) + "\n")
    return 0 if (found, runs) == ({"launched": 1, "told": 49}, 1) else 1


def services(asked: argparse.Namespace, log: Path) -> int:
    """A firm with a rate of thirty a second, so that there is time; each service dies in turn and comes back."""
    from campaigns.models import SendingRate
    from chaos import firm

    run = firm.make_run(asked.messages or SIZES[asked.size], seed=asked.seed)
    SendingRate.objects.create(channel="email", per_minute=1_800, burst=60)
    workers, beat = Celery("worker", "-c", str(PROCESSES)), Celery("beat")
    victims = {**asked.services, "workers": workers, "beat": beat}
    try:
        killed = torment_services(run, victims, asked.kills)
        settle(run)
    finally:
        for one in (workers, beat):
            one.kill()
    return report(run, log, killed, processes=PROCESSES)


def torment_services(run: int, victims: dict[str, Any], times: int) -> int:
    """Kill one after the other; return how often something died that a hand-over may have been in."""
    from campaigns import tasks

    again_and_again(lambda: tasks.poke(run))
    killed = 0
    for _, (name, victim) in zip(range(times), itertools.cycle(victims.items()), strict=False):
        time.sleep(2)
        victim.kill()
        time.sleep(1)
        victim.revive()
        killed += name in ("postgres", "workers")
        again_and_again(sweep_and_poke)
    return killed


def settle(run: int) -> None:
    """Minute after minute goes by, as fast as rates allow, until the run says that it is done."""
    from campaigns.models import Run

    for _ in range(600):
        again_and_again(sweep_and_poke)
        if Run.objects.get(pk=run).status == "completed":
            return
        time.sleep(1)


def sweep_and_poke() -> None:
    """What the timetable does each minute, leases and waits being over."""
    from campaigns import tasks

    let_time_pass(idle_only=True)
    tasks.sweep_campaigns()


def again_and_again(act: Callable[[], None]) -> None:
    """Do it, however long database and queue need to come back."""
    from django.db import Error, connection
    from kombu.exceptions import OperationalError

    for _ in range(60):
        try:
            return act()
        except (Error, OperationalError):
            connection.close()
            time.sleep(0.5)
    raise TimeoutError("the services did not come back")


SCENARIOS: dict[str, Callable[..., int]] = {
    "launches": launches,
    "points": points,
    "kills": kills,
    "cuts": cuts,
    "resends": partial(kills, on_ambiguous="resend"),
    "services": services,
}


def torment(run: int, chance: random.Random, times: int) -> int:
    """Start workers and kill one, or all, after a moment; pretend that time passed. Return how many were killed."""
    workers, killed = [Fork(partial(work, run)) for _ in range(PROCESSES)], 0
    for _ in range(times):
        time.sleep(0.2 + chance.random())
        victims = workers if chance.random() < 0.4 else [chance.choice(workers)]
        for victim in list(victims):
            killed += victim.poll() is None
            kill(victim)
            workers.remove(victim)
        let_time_pass()
        workers += [Fork(partial(work, run)) for _ in range(PROCESSES - len(workers))]
    for worker in workers:
        worker.wait(ENOUGH_SECONDS)
    return killed


def finish(run: int) -> None:
    """Let the rest be sent without kills, through every wait for another try; the more there is, the more waits."""
    from campaigns.models import Run

    for _ in range(MOST_WAITS):
        let_time_pass()
        if Run.objects.get(pk=run).status == "completed":
            return
        work(run, patience=1)


def let_time_pass(*, idle_only: bool = False) -> None:
    """What a day would do: leases run out, waits are over, and the sweep of every minute comes by.

    `idle_only` spares the leases of workers that live: theirs were taken within the last seconds.
    """
    from datetime import timedelta

    from django.db import transaction
    from django.db.models import Case, Value, When
    from django.db.models.functions import Now
    from django.utils import timezone

    from campaigns.delivery.sweeping import sweep
    from campaigns.delivery.transitions import HAND_OVER_LEASE, LEASE
    from campaigns.models import Message, Run

    past = timezone.now() - timedelta(minutes=1)
    leased = Message.objects.filter(state__in=("leased", "handing"))
    if idle_only:  # a batch at this rate takes a few seconds; who holds a row longer is dead
        taken = Case(When(state="handing", then=Value(HAND_OVER_LEASE)), default=Value(LEASE))
        leased = leased.filter(lease_until__lt=Now() + taken - timedelta(seconds=8))
    with transaction.atomic():  # in the order in which living workers lock them, else the two wait for each other
        held = list(leased.order_by("pk").select_for_update().values_list("pk", flat=True))
        leased.filter(pk__in=held).update(lease_until=past)
    Message.objects.filter(state="deferred").update(next_at=past)
    Run.objects.filter(status="paused").update(resume_at=past)
    sweep(at=timezone.now())


def report(run: int, log: Path, killed: int, *, processes: int = 1, may_repeat: bool = False) -> int:
    from campaigns.models import Attempt
    from chaos.audit import audit

    drops = Attempt.objects.filter(message__run=run, phase="data", code="").count()
    found = audit(run, log, kills=killed, processes=processes, drops=drops, may_repeat=may_repeat)
    sys.stdout.write(json.dumps({"kills": killed, **asdict(found)}) + "\n")
    return 1 if found.broken else 0


if __name__ == "__main__":
    sys.exit(main())
