"""Rule → JSON: the shortest form that reads back as the same rule."""

from datetime import date
from decimal import Decimal
from typing import Any

from segments.rules import operators, tree


def rule_json(rule: tree.Rule) -> dict[str, Any]:
    """The rule as plain JSON values; `reading.read_rule` gives the same rule back."""
    return {"version": rule.version, "where": node_json(rule.where)}


def node_json(node: tree.Node) -> dict[str, Any]:
    match node:
        case tree.Everyone():
            return {"everyone": True}
        case tree.AllOf(parts):
            return {"all": [node_json(part) for part in parts]}
        case tree.AnyOf(parts):
            return {"any": [node_json(part) for part in parts]}
        case tree.Not(part):
            return {"not": node_json(part)}
        case tree.FeatureCondition():
            return {"feature": node.feature, **_comparison(node)}
        case tree.EventCondition():
            return _event_json(node)
        case tree.SequenceCondition(steps):
            return {"sequence": [_step_json(step) for step in steps]}
        case tree.TrendCondition():
            return _trend_json(node)
        case tree.MembershipCondition():
            found = {"segment": node.segment, "op": node.op, "on": value_json(node.on), "last_days": node.days}
            return _without_none(found)
        case tree.ConsentCondition(purpose, channel):
            return {"consent": purpose, "channel": channel}
        case tree.ReachCondition(channel):
            return {"reachable": channel}
        case tree.ResponseCondition():
            found = {"response": node.response, "campaign": node.campaign or None}
            return _without_none({**found, "window": _window_json(node.window)})


def value_json(value: Any) -> Any:
    """Dates as ISO 8601, whole amounts as numbers, other amounts as text so that no digit is lost."""
    match value:
        case tuple():
            return [value_json(one) for one in value]
        case date():
            return value.isoformat()
        case Decimal():
            return int(value) if value == value.to_integral_value() else str(value)
        case _:
            return value


def _without_none(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if value is not None}


def _comparison(node: Any) -> dict[str, Any]:
    value = {} if operators.BY_KEY[node.op].operand == "nothing" else {"value": value_json(node.value)}
    return {"op": node.op, **value, **({"missing": "yes"} if node.missing else {})}


def _test_json(test: tree.PropertyCondition) -> dict[str, Any]:
    is_free = test.property.startswith("properties.")
    kind = {"kind": test.kind} if is_free and test.kind != "text" else {}
    return {"property": test.property, **kind, **_comparison(test)}


def _events_json(events: tree.Events, word: str = "event") -> dict[str, Any]:
    found: dict[str, Any] = {word: events.types[0] if len(events.types) == 1 else list(events.types)}
    found |= {"where": [_test_json(test) for test in events.where]} if events.where else {}
    window = _window_json(events.window)
    return {**found, "window": window} if window is not None else found


def _window_json(window: tree.Window) -> dict[str, Any] | None:
    match window:
        case None:
            return None
        case tree.LastDays(days):
            return {"last_days": days}
        case tree.DaysAgo(start, end):
            return {"from_days_ago": start, "to_days_ago": end}
        case tree.Dates(first, last):
            return _without_none({"from": value_json(first), "to": value_json(last)})
        case tree.Relative(side, which, events):
            return {side: {**_events_json(events), "which": which}}


def _event_json(node: tree.EventCondition) -> dict[str, Any]:
    of: Any = [_test_json(test) for test in node.among] if node.among else node.of
    measure = {"measure": node.measure} if node.measure != "count" else {}
    return {**_events_json(node.events), **measure, **({"of": of} if of else {}), **_comparison(node)}


def _step_json(step: tree.Step) -> dict[str, Any]:
    within = {"within_days": step.within_days} if step.within_days else {}
    return {**_events_json(step.events), **within, **({} if step.happens else {"happens": False})}


def _trend_json(node: tree.TrendCondition) -> dict[str, Any]:
    found = _events_json(node.events, "trend")
    found |= {"measure": node.measure} if node.measure != "count" else {}
    found |= {"of": node.of} if node.of else {}
    found |= {"days": node.days, "against": node.against, "op": node.op}
    found |= {"value": value_json(node.value)} if node.value is not None else {}
    return {**found, "missing": "yes"} if node.missing else found
