"""The SQL of the engines: where Ibis leaves a gap in a dialect, or where its SQL would give another answer there.

What an engine cannot answer as the embedded one does is refused before it is asked; docs/engines.md has the list.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

import sqlglot as sg
import sqlglot.expressions as sge
from ibis.backends.sql import compilers
from ibis.backends.sql.compilers.base import NULL, STAR, SQLGlotCompiler
from ibis.backends.sql.compilers.clickhouse import ClickHouseCompiler
from ibis.backends.sql.compilers.duckdb import DuckDBCompiler
from ibis.backends.sql.compilers.pyspark import PySparkCompiler
from ibis.common.exceptions import IbisError
from ibis.expr import operations as ops
from ibis.expr.types import Table

from profiles.catalogue import Feature
from segments.rules import tree
from segments.rules.errors import RuleError


class NotThere(RuleError):
    """A rule, or a part of it, that an engine elsewhere could not answer as the embedded one does."""


class DuckDB(DuckDBCompiler):
    """The embedded engine; free properties are found by their names as they are, were it `a.b`, `*` or `$`."""

    SIMPLE_OPS: ClassVar[Mapping[Any, str]] = {}  # those of the parent stay

    def visit_JSONGetItem(self, op: Any, *, arg: Any, index: Any) -> Any:
        """A pointer (RFC 6901): Ibis would read the name as a path."""
        pointer = "/" + op.index.value.replace("~", "~0").replace("/", "~1")
        return self.f.anon.json_extract(arg, sge.convert(pointer))


class ClickHouse(ClickHouseCompiler):
    """Free properties read from their JSON text; different values counted exactly; semi-joins that compare times."""

    SIMPLE_OPS: ClassVar[Mapping[Any, str]] = {ops.CountDistinct: "uniqExact"}  # `uniq` estimates

    def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:
        """Times to the microsecond, and days before 1970 and after 2149."""
        if dtype.is_timestamp():
            return self.f.toDateTime64(f"{value:%Y-%m-%d %H:%M:%S.%f}", 6, "UTC")
        if dtype.is_date():
            return self.f.toDate32(value.isoformat())
        return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

    def visit_JSONGetItem(self, op: Any, *, arg: Any, index: Any) -> Any:
        return self.f.nullIf(self.f.JSONExtractRaw(arg, index), sge.convert(""))

    def visit_UnwrapJSONString(self, op: Any, *, arg: Any) -> Any:
        return self.if_(self.f.JSONType(arg).eq("String"), self.f.JSONExtractString(arg), NULL)

    def visit_UnwrapJSONBoolean(self, op: Any, *, arg: Any) -> Any:
        return self.if_(self.f.JSONType(arg).eq("Bool"), self.f.JSONExtractBool(arg), NULL)

    @staticmethod
    def _minimize_spec(op: Any, spec: Any) -> Any:
        """With a frame of rows, equals would have different ranks."""
        return None if isinstance(op.func, ops.RankBase) else ClickHouseCompiler._minimize_spec(op, spec)

    def visit_RegexSearch(self, op: Any, *, arg: Any, pattern: Any) -> Any:
        """A dot is no line's end, unless the pattern says so."""
        return self.f.match(arg, sge.convert(f"(?-s){op.pattern.value}"))

    def visit_Cast(self, op: Any, *, arg: Any, to: Any) -> Any:
        """JSON stays the text it is."""
        return arg if to.is_json() or op.arg.dtype.is_json() else super().visit_Cast(op, arg=arg, to=to)


class Spark(PySparkCompiler):
    """Needs no session to compile; NaN is a number; free properties are variants, so that "3" is no number."""

    SIMPLE_OPS: ClassVar[Mapping[Any, str]] = {}  # those of the parent would take the place of what follows

    def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:
        plain = SQLGlotCompiler if dtype.is_floating() else PySparkCompiler
        return plain.visit_NonNullLiteral(self, op, value=value, dtype=dtype)

    def visit_Field(self, op: Any, *, rel: Any, name: str) -> Any:
        return SQLGlotCompiler.visit_Field(self, op, rel=rel, name=name)

    def visit_IsNull(self, op: Any, *, arg: Any) -> Any:
        return arg.is_(NULL)

    def visit_NotNull(self, op: Any, *, arg: Any) -> Any:
        return arg.is_(sg.not_(NULL))

    def visit_CountStar(self, op: Any, *, arg: Any, where: Any) -> Any:
        """Nothing to count is zero; Ibis's sum would be missing where every test is."""
        return self.f.count(STAR if where is None else self.if_(where, 1, NULL))

    def visit_JSONGetItem(self, op: Any, *, arg: Any, index: Any) -> Any:
        path = "$['" + op.index.value.replace("\\", "\\\\").replace("'", "\\'") + "']"
        return self.f.try_variant_get(self.f.try_parse_json(arg), sge.convert(path), sge.convert("variant"))

    def visit_UnwrapJSONString(self, op: Any, *, arg: Any) -> Any:
        return self.unwrapped(arg, "STRING")

    def visit_UnwrapJSONBoolean(self, op: Any, *, arg: Any) -> Any:
        return self.unwrapped(arg, "BOOLEAN")

    def unwrapped(self, arg: Any, kind: str) -> Any:
        found = self.f.try_variant_get(arg, sge.convert("$"), sge.convert(kind.lower()))
        return self.if_(self.f.schema_of_variant(arg).eq(kind), found, NULL)

    def visit_Cast(self, op: Any, *, arg: Any, to: Any) -> Any:
        return self.f.to_json(arg) if op.arg.dtype.is_json() else super().visit_Cast(op, arg=arg, to=to)

    def visit_RegexSearch(self, op: Any, *, arg: Any, pattern: Any) -> Any:
        return self.f.regexp_like(arg, sge.convert(java_pattern(op.pattern.value)))


