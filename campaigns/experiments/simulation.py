"""Planted truth against what the experiments promise: `python -m campaigns.experiments.simulation [small|full]`."""

import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

import numpy as np

from campaigns.classing import HUMAN, Hit, classify
from campaigns.experiments.answers import CannotTell
from campaigns.experiments.bandit import thompson_shares
from campaigns.experiments.comparison import compare, compare_rates, compare_spend
from campaigns.experiments.covariate import adjust
from campaigns.experiments.decision import contest, decide
from campaigns.experiments.guardrails import vetoes
from campaigns.experiments.plan import ArmPlan, Goal, Guardrail, Plan
from campaigns.experiments.pooling import Estimate, discoveries, pool
from campaigns.experiments.power import Look, detectable_rate
from campaigns.experiments.report import detectable
from campaigns.experiments.sufficient import Mean, Paired, Proportion, Sample
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


THREE = (ArmPlan("a", "A", 0.4), ArmPlan("b", "B", 0.4), ArmPlan("held", "", 0.2, "hold_out"))


def power_among_several(random: np.random.Generator, tests: int) -> Promise:
    """Share of tests of two versions and a hold-out that choose, at some daily look, the one promised in 80 %."""
    rule = replace(_plan("always"), arms=THREE)
    found = sum(_chosen_as_people_arrive(random, rule, {"b": _lead(rule)}) == "b" for _ in range(tests))
    return Promise("planted leaders of three arms found", found / tests, 0.77, 0.83, tests)


def power_in_one_segment(random: np.random.Generator, tests: int) -> Promise:
    """Share of tests that find the effect promised in 80 % for one of ten segments, the others having none."""
    people, segments = 4000, 10
    rule = replace(_plan("once"), people=2 * people)
    better = RATE + _lead(rule, segments=segments)
    found = 0
    for _ in range(tests):
        hits = random.binomial(people, [[RATE, better]] + [[RATE, RATE]] * (segments - 1))
        found += _declared(rule, people, hits)[0] == "b"
    return Promise("planted effects found in one segment of ten", found / tests, 0.77, 0.83, tests)


def false_winners_as_answers_come(random: np.random.Generator, tests: int) -> Promise:
    """A/A, everybody written to at once: share of tests in which any daily look at the answers declares a winner."""
    declared = sum(_chosen_as_answers_come(random, 0.0) is not None for _ in range(tests))
    return Promise("a/a tests that declare a winner while answers come", declared / tests, 0.0, 0.05, tests)


def power_as_answers_come(random: np.random.Generator, tests: int) -> Promise:
    """The same with the effect promised to be found in 80 %."""
    found = sum(_chosen_as_answers_come(random, _detectable("always")) == "b" for _ in range(tests))
    return Promise("planted effects found while answers come", found / tests, 0.77, 0.83, tests)


def _chosen_as_people_arrive(random: np.random.Generator, rule: Plan, effects: dict[str, float]) -> str | None:
    """The version declared at the first daily look that declares one; some of every arm arrive each day."""
    people = {arm.key: round(rule.people * rule.share(arm.key) / DAYS) for arm in rule.arms}
    hits = {key: random.binomial(n, RATE + effects.get(key, 0.0), DAYS).cumsum() for key, n in people.items()}
    looks = ({key: Proportion(n * (day + 1), int(hits[key][day])) for key, n in people.items()} for day in range(DAYS))
    return _first_choice(rule, looks)


def _chosen_as_answers_come(random: np.random.Generator, effect: float) -> str | None:
    """The same where all were written to at once, and most who answer do so in the first days."""
    people, speed = DAYS * PER_DAY, np.exp(-np.arange(DAYS) / 6)
    answers = {"a": random.binomial(people, RATE), "b": random.binomial(people, RATE + effect)}
    hits = {key: random.multinomial(n, speed / speed.sum()).cumsum() for key, n in answers.items()}
    looks = ({key: Proportion(people, int(own[day])) for key, own in hits.items()} for day in range(DAYS))
    return _first_choice(_plan("always"), looks)


def _first_choice(rule: Plan, looks: Iterable[Mapping[str, Sample]]) -> str | None:
    choices = (decide(rule, contest(rule, arms)).variant for arms in looks)
    return next((variant for variant in choices if variant), None)


def _lead(rule: Plan, *, segments: int = 1) -> float:
    answer = detectable(rule, rule.people, segments=segments)
    return math.nan if isinstance(answer, CannotTell) else answer.difference


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


def coverage_of_few_buyers(random: np.random.Generator, tests: int) -> Promise:
    """The same where nine of the hold-out buy for very uneven amounts: the report says that it is less then."""
    held = 0
    for _ in range(tests):
        reading = compare_spend(_uneven(random, 9000, 0.0135), _uneven(random, 1000, 0.009))
        held += not isinstance(reading, CannotTell) and 50 * (0.0135 - 0.009) in reading.interval
    return Promise("intervals of revenue of few buyers that hold the truth", held / tests, 0.9, 0.95, tests)


