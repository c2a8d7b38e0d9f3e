"""How PostgreSQL spells what stands inside an expression."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from rhosocial.activerecord.backend import (
    Arithmetic,
    Cast,
    Constructs,
    Extract,
    FullText,
    Function,
    Like,
    Match,
    Over,
    Regexp,
    SQLWriter,
    Truncation,
    UnsupportedFeature,
    Value,
    type_of,
)

from .document import PostgreSQLJson
from .mapping import PostgreSQLTypeMapper

ATOM = Value.precedence


class PostgreSQLConstructs(PostgreSQLJson, Constructs):
    """PostgreSQL's expressions."""

    supports_regexp = True
    supports_full_text = True
    supports_json = True
    supports_json_changes = True
    supports_date_differences = True
    function_names: ClassVar[Mapping[str, str]] = {**Constructs.function_names, "JSON_AGG": "JSONB_AGG"}
    cast_types = PostgreSQLTypeMapper()

    # 1 - Text

    def write_like(self, out: SQLWriter, like: Like) -> None:
        """LIKE and ILIKE."""
        self._write_text(out, like.item, like.precedence + 1)
        out.sql(" NOT " if like.negated else " ")
        out.sql("ILIKE " if like.ignore_case else "LIKE ")
        out.node(like.pattern, like.precedence + 1)

    def write_match(self, out: SQLWriter, match: Match) -> None:
        """LIKE, which minds the case here, and which an index can serve."""
        self._write_text(out, match.item, match.precedence + 1)
        out.sql(" LIKE ")
        out.node(Value(match.pattern(_escape_like, "%")))
        out.sql(" ESCAPE '!'")

    def write_regexp(self, out: SQLWriter, regexp: Regexp) -> None:
        """``~``, PostgreSQL's own kind of expressions; a pattern that is none is a QueryError."""
        self._write_text(out, regexp.item, ATOM)
        out.sql(" !~" if regexp.negated else " ~")
        out.sql("* " if regexp.ignore_case else " ")
        out.node(regexp.pattern, ATOM)

    def write_full_text(self, out: SQLWriter, full_text: FullText) -> None:
        """All words, as they stand: no language is asked which of them mean the same.

        An index on ``to_tsvector('simple', column)`` serves it.
        """
        out.sql("TO_TSVECTOR('simple', ")
        out.node(full_text.item)
        out.sql(") @@ PLAINTO_TSQUERY('simple', ")
        out.bind(" ".join(full_text.words))
        out.sql(")")

    def _write_text(self, out: SQLWriter, item: Any, parent: int) -> None:
        """An operand of an operator on texts, which takes no other type."""
        column = type_of(item)
        if column is None or column.kind is str:
            out.node(item, parent)
        else:
            _write_between(out, "CAST(", item, " AS TEXT)")

    # 2 - Numbers and types

    def write_arithmetic(self, out: SQLWriter, arithmetic: Arithmetic) -> None:
        """There is no ``%`` for floats; a division by zero is an error here, and NULL elsewhere."""
        left, operator, right = arithmetic.left, arithmetic.operator, arithmetic.right
        if operator == "%" and _is(arithmetic.type, float):
            self._write_mod(out, (left, right))
        elif operator in ("/", "%"):
            out.node(left, arithmetic.precedence)
            out.sql(f" {operator} ")
            self._write_divisor(out, right)
        else:
            super().write_arithmetic(out, arithmetic)

    def write_cast(self, out: SQLWriter, cast: Cast) -> None:
        """CAST, which knows no way between booleans and other numbers than INTEGER, and rounds to whole numbers."""
        source, kind = type_of(cast.item), cast.type.kind
        if kind is bool and _is(source, int, float, Decimal):
            _write_between(out, "(", cast.item, " <> 0)", ATOM)
        elif kind in (int, float, Decimal) and _is(source, bool):
            super().write_cast(out, Cast(_as_integer(cast.item), cast.type))
        elif kind is int and _is(source, float, Decimal):
            super().write_cast(out, Cast(Function("trunc", cast.item, type=source), cast.type))
        else:
            super().write_cast(out, cast)

    def write_function(self, out: SQLWriter, function: Function) -> None:
        """A function call; over no rows JSONB_AGG gives NULL, and not an empty array."""
        is_array = function.name == "JSON_AGG"
        out.sql("COALESCE(" if is_array else "")
        super().write_function(out, function)
        out.sql(", '[]'::jsonb)" if is_array else "")

    def write_over(self, out: SQLWriter, over: Over) -> None:
        """A function over a window."""
        is_array = over.function.name == "JSON_AGG"
        out.sql("COALESCE(" if is_array else "")
        super().write_over(out, over)
        out.sql(", '[]'::jsonb)" if is_array else "")

    def call_sum(self, out: SQLWriter, function: Function) -> None:
        """Booleans are no numbers here."""
        self.write_plain_call(out, self._of_numbers(function))

    call_avg = call_sum

    def call_min(self, out: SQLWriter, function: Function) -> None:
        """MIN and MAX have other names for booleans."""
        if _is(type_of(function.args[0]), bool):
            name = "bool_and" if function.name == "MIN" else "bool_or"
            function = Function(name, *function.args, type=function.type)
        self.write_plain_call(out, function)

    call_max = call_min

    def call_round(self, out: SQLWriter, function: Function) -> None:
        """ROUND to places, which floats have none of: they are rounded as decimals."""
        item, digits = function.args
        if isinstance(digits, Value) and digits.value == 0:
            _write_between(out, "ROUND(", item, ")")
            return
        is_float = _is(type_of(item), float)
        out.sql("CAST(ROUND(" if is_float else "ROUND(")
        _write_between(out, "CAST(", item, " AS NUMERIC), ")
        out.node(digits)
        out.sql(") AS DOUBLE PRECISION)" if is_float else ")")

    def call_mod(self, out: SQLWriter, function: Function) -> None:
        """MOD, which floats have none of."""
        if _is(function.type, float):
            self._write_mod(out, function.args)
        else:
            out.sql("MOD(")
            out.node(function.args[0])
            out.sql(", ")
            self._write_divisor(out, function.args[1])
            out.sql(")")

    def _write_divisor(self, out: SQLWriter, divisor: Any) -> None:
        if isinstance(divisor, Value) and divisor.value:
            out.node(divisor)
        else:
            _write_between(out, "NULLIF(", divisor, ", 0)")

    def _write_mod(self, out: SQLWriter, operands: Any) -> None:
        out.sql("CAST(MOD(")
        _write_between(out, "CAST(", operands[0], " AS NUMERIC), NULLIF(")
        _write_between(out, "CAST(", operands[1], " AS NUMERIC), 0)) AS DOUBLE PRECISION)")

    def call_greatest(self, out: SQLWriter, function: Function) -> None:
        """GREATEST and LEAST pass over NULL here; NULL it is to be."""
        doubtful = [arg for arg in function.args if not isinstance(arg, Value) or arg.value is None]
        out.sql("CASE WHEN " if doubtful else "")
        out.nodes(doubtful, " IS NOT NULL AND ", ATOM)
        out.sql(" IS NOT NULL THEN " if doubtful else "")
        self.write_plain_call(out, function)
        out.sql(" END" if doubtful else "")

    call_least = call_greatest

    def call_string_agg(self, out: SQLWriter, function: Function) -> None:
        """STRING_AGG, which orders distinct texts by nothing but themselves."""
        if function.distinct and any(not _is_same(out, o.item, function.args[0]) for o in function.order_by):
            raise UnsupportedFeature("PostgreSQL orders distinct texts of string_agg by the texts themselves only")
        self.write_plain_call(out, function)

    def _of_numbers(self, function: Function) -> Function:
        if not _is(type_of(function.args[0]), bool):
            return function
        return Function(function.name, _as_integer(function.args[0]), distinct=function.distinct, type=function.type)

    # 3 - Dates and times

    def call_current_timestamp(self, out: SQLWriter, function: Function) -> None:
        """When the statement began: CURRENT_TIMESTAMP is when the transaction did."""
        out.sql("STATEMENT_TIMESTAMP()")

    def write_shift(self, out: SQLWriter, shift: Arithmetic) -> None:
        """Spans are intervals here; a date stays one."""
        is_date = _is(shift.type, date)
        out.sql("CAST(" if is_date else "")
        out.node(shift.left, shift.precedence)
        out.sql(f" {shift.operator} ")
        out.node(shift.right, shift.precedence + 1)
        out.sql(" AS DATE)" if is_date else "")

    def write_difference(self, out: SQLWriter, difference: Arithmetic) -> None:
        """The difference of two datetimes is an interval, that of two dates a number of days."""
        is_date = _is(type_of(difference.left), date)
        out.sql("(")
        out.nodes((difference.left, difference.right), " - ", ATOM)
        out.sql(") * INTERVAL '1 day'" if is_date else ")")

    def write_extract(self, out: SQLWriter, extract: Extract) -> None:
        """EXTRACT, as a whole number; microseconds are those of the second alone."""
        if extract.part == "microsecond":
            _write_between(out, "CAST(EXTRACT(MICROSECONDS FROM ", extract.item, ") AS INTEGER) % 1000000")
        else:
            _write_between(out, f"CAST(TRUNC(EXTRACT({extract.part.upper()} FROM ", extract.item, ")) AS INTEGER)")

    def write_truncation(self, out: SQLWriter, truncation: Truncation) -> None:
        """DATE_TRUNC, which makes a datetime of a date."""
        is_date = _is(type_of(truncation.item), date)
        out.sql("CAST(" if is_date else "")
        super().write_truncation(out, truncation)
        out.sql(" AS DATE)" if is_date else "")


def _is(column: Any, *kinds: type) -> bool:
    """Whether a column's values are known to be of one of these kinds."""
    return column is not None and column.kind in kinds


def _as_integer(item: Any) -> Function:
    # A cast that PostgreSQL has for booleans; BIGINT has none.
    return Function("int4", item, type=None)


def _is_same(out: SQLWriter, left: Any, right: Any) -> bool:
    return left is right or out.dialect.compile(left) == out.dialect.compile(right)


def _write_between(out: SQLWriter, before: str, item: Any, after: str, parent: int = 0) -> None:
    out.sql(before)
    out.node(item, parent)
    out.sql(after)


def _escape_like(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
