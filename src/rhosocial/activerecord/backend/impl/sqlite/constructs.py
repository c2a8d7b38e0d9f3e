"""How SQLite spells what stands inside an expression.

What SQLite itself lacks is a function that `function` registers with each connection, where one can mean the same.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, ClassVar

from rhosocial.activerecord.backend import (
    Arithmetic,
    Case,
    Cast,
    Comparison,
    Constructs,
    DataError,
    Extract,
    FullText,
    Function,
    JsonChange,
    JsonComparison,
    JsonContains,
    JsonHasKey,
    JsonPath,
    JsonTyped,
    Match,
    Over,
    QueryError,
    Regexp,
    SQLWriter,
    Truncation,
    TypedPath,
    UnsupportedFeature,
    Value,
    is_json,
    json_text,
    type_of,
)

from .document import path_text
from .mapping import SQLiteTypeMapper

ATOM = Value.precedence

# SQLite refuses longer patterns (SQLITE_MAX_LIKE_PATTERN_LENGTH is 50,000 bytes, a character at most four).
_LONGEST_PATTERN = 10_000


class SQLiteConstructs(Constructs):
    """SQLite's expressions."""

    supports_regexp = True
    supports_full_text = True
    supports_json = True
    supports_json_changes = True
    supports_grouping_sets = False
    supports_date_differences = True
    function_names: ClassVar[Mapping[str, str]] = {
        **Constructs.function_names,
        "GREATEST": "MAX",
        "LEAST": "MIN",
        "SUBSTRING": "SUBSTR",
    }
    cast_types = SQLiteTypeMapper()
    # Are there the operators -> and ->>?
    has_json_arrows = sqlite3.sqlite_version_info >= (3, 38)

    # 1 - Text

    def write_match(self, out: SQLWriter, match: Match) -> None:
        """GLOB for a beginning, which an index can serve; bytes otherwise, since patterns end at a NUL.

        LIKE is out of the question: it ignores the case of ASCII letters here.
        """
        text = match.text
        if match.kind == "startswith" and "\0" not in text and len(text) < _LONGEST_PATTERN:
            out.node(match.item, match.precedence + 1)
            out.sql(" GLOB ")
            out.node(Value(match.pattern(_escape_glob, "*")))
        elif match.kind == "contains" or not text:
            out.sql("INSTR(")
            out.node(match.item)
            out.sql(", ")
            out.node(Value(text))
            out.sql(") > 0")
        else:
            self._write_match_at_end(out, match, _as_utf8(text))

    def _write_match_at_end(self, out: SQLWriter, match: Match, sought: bytes) -> None:
        # A byte that no text holds goes before: the SUBSTR of an empty blob would be NULL.
        out.sql("SUBSTR(CAST(X'FF' || ")
        out.node(match.item, ATOM)
        out.sql(f" AS BLOB), {-len(sought)}) = " if match.kind == "endswith" else f" AS BLOB), 2, {len(sought)}) = ")
        out.node(Value(sought))

    def write_regexp(self, out: SQLWriter, regexp: Regexp) -> None:
        """A function that Python's `re` answers; QueryError for what is no regular expression."""
        if isinstance(regexp.pattern, Value):
            try:
                re.compile(regexp.pattern.value)
            except re.error as error:
                raise QueryError(f"no regular expression: {error.msg} at position {error.pos}") from error
        out.sql("NOT REGEXP(" if regexp.negated else "REGEXP(")
        out.nodes((regexp.pattern, regexp.item))
        out.sql(", 'i')" if regexp.ignore_case else ")")

    def write_full_text(self, out: SQLWriter, full_text: FullText) -> None:
        """MATCH on a column of an FTS5 table, each word quoted, so that none is an operator of its query language."""
        out.node(full_text.item, ATOM)
        out.sql(" MATCH ")
        out.bind(" ".join('"' + word.replace('"', '""') + '"' for word in full_text.words))

    # 2 - Numbers, texts and types

    def write_arithmetic(self, out: SQLWriter, arithmetic: Arithmetic) -> None:
        """SQLite reckons in doubles, which would spoil what the decimals of long columns are stored as text for.

        Its ``%`` drops what is no whole number; MOD does not.
        """
        if is_text_decimal(arithmetic.type):
            raise UnsupportedFeature(
                "SQLite cannot reckon with decimals of more than 15 digits: select the columns and reckon in Python"
            )
        if arithmetic.operator == "%" and arithmetic.type is not None and arithmetic.type.python is not int:
            out.sql("MOD(")
            out.nodes((arithmetic.left, arithmetic.right))
            out.sql(")")
        else:
            super().write_arithmetic(out, arithmetic)

    def write_comparison(self, out: SQLWriter, comparison: Comparison) -> None:
        """IS and IS NOT take NULL for a value; JSON, which is text here, is compared by what it says."""
        left, operator, right = comparison.left, comparison.operator, comparison.right
        if operator in _SAME and (is_json(left) or is_json(right)) and not (is_column(left) or is_column(right)):
            self._write_same_json(out, left, operator, right)
            return
        out.node(left, comparison.precedence + 1)
        out.sql(f" {_SAME.get(operator, operator)} ")
        out.node(right, comparison.precedence + 1)

    def write_case(self, out: SQLWriter, case: Case) -> None:
        """CASE, which does not keep the order of decimals stored as text."""
        super().write_case(out, case)
        if is_text_decimal(case.type):
            out.sql(" COLLATE DECIMAL")

    def write_cast(self, out: SQLWriter, cast: Cast) -> None:
        """CAST, which knows numbers, text and bytes; the other types are text here, in forms of their own."""
        kind, source = cast.type.kind, type_of(cast.item)
        if is_text_decimal(cast.type):
            raise UnsupportedFeature("SQLite cannot cast to decimals of more than 15 digits")
        if kind in _CASTS:
            before, after = _CASTS[kind]
        elif kind is str and source is not None and source.python is bool:
            before, after = "CASE ", " WHEN 0 THEN 'false' WHEN 1 THEN 'true' END"
        else:
            super().write_cast(out, cast)
            return
        out.sql(before)
        out.node(cast.item)
        out.sql(after)

    def write_function(self, out: SQLWriter, function: Function) -> None:
        """What functions make of decimals stored as text has their order, too."""
        super().write_function(out, function)
        if is_text_decimal(function.type):
            out.sql(" COLLATE DECIMAL")

    def write_over(self, out: SQLWriter, over: Over) -> None:
        """The same over a window; the aggregate that orders its texts takes none."""
        if over.function.name == "STRING_AGG" and over.function.order_by:
            raise UnsupportedFeature("SQLite has no ordered string_agg over a window")
        super().write_over(out, over)
        if is_text_decimal(over.type):
            out.sql(" COLLATE DECIMAL")

    def function_name(self, function: Function) -> str:
        """SUM and AVG of decimals stored as text are exact functions that the backend registers."""
        if not is_text_decimal(function.type) or function.name in _KEEPING_TEXT:
            return super().function_name(function)
        if function.name in ("SUM", "AVG"):
            return f"decimal_{function.name.lower()}"
        raise UnsupportedFeature(f"SQLite has no {function.name} for decimals of more than 15 digits")

    def call_mod(self, out: SQLWriter, function: Function) -> None:
        """``%`` for whole numbers, MOD for others."""
        is_whole = function.type is not None and function.type.python is int
        out.sql("(" if is_whole else f"{self.function_name(function)}(")
        out.nodes(function.args, " % " if is_whole else ", ", ATOM)
        out.sql(")")

    def call_string_agg(self, out: SQLWriter, function: Function) -> None:
        """GROUP_CONCAT; an aggregate of ours where the texts are distinct or in order, which it cannot do."""
        if not function.distinct and not function.order_by:
            out.sql("GROUP_CONCAT(")
            out.nodes(function.args)
        else:
            keys = [ordering.item for ordering in function.order_by]
            if any(is_text_decimal(type_of(key)) for key in keys):
                raise UnsupportedFeature("SQLite cannot order texts by decimals of more than 15 digits")
            directions = [f"{'desc' if o.descending else 'asc'} {o.nulls or ''}" for o in function.order_by]
            out.sql(f"text_agg('{'distinct' if function.distinct else 'all'};{','.join(directions)}', ")
            out.nodes((*function.args, *keys))
        out.sql(")")

    def call_json_agg(self, out: SQLWriter, function: Function) -> None:
        """JSON_GROUP_ARRAY, with JSON and booleans told apart from text and numbers."""
        item = function.args[0]
        column = type_of(item)
        before, after = "", ""
        if is_json(item):
            before, after = "JSON(", ")"
        elif column is not None and column.python is bool:
            before, after = "JSON(CASE ", " WHEN 0 THEN 'false' WHEN 1 THEN 'true' END)"
        out.sql(f"JSON_GROUP_ARRAY({before}")
        out.node(item)
        out.sql(f"{after})")

    # 3 - Dates and times

    def call_current_timestamp(self, out: SQLWriter, function: Function) -> None:
        """The moment to the millisecond, in the form that datetimes are stored in."""
        out.sql("STRFTIME('%Y-%m-%d %H:%M:%f000', 'now')")

    def write_shift(self, out: SQLWriter, shift: Arithmetic) -> None:
        """A function of ours, since SQLite's know milliseconds only."""
        out.sql("moment_shift(")
        out.node(shift.left)
        out.sql(", " if shift.operator == "+" else ", -")
        out.node(shift.right, ATOM)
        out.sql(")")

    def write_difference(self, out: SQLWriter, difference: Arithmetic) -> None:
        """The microseconds between two datetimes."""
        out.sql("moment_difference(")
        out.nodes((difference.left, difference.right))
        out.sql(")")

    def write_extract(self, out: SQLWriter, extract: Extract) -> None:
        """STRFTIME where it knows the part."""
        form = _STRFTIME.get(extract.part)
        out.sql(f"moment_part('{extract.part}', " if form is None else f"CAST(STRFTIME('{form}', ")
        out.node(extract.item)
        out.sql(")" if form is None else ") AS INTEGER)")

    def write_truncation(self, out: SQLWriter, truncation: Truncation) -> None:
        """A function of ours: the result has the form that dates or datetimes are stored in."""
        out.sql(f"moment_trunc('{truncation.part}', ")
        out.node(truncation.item)
        out.sql(")")

    # 4 - JSON

    def write_json(self, out: SQLWriter, path: JsonPath) -> None:
        """``->``, where SQLite has it (3.38) and the names are such that it finds them."""
        text = path_text(path.parts)
        if path.parts and (text is None or not self.has_json_arrows):
            self._write_json_call(out, "json_at", path)
            return
        out.sql("NULLIF(")
        out.node(path.item, ATOM)
        if path.parts:
            out.sql(" -> ")
            out.bind(text)
        out.sql(", 'null')")

    def write_json_scalar(self, out: SQLWriter, path: JsonPath) -> None:
        """JSON_EXTRACT."""
        self._write_native(out, "JSON_EXTRACT", path)

    def write_json_text(self, out: SQLWriter, path: JsonPath) -> None:
        """Only for booleans JSON_EXTRACT gives something else than their JSON."""
        out.sql("CASE ")
        self._write_native(out, "JSON_TYPE", path)
        out.sql(" WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(")
        self._write_native(out, "JSON_EXTRACT", path)
        out.sql(" AS TEXT) END")

    def write_json_typed(self, out: SQLWriter, typed: JsonTyped) -> None:
        """Decimals under their collation, which compares all digits; moments as columns hold them."""
        is_moment = typed.type.kind is datetime
        out.sql("moment_cast('moment', " if is_moment else "")
        out.node(typed.path.text_form)
        out.sql(")" if is_moment else " COLLATE DECIMAL")

    def write_json_comparison(self, out: SQLWriter, comparison: JsonComparison) -> None:
        """JSON_EXTRACT and JSON_TYPE, since 1 and true, and text and JSON, are one to the former."""
        operand, kind, operator = comparison.operand, comparison.kind, comparison.operator
        if kind == "json":
            out.sql("(NOT " if operator == "<>" else "(")
            self._write_json_call(out, "json_same", comparison.path, operand)
            out.sql(")")
            return
        # A column beside it may be NULL, which the test of the kind must not hide.
        is_value = isinstance(operand, Value)
        out.sql("(" if is_value else "(CASE WHEN ")
        if not is_value:
            out.node(operand, comparison.precedence)
            out.sql(" IS NOT NULL THEN ")
        self._write_compared(out, comparison)
        out.sql(")" if is_value else " END)")

    def _write_compared(self, out: SQLWriter, comparison: JsonComparison) -> None:
        operand, kind, path = comparison.operand, comparison.kind, comparison.path
        is_negated = comparison.operator == "<>"
        if kind == "boolean":
            self._write_kind(out, path)
            out.sql(f" {comparison.operator} CASE ")
            out.node(operand)
            out.sql(" WHEN 0 THEN 'false' ELSE 'true' END")
            return
        self._write_native(out, "JSON_EXTRACT", path)
        out.sql(f" {comparison.operator} ")
        out.node(operand, comparison.precedence)
        out.sql(" OR " if is_negated else " AND ")
        self._write_kind(out, path)
        out.sql(" NOT IN " if is_negated else " IN ")
        out.sql("('text')" if kind == "text" else "('integer', 'real')")

    def write_json_change(self, out: SQLWriter, change: JsonChange) -> None:
        """JSON_SET and JSON_REMOVE for an object; a function of ours where they would not find the names."""
        out.sql("CASE JSON_TYPE(")
        out.node(change.item)
        out.sql(") WHEN 'object' THEN ")
        paths = {name: path_text([name]) for name in (*change.members, *change.removed)}
        if None in paths.values():
            self._write_changed(out, change)
        else:
            out.sql(("JSON_REMOVE(" if change.removed else "") + ("JSON_SET(" if change.members else ""))
            out.node(change.item)
            for name, text in change.members.items():
                out.sql(", ")
                out.bind(paths[name])
                out.sql(", JSON(")
                out.bind(text)
                out.sql(")")
            out.sql(")" if change.members else "")
            for name in change.removed:
                out.sql(", ")
                out.bind(paths[name])
            out.sql(")" if change.removed else "")
        out.sql(" ELSE ")
        if change.otherwise is None:
            out.node(change.item)
        else:
            out.bind(change.otherwise)
        out.sql(" END")

    def _write_changed(self, out: SQLWriter, change: JsonChange) -> None:
        out.sql("json_changed(")
        out.node(change.item)
        out.sql(", ")
        out.bind(change.text)
        out.sql(", ")
        out.bind(json_text(change.removed))
        out.sql(")")

    def write_json_contains(self, out: SQLWriter, contains: JsonContains) -> None:
        """A function of ours."""
        self._write_json_call(out, "json_contains", contains.path, Value(contains.text))

    def write_json_has_key(self, out: SQLWriter, has_key: JsonHasKey) -> None:
        """JSON_TYPE, which is NULL only for what is not there."""
        path = JsonPath(has_key.path, has_key.name)
        if path_text(path.parts) is None:
            self._write_json_call(out, "json_has", path)
        else:
            self._write_native(out, "JSON_TYPE", path)
            out.sql(" IS NOT NULL")

    def write_json_length(self, out: SQLWriter, path: JsonPath) -> None:
        """A function of ours: JSON_ARRAY_LENGTH knows arrays alone."""
        self._write_json_call(out, "json_length", path)

    def _write_kind(self, out: SQLWriter, path: JsonPath) -> None:
        out.sql("NULLIF(")
        self._write_native(out, "JSON_TYPE", path)
        out.sql(", 'null')")

    def _write_native(self, out: SQLWriter, name: str, path: JsonPath) -> None:
        """A call of one of SQLite's own functions, which take the path as text."""
        text = path_text(path.parts)
        out.sql(f"{name}(")
        if text is None:
            self._write_json_call(out, "json_at", path)
        else:
            out.node(path.item)
        out.sql(", ")
        if isinstance(path, TypedPath) and path.is_declared and text is not None:
            out.sql(f"'{text}'")  # Plain names and numbers; an index on the expression has them written out, too.
        else:
            out.bind("$" if text is None else text)
        out.sql(")")

    def _write_json_call(self, out: SQLWriter, name: str, path: JsonPath, *args: Any) -> None:
        """A call of one of our functions, which take the path as a JSON array of its parts."""
        out.sql(f"{name}(")
        out.node(path.item)
        out.sql(", ")
        out.bind(json_text(path.parts))
        for arg in args:
            out.sql(", ")
            out.node(arg)
        out.sql(")")

    def _write_same_json(self, out: SQLWriter, left: Any, operator: str, right: Any) -> None:
        path = JsonPath(left if is_json(left) else right)
        other = right if is_json(left) else left
        out.sql("(NOT " if operator in ("<>", "IS DISTINCT FROM") else "(")
        out.sql("COALESCE(" if "DISTINCT" in operator else "")
        self._write_json_call(out, "json_same", path, other)
        if "DISTINCT" in operator:
            out.sql(", ")
            out.nodes((left, right), " IS ", ATOM)
            out.sql(")")
        out.sql(")")


