"""Why a customer is in a segment or not, in words: the rule's tree marked, the values seen, what would turn it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from django.utils.translation import gettext as _

from crm import figures
from crm.rights import Actor
from profiles import queries as profile_queries
from profiles.catalogue import Feature
from segments import evaluation
from segments.models import Segment
from segments.rules import measures, reading, sentences, tree
from segments.rules.why import Mark, smallest_change


@dataclass(frozen=True)
class Reason:
    """One condition for a customer: its words, whether it counts, the value seen (empty when hidden or missing) as it
    is stored, and as people read it. `is_missing`: there is nothing to tell it by, so that the rule says what counts.
    """

    path: str
    words: str
    counts: bool
    seen: str
    told: str = ""
    is_missing: bool = False


@dataclass(frozen=True)
class Group:
    """Conditions and groups of which "all", "any" or "none" must be true, and whether that counts."""

    path: str
    word: str
    counts: bool
    parts: "tuple[Reason | Group, ...]"


@dataclass(frozen=True)
class Explanation:
    """Why a customer is in or not, by the rule as of now: its tree, every condition of it in the written order, and the
    fewest that would turn the answer.

    `changes` are conditions of `reasons` that would have to turn; empty when nothing could.
    """

    is_in: bool
    tree: Reason | Group
    reasons: tuple[Reason, ...]
    changes: tuple[Reason, ...]


def why(segment: Segment, customer_id: int, *, as_of: datetime) -> Mark:
    """The segment's rule marked for one customer. Raises NotEvaluable, or RuleError for a rule nobody can read."""
    engine = evaluation.engine(at=as_of)
    return engine.why(reading.read_rule(segment.rule, evaluation.known()), customer_id)


def explanation(segment: Segment, customer_id: int, actor: Actor, *, at: datetime) -> Explanation:
    """The rule marked for one customer, in words. Raises NotEvaluable, or RuleError for a rule nobody can read."""
    mark = why(segment, customer_id, as_of=at)
    features, names = evaluation.catalogue(), dict(Segment.objects.values_list("slug", "name"))
    reasons = {}
    for leaf in leaves(mark):
        words = sentences.clause(leaf.node, features, actor.language, names)
        seen = "" if is_hidden(leaf.node, features, actor) else leaf.seen or ""
        told = told_of(seen, leaf.node, features, actor.language)
        reasons[leaf.path] = Reason(leaf.path, words, leaf.counts, seen, told, leaf.answer is None)
    changes = tuple(reasons[change.path] for change in smallest_change(mark))
    return Explanation(mark.counts, marked(mark, reasons), tuple(reasons.values()), changes)


def leaves(mark: Mark) -> Iterable[Mark]:
    if not isinstance(mark.node, tree.AllOf | tree.AnyOf | tree.Not):
        yield mark
    for part in mark.parts:
        yield from leaves(part)


def marked(mark: Mark, reasons: Mapping[str, Reason]) -> Reason | Group:
    """The tree of reasons; "not any of" is "none of", and so is "not" of one part."""
    if mark.path in reasons:
        return reasons[mark.path]
    inner = mark.parts
    if isinstance(mark.node, tree.Not):
        inner = inner[0].parts if isinstance(inner[0].node, tree.AnyOf) else inner
    word = WORDS[type(mark.node)]
    return Group(mark.path, word, mark.counts, tuple(marked(part, reasons) for part in inner))


WORDS: Final[dict[type, str]] = {tree.AllOf: "all", tree.AnyOf: "any", tree.Not: "none"}


def is_hidden(node: tree.Node, features: Mapping[str, Feature], actor: Actor) -> bool:
    """Values of special categories, and those that identify, are for those who may see them."""
    return isinstance(node, tree.FeatureCondition) and not profile_queries.is_open_to(actor, features[node.feature])


# --- values seen, as people read them ------------------------------------------------------------


def told_of(seen: str, node: tree.Node, features: Mapping[str, Feature], language: str) -> str:
    """The value seen as people read it."""
    if not seen:
        return ""
    match node:
        case tree.FeatureCondition(key):
            feature = features[key]
            if feature.kind == "choice":
                return feature.named(seen, is_finnish=language == "fi")
            return TOLD.get(feature.kind, str)(seen)
        case tree.EventCondition():
            return TOLD[measures.BY_KEY[node.measure].answer](seen)
        case tree.TrendCondition():
            return " → ".join(map(_number, seen.split(" → ")))
    return TOLD.get(SEEN.get(type(node), ""), str)(seen)


def _number(seen: str) -> str:
    amount = Decimal(seen)
    return figures.number(amount, 0 if amount == amount.to_integral_value() else 2)


def _moment(seen: str) -> str:
    return figures.moment(datetime.fromisoformat(seen).replace(tzinfo=UTC))


def _truth(seen: str) -> str:
    return _("yes") if seen == "true" else _("no")


# By the kind of a feature or of what a measure answers.
TOLD: Final[dict[str, Callable[[str], Any]]] = {
    "truth": _truth,
    "date": lambda seen: figures.day(date.fromisoformat(seen)),
    "datetime": _moment,
    "number": _number,
    "money": _number,
    "days": _number,
    "share": lambda seen: figures.share(float(seen)),
}
# What conditions without a kind of their own show.
SEEN: Final[dict[type, str]] = {
    tree.SequenceCondition: "datetime",
    tree.MembershipCondition: "datetime",
    tree.ConsentCondition: "truth",
    tree.ReachCondition: "truth",
    tree.ResponseCondition: "number",
    tree.Everyone: "truth",
}
