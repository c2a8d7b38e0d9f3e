"""How MySQL and MariaDB spell what stands inside an expression."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from rhosocial.activerecord.backend import (
    Arithmetic,
    Cast,
    Constructs,
    DatabaseType,
    DerivedTable,
    Extract,
    FullText,
    Function,
    JsonPath,
    JsonScalar,
    Match,
    Ordering,
    Over,
    Regexp,
    Select,
    SQLWriter,
    Star,
    Subquery,
    Truncation,
    Value,
    is_json,
    type_of,
)

from .document import JsonConstructs
from .mapping import CastTypes

ATOM = Value.precedence


class MySQLConstructs(JsonConstructs):
    """What both servers understand."""

    refuses_impossible_dates = False
    supports_filter = False
    supports_groups_frame = False
    supports_collecting_windows = False
    supports_grouping_sets = False
    supports_regexp = True
    supports_full_text = True
    supports_date_differences = True
    function_names: ClassVar[Mapping[str, str]] = {**Constructs.function_names, "LENGTH": "CHAR_LENGTH"}
    cast_types = CastTypes()

    def write_arithmetic(self, out: SQLWriter, arithmetic: Arithmetic) -> None:
        """DIV where whole numbers are divided: ``/`` would give a decimal."""
        if arithmetic.operator == "/" and arithmetic.type is not None and arithmetic.type.python in (int, bool):
            out.node(arithmetic.left, arithmetic.precedence)
            out.sql(" DIV ")
            out.node(arithmetic.right, arithmetic.precedence + 1)
        else:
            super().write_arithmetic(out, arithmetic)

    # 1 - Text

    def write_match(self, out: SQLWriter, match: Match) -> None:
        """By code point, whatever the column's collation is; LIKE for a beginning, which an index can serve.

        A long pattern that begins with % would take these servers minutes.
        """
        text = match.text
        if match.kind == "contains":
            out.sql("INSTR(")
            out.node(match.item)
            out.sql(", ")
            self._write_exact(out, text)
            out.sql(") > 0")
        elif match.kind == "startswith" and len(text) <= _LONGEST_PATTERN:
            out.node(match.item, match.precedence + 1)
            out.sql(" LIKE ")
            self._write_exact(out, match.pattern(_escape_like, "%"))
            out.sql(" ESCAPE '!'")
        else:
            out.sql("LEFT(" if match.kind == "startswith" else "RIGHT(")
            out.node(match.item)
            out.sql(f", {len(text)}) = ")
            self._write_exact(out, text)

    def _write_exact(self, out: SQLWriter, text: str) -> None:
        out.node(Value(text))
        out.sql(f" COLLATE {self.exact_collation}")

    def write_regexp(self, out: SQLWriter, regexp: Regexp) -> None:
        """REGEXP, told whether case counts: by itself it goes by the column's collation."""
        flag = "(?i)" if regexp.ignore_case else "(?-i)"
        pattern = regexp.pattern
        out.node(regexp.item, ATOM)
        out.sql(" NOT REGEXP " if regexp.negated else " REGEXP ")
        if isinstance(pattern, Value):
            out.node(Value(flag + pattern.value))
        else:
            out.sql(f"CONCAT('{flag}', ")
            out.node(pattern)
            out.sql(")")

    def write_full_text(self, out: SQLWriter, full_text: FullText) -> None:
        """MATCH … AGAINST on a column with a FULLTEXT index: every word must be there."""
        out.sql("MATCH (")
        out.node(full_text.item)
        out.sql(") AGAINST (")
        # Each word is quoted, so that none is an operator of the search.
        out.bind(" ".join('+"' + word.replace('"', " ") + '"' for word in full_text.words))
        out.sql(" IN BOOLEAN MODE)")

    def call_trim(self, out: SQLWriter, function: Function) -> None:
        """TRIM takes one text away, again and again; a regular expression takes any of several characters."""
        self._write_trim(out, function, "BOTH", ("^{}+", "{}+\\z"))

    def call_ltrim(self, out: SQLWriter, function: Function) -> None:
        """The same at the beginning."""
        self._write_trim(out, function, "LEADING", ("^{}+",))

    def call_rtrim(self, out: SQLWriter, function: Function) -> None:
        """The same at the end."""
        self._write_trim(out, function, "TRAILING", ("{}+\\z",))

    def _write_trim(self, out: SQLWriter, function: Function, side: str, patterns: tuple[str, ...]) -> None:
        item, *rest = function.args
        characters = " "
        if rest:
            first = rest[0]
            self.require(isinstance(first, Value), f"{function.name} of characters that are no plain text")
            characters = first.value
        if len(characters) > 1:
            one = "[" + re.sub(r"([\\\]\[^&~-])", r"\\\1", characters) + "]"
            out.sql("REGEXP_REPLACE(")
            out.node(item)
            out.sql(", ")
            out.bind("|".join(pattern.format(one) for pattern in patterns))
            out.sql(", '')")
            return
        out.sql(f"TRIM({side} ")
        out.bind(characters)
        out.sql(" FROM ")
        out.node(item)
        out.sql(")")

    def call_string_agg(self, out: SQLWriter, function: Function) -> None:
        """GROUP_CONCAT."""
        text, separator = function.args
        out.sql("GROUP_CONCAT(DISTINCT " if function.distinct else "GROUP_CONCAT(")
        out.node(text)
        if function.order_by:
            out.sql(" ORDER BY ")
            out.nodes(function.order_by)
        out.sql(" SEPARATOR ")
        out.node(separator)
        out.sql(")")

    def write_listed_query(self, out: SQLWriter, query: Any) -> None:
        """A query with LIMIT stands after IN inside another one."""
        select = getattr(query, "select", None)
        if select is not None and (select.limit is not None or select.offset is not None):
            query = Subquery(Select([Star()], DerivedTable(select, "listed")))
        super().write_listed_query(out, query)

    # 2 - Numbers and types

    def write_cast(self, out: SQLWriter, cast: Cast) -> None:
        """CAST; booleans are numbers here, and JSON is text."""
        kind, source = cast.type.kind, type_of(cast.item)
        before, after = "", ""
        if is_json(cast):
            before, after = "CAST(", " AS CHAR)"
        elif kind is bool:
            before, after = "(", " <> 0)"
        elif kind is str and source is not None and source.python is bool:
            before, after = "CASE ", " WHEN 0 THEN 'false' WHEN 1 THEN 'true' END"
        else:
            super().write_cast(out, cast)
            return
        out.sql(before)
        out.node(cast.item, ATOM)
        out.sql(after)

    def call_avg(self, out: SQLWriter, function: Function) -> None:
        """AVG; that of whole numbers would have four places after the point, so it is their sum by their number."""
        if function.type is None or function.type.python is not float:
            self.write_plain_call(out, function)
            return
        for name, before, after in (("SUM", "(CAST(", " AS DOUBLE) / "), ("COUNT", "NULLIF(", ", 0))")):
            out.sql(before)
            self.write_plain_call(out, Function(name, *function.args, distinct=function.distinct))
            out.sql(after)

    def write_over(self, out: SQLWriter, over: Over) -> None:
        """A function over a window, where it is one call."""
        function = over.function
        collects = function.name in ("STRING_AGG", "JSON_AGG")
        self.require(not collects or self.supports_collecting_windows, f"{function.name} over a window")
        if function.name == "AVG" and function.type is not None and function.type.python is float:
            mean = Function("avg", Arithmetic(function.args[0], "+", Value(0.0), 6))
            mean.condition = function.condition
            super().write_over(out, Over(mean, over.window))
        elif function.name in ("PERCENT_RANK", "CUME_DIST"):
            out.sql("(")  # By themselves they come with ten digits.
            super().write_over(out, over)
            out.sql(" + 0e0)")
        elif function.name in ("LAG", "LEAD") and len(function.args) > 2:
            self._write_with_default(out, over)
        else:
            super().write_over(out, over)

    def _write_with_default(self, out: SQLWriter, over: Over) -> None:
        # MariaDB's LAG and LEAD take no third argument.
        name, (item, distance, default) = over.function.name, over.function.args
        out.sql("CASE WHEN ")
        super().write_over(out, Over(Function(name, Value(1), distance, kind="window"), over.window))
        out.sql(" IS NULL THEN ")
        out.node(default)
        out.sql(" ELSE ")
        super().write_over(out, Over(Function(name, item, distance, kind="window"), over.window))
        out.sql(" END")

    # 3 - Order

    def write_ordering(self, out: SQLWriter, ordering: Ordering) -> None:
        """There is no NULLS FIRST; NULL is the smallest value."""
        direction = " DESC" if ordering.descending else " ASC"
        if ordering.nulls is not None and (ordering.nulls == "FIRST") == ordering.descending:
            out.node(ordering.item, ATOM)
            out.sql(" IS NULL DESC, " if ordering.nulls == "FIRST" else " IS NULL ASC, ")
        if isinstance(ordering.item, JsonScalar):
            self.write_json_order(out, ordering.item.path, direction)
        else:
            out.node(ordering.item, ATOM)
            out.sql(direction)

    # 4 - Dates and times

    def call_current_timestamp(self, out: SQLWriter, function: Function) -> None:
        """The moment to the microsecond; sessions are in UTC."""
        out.sql("CURRENT_TIMESTAMP(6)")

    def write_shift(self, out: SQLWriter, shift: Arithmetic) -> None:
        """A date or datetime and a number of microseconds."""
        is_date = shift.type is not None and shift.type.db_type is DatabaseType.DATE
        out.sql("CAST(" if is_date else "(")
        out.node(shift.left, ATOM)
        out.sql(f" {shift.operator} INTERVAL ")
        out.node(shift.right, ATOM)
        out.sql(" MICROSECOND AS DATE)" if is_date else " MICROSECOND)")

    def write_difference(self, out: SQLWriter, difference: Arithmetic) -> None:
        """TIMESTAMPDIFF, which wants the earlier one first."""
        out.sql("TIMESTAMPDIFF(MICROSECOND, ")
        out.nodes((difference.right, difference.left))
        out.sql(")")

    def write_extract(self, out: SQLWriter, extract: Extract) -> None:
        """EXTRACT where it knows the part."""
        before, after = _PARTS.get(extract.part, (f"EXTRACT({extract.part.upper()} FROM ", ")"))
        out.sql(before)
        out.node(extract.item)
        out.sql(after)

    def write_truncation(self, out: SQLWriter, truncation: Truncation) -> None:
        """The text of the beginning, as a date or datetime again."""
        is_date = truncation.type is not None and truncation.type.db_type is DatabaseType.DATE
        out.sql("CAST(")
        if truncation.part == "week":
            out.sql("CAST(")
            out.node(truncation.item)
            out.sql(" AS DATE) - INTERVAL WEEKDAY(")
            out.node(truncation.item)
            out.sql(") DAY")
        elif truncation.part == "quarter":
            out.sql("CONCAT(DATE_FORMAT(")
            out.node(truncation.item)
            out.sql(", '%Y-'), LPAD(QUARTER(")
            out.node(truncation.item)
            out.sql(") * 3 - 2, 2, '0'), '-01')")
        else:
            out.sql("DATE_FORMAT(")
            out.node(truncation.item)
            out.sql(f", '{_BEGINNINGS[truncation.part]}')")
        out.sql(" AS DATE)" if is_date else " AS DATETIME(6))")

    # 5 - JSON

    def call_json_agg(self, out: SQLWriter, function: Function) -> None:
        """The items' JSON, joined: JSON_ARRAYAGG leaves nothing out, and is NULL over no rows."""
        item = function.args[0]
        out.sql("CONCAT('[', COALESCE(GROUP_CONCAT(")
        if function.condition is not None:
            out.sql("CASE WHEN ")
            out.node(function.condition)
            out.sql(" THEN ")
        self._write_as_json(out, item)
        out.sql(" END" if function.condition is not None else "")
        out.sql(" SEPARATOR ','), ''), ']')")

    def _write_as_json(self, out: SQLWriter, item: Any) -> None:
        column = type_of(item)
        if is_json(item):
            before, after = "COALESCE(", ", 'null')"
        elif column is not None and column.python is bool:
            before, after = "COALESCE(CASE ", " WHEN 0 THEN 'false' WHEN 1 THEN 'true' END, 'null')"
        else:
            before, after = "CAST(JSON_EXTRACT(JSON_ARRAY(", "), '$[0]') AS CHAR)"
        out.sql(before)
        out.node(item)
        out.sql(after)

    def without_filter(self, function: Function) -> Function:
        """JSON_AGG takes its condition itself."""
        return function if function.name == "JSON_AGG" else super().without_filter(function)

    def write_call(self, out: SQLWriter, function: Function) -> None:
        """A function call; no function is followed by FILTER."""
        if function.name == "JSON_AGG":
            self.call_json_agg(out, function)
        else:
            super().write_call(out, function)


