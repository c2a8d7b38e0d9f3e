"""How one database spells what databases spell differently inside an expression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from .arithmetic import Arithmetic
from .case import Case
from .cast import Cast, Collated
from .errors import UnsupportedFeature
from .expression import ATOM, COMPARE, Comparison, Expression, Operand, Ordering, Value, type_of
from .function import Function, Star
from .grouping import Grouping
from .json_change import JsonChange
from .json_path import JsonComparison, JsonContains, JsonHasKey, JsonPath
from .mapping import TypeMapper
from .moment import Extract, Truncation
from .number import INT, TEXT
from .pattern import FullText, Like, Match, Regexp
from .typed_path import JsonTyped
from .typing import DatabaseType
from .window import Frame, Over, Window
from .writer import SQLWriter


class Constructs:
    """Standard SQL for the nodes of expressions; the part of a `Dialect` that writes them.

    A database that lacks a construct says so by its flag, or overrides the construct's `write_…` method with something
    that means the same.  A function that has another name there goes into `function_names`; one that has another form
    gets a method ``call_name(out, function)``.
    """

    name: ClassVar[str] = "sql"

    # Are there window functions, FUNCTION(…) OVER (…)?
    supports_windows: ClassVar[bool] = True
    # Do aggregates take FILTER (WHERE …)?  Without it CASE does the same.
    supports_filter: ClassVar[bool] = True
    # May an aggregate over a window be of DISTINCT values?
    supports_distinct_windows: ClassVar[bool] = False
    # Are STRING_AGG and JSON_AGG there over windows too?
    supports_collecting_windows: ClassVar[bool] = True
    # Are there frames of GROUPS, and EXCLUDE?
    supports_groups_frame: ClassVar[bool] = True
    # Are there ROLLUP, CUBE, GROUPING SETS and GROUPING?
    supports_grouping_sets: ClassVar[bool] = True
    # The operator that divides whole numbers without a rest.
    whole_division: ClassVar[str] = "/"
    # Must a divisor of 0 be made NULL, for the quotient to be NULL?
    fails_by_zero: ClassVar[bool] = False
    # Do GREATEST and LEAST pass over NULL?  NULL it is to be.
    greatest_skips_null: ClassVar[bool] = False
    # Is AVG to be had of booleans?
    averages_booleans: ClassVar[bool] = True
    # Do LIKE and regular expressions take texts alone, so that other values have to be cast?
    matches_only_texts: ClassVar[bool] = False
    # Are there regular expressions?  The base writes the standard's REGEXP_LIKE.
    supports_regexp: ClassVar[bool] = False
    # Is there a full-text search?  `write_full_text` writes it.
    supports_full_text: ClassVar[bool] = False
    # Can values inside JSON be reached?  The methods `write_json…` write it.
    supports_json: ClassVar[bool] = False
    # Are texts and names inside JSON found that another program wrote with escapes (``\u0041`` for A)?
    reads_escaped_json: ClassVar[bool] = True
    # Is a sum of a date and a span an error where there is no such date, and not NULL?
    refuses_impossible_dates: ClassVar[bool] = True
    # Can single members of a JSON object be changed?  `write_json_change` writes it.
    supports_json_changes: ClassVar[bool] = False
    # Is the span between two dates or datetimes to be had?  `write_difference` writes it.
    supports_date_differences: ClassVar[bool] = False

    # What gives the moment, and the day, in the database.
    current_timestamp: ClassVar[str] = "CURRENT_TIMESTAMP"
    current_date: ClassVar[str] = "CURRENT_DATE"
    function_names: ClassVar[Mapping[str, str]] = {"JSON_AGG": "JSON_ARRAYAGG"}
    # The names of types inside CAST.
    cast_types: ClassVar[TypeMapper] = TypeMapper()

    def require(self, supported: bool, feature: str) -> None:
        """UnsupportedFeature where the database does not have a feature."""
        if not supported:
            raise UnsupportedFeature(f"{self.name} has no {feature}")

    # 1 - Operators

    def write_arithmetic(self, out: SQLWriter, arithmetic: Arithmetic) -> None:
        """Two operands and an operator; ``||`` joins texts, and its operands always stand alone or in parentheses."""
        is_joining = arithmetic.operator == "||"
        out.node(arithmetic.left, ATOM if is_joining else arithmetic.precedence)
        operator, kind = arithmetic.operator, arithmetic.type
        is_whole = operator == "/" and kind is not None and kind.kind is int
        out.sql(f" {self.whole_division if is_whole else operator} ")
        if self.fails_by_zero and operator in ("/", "%"):
            self.write_divisor(out, arithmetic.right)
        else:
            out.node(arithmetic.right, ATOM if is_joining else arithmetic.precedence + 1)

    def write_divisor(self, out: SQLWriter, divisor: Expression) -> None:
        """What is divided by, NULL for 0."""
        is_safe = isinstance(divisor, Value) and divisor.value
        out.sql("" if is_safe else "NULLIF(")
        out.node(divisor)
        out.sql("" if is_safe else ", 0)")

    def write_comparison(self, out: SQLWriter, comparison: Comparison) -> None:
        """Two operands compared."""
        out.node(comparison.left, COMPARE + 1)
        out.sql(f" {comparison.operator} ")
        out.node(comparison.right, COMPARE + 1)

    def write_listed_query(self, out: SQLWriter, query: Expression) -> None:
        """The query after IN."""
        out.node(query, ATOM)

    def write_case(self, out: SQLWriter, case: Case) -> None:
        """CASE."""
        out.sql("CASE")
        for condition, value in case.whens:
            out.sql(" WHEN ")
            out.node(condition)
            out.sql(" THEN ")
            out.node(value)
        if case.otherwise is not None:
            out.sql(" ELSE ")
            out.node(case.otherwise)
        out.sql(" END")

    def write_cast(self, out: SQLWriter, cast: Cast) -> None:
        """CAST."""
        column = cast.type
        sizes = {"length": column.length, "precision": column.precision, "scale": column.scale}
        text = self.cast_types.definition(column.db_type, **{k: size for k, size in sizes.items() if size is not None})
        out.sql("CAST(")
        out.node(cast.item)
        out.sql(f" AS {text})")

    def write_collated(self, out: SQLWriter, collated: Collated) -> None:
        """COLLATE."""
        out.node(collated.item, ATOM)
        out.sql(" COLLATE ")
        out.name(collated.name)

    def write_ordering(self, out: SQLWriter, ordering: Ordering) -> None:
        """One item of ORDER BY."""
        out.node(ordering.item, ATOM)
        out.sql(" DESC" if ordering.descending else " ASC")
        if ordering.nulls is not None:
            out.sql(f" NULLS {ordering.nulls}")

    def write_grouping(self, out: SQLWriter, grouping: Grouping) -> None:
        """ROLLUP, CUBE or GROUPING SETS."""
        self.require(self.supports_grouping_sets, grouping.kind)
        out.sql(f"{grouping.kind} (")
        for number, items in enumerate(grouping.sets):
            out.sql(", " if number else "")
            in_parentheses = len(items) != 1
            out.sql("(" if in_parentheses else "")
            out.nodes(items)
            out.sql(")" if in_parentheses else "")
        out.sql(")")

    # 2 - Text

    def write_like(self, out: SQLWriter, like: Like) -> None:
        """LIKE; without regard to case both sides are folded."""
        item, pattern = self.as_text(like.item), like.pattern
        if like.ignore_case:
            item, pattern = Function("lower", item), Function("lower", pattern)
        out.node(item, COMPARE + 1)
        out.sql(" NOT LIKE " if like.negated else " LIKE ")
        out.node(pattern, COMPARE + 1)

    def write_match(self, out: SQLWriter, match: Match) -> None:
        """A plain text within a text, case counting."""
        out.node(self.as_text(match.item), COMPARE + 1)
        out.sql(" LIKE ")
        out.node(Value(match.pattern(_escape_like, "%")))
        out.sql(" ESCAPE '!'")

    def write_regexp(self, out: SQLWriter, regexp: Regexp) -> None:
        """A regular expression within a text."""
        self.require(self.supports_regexp, "regular expressions")
        out.sql("NOT REGEXP_LIKE(" if regexp.negated else "REGEXP_LIKE(")
        out.nodes((self.as_text(regexp.item), regexp.pattern))
        out.sql(", 'i')" if regexp.ignore_case else ")")

    def as_text(self, item: Operand) -> Operand:
        """What LIKE and regular expressions take for `item`: see `matches_only_texts`."""
        column = type_of(item)
        needs_cast = self.matches_only_texts and column is not None and column.kind is not str
        return Cast(item, TEXT) if needs_cast else item

    def write_full_text(self, out: SQLWriter, full_text: FullText) -> None:
        """Words, all of which a full-text index finds."""
        self.require(self.supports_full_text, "full-text search")

    # 3 - Functions

    def write_function(self, out: SQLWriter, function: Function) -> None:
        """A function call."""
        self.write_call(out, function)

    def write_call(self, out: SQLWriter, function: Function) -> None:
        """A function call with what belongs to it alone, without the window that it may stand before."""
        if function.condition is not None and not self.supports_filter:
            function = self.without_filter(function)
        special = getattr(self, f"call_{function.name.lower()}", None)
        if special is None:
            self.write_plain_call(out, function)
        else:
            special(out, function)
        if function.condition is not None:
            out.sql(" FILTER (WHERE ")
            out.node(function.condition)
            out.sql(")")

    def write_plain_call(self, out: SQLWriter, function: Function) -> None:
        """``NAME(DISTINCT arguments ORDER BY …)``."""
        out.sql(f"{self.function_name(function)}(")
        if function.distinct:
            out.sql("DISTINCT ")
        out.nodes(function.args)
        if function.order_by:
            out.sql(" ORDER BY ")
            out.nodes(function.order_by)
        out.sql(")")

    def function_name(self, function: Function) -> str:
        """What this database calls the function."""
        return self.function_names.get(function.name, function.name)

    def without_filter(self, function: Function) -> Function:
        """The aggregate with its condition inside: of NULL, which no aggregate takes, where that is not met."""
        self.require(function.name in _SKIPPING_NULL, f"FILTER for {function.name}")
        condition: Any = function.condition
        first = Value(1) if isinstance(function.args[0], Star) else function.args[0]
        args = (Case(((condition, first),)), *function.args[1:])
        return Function(function.name, *args, distinct=function.distinct, order_by=function.order_by)

    def call_concat(self, out: SQLWriter, function: Function) -> None:
        """``a || b``."""
        out.sql("(")
        out.nodes(function.args, " || ", ATOM)
        out.sql(")")

    def call_current_date(self, out: SQLWriter, function: Function) -> None:
        """CURRENT_DATE, without parentheses."""
        out.sql(self.current_date)

    def call_current_timestamp(self, out: SQLWriter, function: Function) -> None:
        """CURRENT_TIMESTAMP, without parentheses."""
        out.sql(self.current_timestamp)

    def call_mod(self, out: SQLWriter, function: Function) -> None:
        """MOD."""
        out.sql(f"{self.function_name(function)}(")
        out.node(function.args[0])
        out.sql(", ")
        if self.fails_by_zero:
            self.write_divisor(out, function.args[1])
        else:
            out.node(function.args[1])
        out.sql(")")

    def call_avg(self, out: SQLWriter, function: Function) -> None:
        """AVG."""
        item = function.args[0]
        column = None if self.averages_booleans else type_of(item)
        if column is not None and column.kind is bool:
            number = Cast(item, INT)
            function = Function("AVG", number, distinct=function.distinct, type=function.type)
        self.write_plain_call(out, function)

    def call_greatest(self, out: SQLWriter, function: Function) -> None:
        """GREATEST and LEAST, NULL where one of the values is."""
        given = function.args if self.greatest_skips_null else ()
        doubtful = [arg for arg in given if not isinstance(arg, Value) or arg.value is None]
        out.sql("CASE WHEN " if doubtful else "")
        out.nodes(doubtful, " IS NOT NULL AND ", ATOM)
        out.sql(" IS NOT NULL THEN " if doubtful else "")
        self.write_plain_call(out, function)
        out.sql(" END" if doubtful else "")

    call_least = call_greatest

    def call_grouping(self, out: SQLWriter, function: Function) -> None:
        """GROUPING, where there are grouping sets."""
        self.require(self.supports_grouping_sets, "GROUPING")
        self.write_plain_call(out, function)

    # 4 - Windows

    def write_over(self, out: SQLWriter, over: Over) -> None:
        """A function and the window it reckons over."""
        self.require(self.supports_windows, "window functions")
        self.require(self.supports_distinct_windows or not over.function.distinct, "DISTINCT over a window")
        self.write_call(out, over.function)
        out.sql(" OVER (")
        out.node(over.window)
        out.sql(")")

    def write_window(self, out: SQLWriter, window: Window) -> None:
        """PARTITION BY, ORDER BY and the frame."""
        if window.partition_by:
            out.sql("PARTITION BY ")
            out.nodes(window.partition_by)
        if window.order_by:
            out.sql(" ORDER BY " if window.partition_by else "ORDER BY ")
            out.nodes(window.order_by)
        if window.frame is not None:
            out.sql(" " if window.partition_by or window.order_by else "")
            self.write_frame(out, window.frame)

    def write_frame(self, out: SQLWriter, frame: Frame) -> None:
        """The rows around the current one."""
        self.require(self.supports_groups_frame or frame.unit != "GROUPS", "frames of GROUPS")
        out.sql(f"{frame.unit} BETWEEN ")
        self.write_bound(out, frame.start, "UNBOUNDED PRECEDING")
        out.sql(" AND ")
        self.write_bound(out, frame.end, "UNBOUNDED FOLLOWING")
        if frame.exclude is not None:
            self.require(self.supports_groups_frame, "EXCLUDE in frames")
            out.sql(f" EXCLUDE {frame.exclude}")

    def write_bound(self, out: SQLWriter, bound: Any, unbounded: str) -> None:
        """Where a frame begins or ends."""
        if bound is None:
            out.sql(unbounded)
        elif bound == 0:
            out.sql("CURRENT ROW")
        else:
            out.bind(abs(bound))
            out.sql(" PRECEDING" if bound < 0 else " FOLLOWING")

    # 5 - Dates and times

    def write_shift(self, out: SQLWriter, shift: Arithmetic) -> None:
        """A date or datetime and a span, which travels as microseconds; a date stays one."""
        is_date = shift.type is not None and shift.type.db_type is DatabaseType.DATE
        out.sql("CAST(" if is_date else "")
        out.node(shift.left, shift.precedence)
        out.sql(f" {shift.operator} ")
        out.node(shift.right, ATOM)
        out.sql(" * INTERVAL '0.000001' SECOND")
        out.sql(" AS DATE)" if is_date else "")

    def write_difference(self, out: SQLWriter, difference: Arithmetic) -> None:
        """The microseconds between two dates or datetimes."""
        self.require(self.supports_date_differences, "differences of dates")

    def write_extract(self, out: SQLWriter, extract: Extract) -> None:
        """EXTRACT."""
        out.sql(f"EXTRACT({extract.part.upper()} FROM ")
        out.node(extract.item)
        out.sql(")")

    def write_truncation(self, out: SQLWriter, truncation: Truncation) -> None:
        """DATE_TRUNC."""
        out.sql(f"DATE_TRUNC('{truncation.part}', ")
        out.node(truncation.item)
        out.sql(")")

    # 6 - JSON

    def write_json(self, out: SQLWriter, path: JsonPath) -> None:
        """The JSON value at a path, JSON text where the driver gives JSON as text; NULL for null."""
        self.require(self.supports_json, "paths into JSON")

    def write_json_scalar(self, out: SQLWriter, path: JsonPath) -> None:
        """The value at a path as SQL's own number or text, to be ordered by and cast."""
        self.require(self.supports_json, "paths into JSON")

    def write_json_text(self, out: SQLWriter, path: JsonPath) -> None:
        """The value at a path as text, a string without its quotes; NULL for null."""
        self.require(self.supports_json, "paths into JSON")

    def write_json_typed(self, out: SQLWriter, typed: JsonTyped) -> None:
        """The decimal or the moment (an aware datetime, as ISO 8601) that the text at a path spells."""
        out.node(typed.as_cast)

    def write_json_comparison(self, out: SQLWriter, comparison: JsonComparison) -> None:
        """The value at a path compared with another of the kind that `comparison` names; NULL where one is null.

        Values of different kinds are never equal, and neither comes before the other.
        """
        self.require(self.supports_json, "comparisons of JSON")

    def write_json_change(self, out: SQLWriter, change: JsonChange) -> None:
        """A JSON object with members set and removed; `otherwise`, where given, for NULL and what is no object."""
        self.require(self.supports_json_changes, "changes of single members of JSON")

    def write_json_contains(self, out: SQLWriter, contains: JsonContains) -> None:
        """Whether the value at a path contains JSON."""
        self.require(self.supports_json, "containment of JSON")

    def write_json_has_key(self, out: SQLWriter, has_key: JsonHasKey) -> None:
        """Whether the value at a path is an object with a member; false, and not NULL, for anything else."""
        self.require(self.supports_json, "paths into JSON")

    def write_json_length(self, out: SQLWriter, path: JsonPath) -> None:
        """The number of elements or members of the value at a path; NULL for what has none."""
        self.require(self.supports_json, "paths into JSON")


_SKIPPING_NULL = frozenset({"COUNT", "SUM", "AVG", "MIN", "MAX", "STRING_AGG"})


def _escape_like(text: str) -> str:
    # A backslash would be special to MySQL's string literals; an exclamation mark is special nowhere.
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
