"""Which arm to choose, by the rule fixed before launch; "no decision" is a choice with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from campaigns.experiments.answers import CannotTell, Comparison
from campaigns.experiments.comparison import compare
from campaigns.experiments.plan import Plan
from campaigns.experiments.sequential import AlwaysValid, always_valid, too_early
from campaigns.experiments.sufficient import Sample

Kind = Literal["variant", "hold_out_is_as_good", "no_decision"]
Reading = Comparison | AlwaysValid


@dataclass(frozen=True)
class Decision:
    """What to do: `kind`, the chosen `variant` if any, and why: a code of `words.SENTENCES` with its figures."""

    kind: Kind
    code: str
    variant: str | None = None
    figures: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Contest:
    """The best-looking variant against every rival; `p_value` is of "it is not better than all of them".

    `against_hold_out` is empty unless every variant can be compared with it.
    """

    leader: str
    rivals: Mapping[str, Reading]
    against_hold_out: Mapping[str, Reading]
    p_value: float


def read(plan: Plan, arms: Mapping[str, Sample], variant: str, reference: str, people: int) -> Reading | CannotTell:
    """The difference of two arms by the method of the plan: valid at every look, or at the end only."""
    first, second = arms[variant], arms[reference]
    if plan.look == "always":
        return always_valid(first, second, planned=plan.information(variant, reference, people), level=plan.level)
    return too_early(first, second) or compare(first, second, level=plan.level)


def contest(
    plan: Plan, arms: Mapping[str, Sample], *, vetoed: frozenset[str] = frozenset(), people: int | None = None
) -> Contest | CannotTell:
    """Set the best-looking variant against all rivals.

    An intersection–union test (Berger 1982): the largest p-value counts; as the leader was picked by its looks it is
    multiplied by `plan.leader_penalty`. `people` is the planned size of this group.
    """
    size = plan.people if people is None else people
    candidates = [key for key in plan.variants if key not in vetoed]
    if not candidates:
        return CannotTell("all_variants_vetoed")
    leader = max(candidates, key=lambda key: arms[key].mean)
    others = [key for key in candidates if key != leader] + ([plan.control] if plan.control else [])
    if not others:
        return CannotTell("nothing_to_compare")
    rivals = {key: read(plan, arms, leader, key, size) for key in others}
    hold_out = {key: read(plan, arms, key, plan.control, size) for key in candidates if plan.control}
    for reading in rivals.values():
        if isinstance(reading, CannotTell):
            return reading
    known = {key: reading for key, reading in rivals.items() if not isinstance(reading, CannotTell)}
    told = {key: reading for key, reading in hold_out.items() if not isinstance(reading, CannotTell)}
    worst = max(reading.p_value if reading.difference > 0 else 1.0 for reading in known.values())
    return Contest(leader, known, told if len(told) == len(hold_out) else {}, min(1.0, worst * plan.leader_penalty))


def decide(plan: Plan, outcome: Contest | CannotTell, *, q_value: float | None = None) -> Decision:
    """Apply the rule. `q_value` is the p-value adjusted over segments; without it the contest's own counts."""
    if isinstance(outcome, CannotTell):
        return Decision("no_decision", outcome.code, figures=outcome.figures)
    p_value = outcome.p_value if q_value is None else q_value
    return (
        _hold_out_suffices(plan, outcome)
        or _winner(plan, outcome, p_value)
        or _either_will_do(plan, outcome)
        or _undecided(plan, outcome, p_value)
    )


def _hold_out_suffices(plan: Plan, outcome: Contest) -> Decision | None:
    """No variant can be worth more than `plan.worthwhile` over not contacting anybody."""
    readings = outcome.against_hold_out.values()
    if not readings or max(reading.interval.high for reading in readings) > plan.worthwhile:
        return None
    best = outcome.against_hold_out[outcome.leader]
    return Decision("hold_out_is_as_good", "no_worthwhile_gain", figures=_figures(outcome.leader, best))


def _winner(plan: Plan, outcome: Contest, q_value: float) -> Decision | None:
    if q_value > 1 - plan.level:
        return None
    rival, nearest = min(outcome.rivals.items(), key=lambda item: item[1].interval.low)
    figures = {**_figures(outcome.leader, nearest), "rival": rival, "p_value": q_value}
    return Decision("variant", "beats_all", outcome.leader, figures)


def _either_will_do(plan: Plan, outcome: Contest) -> Decision | None:
    """The variants are the same for all practical purposes (two one-sided tests, Schuirmann 1987)."""
    hold_out = outcome.rivals.get(plan.control or "")
    if hold_out and hold_out.interval.low <= 0:
        return None
    among = [reading for key, reading in outcome.rivals.items() if key != plan.control]
    if not among or max(reading.interval.high for reading in among) > plan.worthwhile:
        return None
    return Decision("variant", "variants_equivalent", outcome.leader, {"worthwhile": plan.worthwhile})


def _undecided(plan: Plan, outcome: Contest, p_value: float) -> Decision:
    """Why there is none: chance among all that was looked at, versions too close, or nothing certain."""
    rival, nearest = min(outcome.rivals.items(), key=lambda item: item[1].interval.low)
    figures = {**_figures(outcome.leader, nearest), "rival": rival}
    if nearest.interval.low > 0:
        return Decision("no_decision", "ahead_if_read_alone", figures={**figures, "p_value": p_value})
    hold_out = outcome.rivals.get(plan.control or "")
    helps = hold_out is not None and hold_out.interval.low > 0 and rival != plan.control
    if helps:
        return Decision("no_decision", "variants_too_close", figures=figures)
    leads = nearest.difference > 0
    code = "too_uncertain" if leads else "not_ahead"
    return Decision("no_decision", code, figures=figures)


def _figures(leader: str, reading: Reading) -> dict[str, object]:
    return {
        "leader": leader,
        "difference": reading.difference,
        "low": reading.interval.low,
        "high": reading.interval.high,
    }
