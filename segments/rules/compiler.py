"""Rule → relational expression: one column `customer_id`, for any engine Ibis speaks.

Every condition about events, memberships or consents is a Finding: rows with at most one per customer, and whether each
holds. A condition is then "the customer is among the rows that hold" or, when customers without a row answer yes,
"is not among the rows that do not hold". So a rule is one pass over the profiles with semi- and anti-joins.
A missing answer (NULL) counts as no in one place, `yes`; NULL under all and any then falls out of the filter by itself.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import ibis
from ibis.expr.types import BooleanValue, Table

from profiles.catalogue import Feature
from segments.rules import dialects, measures, operators, tables, tree
from segments.rules.moments import DayRange, Moment

AMOUNT: Final = tables.MONEY
EMBEDDED: Final = "duckdb"


@dataclass(frozen=True)
class Finding:
    """What decides a condition: rows of one per customer, whether they hold (NULL is missing), and the value seen.

    `without` is the answer of customers who have no row; None is missing.
    """

    rows: Table
    holds: Callable[[Table], BooleanValue]
    seen: Callable[[Table], Any]
    without: bool | None


@dataclass(frozen=True)
class Group:
    """Customers named by rows, some maybe more than once; a condition is true for those, or for all others.

    With `is_living` the rows hold customers of the profile only, each once.
    """

    rows: Table
    is_in: bool
    is_living: bool = False


@dataclass(frozen=True)
class Prepared:
    """Measures of one selection of events, worked out for several conditions at once (see `sharing`).

    `asked` is what its columns total0, per0, total1 … answer; `columns` are all of them with their types. Its rows are
    living customers, each once.
    """

    name: str
    types: tuple[str, ...]
    where: tuple[tree.PropertyCondition, ...]
    asked: tuple[Any, ...]
    columns: tuple[tuple[str, str], ...] = ()

    def has(self, node: tree.EventCondition) -> bool:
        return (self.types, self.where) == (node.events.types, node.events.where) and asks(node) in self.asked


def asks(node: tree.EventCondition) -> Any:
    """What a condition measures of the events of its types and property conditions."""
    return node.events.window, node.measure, node.of, node.among


@dataclass(frozen=True)
class Scope:
    """What a rule is compiled against."""

    catalogue: Mapping[str, Feature]
    moment: Moment
    profile: Table
    prepared: tuple[Prepared, ...] = ()

    def prepared_for(self, *nodes: tree.Node) -> Prepared | None:
        """The table that answers all of these conditions."""
        asked = [node for node in nodes if isinstance(node, tree.EventCondition)]
        if len(asked) < len(nodes):
            return None
        return next((one for one in self.prepared if all(map(one.has, asked))), None)


def scope(
    rule: tree.Rule, catalogue: Mapping[str, Feature], moment: Moment, prepared: tuple[Prepared, ...] = ()
) -> Scope:
    """Only the columns a rule names: every column more costs each step of the compiling.

    One at least, or else picking out the customer's id would seem needless to Ibis and every column came.
    """
    named = {node.feature for _, node in tree.conditions(rule) if isinstance(node, tree.FeatureCondition)}
    used = {key: catalogue[key] for key in sorted(named) or list(catalogue)[:1]}
    return Scope(catalogue, moment, tables.profile_table(used), prepared)


def compile_rule(
    rule: tree.Rule, catalogue: Mapping[str, Feature], moment: Moment, prepared: tuple[Prepared, ...] = ()
) -> Table:
    """The customers for whom the rule is true at the moment: a table expression of one column, `customer_id`."""
    around = scope(rule, catalogue, moment, prepared)
    parts = list(shared(rule.where.parts)) if isinstance(rule.where, tree.AllOf) else [(rule.where,)]
    groups = [(part, named_by(part, around)) for part in parts]
    found = of_living(groups) if all(group for _, group in groups) else None
    if found is None:
        tests = [let_in(part, group, around) for part, group in groups if group is None or group.is_in]
        found = (around.profile.filter(*tests) if tests else around.profile).select("customer_id")
    for group in (group for _, group in groups if group and not group.is_in):
        found = found.anti_join(group.rows, "customer_id")
    return found


def of_living(groups: Sequence[tuple[Any, Group | None]]) -> Table | None:
    """Who every group lets in, without a look at the profiles; None when no group names the living alone."""
    let_in = sorted((group for _, group in groups if group and group.is_in), key=lambda group: not group.is_living)
    if not let_in or not let_in[0].is_living:
        return None
    found = let_in[0].rows.select("customer_id")
    for group in let_in[1:]:
        found = found.semi_join(group.rows, "customer_id")
    return found


def let_in(parts: tuple[tree.Node, ...], group: Group | None, around: Scope) -> BooleanValue:
    return among(group, around) if group else truth_of_shared(parts, around)


def compile_counts(rule: tree.Rule, catalogue: Mapping[str, Feature], moment: Moment) -> Table:
    """How many live customers each node lets in, in one pass: one row, columns n0, n1 … in the order of `tree.walk`.

    Its column `members` is the list of those that the whole lets in.
    """
    around, nodes = scope(rule, catalogue, moment), [node for _, node in tree.walk(rule.where)]
    names = [f"n{i}" for i in range(len(nodes))]
    own = {name: yes(truth(node, around)) for name, node in zip(names, nodes, strict=True) if not is_box(node)}
    told = around.profile.select("customer_id", **own)
    places = {id(node): name for name, node in zip(names, nodes, strict=True)}
    boxes = {name: put_together(node, told, places) for name, node in zip(names, nodes, strict=True) if is_box(node)}
    marked = told.mutate(**boxes)
    counts = {name: marked[name].sum().fill_null(0) for name in names}
    return marked.aggregate(**counts, members=marked.customer_id.collect(where=marked.n0))


def is_box(node: tree.Node) -> bool:
    """Whether the node only puts others together."""
    return isinstance(node, tree.AllOf | tree.AnyOf | tree.Not)


def put_together(node: tree.Node, told: Table, places: Mapping[int, str]) -> BooleanValue:
    """Whether a node is true, from the columns of the conditions in it: each is asked once. None of them is NULL."""
    match node:
        case tree.AllOf(parts):
            return ibis.and_(*(put_together(part, told, places) for part in parts))
        case tree.AnyOf(parts):
            return ibis.or_(*(put_together(part, told, places) for part in parts))
        case tree.Not(part):
            return ~put_together(part, told, places)
        case _:
            return told[places[id(node)]]


def sql(expression: Table, dialect: str = EMBEDDED) -> str:
    """The expression as one statement of an engine's SQL; Ibis writes it, nothing is formatted by hand."""
    return dialects.written(expression, dialect)