class MariaDBConstructs(MySQLConstructs):
    """What MariaDB has beyond that, or otherwise."""

    exact_collation = "utf8mb4_nopad_bin"
    extracts_all_names = False
    reads_escaped_json = False

    def write_same_json(self, out: SQLWriter, left: Any, right: Any) -> None:
        """JSON_EQUALS (10.7), which has NULL equal to anything."""
        out.sql("CASE WHEN ")
        left()
        out.sql(" IS NOT NULL AND ")
        right()
        out.sql(" IS NOT NULL THEN JSON_EQUALS(")
        left()
        out.sql(", ")
        right()
        out.sql(") END")

    def write_compact(self, out: SQLWriter, path: JsonPath) -> None:
        """JSON_COMPACT."""
        out.sql("JSON_COMPACT(")
        self.write_extracted(out, path.item, path.parts)
        out.sql(")")


_LONGEST_PATTERN = 1_000


def _escape_like(text: str) -> str:
    return re.sub("[!%_]", r"!\g<0>", text)


_PARTS = {
    "week": ("WEEK(", ", 3)"),
    "isodow": ("(WEEKDAY(", ") + 1)"),
    "doy": ("DAYOFYEAR(", ")"),
}

_BEGINNINGS = {
    "year": "%Y-01-01",
    "month": "%Y-%m-01",
    "day": "%Y-%m-%d",
    "hour": "%Y-%m-%d %H:00:00",
    "minute": "%Y-%m-%d %H:%i:00",
    "second": "%Y-%m-%d %H:%i:%s",
}
