"""Every figure behind the report for readers who know statistics, and which method gave it."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.experiments.answers import CannotTell, Comparison
from campaigns.experiments.chances import Chance
from campaigns.experiments.pooling import Pooled, Pooling
from campaigns.experiments.report import ArmReading, GroupReading, PairReading
from campaigns.experiments.sequential import AlwaysValid
from campaigns.results.answer import Results
from campaigns.results.drawn import between, kind_of, unit_of_difference, written
from crm import figures

SOURCES = (
    (gettext_lazy("Interval at every look"), "Robbins 1970; Howard et al. 2021; Waudby-Smith et al. 2024"),
    (gettext_lazy("p-value at every look"), "mSPRT: Johari, Koomen, Pekelis & Walsh 2022"),
    (gettext_lazy("Rates at one look"), "Miettinen & Nurminen 1985; “N − 1” chi-square: Campbell 2007; Wilson 1927"),
    (gettext_lazy("Money at one look"), "quasi-score: McCullagh 1983; Welch 1947; Fieller 1954"),
    (gettext_lazy("Chance to be best, expected loss"), "Stucchio 2015"),
    (gettext_lazy("Revenue above the cap"), "winsorised: Tukey 1962"),
    (gettext_lazy("What this many people can show"), "Armitage, McPherson & Rowe 1969; Fleiss, Levin & Paik 2003"),
    (gettext_lazy("Choice of a version"), "Berger 1982; equal for all purposes: Schuirmann 1987"),
    (gettext_lazy("Caused revenue"), "Cochran 1977; intervals: Zou & Donner 2008"),
    (gettext_lazy("Partial pooling"), "DerSimonian & Laird 1986; Morris 1983"),
    (gettext_lazy("Do segments differ"), "Cochran 1954; Higgins & Thompson 2002"),
    (gettext_lazy("False discoveries over segments"), "Benjamini & Hochberg 1995"),
    (gettext_lazy("Past spend"), "CUPED: Deng, Xu, Kohavi & Walker 2013"),
    (gettext_lazy("Guardrails at every look"), "Ville 1939; Robbins 1970"),
    (gettext_lazy("Shares of waves"), "Thompson 1933; certainty: Neyman 1934"),
    (
        gettext_lazy("Reading of waves"),
        "within waves: Zhang, Janson & Murphy 2020; Hadad et al. 2021; effective people: Kish 1965",
    ),
    (gettext_lazy("Sample-ratio check"), "Pearson 1900; Fabijan et al. 2019"),
)  # fmt: skip


@dataclass(frozen=True)
class ProofRow:
    """One pair of arms in one group: at one look, at every look, and after borrowing from the other segments."""

    group: str
    pair: str
    difference: str
    once: str
    p_once: str
    lift: str
    always: str
    p_always: str
    pooled: str
    borrowed: str


@dataclass(frozen=True)
class LossRow:
    """One version in one group: its value, the chance that it is the best, and what is lost if it is not."""

    group: str
    name: str
    people: str
    value: str
    interval: str
    chance: str
    loss: str
    q_value: str


def pairs(results: Results) -> list[ProofRow]:
    return [pair(results, group, one) for group in results.groups for one in group.pairs]


def pair(results: Results, group: GroupReading, one: PairReading) -> ProofRow:
    once = one.once if isinstance(one.once, Comparison) else None
    always = one.always if isinstance(one.always, AlwaysValid) else None
    pooled = one.pooled if isinstance(one.pooled, Pooled) else None
    kind = unit_of_difference(results)
    return ProofRow(
        group=group.name or _("Everybody"),
        pair=f"{one.variant} − {short(one.against)}",
        difference=written(results, once.difference, kind) if once else figures.MISSING,
        once=between(results, once and once.interval, kind),
        p_once=p_words(once.p_value) if once else figures.MISSING,
        lift=lift(once),
        always=between(results, always and always.interval, kind),
        p_always=p_words(always.p_value) if always else figures.MISSING,
        pooled=f"{written(results, pooled.difference, kind)} ({between(results, pooled.interval, kind)})"
        if pooled
        else figures.MISSING,
        borrowed=figures.share(pooled.borrowed, 0) if pooled else figures.MISSING,
    )


def short(key: str) -> str:
    return _("hold-out") if key == "hold_out" else key


def lift(once: Comparison | None) -> str:
    """The relative difference with its interval."""
    if once is None or isinstance(once.lift, CannotTell):
        return figures.MISSING
    low, high = figures.share(once.lift.interval.low, 0), figures.share(once.lift.interval.high, 0)
    return f"{figures.signed(once.lift.estimate, 'share', 0)} ({low} – {high})"


def p_words(value: float) -> str:
    return f"< {figures.number(0.0001, 4)}" if value < 0.0001 else figures.number(value, 4)


def losses(results: Results) -> list[LossRow]:
    return [loss(results, group, arm) for group in results.groups for arm in group.arms]


def loss(results: Results, group: GroupReading, arm: ArmReading) -> LossRow:
    kind = kind_of(results)
    chance = arm.chance if isinstance(arm.chance, Chance) else None
    return LossRow(
        group=group.name or _("Everybody"),
        name=arm.name,
        people=figures.number(arm.people),
        value=figures.MISSING if isinstance(arm.value, CannotTell) else written(results, arm.value, kind),
        interval=between(results, arm.interval, kind),
        chance=figures.share(chance.best, 1) if chance else figures.MISSING,
        loss=written(results, chance.expected_loss, unit_of_difference(results)) if chance else figures.MISSING,
        q_value=figures.MISSING if group.q_value is None else p_words(group.q_value),
    )


def differ(results: Results) -> list[str]:
    """Whether the effect of each pair differs between segments, in words."""
    return [
        differs(results.names[one.variant], results.names[one.against], one.pooling)
        for one in results.report.poolings
        if isinstance(one.pooling, Pooling)
    ]


def differs(variant: str, against: str, found: Pooling) -> str:
    said = {
        "variant": variant,
        "against": against,
        "p": p_words(found.p_value),
        "share": figures.share(found.inconsistency, 0),
    }
    if found.p_value < 0.05:
        text = _("%(variant)s against %(against)s: the effect differs between segments (p = %(p)s, I² = %(share)s).")
    else:
        text = _("%(variant)s against %(against)s: no sign that segments differ (p = %(p)s, I² = %(share)s).")
    return text % said