def rule_sql(
    rule: tree.Rule,
    catalogue: Mapping[str, Feature],
    moment: Moment,
    dialect: str = EMBEDDED,
    *,
    is_counted: bool = False,
    prepared: tuple[Prepared, ...] = (),
) -> str:
    """The SQL of a rule: its customers, or their number as `size`. Compiled once a day, whatever the moment.

    Within a firm's day only the moment itself differs, so the day's SQL is remembered with a time no rule can name in
    its place. Raises NotThere for what the engine of the dialect could not answer as the embedded one does.
    """
    dialects.refuse(rule, catalogue, dialect)
    kept = moment.of_the_day()
    template = _rule_sql(rule, tuple(catalogue.values()), kept, dialect, is_counted, prepared)
    return at_moment(template, kept, moment, dialect)


def counts_sql(rule: tree.Rule, catalogue: Mapping[str, Feature], moment: Moment, dialect: str = EMBEDDED) -> str:
    """The SQL of `compile_counts`, remembered for the day in the same way."""
    dialects.refuse(rule, catalogue, dialect)
    kept = moment.of_the_day()
    return at_moment(_counts_sql(rule, tuple(catalogue.values()), kept, dialect), kept, moment, dialect)


def at_moment(template: str, kept: Moment, moment: Moment, dialect: str = EMBEDDED) -> str:
    """SQL compiled for the moment that stands for the day, as it reads at a moment of that day."""
    return template.replace(written(kept.now, dialect), written(moment.now, dialect))