def coverage_with_past_spend(random: np.random.Generator, tests: int) -> Promise:
    """The same where past spend is taken out (CUPED)."""
    held = 0
    for _ in range(tests):
        told = adjust([_with_past(random, 9000, 0.06), _with_past(random, 1000, 0.04)])
        reading = told if isinstance(told, CannotTell) else compare_spend(*told.arms)
        held += not isinstance(reading, CannotTell) and 50 * (0.06 - 0.04) in reading.interval
    return Promise("intervals after past spend that hold the truth", held / tests, 0.94, 0.96, tests)


def coverage_with_past_spend_in_waves(random: np.random.Generator, tests: int) -> Promise:
    """The same after waves that favoured the better version, on better and on worse days."""
    held = 0
    for _ in range(tests):
        waves = [
            {"a": _with_past(random, n, usual), "b": _with_past(random, 4000 - n, usual + 0.02)}
            for n, usual in ((2000, 0.04), (800, 0.08), (600, 0.05))
        ]
        told = adjust(list(stratified(waves).values()))
        reading = told if isinstance(told, CannotTell) else compare_spend(*reversed(told.arms))
        held += not isinstance(reading, CannotTell) and 50 * 0.02 in reading.interval
    return Promise("intervals after past spend in waves that hold the truth", held / tests, 0.94, 0.96, tests)


def coverage_of_pooled(random: np.random.Generator, tests: int) -> Promise:
    """Share of intervals that hold a segment's own effect after borrowing from three others."""
    held = 0
    for _ in range(tests):
        errors, truth = random.uniform(0.5, 1.5, 4), random.normal(1, 2, 4)
        told = pool([Estimate(*pair) for pair in zip(random.normal(truth, errors), errors, strict=True)])
        held += not isinstance(told, CannotTell) and truth[0] in told.segments[0].interval
    return Promise("pooled intervals that hold the truth", held / tests, 0.94, 0.96, tests)


def coverage_of_few_pooled(random: np.random.Generator, tests: int) -> Promise:
    """The same with two segments only, which say little about how much segments differ."""
    held = 0
    for _ in range(tests):
        errors, truth = random.uniform(0.5, 1.5, 2), random.normal(1, 1, 2)
        told = pool([Estimate(*pair) for pair in zip(random.normal(truth, errors), errors, strict=True)])
        held += not isinstance(told, CannotTell) and truth[0] in told.segments[0].interval
    return Promise("pooled intervals of two segments that hold the truth", held / tests, 0.94, 0.96, tests)


def false_discoveries(random: np.random.Generator, tests: int) -> Promise:
    """Mean share of false ones among the segments declared, 3 of 12 having a true effect."""
    rounds, people = max(1, tests // 12), 4000
    shares = 0.0
    for _ in range(rounds):
        hits = random.binomial(people, [[RATE, RATE + 0.025]] * 3 + [[RATE, RATE]] * 9)
        chosen = _declared(_plan("once"), people, hits)
        true = chosen[:3].count("b")
        declared = len(chosen) - chosen.count(None)
        shares += (declared - true) / declared if declared else 0.0
    return Promise("false ones among the segments declared", shares / rounds, 0.0, 0.05, rounds)


def _declared(rule: Plan, people: int, hits: np.ndarray) -> list[str | None]:
    """The version chosen in each segment, read together; `hits` are rows of a and b."""
    outcomes = [contest(rule, _arms(people, int(a), int(b))) for a, b in hits]
    p_values = [1.0 if isinstance(outcome, CannotTell) else outcome.p_value for outcome in outcomes]
    told = zip(outcomes, discoveries(p_values), strict=True)
    return [decide(rule, outcome, q_value=q).variant for outcome, q in told]


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
    power_among_several,
    power_in_one_segment,
    false_winners_as_answers_come,
    power_as_answers_come,
    coverage_of_rates,
    coverage_of_spending,
    coverage_of_few_buyers,
    coverage_with_past_spend,
    coverage_with_past_spend_in_waves,
    coverage_of_pooled,
    coverage_of_few_pooled,
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


def _uneven(random: np.random.Generator, people: int, share: float) -> Mean:
    """The same average of 50, of which a few spend most."""
    amounts = random.lognormal(math.log(50) - 0.5, 1, int(random.binomial(people, share)))
    return Mean(people, float(amounts.sum()), float((amounts**2).sum()))


def _with_past(random: np.random.Generator, people: int, share: float) -> Paired:
    """The same with what they spent before: who buys often now bought often then."""
    eager = random.gamma(2, 0.5, people)
    past = random.poisson(3 * eager) * 40.0
    now = (random.random(people) < share * eager) * random.gamma(2, 25, people)
    return Paired(people, now.sum(), (now**2).sum(), past.sum(), (past**2).sum(), (now * past).sum())


def main(arguments: list[str]) -> int:
    """Write the promises as JSON lines; the exit code is 1 when one is broken."""
    size = arguments[0] if arguments else "small"
    kept = promises(SIZES[size] if size in SIZES else int(size))
    for promise in kept:
        sys.stdout.write(json.dumps({**asdict(promise), "is_kept": promise.is_kept}) + "\n")
    return int(not all(promise.is_kept for promise in kept))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