MENDED: Final[Mapping[str, SQLGlotCompiler]] = {"duckdb": DuckDB(), "clickhouse": ClickHouse(), "pyspark": Spark()}


def compiler_of(dialect: str) -> SQLGlotCompiler:
    return MENDED.get(dialect) or getattr(compilers, dialect).compiler


def written(expression: Table, dialect: str) -> str:
    """The expression as one statement of an engine's SQL. Raises NotThere."""
    compiler = compiler_of(dialect)
    try:
        return str(compiler.to_sqlglot(expression.unbind()).sql(dialect=compiler.dialect))
    except (IbisError, NotInJava) as fault:
        told = "{part} cannot be asked of {engine}; change the rule or KOHDE_ENGINE"
        raise NotThere("where", told, part=str(fault), engine=dialect) from fault


def refuse(rule: tree.Rule, catalogue: Mapping[str, Feature], dialect: str) -> None:
    """Raises NotThere for what would compile but mean something else on the engine."""
    for path, node in tree.conditions(rule) if dialect in HAVE_NO_MISSING_LISTS else ():
        if isinstance(node, tree.FeatureCondition) and catalogue[node.feature].kind == "list" and sees_missing(node):
            told = "{engine} cannot tell whether a list is missing; change the rule or KOHDE_ENGINE"
            raise NotThere(f"{path}.feature", told, engine=dialect)


HAVE_NO_MISSING_LISTS: Final = ("clickhouse",)  # there a missing list is an empty one


def sees_missing(node: tree.FeatureCondition) -> bool:
    """Whether a missing list is let in, or not, where an empty one is not, or is."""
    return node.op in ("is_missing", "is_present", "excludes") or bool(node.missing)


# --- patterns ---------------------------------------------------------------------------------------------------------

WORD: Final = "[0-9A-Za-z_]"
SPACE: Final = "\\t\\n\\f\\r "
OUTSIDE: Final = {
    "\\b": f"(?:(?<={WORD})(?!{WORD})|(?<!{WORD})(?={WORD}))",
    "\\B": f"(?:(?<={WORD})(?={WORD})|(?<!{WORD})(?!{WORD}))",
    "\\s": f"[{SPACE}]",
    "\\S": f"[^{SPACE}]",
}
INSIDE: Final = {"\\s": SPACE}
SAME: Final = frozenset(f"\\{letter}" for letter in "dDwWtnrf")
TOKEN: Final = re.compile(r"\\.|\[\^?\]?|\(\?[^:)]*[:)]?|&&|.", re.DOTALL)
GROUP: Final = re.compile(r"\(\?([is]+(-[is]+)?)?[:)]")
FOLDING: Final = "(?ud)"  # letters of every alphabet fold together; only \n ends a line


class NotInJava(ValueError):
    """A part of a pattern that Java's syntax lacks or reads otherwise."""


def java_pattern(pattern: str) -> str:
    r"""An RE2 pattern in Java's syntax with the same meaning. Raises NotInJava where we know of none.

    >>> java_pattern("a$"), java_pattern(r"[\s$]")
    ('(?ud)a\\z', '(?ud)[\\t\\n\\f\\r $]')
    """
    return FOLDING + "".join(java_parts(pattern))


def java_parts(pattern: str) -> Iterator[str]:
    is_in_brackets = False
    for token in TOKEN.findall(pattern):
        yield in_brackets(token) if is_in_brackets else outside(token)
        is_in_brackets = token != "]" if is_in_brackets else token.startswith("[")


def outside(token: str) -> str:
    if token in ("[]", "[^]") or (token.startswith("(?") and not GROUP.fullmatch(token)):
        raise NotInJava(token)
    return OUTSIDE.get(token) or ("\\z" if token == "$" else escaped(token))


def in_brackets(token: str) -> str:
    """Java reads “[” as a union and “&&” as an intersection there."""
    if token.startswith("[") or token == "&&":
        raise NotInJava(token)
    return INSIDE.get(token) or escaped(token)


def escaped(token: str) -> str:
    if token.startswith("\\") and token not in SAME and (len(token) < 2 or token[1].isalnum()):
        raise NotInJava(token)
    return token