@lru_cache(maxsize=2048)
def _rule_sql(
    rule: tree.Rule,
    features: tuple[Feature, ...],
    moment: Moment,
    dialect: str,
    is_counted: bool,
    prepared: tuple[Prepared, ...],
) -> str:
    found = compile_rule(rule, {feature.key: feature for feature in features}, moment, prepared)
    return sql(found.aggregate(size=found.count()) if is_counted else found, dialect)


@lru_cache(maxsize=256)
def _counts_sql(rule: tree.Rule, features: tuple[Feature, ...], moment: Moment, dialect: str) -> str:
    return sql(compile_counts(rule, {feature.key: feature for feature in features}, moment), dialect)


@lru_cache(maxsize=64)
def written(time: datetime, dialect: str) -> str:
    """A time as Ibis writes it for an engine."""
    compiler = dialects.compiler_of(dialect)
    return str(compiler.to_sqlglot(ibis.literal(time)).selects[0].unalias().sql(dialect=compiler.dialect))


def forget_compiled() -> None:
    """As in a process that has compiled nothing yet; for measuring."""
    _rule_sql.cache_clear()
    _counts_sql.cache_clear()
    written.cache_clear()


def yes(answer: BooleanValue, *, missing: bool = False) -> BooleanValue:
    """The one place where a missing answer becomes no (or yes, where the condition says so)."""
    return answer.fill_null(missing)


def truth(node: tree.Node, around: Scope) -> BooleanValue:
    """Whether a node is true, per row of the profile table; NULL stands for missing."""
    match node:
        case tree.AllOf(parts):
            return ibis.and_(*(truth_of_shared(group, around) for group in shared(parts)))
        case tree.AnyOf(parts):
            return ibis.or_(*(truth(part, around) for part in parts))
        case tree.Not(part):
            return ~yes(truth(part, around))
        case tree.Everyone():
            return ibis.literal(True)
        case tree.FeatureCondition() if is_plain(node):
            answer = compare_feature(node, around)
            return yes(answer, missing=True) if node.missing else answer
        case _:
            return among(group_of(node, around), around)


def counts_missing(node: tree.Condition) -> bool:
    return bool(getattr(node, "missing", False))


def among(group: Group, around: Scope) -> BooleanValue:
    """Whether the customer of a profile row is one the group lets in; never NULL."""
    is_named = around.profile.customer_id.isin(group.rows.customer_id)
    return is_named if group.is_in else ~is_named


def named_by(parts: tuple[tree.Node, ...], around: Scope) -> Group | None:
    """The group that decides these parts of an `all`; None where the profile row or several groups decide."""
    if len(parts) > 1:
        return shared_group(parts, around)
    node = parts[0].part if (is_negated := isinstance(parts[0], tree.Not)) else parts[0]
    if isinstance(node, tree.AllOf | tree.AnyOf | tree.Not | tree.Everyone) or is_plain(node):
        return None
    return group_of(node, around, is_negated=is_negated)


def is_plain(node: tree.Node) -> bool:
    """Whether the customer's own profile row decides the condition."""
    return isinstance(node, tree.FeatureCondition) and operators.BY_KEY[node.op].rank is None


def group_of(node: tree.Condition, around: Scope, *, is_negated: bool = False) -> Group:
    """Who a condition beyond the profile row is true for, or when negated not true for."""
    is_prepared = around.prepared_for(node) is not None
    bare = bare_events(node, around) if isinstance(node, tree.EventCondition) and not is_prepared else None
    group = bare if bare and bare.is_in == is_negated else decided(finding(node, around), missing=counts_missing(node))
    return Group(group.rows, group.is_in != is_negated, is_prepared)


def decided(found: Finding, *, missing: bool) -> Group:
    holds = found.holds(found.rows)
    if missing if found.without is None else found.without:
        return Group(found.rows.filter(~yes(holds, missing=missing)), is_in=False)
    return Group(found.rows.filter(yes(holds, missing=True) if missing else holds), is_in=True)


