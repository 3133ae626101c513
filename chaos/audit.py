"""The audit: what arrived at the sink against what the rows say."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Audit:
    """Figures of one run, and every broken promise in words."""

    expected: int
    states: dict[str, int]
    arrived: int
    doubles: int
    lost: int
    unknown: int
    unknown_but_arrived: int
    broken: tuple[str, ...]


def audit(run_id: int, log: Path, *, kills: int, processes: int, drops: int, may_repeat: bool = False) -> Audit:
    """Compare. `drops` is how many connections the sink or a proxy broke; `may_repeat` under the policy "resend"."""
    from campaigns.models import Message, Run

    run = Run.objects.get(pk=run_id)
    state = dict(Message.objects.filter(run=run).values_list("customer__email", "state"))
    logged = [json.loads(line)[0] for line in log.read_text().splitlines()] if log.exists() else []
    arrived = Counter(email for email in logged if email in state)
    states = Counter(state.values())
    doubles = sum(count - 1 for count in arrived.values())
    lost = sum(1 for email, now in state.items() if now == "sent" and email not in arrived)
    betrayed = [email for email in arrived if state[email] not in ("sent", "unknown", "handing")]
    promises = (
        (states.total() == run.expected, f"the states add up to {states.total()}, the audience was {run.expected}"),
        (may_repeat or doubles == 0, f"{doubles} arrived twice"),
        (lost == 0, f"{lost} are called sent but never arrived"),
        (not betrayed, f"arrived, but called {Counter(state[email] for email in betrayed)}: {betrayed[:3]}"),
        (
            states["unknown"] <= kills * processes + drops,
            f"{states['unknown']} unknown after {kills} kills, {drops} drops",
        ),
        (run.status == "completed", f"the run is {run.status} ({run.pause_reason}): {dict(states)}"),
    )
    return Audit(
        expected=run.expected or 0,
        states=dict(states),
        arrived=arrived.total(),
        doubles=doubles,
        lost=lost,
        unknown=states["unknown"],
        unknown_but_arrived=sum(1 for email, now in state.items() if now == "unknown" and email in arrived),
        broken=tuple(words for holds, words in promises if not holds),
    )