# The operators that ask whether two values are the same, as SQLite spells them.
_SAME = {"=": "=", "<>": "<>", "IS DISTINCT FROM": "IS NOT", "IS NOT DISTINCT FROM": "IS"}

# The functions whose result is one of the values that they are given.
_KEEPING_TEXT = frozenset(
    {"MIN", "MAX", "COALESCE", "GREATEST", "LEAST", "NULLIF", "LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE", "NTH_VALUE"}
)

_STRFTIME = {"year": "%Y", "month": "%m", "day": "%d", "doy": "%j", "hour": "%H", "minute": "%M", "second": "%S"}

# What stands around a value that is cast, by the kind that it is cast to.
_CASTS = {
    bool: ("(CAST(", " AS NUMERIC) <> 0)"),
    date: ("DATE(", ")"),
    datetime: ("moment_cast('datetime', ", ")"),
    time: ("moment_cast('time', ", ")"),
}


def is_column(node: Any) -> bool:
    """Whether a node is neither JSON nor a bound value, which beside JSON is converted to it."""
    return not isinstance(node, Value) and not is_json(node)


def _as_utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise DataError("text with a lone surrogate has no UTF-8 form, so no stored text can hold it") from error


def _escape_glob(text: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in text)


def is_text_decimal(column: Any) -> bool:
    """Whether a column's decimals have more digits than SQLite's numbers keep (15), so that they are stored as text."""
    return column is not None and column.db_type.name == "DECIMAL" and (column.precision or 0) > 15