def finding(node: tree.Condition, around: Scope) -> Finding:
    """The finding of a condition that looks beyond the customer's own profile row."""
    return FINDINGS[type(node)](node, around)


# --- features ---------------------------------------------------------------------------------------------------------


def compare_feature(node: tree.FeatureCondition, around: Scope) -> BooleanValue:
    kind = around.catalogue[node.feature].kind
    return compare(around.profile[node.feature], kind, node.op, node.value, around.moment)


def compare(column: Any, kind: str, op: str, value: Any, moment: Moment) -> BooleanValue:
    """A column of some kind against a rule's value; NULL where the column is NULL."""
    row = operators.BY_KEY[op]
    if row.days:
        return operators.in_days(column, kind, row.days(value, moment.today), moment)
    if row.clock:
        shown = operators.local(column, moment) if kind == "datetime" else column
        span = operators.month_day_range(moment.today, value) if row.operand == "anniversary" else value
        return row.clock(shown, span)
    if row.compare is None:
        raise ValueError(f"{op} does not compare values one by one")
    return row.compare(column, literal(value, kind))


def literal(value: Any, kind: str) -> Any:
    """A rule's value as the engine compares it: amounts as decimals, so that no rounding decides."""
    if isinstance(value, tuple):
        return tuple(literal(one, kind) for one in value)
    if isinstance(value, Decimal):
        return ibis.literal(value.quantize(Decimal("0.0001")), type=AMOUNT)
    return ibis.literal(float(value), type="float64") if isinstance(value, float) else value


def rank_finding(node: tree.FeatureCondition, around: Scope) -> Finding:
    """A customer's place among all customers who have the value; equals share the better place."""
    profile, column, row = around.profile, around.profile[node.feature], operators.BY_KEY[node.op]
    having = profile.filter(column.notnull())
    value = having[node.feature]
    rows = having.select(
        "customer_id",
        value=value,
        above=ibis.rank().over(order_by=value.desc()),
        below=ibis.rank().over(order_by=value.asc()),
        everyone=ibis._.count().over(),
    )
    limit = literal(node.value, "money")

    def holds(t: Table) -> BooleanValue:
        return row.rank(operators.Rank(t.above, t.below, t.everyone), limit) if row.rank else ibis.literal(False)

    return Finding(rows, holds, lambda t: t.value, None)


def feature_finding(node: tree.FeatureCondition, around: Scope) -> Finding:
    if operators.BY_KEY[node.op].rank:
        return rank_finding(node, around)
    rows = around.profile.select("customer_id", holds=compare_feature(node, around), seen=around.profile[node.feature])
    return Finding(rows, lambda t: t.holds, lambda t: t.seen, None)


# --- events -----------------------------------------------------------------------------------------------------------


def property_column(events: Table, types: tuple[str, ...], name: str, kind: str) -> Any:
    columns = tables.properties_of(types)
    if name in columns:
        return events[columns[name][0]]
    found = events.properties.cast("json")[name.removeprefix(tables.FREE_PREFIX)]
    if kind == "number":
        return found.cast("string").try_cast(AMOUNT)
    return found.bool if kind == "truth" else found.str


def test(events: Table, types: tuple[str, ...], condition: tree.PropertyCondition, moment: Moment) -> BooleanValue:
    column = property_column(events, types, condition.property, condition.kind)
    answer = compare(column, condition.kind, condition.op, condition.value, moment)
    return yes(answer, missing=True) if condition.missing else answer


def of_type(table: Table, types: tuple[str, ...]) -> list[BooleanValue]:
    if types[0] in tables.LINE_KINDS:
        return [table.kind == tables.LINE_KINDS[types[0]]]
    if types[0] == tables.ANY_EVENT:
        return []
    return [table.type == types[0] if len(types) == 1 else table.type.isin(types)]


