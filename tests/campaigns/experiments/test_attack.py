"""Whatever a campaign's sums look like, its report is told whole: no crash, no figure that is none, every reason."""

import math
from dataclasses import fields, is_dataclass

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from campaigns.experiments.answers import CannotTell, Interval
from campaigns.experiments.decision import Decision
from campaigns.experiments.plan import ArmPlan, Goal, Guardrail, Plan
from campaigns.experiments.report import ArmEvidence, Evidence, report
from campaigns.experiments.sufficient import Mean, Paired, Proportion
from campaigns.experiments.words import LANGUAGES, sentence

ARMS = (
    ArmPlan("a", "A", 0.4, cost_per_person=0.05),
    ArmPlan("b", "B", 0.3, cost_per_person=0.05),
    ArmPlan("m", "Mass", 0.2, "mass"),
    ArmPlan("h", "Hold-out", 0.1, "hold_out"),
)
NAMES = {arm.key: arm.name for arm in ARMS}
PEOPLE = st.one_of(st.integers(0, 6), st.integers(0, 3_000), st.just(50_000_000))
AMOUNTS = st.one_of(st.just(0.0), st.floats(-500, 500), st.floats(1e7, 1e9)).map(lambda amount: round(amount, 2))


@st.composite
def rates(draw, people):
    return Proportion(people, draw(st.one_of(st.just(0), st.just(people), st.integers(0, people))))


@st.composite
def money(draw, people):
    """Returns may outweigh sales, one order may outweigh all others, and everybody may have spent the same."""
    if people == 0:
        return Mean()
    typical, buyers = draw(AMOUNTS), draw(st.integers(0, people))
    odd = draw(AMOUNTS)
    total, squares = typical * buyers + odd, typical**2 * buyers + odd**2
    return Mean(people, total, max(squares, total**2 / people))


@st.composite
def arms(draw, kind):
    people = draw(PEOPLE)
    revenue = draw(money(people))
    past = draw(money(people))
    paired = Paired(people, revenue.total, revenue.total_of_squares, past.total, past.total_of_squares, 0.0)
    goal = draw(rates(people)) if kind == "rate" else revenue
    rail = draw(rates(people))
    return ArmEvidence(goal, paired if kind == "mean" else None, revenue, {"unsubscribe": rail, "click": rail})


@st.composite
def groups(draw, kind, name):
    keys = draw(st.lists(st.sampled_from("abmh"), unique=True))
    return Evidence(name, name, {key: draw(arms(kind)) for key in keys})


@st.composite
def whole(draw):
    kind = draw(st.sampled_from(["rate", "mean"]))
    goal = (
        Goal("conversion", "Conversion", "rate", draw(st.sampled_from([1e-6, 0.05, 0.999])))
        if kind == "rate"
        else Goal("revenue", "Revenue", "mean", draw(st.sampled_from([0.01, 20.0])), deviation=50.0)
    )
    plan = Plan(goal, ARMS, 10_000, (Guardrail("unsubscribe", "Unsubscribed", 0.02, 0.005),))
    count = draw(st.integers(0, 4))
    return plan, [draw(groups(kind, str(number))) for number in range(count)], draw(groups(kind, "all"))


def walk(value, path="report"):
    """Every value of a frozen answer with its path."""
    yield path, value
    if is_dataclass(value):
        for one in fields(value):
            yield from walk(getattr(value, one.name), f"{path}.{one.name}")
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from walk(one, f"{path}[{key}]")
    elif isinstance(value, (tuple, list)):
        for number, one in enumerate(value):
            yield from walk(one, f"{path}[{number}]")


@settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking sums as large as these takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(whole())
def test_no_sums_break_the_report_and_every_figure_is_a_number(given_test):
    plan, segments, overall = given_test
    told = report(plan, segments, overall)
    for path, value in walk(told):
        if isinstance(value, float):
            assert not math.isnan(value), path
        if isinstance(value, Interval):
            assert value.low <= value.high, path
        if path.endswith(("p_value", "q_value", ".best", "chance_it_pays")) and isinstance(value, float):
            assert -1e-9 <= value <= 1 + 1e-9, path
        if isinstance(value, CannotTell | Decision):
            for language in LANGUAGES:
                assert "{" not in sentence(value, language=language, names=NAMES, unit="€"), path
