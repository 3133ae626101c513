"""Results in words: the answer in one sentence, the verdict of a comparison, why something cannot be told."""

from collections import defaultdict
from collections.abc import Iterable

from babel.numbers import get_currency_symbol
from django.utils.translation import get_language, gettext_lazy, pgettext, pgettext_lazy
from django.utils.translation import gettext as _

from campaigns.conversions import ORDERS
from campaigns.experiments import words
from campaigns.experiments.answers import CannotTell, Interval
from campaigns.experiments.decision import Decision
from campaigns.experiments.report import GroupReading
from campaigns.models import Goal
from campaigns.results.answer import Results
from crm import figures

VOID = "sample_ratio_mismatch"  # then no other figure means anything
WORKS_BETTER = {
    Goal.REVENUE: gettext_lazy("version %(key)s earns more from %(segments)s"),
    Goal.CLICK: gettext_lazy("version %(key)s gets more clicks from %(segments)s"),
}
USUAL = gettext_lazy("version %(key)s works better for %(segments)s")
RATE_NAMES = {
    "open": pgettext_lazy("response", "Opened"),
    "open_any": gettext_lazy("Opened, machines included"),
    "click": gettext_lazy("Clicked"),
    "click_any": gettext_lazy("Clicked, machines included"),
    "conversion": gettext_lazy("Converted"),
    "unsubscribe": gettext_lazy("Unsubscribed"),
    "complaint": gettext_lazy("Complained"),
    "bounce": gettext_lazy("Bounced"),
    "reached": gettext_lazy("Reached by phone"),
    "agreed": gettext_lazy("Agreed on the phone"),
    "declined": gettext_lazy("Not interested"),
}
__all__ = ["conclusion", "said", "verdict"]


def is_void(group: GroupReading) -> bool:
    """Whether its arms did not get the people they were meant to get, so that no figure of it may be trusted."""
    return group.decision.code == VOID


def is_silent(results: Results) -> bool:
    """Whether nobody did what counts, in any arm."""
    return not any(isinstance(arm.value, float | int) and arm.value for arm in results.report.overall.arms)


def has_decided(results: Results) -> bool:
    """Whether anything is decided, for everybody or for a segment."""
    return any(one.decision.kind != "no_decision" for one in results.groups)


def nothing_yet(results: Results) -> str:
    """That nobody did what counts, said as what counts."""
    if results.report.plan.goal.key == Goal.CLICK:
        return _("Nobody has clicked yet, so nothing can be told.")
    if results.run.plan["goal_event"] != ORDERS:
        return _("Nobody has done yet what counts, so nothing can be told.")
    return _("Nobody has bought anything yet, so nothing can be told.")


def conclusion(results: Results) -> str:
    """The sentence its reader came for: what works for whom, and what nobody can tell yet."""
    overall, segments = results.report.overall, results.report.segments
    if is_silent(results) and not is_void(overall) and not has_decided(results):
        return nothing_yet(results)
    if is_void(overall) or len(segments) < 2:
        return said(results, overall.decision)
    if clauses := won(results, segments):
        left = [one for one in segments if one.decision.kind == "no_decision"]
        return sentence_of([*clauses, *([_("for the rest nobody can tell yet")] if left else [])])
    told = said(results, overall.decision)
    return told if overall.decision.kind == "no_decision" else told + " " + _("Per segment nobody can tell yet.")


def won(results: Results, segments: Iterable[GroupReading]) -> list[str]:
    """One clause per winning version, and one for the segments that do as well without a message."""
    winners: dict[str, list[str]] = defaultdict(list)
    for one in segments:
        if one.decision.kind != "no_decision":
            winners[one.decision.variant or ""].append(one.name)
    return [clause(results, key, names) for key, names in winners.items()]


def clause(results: Results, key: str, segments: list[str]) -> str:
    names = listed(segments)
    if not key:
        return _("sending nothing is as good for %(segments)s") % {"segments": names}
    return str(WORKS_BETTER.get(Goal(results.report.plan.goal.key), USUAL)) % {"key": key, "segments": names}


def listed(names: list[str]) -> str:
    """One, two and three."""
    *most, last = names
    return _("%(most)s and %(last)s") % {"most": ", ".join(most), "last": last} if most else last


def sentence_of(clauses: list[str]) -> str:
    text = "; ".join(clauses)
    return text[:1].upper() + text[1:] + "."


def said(results: Results, answer: Decision | CannotTell) -> str:
    """A decision, or why there is none, in the reader's language."""
    return words.sentence(answer, language=language(), names=results.names, unit=unit(results))


def unit(results: Results) -> str:
    """What differences of the goal are written in."""
    is_money = results.report.plan.goal.key == Goal.REVENUE
    return get_currency_symbol(results.campaign.currency, locale=figures.locale()) if is_money else "points"


def language() -> str:
    spoken = (get_language() or "en")[:2]
    return spoken if spoken in words.LANGUAGES else "en"


def rule(results: Results) -> str:
    """The rule that decides for each segment, in words."""
    plan = results.report.plan
    said = {"share": figures.share(1 - plan.level, 0), "worthwhile": worthwhile(results)}
    beats = _(
        "The rule, fixed before the launch: a version is chosen where it beats every other and the hold-out. "
        "However often you look, at most %(share)s of the choices over all segments are wrong. "
        "A version that broke a guardrail cannot win."
    )
    none = (
        _("No message is needed where none can bring more than %(worthwhile)s beyond the hold-out.")
        if plan.worthwhile
        else _("No message is needed where none can do better than the hold-out.")
    )
    return " ".join((beats, none) if plan.control else (beats,)) % said


def worthwhile(results: Results) -> str:
    return words.difference(float(results.report.plan.worthwhile), unit(results), language())


def verdict(interval: Interval | CannotTell, *, alone: bool = False) -> tuple[str, str]:
    """The word that judges a difference, and its tone; `alone` where it may be chance among all that was looked at."""
    if isinstance(interval, CannotTell):
        return pgettext("verdict", "cannot tell"), "neutral"
    if interval.low > 0:
        return (
            (pgettext("verdict", "better, read alone"), "neutral") if alone else (pgettext("verdict", "better"), "good")
        )
    if interval.high < 0:
        return (pgettext("verdict", "worse, read alone"), "neutral") if alone else (pgettext("verdict", "worse"), "bad")
    return pgettext("verdict", "not known yet"), "neutral"