def selected(events: tree.Events, moment: Moment, *, since: datetime | None = None) -> Table:
    """The events of a selection, up to the moment; `since` is a border known from elsewhere (UTC)."""
    table = tables.event_table(events.types)
    tests = of_type(table, events.types)
    start, end = borders(events.window, moment)
    known = [border for border in (start, since) if border]
    tests += [table.ts >= ibis.literal(max(known))] if known else []
    tests += [table.ts < ibis.literal(end)] if end and end <= moment.now else [table.ts <= ibis.literal(moment.now)]
    tests += [test(table, events.types, condition, moment) for condition in events.where]
    chosen = table.filter(*tests)
    return relative_to(chosen, events.window, moment) if isinstance(events.window, tree.Relative) else chosen


def borders(window: tree.Window, moment: Moment) -> tuple[datetime | None, datetime | None]:
    """A window as a half-open range of UTC times; None is open."""
    days: DayRange = (None, None)
    match window:
        case tree.LastDays(count):
            days = (moment.ago(count), None)
        case tree.DaysAgo(start, end):
            days = (moment.ago(start), moment.ago(end - 1))
        case tree.Dates(first, last):
            days = (first, last and last + timedelta(days=1))
    return moment.borders(days)


def relative_to(chosen: Table, window: tree.Relative, moment: Moment) -> Table:
    other = selected(window.events, moment)
    mark = other.ts.min() if window.which == "first" else other.ts.max()
    marks = other.group_by("customer_id").aggregate(mark=mark).view()
    is_there = chosen.ts < marks.mark if window.side == "before" else chosen.ts > marks.mark
    return chosen.semi_join(marks, [chosen.customer_id == marks.customer_id, is_there])


def totals(events: Table, node: Any, suffix: str, moment: Moment, within: Any = None) -> dict[str, Any]:
    """The aggregates a measure needs, named by the suffix: its total and, for an average or share, its divisor.

    `within` narrows the events; a share's total is narrowed further, to those it is the share of.
    """
    row = measures.BY_KEY[node.measure]
    kind = "text" if row.of == "property" else "number"
    column = property_column(events, node.events.types, node.of, kind) if node.of else None
    inner = [test(events, node.events.types, condition, moment) for condition in getattr(node, "among", ())]
    where = ibis.and_(*inner, *([] if within is None else [within])) if inner else within
    found = {f"total{suffix}": row.total(events, column, where)}
    return {**found, f"per{suffix}": row.per(events, column, within)} if row.per else found


def event_rows(nodes: tuple[tree.EventCondition, ...], around: Scope) -> Table:
    """One row per customer with the aggregates of conditions that look at the same events."""
    if prepared := around.prepared_for(*nodes):
        return prepared_rows(prepared, nodes)
    events = selected(nodes[0].events, around.moment)
    columns: dict[str, Any] = {}
    for i, node in enumerate(nodes):
        columns |= totals(events, node, str(i), around.moment)
    return events.group_by("customer_id").aggregate(**columns)


def prepared_rows(prepared: Prepared, nodes: tuple[tree.EventCondition, ...]) -> Table:
    table = ibis.table(dict(prepared.columns), name=prepared.name)
    columns: dict[str, Any] = {}
    for i, node in enumerate(nodes):
        place = prepared.asked.index(asks(node))
        columns |= {f"{part}{i}": table[f"{part}{place}"] for part in ("total", "per") if f"{part}{place}" in table}
    return table.select("customer_id", **columns)


def event_holds(t: Table, node: tree.EventCondition, i: int, moment: Moment) -> BooleanValue:
    row, total = measures.BY_KEY[node.measure], t[f"total{i}"]
    if row.answer == "days":
        return operators.in_days(total, "datetime", measures.DAYS_SINCE[node.op](node.value, moment.today), moment)
    if row.answer == "datetime":
        return compare(total, "datetime", node.op, node.value, moment)
    if row.per is None:
        return compare(total, "money", node.op, node.value, moment)
    divisor = t[f"per{i}"].nullif(0)
    scaled = tuple(literal(one, "money") * divisor for one in _tuple(node.value))
    compared = operators.BY_KEY[node.op].compare
    if compared is None:
        raise ValueError(f"{node.op} does not compare numbers")
    return compared(total, scaled if isinstance(node.value, tuple) else scaled[0])


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def event_finding(node: tree.EventCondition, around: Scope) -> Finding:
    row = measures.BY_KEY[node.measure]
    return Finding(
        event_rows((node,), around),
        lambda t: event_holds(t, node, 0, around.moment),
        lambda t: t.total0 / t.per0.nullif(0) if row.per else t.total0,
        None if row.empty is None else holds_for_nothing(node),
    )


