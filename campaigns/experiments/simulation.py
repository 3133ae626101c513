"""Planted truth against what the experiments promise: `python -m campaigns.experiments.simulation [small|full]`."""

import json
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

import numpy as np

from campaigns.classing import HUMAN, Hit, classify
from campaigns.experiments.answers import CannotTell
from campaigns.experiments.bandit import thompson_shares
from campaigns.experiments.comparison import compare, compare_rates, compare_spend
from campaigns.experiments.decision import contest, decide
from campaigns.experiments.guardrails import vetoes
from campaigns.experiments.plan import ArmPlan, Goal, Guardrail, Plan
from campaigns.experiments.pooling import discoveries
from campaigns.experiments.power import Look, detectable_rate
from campaigns.experiments.sufficient import Mean, Proportion, Sample
from campaigns.experiments.waves import stratified

SEED = 20_240_501
SIZES = {"small": 300, "full": 6_000}
RATE, DAYS, PER_DAY = 0.05, 28, 300


@dataclass(frozen=True)
class Promise:
    """A share (0–1) measured over `tests` simulated tests, and the range in which it was promised to lie."""

    name: str
    measured: float
    low: float
    high: float
    tests: int

    @property
    def is_kept(self) -> bool:
        """Inside the range, three standard errors of the simulation allowed."""
        edge = min(max(self.measured, 0.01), 0.99)
        noise = 3 * math.sqrt(edge * (1 - edge) / self.tests)
        return self.low - noise <= self.measured <= self.high + noise


def promises(tests: int) -> list[Promise]:
    """Every promise, measured afresh with the same seed."""
    return [measure(np.random.default_rng(SEED), tests) for measure in MEASURES]


def false_winners_under_peeking(random: np.random.Generator, tests: int) -> Promise:
    """A/A: share of tests in which any of 28 daily looks declares a winner."""
    declared = sum(_found_by_peeking(random, RATE, RATE) is not None for _ in range(tests))
    return Promise("a/a tests that declare a winner under daily peeking", declared / tests, 0.0, 0.05, tests)


def power_under_peeking(random: np.random.Generator, tests: int) -> Promise:
    """Share of tests that find, at some daily look, the effect promised to be found in 80 %."""
    better = RATE + _detectable("always")
    found = sum(_found_by_peeking(random, RATE, better) == "b" for _ in range(tests))
    return Promise("planted effects found under daily peeking", found / tests, 0.77, 0.83, tests)


def power_at_the_end(random: np.random.Generator, tests: int) -> Promise:
    """Share of tests that find, in one look at the end, the effect promised to be found in 80 %."""
    people, better = DAYS * PER_DAY, RATE + _detectable("once")
    hits = random.binomial(people, [RATE, better], (tests, 2))
    found = sum(_winner(_plan("once"), people, *map(int, pair)) == "b" for pair in hits)
    return Promise("planted effects found in one look", found / tests, 0.77, 0.83, tests)


def coverage_of_rates(random: np.random.Generator, tests: int) -> Promise:
    """Share of intervals of a difference of rates that hold the true one, with a hold-out of a tenth."""
    sizes, rates = (9000, 1000), (0.06, 0.04)
    hits = random.binomial(sizes, rates, (tests, 2))
    readings = (compare_rates(*(Proportion(n, int(x)) for n, x in zip(sizes, pair, strict=True))) for pair in hits)
    held = sum(not isinstance(reading, CannotTell) and 0.02 in reading.interval for reading in readings)
    return Promise("intervals of rates that hold the truth", held / tests, 0.94, 0.96, tests)


def coverage_of_spending(random: np.random.Generator, tests: int) -> Promise:
    """Share of intervals of caused revenue per person that hold the true one, with a hold-out of a tenth."""
    held = 0
    for _ in range(tests):
        reading = compare_spend(_spending(random, 9000, 0.06), _spending(random, 1000, 0.04))
        held += not isinstance(reading, CannotTell) and 50 * (0.06 - 0.04) in reading.interval
    return Promise("intervals of revenue that hold the truth", held / tests, 0.94, 0.96, tests)


