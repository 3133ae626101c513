"""What a rule rests on: features, events, segments; whether it may be used for marketing; the order to evaluate in."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Final

from profiles.catalogue import Feature
from segments.rules import operators, tree
from segments.rules.errors import RuleError

EXPLICIT_PURPOSES: Final = ("marketing", "profiling")


@dataclass(frozen=True)
class Needs:
    """Names a rule uses. `is_relative`: it compares customers with each other, so one customer's rows cannot decide."""

    features: frozenset[str]
    event_types: frozenset[str]
    segments: frozenset[str]
    campaigns: frozenset[str]
    consents: frozenset[tuple[str, str]]
    channels: frozenset[str]
    is_relative: bool


def needs(rule: tree.Rule) -> Needs:
    """Everything the rule names."""
    nodes = [node for _, node in tree.conditions(rule)]
    features = [node for node in nodes if isinstance(node, tree.FeatureCondition)]
    return Needs(
        features=frozenset(node.feature for node in features),
        event_types=frozenset(name for node in nodes for events in tree.selections(node) for name in events.types),
        segments=frozenset(node.segment for node in nodes if isinstance(node, tree.MembershipCondition)),
        campaigns=frozenset(n.campaign for n in nodes if isinstance(n, tree.ResponseCondition) and n.campaign),
        consents=frozenset((n.purpose, n.channel) for n in nodes if isinstance(n, tree.ConsentCondition)),
        channels=frozenset(node.channel for node in nodes if isinstance(node, tree.ReachCondition)),
        is_relative=any(operators.BY_KEY[node.op].rank is not None for node in features),
    )


def demographics_only(rule: tree.Rule, catalogue: Mapping[str, Feature]) -> bool:
    """Whether the rule looks at nothing but demographic features: such segments rarely behave alike."""
    used = [node for _, node in tree.conditions(rule)]
    return bool(used) and all(
        isinstance(node, tree.FeatureCondition) and catalogue[node.feature].dimension == "demographic" for node in used
    )


def special_features(rule: tree.Rule, catalogue: Mapping[str, Feature]) -> tuple[str, ...]:
    """Keys of special-category features (GDPR article 9) the rule uses."""
    return tuple(sorted(key for key in needs(rule).features if catalogue[key].sensitivity == "special"))


def refuse_forbidden(
    rule: tree.Rule, catalogue: Mapping[str, Feature], *, purpose: str, has_grant: bool = False
) -> None:
    """Refuses features a marketing segment may not use. Raises RuleError.

    A feature not meant for marketing never passes. A special-category one passes with the firm's grant, and when every
    member the rule lets in has consented to marketing or profiling.
    """
    if purpose != "marketing":
        return
    for path, node in tree.conditions(rule):
        if isinstance(node, tree.FeatureCondition):
            _refuse_feature(rule, catalogue[node.feature], f"{path}.feature", has_grant)


def _refuse_feature(rule: tree.Rule, feature: Feature, path: str, has_grant: bool) -> None:
    if feature.sensitivity == "not_for_marketing":
        raise RuleError(path, "{feature} is not allowed for marketing", feature=feature.key)
    if feature.sensitivity != "special":
        return
    if not has_grant:
        raise RuleError(
            path, "{feature} is special-category data: marketing needs a grant from an admin", feature=feature.key
        )
    if not ensures(rule.where, _is_consent):
        told = "{feature} is special-category data: the rule must ask for consent of every member"
        raise RuleError(path, told, ("consent",), feature=feature.key)


def ensures(node: tree.Node, test: Callable[[tree.Node], bool]) -> bool:
    """Whether every customer the node lets in satisfies some condition that passes the test."""
    match node:
        case tree.AllOf(parts):
            return any(ensures(part, test) for part in parts)
        case tree.AnyOf(parts):
            return all(ensures(part, test) for part in parts)
        case tree.Not():
            return False
        case _:
            return test(node)


def _is_consent(node: tree.Node) -> bool:
    return isinstance(node, tree.ConsentCondition) and node.purpose in EXPLICIT_PURPOSES


def evaluation_order(uses: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Segments in an order in which each stands after those it uses. Raises RuleError naming a cycle."""
    known = {slug: sorted(set(used) & set(uses)) for slug, used in sorted(uses.items())}
    try:
        return tuple(TopologicalSorter(known).static_order())
    except CycleError as fault:
        circle = " → ".join(reversed(fault.args[1]))
        raise RuleError("where", "segments may not use each other in a circle: {circle}", circle=circle) from None