def holds_for_nothing(node: tree.EventCondition) -> bool:
    """Whether a count, sum or number of different values of zero satisfies the condition."""
    low, *rest = (Decimal(str(one)) for one in _tuple(node.value))
    high = rest[0] if rest else low
    return {
        "is": low == 0,
        "is_not": low != 0,
        "at_least": low <= 0,
        "at_most": low >= 0,
        "more_than": low < 0,
        "less_than": low > 0,
        "between": low <= 0 <= high,
    }[node.op]


def shared(parts: tuple[tree.Node, ...]) -> Iterator[tuple[tree.Node, ...]]:
    """Parts of an `all` in groups that one aggregation answers: same events, and no event means no."""
    groups: dict[Any, list[tree.Node]] = {}
    for i, part in enumerate(parts):
        groups.setdefault(_shared_events(part) or i, []).append(part)
    return (tuple(group) for group in groups.values())


def _shared_events(node: tree.Node) -> tree.Events | None:
    if not isinstance(node, tree.EventCondition) or node.missing:
        return None
    is_no_for_nothing = measures.BY_KEY[node.measure].empty is None or not holds_for_nothing(node)
    return node.events if is_no_for_nothing else None


def truth_of_shared(parts: tuple[tree.Node, ...], around: Scope) -> BooleanValue:
    if len(parts) == 1:
        return truth(parts[0], around)
    return among(shared_group(parts, around), around)


def shared_group(parts: tuple[tree.Node, ...], around: Scope) -> Group:
    nodes = tuple(part for part in parts if isinstance(part, tree.EventCondition))
    rows = event_rows(nodes, around)
    holds = (event_holds(rows, node, i, around.moment) for i, node in enumerate(nodes))
    return Group(rows.filter(*holds), is_in=True, is_living=around.prepared_for(*nodes) is not None)


ANY_AT_ALL: Final = {("at_least", 1), ("more_than", 0), ("is_not", 0)}
NONE_AT_ALL: Final = {("is", 0), ("at_most", 0), ("less_than", 1)}


def bare_events(node: tree.EventCondition, around: Scope) -> Group | None:
    """Whether there is any such event, or none, needs no counting; cheaper only where it shuts customers out."""
    asked = (node.op, node.value)
    if node.measure != "count" or asked not in ANY_AT_ALL | NONE_AT_ALL:
        return None
    return Group(selected(node.events, around.moment).select("customer_id"), asked in ANY_AT_ALL)


# --- sequences and trends ---------------------------------------------------------------------------------------------


def sequence_finding(node: tree.SequenceCondition, around: Scope) -> Finding:
    """Each step at or after the one before, within its time; an event never follows itself."""
    moment, first = around.moment, node.steps[0]
    since, _ = borders(first.events.window, moment)
    reached, is_told_apart = selected(first.events, moment).select("customer_id", "ts"), returns(node.steps)
    if is_told_apart:
        reached = reached.mutate(run=_place(0))
    for i, step in enumerate(node.steps[1:], 1):
        events, alike = selected(step.events, moment, since=since), last_alike(node.steps, i)
        if is_told_apart:
            reached = _next_run(reached, i, alike, step, events, moment)
        else:
            reached = _next_step(reached, step, events, moment, strictly=alike == i - 1)
    rows = reached.group_by("customer_id").aggregate(at_last=reached.ts.max())
    return Finding(rows, lambda t: ibis.literal(True), lambda t: t.at_last, False)