def false_discoveries(random: np.random.Generator, tests: int) -> Promise:
    """Mean share of false ones among the segments declared, 3 of 12 having a true effect."""
    rounds, people = max(1, tests // 12), 4000
    plan, shares = _plan("once"), 0.0
    for _ in range(rounds):
        hits = random.binomial(people, [[RATE, RATE + 0.025]] * 3 + [[RATE, RATE]] * 9)
        outcomes = [contest(plan, _arms(people, int(a), int(b))) for a, b in hits]
        p_values = [1.0 if isinstance(outcome, CannotTell) else outcome.p_value for outcome in outcomes]
        chosen = [
            decide(plan, outcome, q_value=q).variant for outcome, q in zip(outcomes, discoveries(p_values), strict=True)
        ]
        true = chosen[:3].count("b")
        declared = len(chosen) - chosen.count(None)
        shares += (declared - true) / declared if declared else 0.0
    return Promise("false ones among the segments declared", shares / rounds, 0.0, 0.05, rounds)


def false_vetoes_under_peeking(random: np.random.Generator, tests: int) -> Promise:
    """Share of tests in which, at any daily look, a guardrail rules out a version that stands exactly on its limits."""
    rails = (Guardrail("unsubscribe", "", 0.02, 0.005), Guardrail("complaint", "", 0.003, 0.001))
    rule = replace(_plan("always"), guardrails=rails)
    on_limits = {"unsubscribe": [0.02, 0.015], "complaint": [0.003, 0.002]}
    vetoed = sum(_is_vetoed(random, rule, on_limits) for _ in range(tests))
    return Promise("versions on their limits that a guardrail rules out", vetoed / tests, 0.0, 0.05, tests)


def _is_vetoed(random: np.random.Generator, rule: Plan, rates: dict[str, list[float]]) -> bool:
    counts = {key: random.binomial(PER_DAY, pair, (DAYS, 2)).cumsum(axis=0) for key, pair in rates.items()}
    return any(
        vetoes(rule, {key: _rates(PER_DAY * (day + 1), *hits[day]) for key, hits in counts.items()})
        for day in range(DAYS)
    )


WAVES, PER_WAVE = 5, 2_000
TREND = (0.03, 0.05, 0.1, 0.04, 0.08)  # what everybody does in each wave, whichever version: some days are better


def false_winners_of_waves(random: np.random.Generator, tests: int) -> Promise:
    """A/A: share of tests in waves that declare a winner at any look, later shares following earlier luck."""
    declared = sum(any(_looks(_in_waves(random, 0.0))) for _ in range(tests))
    return Promise("a/a tests in waves that declare a winner", declared / tests, 0.0, 0.05, tests)


def coverage_of_waves(random: np.random.Generator, tests: int) -> Promise:
    """Share of intervals that hold the true difference after waves that favoured the better version."""
    held = 0
    for _ in range(tests):
        read = stratified(_in_waves(random, 0.02))
        reading = compare(read["b"], read["a"])
        held += not isinstance(reading, CannotTell) and 0.02 in reading.interval
    return Promise("intervals after waves that hold the truth", held / tests, 0.94, 0.96, tests)


def _in_waves(random: np.random.Generator, effect: float) -> list[dict[str, Sample]]:
    """Waves of two versions, each dealt by the chances that the earlier ones gave."""
    waves: list[dict[str, Sample]] = []
    share = 0.5
    for usual in TREND:
        sizes = {"a": PER_WAVE - round(PER_WAVE * share), "b": round(PER_WAVE * share)}
        rates = {"a": usual, "b": usual + effect}
        waves.append({key: Proportion(n, int(random.binomial(n, rates[key]))) for key, n in sizes.items()})
        told = thompson_shares(stratified(waves), floor=0.2)
        share = (
            0.5 if isinstance(told, CannotTell) else dict(zip(told.weights.arms, told.weights.shares, strict=True))["b"]
        )
    return waves


def _looks(waves: list[dict[str, Sample]]) -> Iterator[str | None]:
    """The version declared after each wave."""
    rule = replace(_plan("always"), people=WAVES * PER_WAVE)
    for number in range(1, len(waves) + 1):
        yield decide(rule, contest(rule, stratified(waves[:number]))).variant


BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"
SCANNED, PREFETCHED = (0.25, 0.15), 0.6  # of all messages: scanners follow their links, machines load their pictures
SCANNERS = (
    Hit("Mozilla/5.0 Barracuda Sentinel", "GET", timedelta(minutes=1)),
    Hit(BROWSER, "GET", timedelta(seconds=1)),
    Hit(BROWSER, "GET", timedelta(minutes=3), links_in_burst=4),
    Hit("", "GET", timedelta(minutes=2)),
    Hit(BROWSER, "HEAD", timedelta(minutes=2)),
)
PREFETCHERS = (Hit("Mozilla/5.0", "GET", timedelta(minutes=5)), Hit(BROWSER, "GET", timedelta(milliseconds=300)))
PERSON = Hit(BROWSER, "GET", timedelta(hours=2), links_in_burst=1)


def machines_change_no_decision(random: np.random.Generator, tests: int) -> Promise:
    """Share of planted winners found when machines open 60 % and follow the links of 20 % of all messages.

    Machines favour the losing version: had they counted, it would win. The effect is one that 99 % of tests find.
    """
    people = DAYS * PER_DAY
    better = RATE + _detectable("always", power=0.99)
    clicks = random.binomial(people, [RATE, better], (tests, 2)) if _counts(PERSON) else np.zeros((tests, 2), int)
    by_machines = random.binomial(people, SCANNED, (tests, 2)) * _share(SCANNERS)
    opened = random.binomial(people, PREFETCHED, (tests, 2)) * _share(PREFETCHERS)
    counted = np.minimum(people, clicks + by_machines.astype(int) + opened.astype(int))
    found = sum(_winner(_plan("always"), people, int(a), int(b)) == "b" for a, b in counted)
    return Promise("planted winners found among machines", found / tests, 0.95, 1.0, tests)


def _share(hits: tuple[Hit, ...]) -> float:
    """The share of these machines that would be taken for people."""
    return sum(map(_counts, hits)) / len(hits)


def _counts(hit: Hit) -> bool:
    return classify(hit).by == HUMAN


MEASURES: tuple[Callable[[np.random.Generator, int], Promise], ...] = (
    false_winners_under_peeking,
    power_under_peeking,
    power_at_the_end,
    coverage_of_rates,
    coverage_of_spending,
    false_discoveries,
    false_vetoes_under_peeking,
    false_winners_of_waves,
    coverage_of_waves,
    machines_change_no_decision,
)


def _plan(look: Look) -> Plan:
    goal = Goal("conversion", "Conversion", "rate", RATE)
    return Plan(goal, (ArmPlan("a", "A", 1), ArmPlan("b", "B", 1)), 2 * DAYS * PER_DAY, look=look)


def _detectable(look: Look, power: float = 0.8) -> float:
    answer = detectable_rate(RATE, DAYS * PER_DAY, DAYS * PER_DAY, look=look, power=power)
    return math.nan if isinstance(answer, CannotTell) else answer.difference


def _rates(people: int, hits_a: int, hits_b: int) -> dict[str, Proportion]:
    return {"a": Proportion(people, int(hits_a)), "b": Proportion(people, int(hits_b))}


def _arms(people: int, hits_a: int, hits_b: int) -> dict[str, Proportion | Mean]:
    return {**_rates(people, hits_a, hits_b)}


def _winner(plan: Plan, people: int, hits_a: int, hits_b: int) -> str | None:
    return decide(plan, contest(plan, _arms(people, hits_a, hits_b))).variant


def _found_by_peeking(random: np.random.Generator, rate_a: float, rate_b: float) -> str | None:
    """The variant declared at the first look that declares one."""
    plan = _plan("always")
    hits = random.binomial(PER_DAY, [rate_a, rate_b], (DAYS, 2)).cumsum(axis=0)
    looks = (_winner(plan, PER_DAY * day, int(a), int(b)) for day, (a, b) in enumerate(hits, start=1))
    return next((variant for variant in looks if variant), None)


def _spending(random: np.random.Generator, people: int, share: float) -> Mean:
    """`share` of the people buy for 50 on average, unevenly."""
    amounts = random.gamma(2, 25, int(random.binomial(people, share)))
    return Mean(people, float(amounts.sum()), float((amounts**2).sum()))


def main(arguments: list[str]) -> int:
    """Write the promises as JSON lines; the exit code is 1 when one is broken."""
    size = arguments[0] if arguments else "small"
    kept = promises(SIZES[size] if size in SIZES else int(size))
    for promise in kept:
        sys.stdout.write(json.dumps({**asdict(promise), "is_kept": promise.is_kept}) + "\n")
    return int(not all(promise.is_kept for promise in kept))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