def last_alike(steps: Sequence[tree.Step], i: int) -> int:
    """The last step before the one at `i` that the same event could be; -1 for none."""
    alike = (k for k in range(i) if overlaps(steps[k].events.types, steps[i].events.types))
    return max(alike, default=-1)


def returns(steps: Sequence[tree.Step]) -> bool:
    """Whether all from a step to one that the same event could be may happen at one time, as in order, visit, order."""
    strict = [i for i in range(1, len(steps)) if last_alike(steps, i) == i - 1]
    pairs = ((last_alike(steps, i), i) for i in range(2, len(steps)))
    return any(0 <= k < i - 1 and not any(k < one <= i for one in strict) for k, i in pairs)


def _next_step(reached: Table, step: tree.Step, events: Table, moment: Moment, *, strictly: bool) -> Table:
    if not step.happens:
        return _without(_over(reached, step, moment), step, events, strictly=strictly)
    before, after = reached.view(), events.select("customer_id", "ts")
    return after.semi_join(before, _follows(before, after, step, strictly=strictly))


def _next_run(reached: Table, i: int, alike: int, step: tree.Step, events: Table, moment: Moment) -> Table:
    """The same where a step must lie apart from one before the last: `run` is the step that came to the time first.

    At that very time only an event that none of the steps since could be may follow.
    """
    if not step.happens:
        reached = _over(reached, step, moment)
        free, bound = reached.filter(reached.run > alike), reached.filter(reached.run <= alike)
        return _without(free, step, events, strictly=False).union(_without(bound, step, events, strictly=True))
    later = _next_step(reached, step, events, moment, strictly=True).mutate(run=_place(i))
    free, same = reached.filter(reached.run > alike).view(), events.select("customer_id", "ts")
    tied = same.inner_join(free, [same.customer_id == free.customer_id, same.ts == free.ts])
    return later.union(tied.select(customer_id=same.customer_id, ts=same.ts, run=free.run), distinct=True)


def _place(i: int) -> Any:
    return ibis.literal(i, type="int8")


def _over(reached: Table, step: tree.Step, moment: Moment) -> Table:
    """Those whose time for the step is over."""
    if not step.within_days:
        return reached
    return reached.filter(reached.ts <= ibis.literal(moment.now) - ibis.interval(days=step.within_days))


def _without(reached: Table, step: tree.Step, events: Table, *, strictly: bool) -> Table:
    after = events.select("customer_id", "ts").view()
    return reached.anti_join(after, _follows(reached, after, step, strictly=strictly))


def _follows(before: Table, after: Table, step: tree.Step, *, strictly: bool) -> list[BooleanValue]:
    tests = [before.customer_id == after.customer_id]
    tests += [after.ts > before.ts if strictly else after.ts >= before.ts]
    tests += [after.ts <= before.ts + ibis.interval(days=step.within_days)] if step.within_days else []
    return tests


def overlaps(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether an event could belong to both selections, and so seem to follow itself."""
    if is_any := (tables.ANY_EVENT in (*one, *other)):
        return is_any and tables.is_line(one) == tables.is_line(other)
    return bool(set(one) & set(other))


def trend_finding(node: tree.TrendCondition, around: Scope) -> Finding:
    """Two spans of whole days of equal length; today, still unfinished, belongs to neither."""
    moment, row = around.moment, measures.TRENDS_BY_KEY[node.op]
    shift = measures.AGAINST[node.against] or node.days
    now_start, now_end = moment.begins(moment.ago(node.days)), moment.begins(moment.today)
    old_start, old_end = moment.begins(moment.ago(node.days + shift)), moment.begins(moment.ago(shift))
    events = selected(node.events, moment, since=old_start)
    is_now = (events.ts >= ibis.literal(now_start)) & (events.ts < ibis.literal(now_end))
    is_old = (events.ts >= ibis.literal(old_start)) & (events.ts < ibis.literal(old_end))
    chosen = events.filter(is_now | is_old)
    columns = totals(chosen, node, "_now", moment, chosen.ts >= ibis.literal(now_start))
    columns |= totals(chosen, node, "_old", moment, chosen.ts < ibis.literal(now_start))
    rows = chosen.group_by("customer_id").aggregate(**columns)

    def holds(t: Table) -> BooleanValue:
        answer = row.holds(t.total_now, t.total_old, literal(node.value, "money"))
        return ibis.ifelse(t.total_old > 0, answer, ibis.null("boolean")) if row.needs_before else answer

    def seen(t: Table) -> Any:
        return t.total_old.cast("string") + " → " + t.total_now.cast("string")

    return Finding(rows, holds, seen, None if row.needs_before else False)


# --- memberships, consents, responses ---------------------------------------------------------------------------------


def membership_finding(node: tree.MembershipCondition, around: Scope) -> Finding:
    moment, ledger = around.moment, ibis.table(tables.MEMBERSHIP, name="membership")
    mine = ledger.filter(ledger.segment == node.segment, ledger.entered_at <= ibis.literal(moment.now))
    rows = mine.filter(_membership_test(mine, node, moment))
    latest = rows.group_by("customer_id").aggregate(since=rows.entered_at.max())
    is_absence = node.op == "not_in"
    return Finding(latest, lambda t: ibis.literal(not is_absence), lambda t: t.since, is_absence)


def _membership_test(rows: Table, node: tree.MembershipCondition, moment: Moment) -> BooleanValue:
    """A day means its end. Who left at a moment is no longer in at that moment."""
    if node.op in ("entered", "left"):
        column = rows.entered_at if node.op == "entered" else rows.left_at
        since = moment.begins(moment.ago(node.days or 0))
        return (column >= ibis.literal(since)) & (column <= ibis.literal(moment.now))
    if node.on is None or node.on >= moment.today:
        return rows.left_at.isnull() | (rows.left_at > ibis.literal(moment.now))
    end = ibis.literal(moment.begins(node.on + timedelta(days=1)))
    return (rows.entered_at < end) & (rows.left_at.isnull() | (rows.left_at >= end))


def consent_finding(node: tree.ConsentCondition, around: Scope) -> Finding:
    """The person's latest word, be it about this channel or about all of them; a lapsed grant is none."""
    now = ibis.literal(around.moment.now)
    table = ibis.table(tables.CONSENT, name="consent")
    said = table.filter(table.purpose == node.purpose, table.channel.isin((node.channel, "any")), table.since_at <= now)
    granted = said.is_granted & (said.expires_at.isnull() | (said.expires_at > now))
    rows = said.group_by("customer_id").aggregate(
        granted_at=said.since_at.max(where=granted), withdrawn_at=said.since_at.max(where=~said.is_granted)
    )
    holds = lambda t: (t.granted_at > t.withdrawn_at).fill_null(t.granted_at.notnull())  # noqa: E731
    return Finding(rows, holds, holds, None)


def reach_finding(node: tree.ReachCondition, around: Scope) -> Finding:
    table = ibis.table(tables.REACH, name="reach")
    rows = table.filter(table.channel == node.channel)
    return Finding(rows, lambda t: t.has_address & ~t.is_suppressed, lambda t: t.has_address & ~t.is_suppressed, False)


def response_finding(node: tree.ResponseCondition, around: Scope) -> Finding:
    return event_finding(tree.EventCondition(tree.response_events(node)), around)


def everyone_finding(node: tree.Everyone, around: Scope) -> Finding:
    rows = around.profile.select("customer_id")
    return Finding(rows, lambda t: ibis.literal(True), lambda t: ibis.literal(True), True)


FINDINGS: Final[dict[type, Callable[[Any, Scope], Finding]]] = {
    tree.FeatureCondition: feature_finding,
    tree.EventCondition: event_finding,
    tree.SequenceCondition: sequence_finding,
    tree.TrendCondition: trend_finding,
    tree.MembershipCondition: membership_finding,
    tree.ConsentCondition: consent_finding,
    tree.ReachCondition: reach_finding,
    tree.ResponseCondition: response_finding,
    tree.Everyone: everyone_finding,
}
